package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
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

// endStrays kills what fell to this process until nothing is left of it. The
// death of one hands its own children over to us, hence the loop.
func endStrays() error {
	deadline := time.Now().Add(straysLimit)
	for pause := time.Millisecond; ; pause *= 2 {
		pids, err := strays()
		if err != nil || len(pids) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d processes of this step cannot be ended, such as %v; nothing may run beside what follows",
				len(pids), pids[:min(len(pids), 5)])
		}
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL)
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
		}
		if left, err := strays(); err == nil && len(left) == 0 {
			return nil
		}
		time.Sleep(min(pause, 100*time.Millisecond))
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
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("looking for processes that a step left behind: %w", err)
	}
	session, err := unix.Getsid(0)
	if err != nil {
		return nil, fmt.Errorf("asking for the session of this process: %w", err)
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue // it has ended meanwhile
		}
		// "PID (name) state PPID group session …", where the name may hold anything.
		var state string
		var parent, group, sid int
		rest := string(stat[bytes.LastIndexByte(stat, ')')+1:])
		if _, err := fmt.Sscan(rest, &state, &parent, &group, &sid); err == nil &&
			parent == os.Getpid() && sid != session {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// waitAndEndGroup waits for a child and kills what it left in its group. The
// child stays a zombie until that is done, so that its number, and with it that
// of the group, cannot have been given to anybody else.
func waitAndEndGroup(cmd *exec.Cmd) error {
	pid := cmd.Process.Pid
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	_ = unix.Kill(-pid, unix.SIGKILL)
	return cmd.Wait()
}

// enlarge lets a pipe hold more than the 64 KB it has by default, so that a
// child that prints much is not stopped at each of them. It may be refused.
func enlarge(pipe *os.File) {
	if conn, err := pipe.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
	}
}
