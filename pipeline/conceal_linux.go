package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Conceal keeps what this process knows from the other processes of its user,
// for good. It belongs at the very start of the program. What os.Environ and
// os.Getenv give stays as it is.
//
// The process makes itself non-dumpable (PR_SET_DUMPABLE), so that only somebody
// with CAP_SYS_PTRACE may read its memory or attach to it. Root may still read
// /proc/PID/environ, which shows the memory that the environment was handed over
// in for as long as the process lives; to unset a variable changes nothing there.
// Go has copied all of it by now, so that memory is overwritten.
//
// What files the process was started with, beside its three streams, it keeps from
// its children: who holds a descriptor is not asked for rights any more.
func Conceal() error {
	if err := overwriteEnvironment(); err != nil {
		return fmt.Errorf("overwriting /proc/self/environ, so that no other process can read it: %w", err)
	}
	return keepOpenFiles()
}

// keepOpenFiles marks all descriptors but the three streams as close-on-exec.
func keepOpenFiles() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("keeping the open files of this process from its children: %w", err)
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

// overwriteEnvironment makes this process non-dumpable and overwrites all that
// /proc/self/environ shows. It makes sure of that.
func overwriteEnvironment() error {
	// Opened first: those of a process that is not dumpable are root's.
	memory, err := openOwn("/proc/self/mem", os.O_WRONLY)
	if err != nil {
		return err
	}
	defer func() { _ = memory.Close() }()
	environ, err := openOwn("/proc/self/environ", os.O_RDONLY)
	if err != nil {
		return err
	}
	defer func() { _ = environ.Close() }()
	if err := stayConcealed(); err != nil {
		return err
	}
	start, end, err := environmentMemory()
	if err != nil {
		return err
	}
	if _, err := memory.WriteAt(make([]byte, end-start), start); err != nil {
		return err
	}
	left, err := io.ReadAll(environ)
	if err == nil && len(bytes.Trim(left, "\x00")) > 0 {
		err = errors.New("it still shows something")
	}
	return err
}

func openOwn(name string, flag int) (*os.File, error) {
	file, err := os.OpenFile(name, flag, 0)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w; who runs this program must be able to read it, too (chmod a+r), and it must not have capabilities of its own (getcap)", err)
	case err != nil:
		return nil, fmt.Errorf("%w; /proc is needed", err)
	}
	return file, nil
}

// stayConcealed makes this process non-dumpable, again after each start of a child of
// another user: until that child executes its program, both have their memory in
// common, and to become somebody else sets what /proc/sys/fs/suid_dumpable says.
func stayConcealed() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("making this process non-dumpable: %w", err)
	}
	return nil
}

// environmentMemory tells where in the memory of this process the environment
// is: env_start and env_end, the 50th and 51st value of proc_pid_stat(5).
func environmentMemory() (start, end int64, err error) {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, 0, fmt.Errorf("%w; /proc is needed", err)
	}
	const state, envStart, envEnd = 3, 50, 51
	// The second value is the name of the program, which may have anything in it.
	values := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(values) <= envEnd-state {
		return 0, 0, fmt.Errorf("/proc/self/stat has %d values and not %d", len(values)+state-1, envEnd)
	}
	start, err = strconv.ParseInt(values[envStart-state], 10, 64)
	if err == nil {
		end, err = strconv.ParseInt(values[envEnd-state], 10, 64)
	}
	if err == nil && (start <= 0 || end < start) {
		err = fmt.Errorf("/proc/self/stat does not tell where in memory it is (%d to %d): an emulator does not always", start, end)
	}
	return start, end, err
}
