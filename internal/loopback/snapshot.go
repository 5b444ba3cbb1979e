package loopback

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// addSettings are the settings of a user that decide what `git add` takes and
// in which form. All others, filters and hooks among them, stay outside: they
// run programs.
const addSettings = `^core\.(filemode|symlinks|ignorecase|precomposeunicode|autocrlf|eol|excludesfile|attributesfile)$`

// Snapshot makes the bare repository bareRepo of the folder dir as it is on
// disk, with one commit on one branch, main, and returns that commit. The same
// content gives the same commit. If bareRepo exists, its main is replaced; the
// folder above it must exist.
//
// Of a git work tree it takes what `git add -A` would: uncommitted edits,
// untracked files, not what is ignored unless it is tracked. Of any other
// folder it takes everything that its .gitignore does not exclude. The user's
// repository is only read: not even its index is refreshed.
//
// It differs from `git add -A` where that would run a program or need one:
// files of Git LFS come with their content instead of a pointer, and what a
// sparse checkout leaves out is left out. A submodule stays a link.
//
// dir must be the root of its work tree, since a pipeline clones whole
// repositories.
func Snapshot(ctx context.Context, dir, bareRepo string) (commit string, err error) {
	commit, err = snapshot(ctx, dir, bareRepo)
	if err != nil {
		return "", fmt.Errorf("taking a snapshot of %s: %w", dir, err)
	}
	return commit, nil
}

func snapshot(ctx context.Context, dir, bareRepo string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if bareRepo, err = filepath.Abs(bareRepo); err != nil {
		return "", err
	}
	isRepo, err := checkRoot(ctx, dir)
	if err != nil {
		return "", err
	}
	settings, err := userSettings(ctx, dir)
	if err != nil {
		return "", err
	}
	if err := checkOutside(dir, bareRepo); err != nil {
		return "", err
	}
	if _, err := git(ctx, command{env: sealedEnv(), args: []string{"init", "--quiet", "--bare", "--template=", "--initial-branch=main", bareRepo}}); err != nil {
		return "", err
	}
	// The bare repository lends its index to the work and does not keep it.
	index := filepath.Join(bareRepo, "index")
	if err := removeIfThere(index); err != nil {
		return "", err
	}
	defer os.Remove(index)
	if isRepo {
		if err := copyTracked(ctx, dir, bareRepo); err != nil {
			return "", err
		}
	}
	return commitAll(ctx, dir, bareRepo, settings)
}

// checkRoot says whether dir is the root of a work tree (true) or in none.
func checkRoot(ctx context.Context, dir string) (bool, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return false, err
	}
	if !info.IsDir() {
		return false, errors.New("it is not a folder")
	}
	out, err := git(ctx, readUser(dir, "rev-parse", "--show-toplevel"))
	if err != nil {
		_, statErr := os.Lstat(filepath.Join(dir, ".git"))
		if errors.Is(statErr, fs.ErrNotExist) && strings.Contains(err.Error(), "not a git repository") {
			return false, nil
		}
		return false, fmt.Errorf("want a folder or the root of a git work tree: %w", err)
	}
	root := strings.TrimSuffix(out, "\n")
	rootInfo, err := os.Stat(root)
	if err != nil {
		return false, err
	}
	if !os.SameFile(info, rootInfo) {
		return false, fmt.Errorf("it is inside the git repository %s: name that folder, or copy this one out of it", root)
	}
	return true, nil
}

// checkOutside keeps the snapshot from containing itself.
func checkOutside(dir, bareRepo string) error {
	realDir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	realParent, err := filepath.EvalSymlinks(filepath.Dir(bareRepo))
	if err != nil {
		return fmt.Errorf("the snapshot's folder: %w", err)
	}
	realBare := filepath.Join(realParent, filepath.Base(bareRepo))
	if rel, err := filepath.Rel(realDir, realBare); err == nil && filepath.IsLocal(rel) {
		return fmt.Errorf("the snapshot would be written into the folder itself, to %s: choose a place outside (is TMPDIR in it?)", bareRepo)
	}
	return nil
}

// readUser is a git that only reads what belongs to the user, with the user's
// configuration. A file system monitor is a program that git would start.
func readUser(dir string, args ...string) command {
	return command{dir: dir, env: append(configEnv("core.fsmonitor", "false"), userHome()...), args: args}
}

// userHome is where git finds the user's configuration and ignore file.
func userHome() []string {
	env := []string{"HOME=" + os.Getenv("HOME")}
	if xdg := os.Getenv("XDG_CONFIG_HOME"); xdg != "" {
		env = append(env, "XDG_CONFIG_HOME="+xdg)
	}
	return env
}

// userSettings are names and values, in the order in which git read them.
func userSettings(ctx context.Context, dir string) ([]string, error) {
	out, err := git(ctx, readUser(dir, "config", "--null", "--get-regexp", addSettings))
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 { // nothing found
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var settings []string
	for entry := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		name, value, ok := strings.Cut(entry, "\n")
		if !ok {
			value = "true" // a name alone
		}
		settings = append(settings, name, value)
	}
	return settings, nil
}

// copyTracked tells the bare repository what the user's tracks, by name and
// without the times of the files: so `git add` reads every file again and
// writes its content to the new repository, and none of the user's objects is
// needed. Ignore rules and attributes that live in .git come along.
func copyTracked(ctx context.Context, dir, bareRepo string) error {
	tracked, err := git(ctx, readUser(dir, "ls-files", "--stage", "-z"))
	if err != nil {
		return err
	}
	_, err = git(ctx, command{
		env: append(sealedEnv(), "GIT_DIR="+bareRepo), stdin: tracked,
		args: []string{"update-index", "-z", "--index-info"},
	})
	if err != nil {
		return err
	}
	for _, name := range []string{"exclude", "attributes"} {
		if err := copyInfo(ctx, dir, bareRepo, name); err != nil {
			return err
		}
	}
	return nil
}

func copyInfo(ctx context.Context, dir, bareRepo, name string) error {
	out, err := git(ctx, readUser(dir, "rev-parse", "--git-path", "info/"+name))
	if err != nil {
		return err
	}
	from := strings.TrimSuffix(out, "\n")
	if !filepath.IsAbs(from) {
		from = filepath.Join(dir, from)
	}
	to := filepath.Join(bareRepo, "info", name)
	content, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return removeIfThere(to)
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}

func commitAll(ctx context.Context, dir, bareRepo string, settings []string) (string, error) {
	env := append(sealedEnv(settings...),
		"GIT_DIR="+bareRepo, "GIT_WORK_TREE="+dir,
		// Fixed, so that the same content is the same commit.
		"GIT_AUTHOR_NAME=dry run", "GIT_AUTHOR_EMAIL=dry-run@localhost", "GIT_AUTHOR_DATE=2000-01-01T00:00:00Z",
		"GIT_COMMITTER_NAME=dry run", "GIT_COMMITTER_EMAIL=dry-run@localhost", "GIT_COMMITTER_DATE=2000-01-01T00:00:00Z",
	)
	env = append(env, userHome()...) // for ~ in settings and the user's ignore file; configuration stays off
	run := func(args ...string) (string, error) {
		out, err := git(ctx, command{dir: dir, env: env, args: args})
		return strings.TrimSpace(out), err
	}
	if _, err := run("add", "--all"); err != nil {
		return "", err
	}
	tree, err := run("write-tree")
	if err != nil {
		return "", err
	}
	commit, err := run("commit-tree", "-m", "The folder as it is on disk", tree)
	if err != nil {
		return "", err
	}
	if _, err := run("update-ref", "refs/heads/main", commit); err != nil {
		return "", err
	}
	return commit, nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
