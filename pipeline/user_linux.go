package pipeline

import (
	"bufio"
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// end kills all processes of the user until none is left. They are found by
// their uid, so that no way out of a group, a session or a family helps.
func (u *User) end() error {
	return endEach("the user "+u.Name, func() ([]int, error) {
		pids, err := u.processes()
		if len(pids) > 0 {
			u.killAll()
		}
		return pids, err
	})
}

// killAll has the kernel kill all that the user may kill, in one stroke, so that
// none can fork faster than it is found. It is the user who asks for that: by
// kill(2), -1 is everybody whom the caller may signal, itself left aside.
func (u *User) killAll() {
	sh := exec.Cmd{
		Path: "/bin/sh", Args: []string{"sh", "-c", "kill -KILL -1"}, Dir: "/", Env: []string{},
		SysProcAttr: &syscall.SysProcAttr{Credential: u.credential(), Setsid: true},
	}
	_ = sh.Run() // whether it helped is looked at
}

// processes are those of which any of the four uids is the user's. The owner of
// /proc/PID is not asked: it is root's for a process that is non-dumpable.
func (u *User) processes() ([]int, error) {
	var pids []int
	err := eachProcess("status", func(pid int, status []byte) {
		if uids, alive := parseStatus(status); alive && strings.Contains(uids, fmt.Sprintf("\t%d\t", u.uid)) {
			pids = append(pids, pid)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("looking for processes of the user %s: %w", u.Name, err)
	}
	return pids, nil
}

// parseStatus gives the uids of a process, each between tabs, and whether it is
// more than a zombie, which can do nothing and waits for its parent. A process
// whose first thread has ended looks like one, and its other threads go on.
func parseStatus(status []byte) (uids string, alive bool) {
	zombie, threads := false, ""
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ":")
		switch value = strings.TrimSpace(value); key {
		case "Uid":
			uids = "\t" + value + "\t"
		case "State":
			zombie = strings.HasPrefix(value, "Z") || strings.HasPrefix(value, "X")
		case "Threads":
			threads = value
		}
	}
	return uids, !zombie || threads != "1" && threads != "0"
}

// noNewPrivileges keeps this thread, and what it starts, from gaining rights.
func noNewPrivileges() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("forbidding new privileges: %w", err)
	}
	return nil
}
