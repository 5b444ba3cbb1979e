package shellvars

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"mvdan.cc/sh/v3/interp"
)

// below resolves a path and makes it relative to the root; ok is false if it
// leads out of it.
func (s *session) below(path, dir string) (rel string, ok bool, err error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", false, err
	}
	if resolved, err = filepath.Abs(resolved); err != nil {
		return "", false, err
	}
	rel, err = filepath.Rel(s.rootPath, resolved)
	return rel, err == nil && filepath.IsLocal(rel), err
}

// openRegular opens a regular file below the root. why, which names no path,
// says what is wrong.
func (s *session) openRegular(path, dir string) (f *os.File, rel, why string) {
	if path == "" {
		return nil, "", "an empty file name"
	}
	rel, ok, err := s.below(path, dir)
	switch {
	case err != nil && !s.lexicallyBelow(path, dir):
		return nil, "", outside
	case err != nil:
		return nil, "", "a file that cannot be read (" + reason(err) + ")"
	case !ok:
		return nil, "", outside
	}
	// Looked at before it is opened, since opening a FIFO waits for a writer;
	// os.Root and O_NONBLOCK cover a file that is exchanged in between.
	info, err := s.root.Stat(rel)
	if err == nil && !info.Mode().IsRegular() {
		return nil, "", "something that is not a regular file"
	}
	if err == nil {
		f, err = s.root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	}
	if err != nil {
		return nil, "", "a file that cannot be read (" + reason(err) + ")"
	}
	return f, rel, ""
}

const outside = "a file outside the settings repository"

// lexicallyBelow keeps messages about files that are not there from telling
// what exists outside the root.
func (s *session) lexicallyBelow(path, dir string) bool {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	for _, root := range []string{s.rootPath, s.opts.Root} {
		root, err := filepath.Abs(root)
		if err != nil {
			continue
		}
		if rel, err := filepath.Rel(root, filepath.Clean(path)); err == nil && filepath.IsLocal(rel) {
			return true
		}
	}
	return false
}

// reason is the system's word for an error, without the path.
func reason(err error) string {
	if errno, ok := err.(interface{ Unwrap() error }); ok && errno.Unwrap() != nil {
		return reason(errno.Unwrap())
	}
	return err.Error()
}

// readScript reads a script below the root and cleans it.
func (s *session) readScript(path, dir string) (text, rel, why string) {
	if dir == "" {
		var err error
		if path, err = filepath.Abs(path); err != nil {
			return "", "", reason(err)
		}
	}
	f, rel, why := s.openRegular(path, dir)
	if why != "" {
		return "", "", "this is " + why
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", "", "the file cannot be read: " + reason(err)
	}
	text, why = clean(b)
	return text, rel, why
}

// open is asked for every redirection and for `.`, whose argument s.call has
// replaced by a token.
func (s *session) open(ctx context.Context, path string, flag int, _ os.FileMode) (io.ReadWriteCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hc := interp.HandlerCtx(ctx)
	failed := &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
	switch {
	case strings.HasPrefix(path, tokenPrefix):
		for _, src := range s.code.sources {
			if src.token() == path {
				return readOnly{strings.NewReader(src.padded())}, nil
			}
		}
		return nil, failed
	case path == os.DevNull && flag&(os.O_WRONLY|os.O_RDWR) != 0:
		return devNull{s.output(nil)}, nil
	case path == os.DevNull:
		return os.Open(os.DevNull)
	case flag&(os.O_WRONLY|os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND) != 0:
		at, shown := s.redirection(path, hc.Dir)
		s.add(at, "a redirection writes to "+shown, "a script may write to /dev/null alone")
		return nil, failed
	}
	f, _, why := s.openRegular(path, hc.Dir)
	if why != "" {
		at, shown := s.redirection(path, hc.Dir)
		fix := "read below the settings repository"
		if why != outside {
			fix = "test it with [ -f … ] first"
		}
		s.add(at, fmt.Sprintf("a redirection reads %s: %s", shown, why), fix)
		return nil, failed
	}
	return f, nil
}

// redirection finds the redirection that names path: the interpreter does not
// say where it is. The path is shown only if the script spells it out.
func (s *session) redirection(path, dir string) (at Problem, shown string) {
	at = Problem{File: s.opts.File}
	computed, n := at, 0
	for _, src := range s.code.sources {
		for _, r := range src.facts.redirs {
			switch {
			case r.literal == path || r.literal != "" && filepath.Join(dir, r.literal) == path:
				return s.code.at(r.off), "`" + path + "`"
			case r.literal == "":
				computed, n = s.code.at(r.off), n+1
			}
		}
	}
	if n == 1 {
		at = computed
	}
	return at, "a file whose name is computed"
}

// readDir answers globs. What is above the root exists but looks empty, so
// that an absolute glob can get to the root; all else is not there.
func (s *session) readDir(_ context.Context, path string) ([]fs.DirEntry, error) {
	rel, ok, err := s.below(path, "/")
	switch {
	case err != nil:
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	case !ok:
		if up, err := filepath.Rel(filepath.Clean(path), s.rootPath); err == nil && filepath.IsLocal(up) {
			return nil, nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	info, err := s.root.Stat(rel)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.ENOTDIR}
	}
	dir, err := s.root.Open(rel)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.ReadDir(-1)
}

type readOnly struct{ *strings.Reader }

func (readOnly) Write([]byte) (int, error) { return 0, fs.ErrPermission }
func (readOnly) Close() error              { return nil }

// devNull is /dev/null for writing, through which s.output still sees what the
// interpreter complains about.
type devNull struct{ output }

func (devNull) Read([]byte) (int, error) { return 0, io.EOF }
func (devNull) Close() error             { return nil }
