package pipeline

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// straysLimit is how long the end of killed processes is waited for. Only one
// that hangs in the kernel takes longer than some milliseconds.
const straysLimit = 10 * time.Second

// AdoptStrays makes this process the parent of every descendant that loses its
// own, so that a process that left its group and its session can still be
// found and ended. Call it once, at the start of the program.
func AdoptStrays() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("becoming a child subreaper: %w", err)
	}
	return nil
}

// endStrays kills what fell to this process until nothing is left of it.
func endStrays() error { return endEach("this step", strays) }

// endEach kills what find finds until it finds nothing more. The death of one
// process may hand its own children over to us, hence the loop.
func endEach(of string, find func() ([]int, error)) error {
	deadline := time.Now().Add(straysLimit)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		pids, err := find()
		if err != nil || len(pids) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d processes of %s cannot be ended, such as %v; nothing may run beside what follows",
				len(pids), of, pids[:min(len(pids), 5)])
		}
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL)
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil) // if it fell to us
		}
		if left, err := find(); err == nil && len(left) == 0 {
			return nil
		}
		time.Sleep(pause)
	}
}

// strays are our children, zombies included, outside our own session: Exec
// starts every child in a new session, and there is no way back into ours. (The
// loopback server of a dry run has children too, and those are in ours.) They
// are read off /proc/*/stat, since not every kernel has /proc/*/children.
func strays() ([]int, error) {
	// One call tells that there is no child at all, which is what is usual.
	err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil)
	if errors.Is(err, unix.ECHILD) {
		return nil, nil
	}
	session, err := unix.Getsid(0)
	if err != nil {
		return nil, fmt.Errorf("asking for the session of this process: %w", err)
	}
	all, err := processes()
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, p := range all {
		if p.parent == os.Getpid() && p.session != session {
			pids = append(pids, p.pid)
		}
	}
	return pids, nil
}
