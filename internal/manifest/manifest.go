// Package manifest remembers what files, folders and symbolic links were put
// into a folder, and tells later which of them are not what they were. What was
// added since is not its business.
//
// It follows no link, and so it may look, as root, at a folder in which another
// user could do what he liked. Nobody may be doing so meanwhile.
package manifest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
)

// Entry is one thing in a folder, as it was put there.
type Entry struct {
	// Path is as seen from the folder, with slashes.
	Path string
	// Type is 0 for a file, fs.ModeDir or fs.ModeSymlink.
	Type fs.FileMode
	// Executable says that somebody may execute the file.
	Executable bool
	// Size is that of a file, in bytes, and Sum that of its content.
	Size int64
	Sum  Sum
	// Target is where a link leads.
	Target string
}

// Sum is a SHA-256.
type Sum [sha256.Size]byte

func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// Summer passes on what is written to it and sums it up, so that a file need
// not be read again.
type Summer struct {
	to   io.Writer
	hash hash.Hash
	size int64
}

// NewSummer makes a Summer in front of a writer.
func NewSummer(to io.Writer) *Summer { return &Summer{to: to, hash: sha256.New()} }

func (s *Summer) Write(p []byte) (int, error) {
	n, err := s.to.Write(p)
	_, _ = s.hash.Write(p[:n]) // never fails (hash.Hash)
	s.size += int64(n)
	return n, err
}

// Sum is the size and the sum of all that was written.
func (s *Summer) Sum() (size int64, sum Sum) {
	s.hash.Sum(sum[:0])
	return s.size, sum
}

// IsExecutable is what Entry.Executable means.
func IsExecutable(mode fs.FileMode) bool { return mode&0o111 != 0 }

// Read makes the entry of what is there now.
func Read(ctx context.Context, root *os.Root, path string) (Entry, error) {
	e, info, err := look(root, path)
	if err == nil && e.Type == 0 {
		e.Size, e.Sum, err = sumOf(ctx, root, path, info)
	}
	return e, err
}

// look is Read without a look into a file.
func look(root *os.Root, path string) (Entry, fs.FileInfo, error) {
	info, err := root.Lstat(path)
	if err != nil {
		return Entry{}, nil, err
	}
	e := Entry{Path: path, Type: info.Mode().Type()}
	switch e.Type {
	case fs.ModeSymlink:
		e.Target, err = root.Readlink(path)
	case 0:
		e.Size, e.Executable = info.Size(), IsExecutable(info.Mode())
	}
	return e, info, err
}

// buffers are for reading: most files are small, and a new buffer for each takes
// longer than its file.
var buffers = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

// sumOf reads a file, which must be the one that info is of. It does not wait
// where that has become a FIFO.
func sumOf(ctx context.Context, root *os.Root, path string, info fs.FileInfo) (size int64, sum Sum, err error) {
	f, err := root.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return 0, Sum{}, err
	}
	defer func() { _ = f.Close() }()
	opened, err := f.Stat()
	if err != nil {
		return 0, Sum{}, err
	}
	if !os.SameFile(info, opened) {
		return 0, Sum{}, errors.New("it was exchanged just now")
	}
	s := NewSummer(io.Discard)
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	if _, err := io.CopyBuffer(s, readFunc(func(b []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return f.Read(b)
	}), *buffer); err != nil {
		return 0, Sum{}, fmt.Errorf("reading it: %w", err)
	}
	size, sum = s.Sum()
	return size, sum, nil
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(b []byte) (int, error) { return f(b) }
