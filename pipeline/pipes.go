package pipeline

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"spa-runner/internal/guard"
)

const (
	// drainLimit is how long the end of the output is waited for once all
	// processes of a child are gone. Only somebody who was handed the pipe and
	// is not a descendant can make it run out.
	// Tests have another one.
	drainLimit = 2 * time.Second
	// pipeSize is what a pipe is to hold, in bytes, so that a child that prints much
	// does not wait for the log: as much as anybody may have (pipe-max-size).
	pipeSize = 1 << 20
	// usualPipeSize is what one holds by itself (pipe(7)).
	usualPipeSize = 64 << 10
	// blockSize is what is read at once: few reads make lines cheap, and what stays
	// in the processor's cache does.
	blockSize = 64 << 10
)

// writer is where one stream of a child goes.
func (rt *Runtime) writer(w io.Writer, stream string) io.WriteCloser {
	if w != nil {
		return nopCloser{w}
	}
	return rt.Output(rt.step.Name(), rt.step.scope(), stream)
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// pipe gives the child's end of a pipe of which everything goes to w.
func (p *process) pipe(w io.WriteCloser) (*os.File, error) {
	parent, child, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe for the output: %w", err)
	}
	size := enlarge(child)
	if p.user != nil {
		_ = child.Chown(p.user.uid, p.user.gid) // for scripts that write to /dev/stderr, which opens it anew
	}
	r, err := newPipeReader(parent, size, p.drainLimit)
	if err != nil {
		_ = child.Close()
		return nil, fmt.Errorf("making a pipe for the output: %w", err)
	}
	done := make(chan error, 1)
	p.readers, p.writers, p.pumps = append(p.readers, r), append(p.writers, child), append(p.pumps, done)
	go func() { done <- guard.Call(func() error { return pump(w, r) }) }()
	return child, nil
}

// pump takes over what a child prints.
func pump(w io.WriteCloser, r *pipeReader) error {
	defer r.aside.close()
	err := guard.Call(func() error {
		_, err := io.CopyBuffer(w, r, make([]byte, blockSize))
		return err
	})
	if err != nil {
		// The child must not die of a full pipe because a log is broken.
		_, _ = io.Copy(io.Discard, r)
	}
	return errors.Join(err, w.Close())
}

// pipeReader reads what a child prints. Once the child has ended, a read that
// gets nothing for drainLimit is the end: whoever still holds the pipe is no
// descendant. The time that the log takes to be written does not count.
//
// It is read by system calls of its own and not through the poller of Go, which
// wakes up for each of a child's writes: a million short lines are some two thousand
// of them, and both sides then wait for each other more than they work.
type pipeReader struct {
	file       *os.File
	size       int // of the pipe, in bytes
	drainLimit time.Duration
	ended      atomic.Bool // the child has
	aside      aside       // for what a child prints that prints much
	emptied    bool        // by the last read
	bytes      int         // that were read since the last pause, or since the child was idle
	reads      int         // the same
}

const (
	// idle is how long a child leaves the reader waiting that does not print much.
	idle = 200 * time.Microsecond
	// A child prints much that has printed so many bytes, or so many times, and was
	// never idle.
	muchBytes, muchReads = 4 << 10, 64
	// lookUp is how often a read that waits asks whether the child has ended. Its end
	// alone mostly ends the read: this is for a pipe that somebody else holds.
	lookUp = 100 * time.Millisecond
)

// newPipeReader takes a pipe out of the hands of Go's poller.
func newPipeReader(pipe *os.File, size int, drainLimit time.Duration) (*pipeReader, error) {
	fd, err := unix.FcntlInt(pipe.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	_ = pipe.Close()
	if err == nil {
		err = unix.SetNonblock(fd, false) // or os.NewFile hands it to the poller again
	}
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), pipe.Name())
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = file.Close()
		return nil, err
	}
	return &pipeReader{file: file, size: size, drainLimit: drainLimit}, nil
}

func (r *pipeReader) Read(p []byte) (n int, err error) {
	conn, err := r.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	// The file is not closed, and its number not given to another, before this is over.
	held := conn.Control(func(fd uintptr) {
		if r.aside.holds == 0 {
			r.gather(int(fd))
		}
		if r.aside.holds > 0 {
			n, err = r.aside.give(p)
			r.emptied = r.aside.holds == 0
		} else {
			n, err = r.read(int(fd), p)
			r.emptied = n < len(p)
		}
	})
	if held != nil {
		return 0, held
	}
	r.bytes, r.reads = r.bytes+n, r.reads+1
	return n, err // io.EOF as it is
}

// gather lets the pipe fill up before it is read again, where a child prints much, so
// that the child can go on printing, and takes aside what is there. It lasts as long
// as it takes to fill the pipe at 4 GB/s, a quarter of a millisecond at most, and nobody
// sees it. Where little is printed there is none, and what comes from stdout and from
// stderr mostly keeps its order.
func (r *pipeReader) gather(fd int) {
	if !r.emptied || r.bytes < muchBytes && r.reads < muchReads {
		return
	}
	if r.bytes < r.size/2 {
		waitForHangup(fd, time.Duration(r.size)*time.Nanosecond/4)
	}
	r.bytes, r.reads = 0, 0
	r.aside.take(fd, r.size)
}

func (r *pipeReader) read(fd int, p []byte) (int, error) {
	var since time.Time // when nothing was there for the first time after the child's end
	for {
		ended := r.ended.Load() // before the look, or the last words could come between the two
		n, err := unix.Read(fd, p)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
		case err != nil:
			return 0, fmt.Errorf("reading the output: %w", err)
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
		if ended && since.IsZero() {
			since = time.Now()
		}
		if ended && time.Since(since) >= r.drainLimit {
			return 0, io.EOF
		}
		look := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}} //nolint:gosec // a file descriptor
		began := time.Now()
		if _, err := unix.Poll(look, int(lookUp.Milliseconds())); err != nil && !errors.Is(err, unix.EINTR) {
			return 0, fmt.Errorf("waiting for the output: %w", err)
		}
		if time.Since(began) > idle {
			r.bytes, r.reads = 0, 0
		}
	}
}

func (p *process) closePipes() {
	for _, r := range p.readers {
		_ = r.file.Close()
	}
	for _, w := range p.writers {
		_ = w.Close()
	}
}

// drain waits until everything that was printed has been taken over.
func (p *process) drain() error {
	for _, r := range p.readers {
		r.ended.Store(true)
	}
	var all error
	for _, done := range p.pumps {
		all = errors.Join(all, <-done)
	}
	return all
}
