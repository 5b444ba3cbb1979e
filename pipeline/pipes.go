package pipeline

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"time"

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
	r, done := &pipeReader{file: parent}, make(chan error, 1)
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
type pipeReader struct {
	file  *os.File
	ended atomic.Bool
}

func (r *pipeReader) Read(p []byte) (int, error) {
	if r.ended.Load() {
		_ = r.file.SetReadDeadline(time.Now().Add(drainLimit))
	}
	n, err := r.file.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, io.EOF
	}
	return n, err
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
		_ = r.file.SetReadDeadline(time.Now().Add(drainLimit)) // for the read that is under way
	}
	var all error
	for _, done := range p.pumps {
		all = errors.Join(all, <-done)
	}
	return all
}
