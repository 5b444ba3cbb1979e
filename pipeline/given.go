package pipeline

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"go.uber.org/zap"

	"spa-runner/internal/fault"
)

// Given finds make once in a run, before the first child starts, and makes sure
// before each use that it is still that program: a child could install another
// make that says of all later targets that they went well.
//
// Some folders of the PATH are not searched, since a child could put a program
// there: those that are empty or relative, those below Workdir, and those that
// the untrusted user may change. A warning names them. Children search the PATH
// as it is.
type Given struct {
	// Workdir is the folder in which the run works.
	Workdir string

	mu      sync.Mutex
	looked  bool
	program program
	err     error
}

// program is a file and what tells it from another one.
type program struct {
	path   string
	device uint64
	inode  uint64
	sum    [sha256.Size]byte
}

const given = "make"

// Path gives the path of the program, and is an error if there is none.
func (g *Given) Path(rt *Runtime) (string, error) {
	g.look(rt)
	return g.check()
}

// look finds the program, unless that was done before.
func (g *Given) look(rt *Runtime) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.looked {
		return
	}
	g.looked = true
	path, _ := rt.Env.Lookup("PATH")
	var passedOver []string
	for _, folder := range filepath.SplitList(path) {
		if why := g.unsafe(folder, rt.Untrusted); why != "" {
			passedOver = append(passedOver, fmt.Sprintf("%q (%s)", folder, why))
			continue
		}
		if g.program.path == "" {
			g.program = findProgram(folder, rt.Untrusted)
		}
	}
	if len(passedOver) > 0 {
		rt.Log.Warn("make is not searched for in these folders of the PATH, since a target could put another one there", zap.Strings("folders", passedOver))
	}
	if g.program.path == "" {
		start := ""
		if rt.Untrusted != nil {
			start = " that the user " + rt.Untrusted.Name + " can start"
		}
		g.err = fmt.Errorf("there is no %q on the PATH (%s)%s, in a folder that setup, lint and tests cannot change: install it in the build image, or correct PATH", given, path, start)
	}
}

// unsafe says why a folder of the PATH is not searched, or "".
func (g *Given) unsafe(folder string, untrusted *User) string {
	if folder == "" {
		return "it is empty, which means the current folder"
	}
	if !filepath.IsAbs(folder) {
		return "it is relative"
	}
	for _, at := range []string{folder, resolved(folder)} {
		if isBelow(at, resolved(g.Workdir)) {
			return "it is in the work folder"
		}
	}
	if untrusted != nil && untrusted.mayChange(folder) {
		return fmt.Sprintf("the user %s may change it", untrusted.Name)
	}
	return ""
}

// resolved is an absolute path without symlinks, as far as it exists. An element ..
// after a symlink leads to what is above its target, as for the kernel.
func resolved(path string) string {
	if !filepath.IsAbs(path) {
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
	}
	for rest := ""; ; {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Join(real, rest)
		}
		if path == filepath.Dir(path) {
			return filepath.Join(path, rest)
		}
		rest = filepath.Join(filepath.Base(path), rest)
		path = filepath.Dir(path)
	}
}

func isBelow(path, folder string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(rel)
}

// findProgram gives the program of a folder; its path is "" if there is none.
func findProgram(folder string, untrusted *User) program {
	// The folder itself, and not a way to it that leads elsewhere for a child, such as
	// /proc/self/cwd: what is checked here is what is started there.
	path := filepath.Join(resolved(folder), given)
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 ||
		untrusted != nil && (untrusted.mayChange(path) || untrusted.CanStart(path) != nil) {
		return program{}
	}
	found, err := fingerprint(path)
	if err != nil {
		return program{}
	}
	return found
}

// fingerprint reads what tells a program from another one.
func fingerprint(path string) (program, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return program{}, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return program{}, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() {
		return program{}, fmt.Errorf("%s is no file", path)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return program{}, err
	}
	p := program{path: path, device: uint64(stat.Dev), inode: stat.Ino} //nolint:unconvert // of another type on macOS
	sum.Sum(p.sum[:0])
	return p, nil
}

// check gives the path of the program. It is an error if another one is there by now.
func (g *Given) check() (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return "", g.err
	}
	now, err := fingerprint(g.program.path)
	if err == nil && now != g.program {
		err = errors.New("its device, inode or content is another one")
	}
	if err != nil {
		return "", fault.WithHint(fmt.Errorf("%s is not the program that was there when the run began, so it is not started: %w", g.program.path, err),
			"find out which target, or which dependency of it, replaced it; a newer make belongs into the build image")
	}
	return g.program.path, nil
}

// maxLinks is how many links the kernel follows on the way to a file (MAXSYMLINKS).
const maxLinks = 40

// mayChange says whether the user may change what is found at an absolute path:
// the file or folder itself, or a folder or link on the way to it. What cannot be
// found out counts as changeable. What does not exist does not: the user could
// only make it in a folder that is changeable.
func (u *User) mayChange(path string) bool {
	at, rest := "/", names(path)
	for links := 0; links <= maxLinks; {
		info, err := os.Lstat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return false
		case err != nil || u.owns(info):
			return true
		case info.Mode().Type() == fs.ModeSymlink:
			target, err := os.Readlink(at)
			if err != nil {
				return true
			}
			links++
			at, rest = filepath.Dir(at), append(names(target), rest...)
			if filepath.IsAbs(target) {
				at = "/"
			}
		case len(rest) == 0:
			return u.may(info, 2)
		case u.may(info, 2) && info.Mode()&fs.ModeSticky == 0:
			return true
		}
		if len(rest) > 0 {
			at, rest = filepath.Join(at, rest[0]), rest[1:]
		}
	}
	return true
}

// names are those of the folders on a path, and of its end.
func names(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

func (u *User) owns(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(stat.Uid) == u.uid
}
