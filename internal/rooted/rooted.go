// Package rooted reads files of a folder that strangers wrote into: regular files
// alone, up to a size, and none outside the folder, wherever symbolic links lead.
package rooted

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ErrOutside is the error for a path that leads out of the folder. It does not tell
// whether anything is there.
var ErrOutside = errors.New("it is outside the repository")

// Root is a folder.
type Root struct {
	root  *os.Root
	given string // absolute
	real  string // the same without symbolic links
}

// Open opens a folder. The caller closes it.
func Open(folder string) (*Root, error) {
	given, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	real, err := filepath.EvalSymlinks(given)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(real)
	return &Root{root, given, real}, err
}

// Close closes the folder.
func (r *Root) Close() error { return r.root.Close() }

// Resolve gives the absolute path, without symbolic links, of what path names. A
// relative path begins at the folder. What .. means is for the file system to say.
func (r *Root) Resolve(path string) (string, error) {
	rel, err := r.relative(path)
	return filepath.Join(r.real, rel), err
}

// Stat describes what path names.
func (r *Root) Stat(path string) (fs.FileInfo, error) {
	rel, err := r.relative(path)
	if err != nil {
		return nil, err
	}
	info, err := r.root.Stat(rel)
	return info, wordOf(err)
}

// ReadFile reads a regular file of at most limit bytes. Errors name no path.
func (r *Root) ReadFile(path string, limit int64) ([]byte, error) {
	rel, err := r.relative(path)
	if err != nil {
		return nil, err
	}
	// Looked at before it is opened, since opening a FIFO waits for a writer;
	// O_NONBLOCK covers a file that is exchanged in between.
	info, err := r.root.Stat(rel)
	if err != nil {
		return nil, wordOf(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	f, err := r.root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, wordOf(err)
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	return content, wordOf(err)
}

// ReadFile reads one file of a folder, as [Root.ReadFile] does.
func ReadFile(folder, path string, limit int64) ([]byte, error) {
	r, err := Open(folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return r.ReadFile(path, limit)
}

func (r *Root) relative(path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = r.real + "/" + path // not joined, which would take .. away
	}
	resolved, err := filepath.EvalSymlinks(path)
	switch {
	case err == nil:
		return below(r.real, resolved)
	case !isBelow(r.real, path) && !isBelow(r.given, path):
		return "", ErrOutside
	}
	return "", wordOf(err)
}

func below(folder, path string) (string, error) {
	rel, err := filepath.Rel(folder, path)
	if err != nil || !filepath.IsLocal(rel) {
		return "", ErrOutside
	}
	return rel, nil
}

func isBelow(folder, path string) bool {
	_, err := below(folder, filepath.Clean(path))
	return err == nil
}

// wordOf is an error without the path: fs.ErrNotExist, or the system's word.
func wordOf(err error) error {
	var errno syscall.Errno
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return fs.ErrNotExist
	case errors.As(err, &errno):
		return errno
	}
	return err
}
