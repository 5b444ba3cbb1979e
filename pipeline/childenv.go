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

// childEnv builds the environment of one child from scratch: the build's, what
// the step adds, the blindfold, and the way to the credentials of the scope, if
// it has any. Release ends that way; call it when the child has ended.
func childEnv[S Scope](ctx context.Context, rt *Runtime, creds Credentials[S], c Command) (env []string, release func(), err error) {
	vars, err := rt.variables(c, creds.scope())
	if err != nil {
		return nil, nil, err
	}
	files, release := rt.scratch, func() {}
	if files == nil { // a child on its own, outside of a step
		files = &scratch{user: rt.Untrusted}
		release = func() { _ = files.remove() }
	}
	err = rt.blindfold(vars, files, creds.scope())
	if err == nil && creds.scope() != (None{}).name() {
		var end func()
		if end, err = identify(ctx, rt, creds, c, vars); err == nil {
			before := release
			release = func() { end(); before() }
		}
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return pairs(vars), release, nil
}

// variables are those of a child, without any of an identity.
func (rt *Runtime) variables(c Command, scope string) (map[string]string, error) {
	vars := maps.Clone(rt.Env.vars)
	for _, pair := range c.Env {
		name, value, _ := strings.Cut(pair, "=")
		if !rt.Env.forbids(name) {
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
		rt.Untrusted.installed(vars)
	}
	if user := rt.user(scope); user != nil {
		user.home(vars)
	}
	for _, pair := range c.Own {
		name, value, _ := strings.Cut(pair, "=")
		vars[name] = value
	}
	return vars, activateVenv(vars, c.Dir)
}

// blindfold keeps SDKs from finding an identity in places that are not
// variables: instance metadata, and the profiles and keys in a home folder. In
// their place there are files of this step, empty at first, so that a command
// such as `aws configure set` works within the step and never across.
func (rt *Runtime) blindfold(vars map[string]string, files *scratch, scope string) error {
	vars["AWS_EC2_METADATA_DISABLED"] = "true"
	vars["BOTO_CONFIG"] = os.DevNull
	for variable, name := range map[string]string{"AWS_CONFIG_FILE": "aws-config-", "AWS_SHARED_CREDENTIALS_FILE": "aws-credentials-"} {
		path, err := files.file(name+scope, "", rt.user(scope), false)
		if err != nil {
			return fmt.Errorf("making an empty file for %s: %w", variable, err)
		}
		vars[variable] = path
	}
	return nil
}

// identify adds the way to the credentials of a scope. End ends it.
func identify[S Scope](ctx context.Context, rt *Runtime, creds Credentials[S], c Command, vars map[string]string) (end func(), err error) {
	keys, err := creds.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("getting the credentials for %s: %w", c.Argv[0], err)
	}
	if rt.KeysInEnv {
		vars["AWS_ACCESS_KEY_ID"] = keys.AccessKeyID
		vars["AWS_SECRET_ACCESS_KEY"] = keys.SecretAccessKey
		vars["AWS_SESSION_TOKEN"] = keys.SessionToken
		return func() {}, nil
	}
	way, end, err := creds.holder.serve(ctx, rt, creds.scope())
	if err != nil {
		return nil, err
	}
	maps.Copy(vars, way)
	bypassProxy(vars)
	return end, nil
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
