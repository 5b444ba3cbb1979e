package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"go.uber.org/zap"

	"spa-runner/internal/fault"
	"spa-runner/internal/guard"
)

// Command is one process to run.
type Command struct {
	Dir  string
	Argv []string
	// Given says that the program is the make of [Given], whatever the PATH of the
	// child leads to. Its path takes the place of Argv[0], so that $(MAKE) in a
	// recipe is that program too.
	Given bool
	// Env is added to the environment of the build, as NAME=value. A name that
	// children may not see is left out.
	Env []string
	// Own is added too, also where the build may not set the name.
	Own []string
	// Without are names that this child does not see.
	Without []string
	// Stdout and Stderr take the output as it is. Where they are nil it goes to
	// the log, redacted and line by line.
	Stdout, Stderr io.Writer
	// Results, if set, takes what the child writes to its file descriptor 3, a pipe
	// that no other child inherits.
	Results io.Writer
	// Tree, if set, is a folder that belongs to whom the child runs as.
	Tree string
	// Beside says that other commands of the step run at the same time: what left
	// the group is then ended with the step, not now.
	Beside bool
}

// Exec runs one process in the scope of the credentials and waits for it and
// for everything that it started. It is the one door to os/exec.
//
// The child leads a session, and so a process group, of its own. When ctx ends,
// all of the session gets the signal that ended the run (SIGTERM for a time
// limit), then the grace period, then SIGKILL; the grace is also for those whose
// leader died of the signal at once, as a shell does. When the child has ended by
// itself, what is left of its group is killed, so that nothing of it runs beside
// the next command or holds the pipes open. What left the session did so to be
// spared such signals: it gets SIGKILL, when the session is empty.
//
// In a scope other than None the child finds its credentials at an endpoint on
// 127.0.0.1, which renews them and is there as long as the child is.
//
// A status other than zero is a *fault.ChildError. Whatever the status, a child that
// was asked to end did not do what it was started for: then the error is the
// cause of the end, around a *fault.ChildError.
func Exec[S Scope](ctx context.Context, rt *Runtime, creds Credentials[S], c Command) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	user := rt.user(creds.scope())
	if rt.Untrusted != nil && c.Tree != "" {
		if err := rt.Untrusted.give(ctx, c.Tree, user != nil); err != nil {
			return err
		}
	}
	env, release, err := childEnv(ctx, rt, creds, c)
	if err != nil {
		return err
	}
	defer release()
	path, argv, err := rt.program(user, c, env)
	if err != nil {
		return err
	}
	p := &process{scope: creds.scope(), log: rt.Log, grace: rt.grace(creds.scope()), hurry: rt.Hurry, graces: rt.graces, drainLimit: cmp.Or(rt.drainLimit, drainLimit), over: make(chan struct{}), cmd: &exec.Cmd{
		Path: path, Args: argv, Dir: c.Dir, Env: env,
		SysProcAttr: ofOwnSession(),
	}}
	defer close(p.over)
	defer p.closePipes()
	if user != nil {
		p.user, p.cmd.SysProcAttr.Credential = user, user.credential()
	}
	if err := p.attach(rt, c); err != nil {
		return err
	}
	if err := p.start(); err != nil {
		return fmt.Errorf("starting %s in %s: %w", c.Argv[0], c.Dir, err)
	}
	interrupted, waitErr := p.wait(ctx)
	if !c.Beside {
		if err := rt.endAll(); err != nil {
			return err
		}
	}
	if err := p.drain(); err != nil {
		return fmt.Errorf("reading what %s printed: %w", c.Argv[0], err)
	}
	err = childError(c.Argv, waitErr)
	if !interrupted {
		return err
	}
	if err == nil {
		err = &fault.ChildError{Argv: c.Argv}
	}
	return fmt.Errorf("%w (%w)", context.Cause(ctx), err)
}

// attach gives the child the pipes for what it prints, and for its results.
func (p *process) attach(rt *Runtime, c Command) (err error) {
	if p.cmd.Stdout, err = p.pipe(rt.writer(c.Stdout, "stdout")); err != nil {
		return err
	}
	if p.cmd.Stderr, err = p.pipe(rt.writer(c.Stderr, "stderr")); err != nil || c.Results == nil {
		return err
	}
	results, err := p.pipe(nopCloser{c.Results})
	p.cmd.ExtraFiles = []*os.File{results} // the first of which is 3
	return err
}

// program gives the path of the program to start and the arguments that it sees.
func (rt *Runtime) program(user *User, c Command, env []string) (path string, argv []string, err error) {
	g := rt.Given
	if g == nil { // a step on its own
		g = &Given{Workdir: c.Dir}
	}
	g.look(rt) // before any child starts, whatever it is
	if !c.Given {
		path, err = user.lookPath(c.Argv[0], c.Dir, env)
		return path, c.Argv, err
	}
	path, err = g.check()
	return path, append([]string{path}, c.Argv[1:]...), err
}

// start starts the child, on a thread that is kept until the child is over: the
// child is to end with the runner, however that ends, and the kernel takes the
// thread that started it for the runner.
//
// A child of another user cannot come back from there by way of a program with
// the setuid bit, such as sudo: no_new_privs is an attribute of the thread that
// starts it, and never leaves it. So that thread is used once.
func (p *process) start() error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if p.user == nil { // else the thread ends with this goroutine
			defer runtime.UnlockOSThread()
		}
		started <- guard.Call(func() error {
			if p.user != nil {
				if err := noNewPrivileges(); err != nil {
					return err
				}
			}
			err := p.cmd.Start()
			if p.user != nil {
				_ = stayConcealed() // which only fails where it did at the start of the program
			}
			return err
		})
		<-p.over
	}()
	return <-started
}

// user is whom a child of a scope runs as; nil is whoever the runner is. What is
// installed and tried is kept at arm's length, also where it may read packages.
func (rt *Runtime) user(scope string) *User {
	if scope == (Deploy{}).name() {
		return nil
	}
	return rt.Untrusted
}

// endAll ends whatever is left of the children.
func (rt *Runtime) endAll() error {
	var err error
	if rt.Untrusted != nil {
		err = rt.Untrusted.end() // first: it is the faster way to be rid of many
	}
	return errors.Join(err, endStrays())
}

// process is a child with its pipes.
type process struct {
	scope      string
	log        *zap.Logger
	cmd        *exec.Cmd
	grace      time.Duration
	hurry      <-chan struct{}
	graces     *graces
	drainLimit time.Duration
	over       chan struct{} // closed when the child is
	user       *User         // nil: whoever the runner is
	readers    []*pipeReader
	writers    []*os.File // the child's ends, until it has been started
	pumps      []chan error
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
		return &fault.ChildError{Argv: argv, Code: 128 + int(status.Signal()), Signal: status.Signal()}
	}
	return &fault.ChildError{Argv: argv, Code: exit.ExitCode()}
}
