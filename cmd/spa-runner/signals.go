package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"spa-runner/internal/fault"
	"spa-runner/internal/guard"
)

// interruptible gives a context that SIGINT, SIGTERM, SIGHUP and SIGQUIT end,
// with the signal as its cause, and a channel that a second signal closes. After
// unguard they do to the process what they do to any; stop ends all of it.
//
// PassedOn are signals that the other process of this program got, see
// [pipeline.Supervise]. A terminal sends a signal to both, and then it counts once.
//
// SIGPIPE is taken so that a broken log (spa-runner run | head) is an error and
// not the sudden death of the runner beside a deployment that goes on. It is not
// ignored, since children would inherit that.
func interruptible(passedOn <-chan syscall.Signal) (ctx context.Context, hurry <-chan struct{}, unguard, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals, pipes := make(chan os.Signal, 2), make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(s) { // nohup(1)
			signal.Notify(signals, s)
		}
	}
	signal.Notify(pipes, syscall.SIGPIPE)
	twice := make(chan struct{})
	go func() {
		err := guard.Call(func() error {
			own, theirs, counted := 0, 0, 0
			for {
				var s syscall.Signal
				select {
				case got, ok := <-signals:
					if s, ok = got.(syscall.Signal); !ok {
						dieOf(passedOn)
						return nil
					}
					own++
				case s = <-passedOn:
					theirs++
				}
				if max(own, theirs) == counted {
					continue
				}
				switch counted++; counted {
				case 1:
					cancel(&fault.InterruptedError{Signal: s})
				case 2:
					close(twice)
				}
			}
		})
		if err != nil {
			cancel(err)
		}
	}()
	unguard = sync.OnceFunc(func() {
		signal.Stop(signals)
		close(signals)
	})
	return ctx, twice, unguard, func() {
		unguard()
		signal.Stop(pipes)
	}
}

// dieOf ends the process by the first signal that is passed on, as that does to any.
func dieOf(passedOn <-chan syscall.Signal) {
	if passedOn == nil {
		return
	}
	s := <-passedOn
	signal.Reset(s)
	_ = syscall.Kill(os.Getpid(), s)
}
