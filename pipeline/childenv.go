package pipeline

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// blindfold keeps SDKs from finding an identity in places that are not
// variables: instance metadata, and the profiles and keys in a home folder.
var blindfold = map[string]string{
	"AWS_EC2_METADATA_DISABLED":   "true",
	"AWS_CONFIG_FILE":             os.DevNull,
	"AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	"BOTO_CONFIG":                 os.DevNull,
}

// childEnv builds the environment of one child from scratch: the build's, what
// the step adds, the blindfold, and the credentials of the scope, if it has any.
func childEnv[S Scope](ctx context.Context, rt *Runtime, creds Credentials[S], c Command) ([]string, error) {
	vars := maps.Clone(rt.Env.vars)
	for _, pair := range c.Env {
		name, value, _ := strings.Cut(pair, "=")
		if Forbidden(name) == "" {
			vars[name] = value
		}
	}
	pwd, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("finding the folder %s: %w", c.Dir, err)
	}
	vars["PWD"] = pwd // as `cd` does: a Makefile may say $(PWD)
	delete(vars, "OLDPWD")
	maps.DeleteFunc(vars, func(name, _ string) bool { return slices.Contains(c.Without, name) })
	if rt.Untrusted != nil {
		rt.Untrusted.path(vars)
	}
	if err := activateVenv(vars, c.Dir); err != nil {
		return nil, err
	}
	maps.Copy(vars, blindfold)

	if creds.scope() == (None{}).name() {
		if rt.Untrusted != nil {
			rt.Untrusted.home(vars)
		}
		return pairs(vars), nil
	}
	keys, err := creds.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("getting the credentials for %s: %w", c.Argv[0], err)
	}
	vars["AWS_ACCESS_KEY_ID"] = keys.AccessKeyID
	vars["AWS_SECRET_ACCESS_KEY"] = keys.SecretAccessKey
	vars["AWS_SESSION_TOKEN"] = keys.SessionToken
	return pairs(vars), nil
}

// activateVenv does what `. venv/bin/activate` does, if there is a venv in the
// child's folder: SPA's cdk.json calls `python` and means that one.
func activateVenv(vars map[string]string, dir string) error {
	venv, err := filepath.Abs(filepath.Join(dir, "venv"))
	if err != nil {
		return fmt.Errorf("finding the venv in %s: %w", dir, err)
	}
	bin := filepath.Join(venv, "bin")
	if info, err := os.Stat(bin); err != nil || !info.IsDir() {
		return nil
	}
	vars["VIRTUAL_ENV"] = venv
	vars["PATH"] = bin + string(os.PathListSeparator) + vars["PATH"]
	delete(vars, "PYTHONHOME")
	return nil
}

// lookPath finds a program as the child would, along the PATH of the child: the
// one of the runner may be another since variables.sh.
func lookPath(name, dir string, env []string) (string, error) {
	if strings.ContainsRune(name, os.PathSeparator) {
		return name, nil
	}
	path := ""
	for _, pair := range env {
		if value, ok := strings.CutPrefix(pair, "PATH="); ok {
			path = value
		}
	}
	for _, folder := range filepath.SplitList(path) {
		if !filepath.IsAbs(folder) {
			folder = filepath.Join(dir, folder)
		}
		file := filepath.Join(folder, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return filepath.Abs(file)
		}
	}
	return "", fmt.Errorf("there is no %q on the PATH (%s): install it in the build image, or correct PATH", name, path)
}
