package pipeline

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// LookPath finds a program as a child of the user that is started in dir would, along
// the PATH of children: what the user cannot reach or execute is passed over, as a shell
// does in silence. The error names what was passed over.
func (u *User) LookPath(e *Environ, name, dir string) (string, error) {
	return u.lookPath(name, dir, e.Pairs())
}

// lookPath is LookPath along the PATH of an environment; for nil, who is the user of the
// runner, it is the function of this name.
func (u *User) lookPath(name, dir string, env []string) (string, error) {
	if u == nil || strings.ContainsRune(name, os.PathSeparator) {
		return lookPath(name, dir, env)
	}
	path := ""
	for _, pair := range env {
		if value, ok := strings.CutPrefix(pair, "PATH="); ok {
			path = value
		}
	}
	var passed []string
	for _, folder := range filepath.SplitList(path) {
		if folder == "" { // means dir, but is no list of one folder
			folder = "."
		}
		file, err := lookPath(name, dir, []string{"PATH=" + folder})
		if err != nil {
			continue
		}
		if err := u.mayExecute(file); err != nil {
			passed = append(passed, file)
			continue
		}
		return file, u.canInterpret(file)
	}
	if passed != nil {
		return "", fmt.Errorf("the user %s cannot reach or execute %s, and there is no other %q on the PATH", u.Name, strings.Join(passed, " and "), name)
	}
	return lookPath(name, dir, env)
}

// CanStart tells, by an error that names what is in the way, whether the user may start
// a program.
func (u *User) CanStart(file string) error {
	if err := u.mayExecute(file); err != nil {
		return err
	}
	return u.canInterpret(file)
}

// mayExecute follows a file link by link, as the kernel does: each must be reached.
func (u *User) mayExecute(file string) error {
	for range maxLinks {
		if err := u.CanReach(filepath.Dir(file)); err != nil {
			return err
		}
		info, err := os.Lstat(file)
		if err != nil {
			return fmt.Errorf("looking whether the user %s can execute %s: %w", u.Name, file, err)
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			if !info.Mode().IsRegular() || !u.may(info, 1) {
				return fmt.Errorf("the user %s may not execute %s", u.Name, file)
			}
			return nil
		}
		target, err := os.Readlink(file)
		folder, dirErr := filepath.EvalSymlinks(filepath.Dir(file)) // from where a relative link leads
		if err != nil || dirErr != nil {
			return fmt.Errorf("the user %s cannot execute %s, which cannot be followed", u.Name, file)
		}
		if file = target; !filepath.IsAbs(target) {
			file = filepath.Join(folder, target)
		}
	}
	return fmt.Errorf("the user %s cannot execute %s, which has too many links", u.Name, file)
}

// canInterpret looks, where a program is a script, whether the user can read it and
// execute what it names after #!, as `npm` and the programs of a venv do.
func (u *User) canInterpret(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("looking what %s is: %w", file, err)
	}
	defer func() { _ = f.Close() }()
	head, _ := io.ReadAll(io.LimitReader(f, longestPath))
	line, script := bytes.CutPrefix(head, []byte("#!"))
	line, _, _ = bytes.Cut(line, []byte("\n"))
	words := strings.Fields(string(line))
	if !script || len(words) == 0 {
		return nil
	}
	if info, err := f.Stat(); err != nil || !u.may(info, 4) {
		return fmt.Errorf("%s is a script that the user %s may not read", file, u.Name)
	}
	if err := u.mayExecute(words[0]); err != nil {
		return fmt.Errorf("%s is a script for %s: %w", file, words[0], err)
	}
	return nil
}
