package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"spa-runner/internal/guard"
	"spa-runner/pipeline"
)

// interruptible gives a context that SIGINT, SIGTERM, SIGHUP and SIGQUIT end,
// with the signal as its cause, and a channel that a second signal closes. After
// unguard they do to the process what they do to any; stop ends all of it.
//
// SIGPIPE is taken so that a broken log (spa-runner run | head) is an error and
// not the sudden death of the runner beside a deployment that goes on. It is not
// ignored, since children would inherit that.
func interruptible() (ctx context.Context, hurry <-chan struct{}, unguard, stop func()) {
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
			for n := 0; ; n++ {
				s, ok := (<-signals).(syscall.Signal)
				switch {
				case !ok:
					return nil
				case n == 0:
					cancel(&pipeline.InterruptedError{Signal: s})
				case n == 1:
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
