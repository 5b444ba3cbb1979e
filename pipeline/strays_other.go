//go:build !linux

package pipeline

import (
	"os/exec"
	"syscall"

	"spa-runner/internal/guard"
)

// Other systems are for rehearsals on a laptop: a child's group is ended with
// it, but a process that left the group is not found.

// AdoptStrays does nothing where there is no child subreaper.
func AdoptStrays() error { return nil }

func endStrays() error { return nil }

func ofOwnSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func watch(cmd *exec.Cmd) (ended <-chan struct{}, reap func() error) {
	done := make(chan struct{})
	var err error
	go func() {
		defer close(done)
		err = guard.Call(cmd.Wait)
	}()
	return done, func() error { <-done; return err }
}

func signalSession(leader int, signal syscall.Signal) { _ = syscall.Kill(-leader, signal) }

// sessionEmpty is asked when the leader has been waited for.
func sessionEmpty(leader int) bool { return syscall.Kill(-leader, 0) != nil }

func survivors(int) []string { return nil }
