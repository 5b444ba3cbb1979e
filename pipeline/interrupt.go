package pipeline

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"

	"spa-runner/internal/fault"
)

const (
	// defaultGrace is how long a child may take to end after a signal when the
	// Runtime does not say, and deployGrace in the scope that changes an account:
	// there a tool has something to put in order.
	defaultGrace = 10 * time.Second
	deployGrace  = 60 * time.Second
	// lookAgain is how often a session that is to end is looked at.
	lookAgain = 20 * time.Millisecond
)

// grace is how long a child may take to end after a signal.
func (rt *Runtime) grace(scope string) time.Duration {
	switch {
	case rt.Grace > 0:
		return rt.Grace
	case scope == Deploy{}.name():
		return deployGrace
	}
	return defaultGrace
}

// wait waits for the child to end, by itself or because ctx did, and then kills
// what is left of its group.
func (p *process) wait(ctx context.Context) (interrupted bool, err error) {
	for _, w := range p.writers {
		_ = w.Close()
	}
	ended, reap := watch(p.cmd)
	select {
	case <-ended:
	case <-ctx.Done():
		interrupted = p.interrupt(ctx, ended)
	}
	if !interrupted && p.scope == (Deploy{}).name() {
		p.warnOfSurvivors()
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	return interrupted, reap()
}

// settle is how long what a deployment started may take to end behind it.
const settle = 200 * time.Millisecond

// warnOfSurvivors tells what is about to be killed although the child ended by
// itself: a deployment in the background is no deployment, whatever the status is.
func (p *process) warnOfSurvivors() {
	left := survivors(p.cmd.Process.Pid)
	for over := time.Now().Add(settle); len(left) > 0 && time.Now().Before(over); left = survivors(p.cmd.Process.Pid) {
		time.Sleep(lookAgain)
	}
	if len(left) > 0 {
		p.log.Warn("processes outlived the command and are ended: if they were to do its work, it is not done",
			zap.String("command", strings.Join(p.cmd.Args, " ")), zap.Strings("processes", left))
	}
}

// interrupt passes the signal on and waits until the session is empty, for as
// long as the grace lasts. It is false if the child had ended already.
func (p *process) interrupt(ctx context.Context, ended <-chan struct{}) bool {
	select {
	case <-ended:
		return false
	default:
	}
	defer p.graces.begin(p.grace)()
	signal := syscall.SIGTERM
	if cause := (*fault.InterruptedError)(nil); errors.As(context.Cause(ctx), &cause) {
		signal = cause.Signal
	}
	signalSession(p.cmd.Process.Pid, signal)
	over := time.NewTimer(p.grace)
	defer over.Stop()
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for {
		select {
		case <-over.C:
			return true
		case <-p.hurry:
			return true
		case <-ended:
			ended = nil
		case <-again.C:
			if ended == nil && sessionEmpty(p.cmd.Process.Pid) {
				return true
			}
		}
	}
}
