package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// defaultGrace is how long a child may take to end after a signal when the
// Runtime does not say.
const defaultGrace = 10 * time.Second

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
	// Tree, if set, is a folder that belongs to whom the child runs as.
	Tree string
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
	var user *User // nil: whoever the runner is
	if creds.scope() == (None{}).name() {
		user = rt.Untrusted
	}
	if rt.Untrusted != nil && c.Tree != "" {
		if err := rt.Untrusted.give(c.Tree, user != nil); err != nil {
			return err
		}
	}
	env, err := childEnv(ctx, rt, creds, c)
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
	if user != nil {
		p.user, p.cmd.SysProcAttr.Credential = user, user.credential()
	}
	if p.cmd.Stdout, err = p.pipe(rt.writer(c.Stdout, "stdout")); err != nil {
		return err
	}
	if p.cmd.Stderr, err = p.pipe(rt.writer(c.Stderr, "stderr")); err != nil {
		return err
	}
	if err := p.start(); err != nil {
		return fmt.Errorf("starting %s in %s: %w", c.Argv[0], c.Dir, err)
	}
	waitErr := p.wait(ctx)
	if !c.Beside {
		if err := rt.endAll(); err != nil {
			return err
		}
	}
	if err := p.drain(); err != nil {
		return fmt.Errorf("reading what %s printed: %w", c.Argv[0], err)
	}
	return childError(c.Argv, waitErr)
}

// start starts the child. One of another user cannot come back from there by
// way of a program with the setuid bit, such as sudo: no_new_privs is an attribute
// of the thread that starts it, and never leaves it. So that thread is used once.
func (p *process) start() error {
	if p.user == nil {
		return p.cmd.Start()
	}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and not unlocked, which ends the thread
		err := noNewPrivileges()
		if err == nil {
			err = p.cmd.Start()
		}
		started <- err
	}()
	return <-started
}

// endAll ends whatever is left of the children.
func (rt *Runtime) endAll() error {
	err := endStrays()
	if rt.Untrusted != nil {
		err = errors.Join(err, rt.Untrusted.end())
	}
	return err
}

// process is a child with its pipes.
type process struct {
	rt      *Runtime
	cmd     *exec.Cmd
	user    *User // nil: whoever the runner is
	readers []*pipeReader
	writers []*os.File // the child's ends, until it has been started
	pumps   []chan error
}

// wait waits for the child to end, by itself or because ctx did.
func (p *process) wait(ctx context.Context) error {
	for _, w := range p.writers {
		_ = w.Close()
	}
	ended := make(chan error, 1)
	go func() { ended <- waitAndEndGroup(p.cmd) }()
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
