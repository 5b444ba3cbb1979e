package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// repository is what is released.
type repository struct {
	dir, temp string
	out       io.Writer
}

// command runs in the environment of whoever asks, but for what would make another
// release of the same commit: what make hands down, and what leads git elsewhere.
func (r repository) command(ctx context.Context, dir string, env []string, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	for _, variable := range os.Environ() {
		before, _, _ := strings.Cut(variable, "=")
		if before != "VERSION" && before != "MFLAGS" && !strings.HasPrefix(before, "MAKE") && !strings.HasPrefix(before, "GIT_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdout, cmd.Stderr = r.out, r.out
	return cmd
}

func (r repository) make(ctx context.Context, dir string, env []string, target string) error {
	if err := r.command(ctx, dir, env, "make", target).Run(); err != nil {
		return fmt.Errorf("make %s in %s: %w", target, dir, err)
	}
	return nil
}

// output of a command that is no target.
func (r repository) output(ctx context.Context, dir, name string, args ...string) (string, error) {
	var out, complaint strings.Builder
	cmd := r.command(ctx, dir, nil, name, args...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

func (r repository) git(ctx context.Context, args ...string) (string, error) {
	return r.output(ctx, r.dir, "git", args...)
}

// clean says whether all that is here is committed.
func (r repository) clean(ctx context.Context) error {
	changed, err := r.git(ctx, "status", "--porcelain")
	if err == nil && changed != "" {
		err = fmt.Errorf("there are changes, commit them or take them back first:\n%s", changed)
	}
	return err
}

// clone makes a repository of its own with a commit in its work tree, below temp.
func (r repository) clone(ctx context.Context, folder, commit string) (string, error) {
	from, err := filepath.Abs(r.dir)
	if err != nil {
		return "", err
	}
	to := filepath.Join(r.temp, folder)
	if _, err := r.git(ctx, "clone", "-q", "--shared", "--no-checkout", from, to); err != nil {
		return "", err
	}
	_, err = r.output(ctx, to, "git", "checkout", "-q", "--detach", commit)
	return to, err
}

// versions are the tags of releases.
const versions = "v[0-9]*"

// lastTag is the release before a commit, and the commit that it is at; "" if there is
// none. With own, it is that of the commit itself, if it has one.
func (r repository) lastTag(ctx context.Context, own bool) (tag, commit string, err error) {
	shallow, err := r.git(ctx, "rev-parse", "--is-shallow-repository")
	if err != nil {
		return "", "", err
	}
	if shallow != "false" {
		return "", "", errors.New("which tag is the last one cannot be known in a shallow clone: git fetch --unshallow --tags")
	}
	merged, err := r.git(ctx, "tag", "--list", "--merged", "HEAD", versions)
	if err != nil {
		return "", "", err
	}
	here := ""
	if !own {
		if here, err = r.git(ctx, "tag", "--list", "--points-at", "HEAD", versions); err != nil {
			return "", "", err
		}
	}
	args := []string{"describe", "--tags", "--abbrev=0", "--match", versions}
	for _, name := range strings.Fields(here) {
		args = append(args, "--exclude", name)
	}
	if len(strings.Fields(merged)) == len(strings.Fields(here)) {
		return "", "", nil
	}
	if tag, err = r.git(ctx, args...); err != nil {
		return "", "", err
	}
	commit, err = r.git(ctx, "rev-parse", "--verify", tag+"^{commit}")
	return tag, commit, err
}
