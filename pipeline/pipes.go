package pipeline

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"spa-runner/internal/guard"
)

const (
	// drainLimit is how long the end of the output is waited for once all
	// processes of a child are gone. Only somebody who was handed the pipe and
	// is not a descendant can make it run out.
	drainLimit = 2 * time.Second
	// pipeSize is what is read at once: a child that prints much is read in big
	// blocks, which is what makes its lines cheap.
	pipeSize = 256 << 10
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
	enlarge(child)
	if p.user != nil {
		_ = child.Chown(p.user.uid, p.user.gid) // for scripts that write to /dev/stderr, which opens it anew
	}
	r, err := newPipeReader(parent)
	if err != nil {
		_ = child.Close()
		return nil, err
	}
	done := make(chan error, 1)
	p.readers, p.writers, p.pumps = append(p.readers, r), append(p.writers, child), append(p.pumps, done)
	go func() { done <- guard.Call(func() error { return pump(w, r) }) }()
	return child, nil
}

// pump takes over what a child prints.
func pump(w io.WriteCloser, r *pipeReader) error {
	err := guard.Call(func() error {
		_, err := io.CopyBuffer(w, r, make([]byte, pipeSize))
		return err
	})
	if _, own := w.(nopCloser); own && errors.Is(err, syscall.EPIPE) {
		// The next command of a script's pipe has ended: as in a shell, this one
		// is to have its SIGPIPE.
		err = r.file.Close()
	} else if err != nil {
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
	file  *os.File
	ended atomic.Bool
	again bool // it was read before
}

const (
	// gather is waited before a pipe is read again, so that a child that prints much
	// is not stopped for each of its writes. Nobody sees it.
	gather = 100 * time.Microsecond
	// lookUp is how often a read that waits asks whether the child has ended. Its end
	// alone mostly ends the read: this is for a pipe that somebody else holds.
	lookUp = 100 * time.Millisecond
)

// newPipeReader takes a pipe out of the hands of Go's poller.
func newPipeReader(pipe *os.File) (*pipeReader, error) {
	fd, err := unix.FcntlInt(pipe.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, false) // or os.NewFile hands it to the poller again
	}
	_ = pipe.Close()
	if err != nil {
		return nil, fmt.Errorf("making a pipe for the output: %w", err)
	}
	return &pipeReader{file: os.NewFile(uintptr(fd), pipe.Name())}, nil
}

func (r *pipeReader) Read(p []byte) (n int, err error) {
	conn, err := r.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	// The file is not closed, and its number not given to another, before this is over.
	if held := conn.Control(func(fd uintptr) { n, err = r.read(int(fd), p) }); held != nil {
		return 0, held
	}
	return n, err // io.EOF as it is
}

func (r *pipeReader) read(fd int, p []byte) (int, error) {
	if r.again {
		pause := unix.NsecToTimeval(gather.Nanoseconds())
		_, _ = unix.Select(0, nil, nil, nil, &pause) // time.Sleep takes a millisecond at least
	}
	r.again = true
	begin := time.Now()
	for {
		ended := r.ended.Load()                                     // before the look, or the last words could come between the two
		look := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}} //nolint:gosec // a file descriptor
		ready, err := unix.Poll(look, int(lookUp.Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("waiting for the output: %w", err)
		case ready == 0 && ended && time.Since(begin) >= drainLimit:
			return 0, io.EOF
		case ready == 0:
			if !ended {
				begin = time.Now() // the limit is that of the time since the child has ended
			}
			continue
		}
		n, err := unix.Read(fd, p)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("reading the output: %w", err)
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
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
