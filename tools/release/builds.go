package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// builds makes dist twice, in folders and environments that have nothing in common, and
// keeps one of them: nothing of where and by whom it was built may be in it.
func (r repository) builds(ctx context.Context) error {
	commit, err := r.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	empty := filepath.Join(r.temp, "cache")
	for _, way := range []struct {
		folder, umask string
		env           []string
	}{
		{"one", "077", []string{"TZ=Asia/Kathmandu", "LC_ALL=C", "GOFLAGS=-buildvcs=false -tags=none", "GOAMD64=v3"}},
		{"another/deeper", "022", []string{"TZ=America/St_Johns", "GOFLAGS=-trimpath=false", "GOCACHE=" + empty}},
	} {
		dir, err := r.clone(ctx, way.folder, commit)
		if err != nil {
			return err
		}
		cmd := r.command(ctx, dir, way.env, "sh", "-c", "umask "+way.umask+" && exec make dist")
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("make dist in %s: %w", dir, err)
		}
	}
	one, another := filepath.Join(r.temp, "one", "dist"), filepath.Join(r.temp, "another", "deeper", "dist")
	if err := same(one, another); err != nil {
		return err
	}
	kept := filepath.Join(r.dir, "dist")
	if err := os.RemoveAll(kept); err != nil {
		return err
	}
	return os.CopyFS(kept, os.DirFS(another))
}

// same says what differs between two folders.
func same(one, another string) (err error) {
	ones, err := files(one)
	if err != nil {
		return err
	}
	others, err := files(another)
	if err != nil {
		return err
	}
	for name, content := range ones {
		if there, ok := others[name]; !ok || !bytes.Equal(content, there) {
			err = errors.Join(err, fmt.Errorf("%s is not the same in both builds", name))
		}
	}
	if len(ones) != len(others) || len(ones) == 0 {
		err = errors.Join(err, fmt.Errorf("one build gave %d files and the other %d", len(ones), len(others)))
	}
	return err
}

func files(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	found := map[string][]byte{}
	for _, entry := range entries {
		if found[entry.Name()], err = os.ReadFile(filepath.Join(dir, entry.Name())); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// sums compares SHA256SUMS with what is in dist, in both directions.
func (r repository) sums(context.Context) error {
	dir := filepath.Join(r.dir, "dist")
	found, err := files(dir)
	if err != nil {
		return err
	}
	text := string(found["SHA256SUMS"])
	delete(found, "SHA256SUMS")
	for line := range strings.Lines(text) {
		sum, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		is, readErr := digest(filepath.Join(dir, name))
		if readErr != nil || is != sum {
			err = errors.Join(err, fmt.Errorf("SHA256SUMS says %s of %q, which is %s", sum, name, is), readErr)
		}
		delete(found, name)
	}
	for name := range found {
		err = errors.Join(err, fmt.Errorf("%s is not in SHA256SUMS", name))
	}
	if text == "" {
		err = errors.Join(err, errors.New("there is no SHA256SUMS"))
	}
	return err
}
