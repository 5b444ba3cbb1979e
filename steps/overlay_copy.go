package steps

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"

	"spa-runner/internal/manifest"
)

// copyBuffer is what is read and written at once, in bytes.
const copyBuffer = 256 << 10

// copier copies files one after the other, through one buffer. It sums up the
// very bytes that it writes, so that no file is read again for the manifest.
//
// Its files are none of os: to open one of those takes six calls of the system,
// since Go tries whether it can be waited for, as for a pipe. Of 60 µs a file
// that was 10. They are opened by their names in an open folder, so that
// nothing on the way to them is looked up again.
type copier struct {
	hash   hash.Hash
	buffer []byte
	close  func(fd int) error // of a file that was written: a disk may say only then that it is full
}

func newCopier() *copier {
	return &copier{hash: sha256.New(), buffer: make([]byte, copyBuffer), close: unix.Close}
}

// parts copies what the walk hands over, until that is all.
func (c *copier) parts(ctx context.Context, l *laying) error {
	for p := range l.work {
		if err := c.part(ctx, l, p); err != nil {
			return err
		}
		close(p.done)
	}
	return nil
}

// part copies the files of one folder.
func (c *copier) part(ctx context.Context, l *laying, p *part) error {
	const folder = unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	from, err := openAt(unix.AT_FDCWD, filepath.Join(l.source, p.folder), folder, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(from) }()
	to, err := openAt(unix.AT_FDCWD, filepath.Join(l.code, p.folder), folder, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(to) }()
	for _, f := range p.files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		w := &l.written[f.entry]
		w.Executable = manifest.IsExecutable(f.info.Mode())
		if err := c.file(ctx, from, to, l.code, w, f); err != nil {
			return fmt.Errorf("copying %s: %w", w.Path, err)
		}
	}
	return nil
}

// file copies one. What is at its destination is taken away, and the file that is
// written is always a new one: the kernel does not follow a link there.
func (c *copier) file(ctx context.Context, from, to int, code string, w *manifest.Entry, f file) (err error) {
	name := f.info.Name()
	in, err := openAt(from, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(in) }()
	const fresh = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
	out, err := openAt(to, name, fresh, 0o666)
	if errors.Is(err, unix.EEXIST) {
		if err = makeWay(filepath.Join(code, w.Path)); err == nil {
			out, err = openAt(to, name, fresh, 0o666)
		}
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close(out)) }()
	if err := unix.Fchmod(out, bits(f.info.Mode())); err != nil {
		return err
	}
	w.Size, w.Sum, err = c.content(ctx, in, out, f.info.Size())
	return err
}

// content copies and sums up. A read that gives less than was asked for, and all
// that there should be, is the end: to ask for it would be one call more.
func (c *copier) content(ctx context.Context, in, out int, want int64) (size int64, sum manifest.Sum, err error) {
	c.hash.Reset()
	for {
		if ctx.Err() != nil {
			return 0, sum, context.Cause(ctx)
		}
		n, err := again(func() (int, error) { return unix.Read(in, c.buffer) })
		if err != nil {
			return 0, sum, err
		}
		for done := 0; done < n; {
			m, err := again(func() (int, error) { return unix.Write(out, c.buffer[done:n]) })
			if err != nil {
				return 0, sum, err
			}
			done += m
		}
		_, _ = c.hash.Write(c.buffer[:n]) // never fails (hash.Hash)
		if size += int64(n); n == 0 || n < len(c.buffer) && size == want {
			c.hash.Sum(sum[:0])
			return size, sum, nil
		}
	}
}

// bits are those of a mode as the kernel has them, as in os.Chmod.
func bits(mode fs.FileMode) uint32 {
	bits := uint32(mode.Perm())
	if mode&fs.ModeSetuid != 0 {
		bits |= unix.S_ISUID
	}
	if mode&fs.ModeSetgid != 0 {
		bits |= unix.S_ISGID
	}
	if mode&fs.ModeSticky != 0 {
		bits |= unix.S_ISVTX
	}
	return bits
}

func openAt(folder int, name string, flags int, mode uint32) (int, error) {
	return again(func() (int, error) { return unix.Openat(folder, name, flags, mode) })
}

// again calls until no signal interrupts, as os does.
func again(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
