package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"spa-runner/internal/guard"
)

// ofOwnSession makes a child lead a session, and end when the runner does: of a
// SIGKILL to the runner alone it learns in no other way. It is SIGTERM and not
// SIGKILL, since make passes that on to what it started.
func ofOwnSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}
}

// watch tells when a child has ended. Until reap is called it stays a zombie, so
// that its number, and with it that of its group and session, cannot have been
// given to anybody else.
func watch(cmd *exec.Cmd) (ended <-chan struct{}, reap func() error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = guard.Call(func() error {
			for {
				err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
				if !errors.Is(err, unix.EINTR) {
					return err
				}
			}
		})
	}()
	return done, cmd.Wait
}

// signalSession sends a signal to all of a session: to the group of its leader,
// and to the other groups, such as timeout(1) and job control make them.
func signalSession(leader int, signal syscall.Signal) {
	_ = unix.Kill(-leader, signal)
	all, _ := processes()
	for _, p := range all {
		if p.session == leader && p.group != leader {
			_ = unix.Kill(p.pid, signal)
		}
	}
}

// sessionEmpty says that nothing of a session runs any more. If it cannot be
// told, the grace period is waited for.
func sessionEmpty(leader int) bool {
	all, err := processes()
	for _, p := range all {
		if p.session == leader && !p.zombie {
			return false
		}
	}
	return err == nil
}

// survivors are the names of what still runs of a child that has ended.
func survivors(leader int) (names []string) {
	ours, err := unix.Getsid(0)
	all, _ := processes()
	for _, p := range all {
		fell := err == nil && p.parent == os.Getpid() && p.session != ours // to us: it had left the session
		if p.pid != leader && !p.zombie && (p.session == leader || fell) {
			names = append(names, p.name)
		}
	}
	return names
}

// proc is one process of this machine.
type proc struct {
	name                        string // of the program, cut to 15 bytes
	pid, parent, group, session int
	zombie                      bool
}

// processes lists all of them that can be seen.
func processes() ([]proc, error) {
	var all []proc
	err := eachProcess("stat", func(pid int, stat []byte) {
		// "PID (name) state PPID group session …", where the name may hold anything.
		p, state := proc{pid: pid}, ""
		end := bytes.LastIndexByte(stat, ')')
		p.name = string(stat[min(bytes.IndexByte(stat, '(')+1, max(0, end)):max(0, end)])
		rest := string(stat[end+1:])
		if _, err := fmt.Sscan(rest, &state, &p.parent, &p.group, &p.session); err == nil {
			p.zombie = state == "Z" || state == "X"
			all = append(all, p)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("looking for processes that a step left behind: %w", err)
	}
	return all, nil
}

// eachProcess shows what /proc says in one file of each process. A /proc that does not
// show this process is that of another system, or none: that is an error.
func eachProcess(file string, show func(pid int, content []byte)) error {
	return eachProcessIn("/proc", file, show)
}

func eachProcessIn(folder, file string, show func(pid int, content []byte)) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	own := false
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		content, err := os.ReadFile(folder + "/" + entry.Name() + "/" + file)
		if err != nil {
			continue // it has ended meanwhile
		}
		own = own || pid == os.Getpid()
		show(pid, content)
	}
	if !own {
		return fmt.Errorf("%s does not show this process: is it that of another system, or none?", folder)
	}
	return nil
}
