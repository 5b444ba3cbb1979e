package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A module is where mutants live: its folder, a folder for changed files, and the tests known to pass without a change.
type module struct {
	root, temp string
	only       string // the tests to run, "" are all
	timeout    time.Duration
	green      map[string]bool
}

// list are the mutants of a package, of those files that build here.
func (m module) list(ctx context.Context, pkg string) (all []mutant, err error) {
	command := exec.CommandContext(ctx, "go", "list", "-f", `{{join .GoFiles "\n"}}`, pkg)
	command.Dir, command.Stderr = m.root, os.Stderr
	names, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", pkg, err)
	}
	for _, name := range strings.Fields(string(names)) {
		file := filepath.Join(pkg, name)
		source, err := os.ReadFile(filepath.Join(m.root, file))
		if err != nil {
			return nil, err
		}
		list, err := mutantsOf(filepath.ToSlash(file), source)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// overlay writes the changed file and what tells Go to take it. The source stays as it is.
func (m module) overlay(one mutant) (flag string, err error) {
	path := filepath.Join(m.root, one.file)
	source, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	changed, table := filepath.Join(m.temp, "mutant.go"), filepath.Join(m.temp, "overlay.json")
	content, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	return "-overlay=" + table, errors.Join(err, os.WriteFile(changed, one.apply(source), 0o600), os.WriteFile(table, content, 0o600))
}

// passes runs go, and tells a failure of what it ran from one to run it. What hangs fails.
func (m module) passes(ctx context.Context, args ...string) (bool, string, error) {
	limited, cancel := context.WithTimeout(ctx, m.timeout+time.Minute)
	defer cancel()
	command := exec.CommandContext(limited, "go", args...)
	command.Dir, command.WaitDelay = m.root, 5*time.Second
	output, err := command.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return false, "", ctx.Err()
	case err == nil || errors.As(err, &exit) || limited.Err() != nil:
		return err == nil, string(output), nil
	}
	return false, "", err
}

func (m module) test(ctx context.Context, pkg string, flags ...string) (bool, string, error) {
	args := append([]string{"test", "-vet=off", "-failfast", "-run", m.only, "-timeout", m.timeout.String()}, flags...)
	return m.passes(ctx, append(args, pkg)...)
}

// A verdict on a mutant: it does not compile, a test fails, or none does.
type verdict string

const (
	broken   verdict = "does not compile"
	killed   verdict = "killed"
	survived verdict = "SURVIVED"
)

// try runs the tests of each package in turn until one fails.
func (m module) try(ctx context.Context, one mutant, pkg string, tests []string) (verdict, error) {
	overlay, err := m.overlay(one)
	if err != nil {
		return "", err
	}
	if ok, _, err := m.passes(ctx, "build", "-o", os.DevNull, overlay, pkg); err != nil || !ok {
		return broken, err
	}
	for _, test := range tests {
		// A test that fails anyway kills nothing.
		if !m.green[test] {
			ok, output, err := m.test(ctx, test)
			if err == nil && !ok {
				err = fmt.Errorf("the tests of %s fail without a mutant:\n%s", test, output)
			}
			if err != nil {
				return "", err
			}
			m.green[test] = true
		}
		if ok, _, err := m.test(ctx, test, overlay); err != nil || !ok {
			return killed, err
		}
	}
	return survived, nil
}
