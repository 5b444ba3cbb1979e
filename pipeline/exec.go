package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"spa-runner/internal/guard"
)

const (
	// defaultGrace is how long a child may take to end after a signal when the
	// Runtime does not say.
	defaultGrace = 10 * time.Second
	// drainLimit is how long the end of the output is waited for once all
	// processes of a child are gone. Only somebody who was handed the pipe and
	// is not a descendant can make it run out.
	drainLimit = 2 * time.Second
	// pipeSize is what is read at once: a child that prints much is read in big
	// blocks, which is what makes its lines cheap.
	pipeSize = 256 << 10
)

// Command is one process to run.
type Command struct {
	Dir  string
	Argv []string
	// Env is added to the environment of the build, as NAME=value.
	Env []string
	// Without are names that this child does not see.
	Without []string
	Stdin   io.Reader // nil: /dev/null
	// Stdout and Stderr take the output as it is. Where they are nil it goes to
	// the log, redacted and line by line.
	Stdout, Stderr io.Writer
	// Beside says that other commands of the step run at the same time, as in a
	// shell's pipe: what left the group is then ended with the step, not now.
	Beside bool
}

// Exec runs one process in the scope of the credentials and waits for it and
// for everything that it started. It is the one door to os/exec.
//
// The child leads a session, and so a process group, of its own. When ctx ends,
// the group gets the signal that ended the run (SIGTERM for a time limit), then
// the grace period, then SIGKILL. When the child has ended, however it did,
// what is left of its group is killed, so that nothing of it runs beside the
// next command or holds the pipes open, and so is what left the group.
//
// A status other than zero is a *ChildError.
func Exec[S Scope](ctx context.Context, rt *Runtime, creds Credentials[S], c Command) error {
	env, err := childEnv(ctx, rt.Env, creds, c)
	if err != nil {
		return err
	}
	path, err := lookPath(c.Argv[0], c.Dir, env)
	if err != nil {
		return err
	}
	p := &process{rt: rt, cmd: &exec.Cmd{
		Path: path, Args: c.Argv, Dir: c.Dir, Env: env, Stdin: c.Stdin,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
		WaitDelay:   drainLimit, // for Stdin alone: the output has pipes of ours
	}}
	defer p.closePipes()
	if p.cmd.Stdout, err = p.pipe(rt.writer(c.Stdout, "stdout")); err != nil {
		return err
	}
	if p.cmd.Stderr, err = p.pipe(rt.writer(c.Stderr, "stderr")); err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("starting %s in %s: %w", c.Argv[0], c.Dir, err)
	}
	waitErr := p.wait(ctx)
	if !c.Beside {
		if err := endStrays(); err != nil {
			return err
		}
	}
	if err := p.drain(); err != nil {
		return fmt.Errorf("reading what %s printed: %w", c.Argv[0], err)
	}
	return childError(c.Argv, waitErr)
}

// writer is where one stream of a child goes.
func (rt *Runtime) writer(w io.Writer, stream string) io.WriteCloser {
	if w != nil {
		return nopCloser{w}
	}
	return rt.Output(rt.step.Name(), rt.step.scope(), stream)
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// process is a child with its pipes.
type process struct {
	rt      *Runtime
	cmd     *exec.Cmd
	readers []*pipeReader
	writers []*os.File // the child's ends, until it has been started
	pumps   []chan error
}

// pipe gives the child's end of a pipe of which everything goes to w.
func (p *process) pipe(w io.WriteCloser) (*os.File, error) {
	parent, child, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe for the output: %w", err)
	}
	enlarge(child)
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

// wait waits for the child to end, by itself or because ctx did.
func (p *process) wait(ctx context.Context) error {
	for _, w := range p.writers {
		_ = w.Close()
	}
	ended := make(chan error, 1)
	go func() { ended <- guard.Call(func() error { return waitAndEndGroup(p.cmd) }) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return p.interrupt(ctx, ended)
	}
}

// interrupt passes the signal on to the group, gives it its grace, and kills it.
func (p *process) interrupt(ctx context.Context, ended <-chan error) error {
	signal := syscall.SIGTERM
	if cause := (*InterruptedError)(nil); errors.As(context.Cause(ctx), &cause) {
		signal = cause.Signal
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, signal)
	grace := p.rt.Grace
	if grace == 0 {
		grace = defaultGrace
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case err := <-ended:
		return err
	case <-timer.C:
	case <-p.rt.Hurry:
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	return <-ended
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

// childError translates what os/exec says of the end of a child.
func childError(argv []string, err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		if err != nil {
			return fmt.Errorf("running %s: %w", argv[0], err)
		}
		return nil
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return &ChildError{Argv: argv, Code: 128 + int(status.Signal()), Signal: status.Signal()}
	}
	return &ChildError{Argv: argv, Code: exit.ExitCode()}
}
