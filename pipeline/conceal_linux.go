package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Conceal keeps what this process knows from the other processes of its user,
// for good. It returns the environment that the program was started with, and
// belongs at the very start of the program.
//
// /proc/PID/environ shows the memory that the environment was handed over in, for
// as long as the process lives; to unset a variable changes nothing there. So
// that memory is overwritten, once the environment has been copied.
//
// Then the process makes itself non-dumpable (PR_SET_DUMPABLE), so that only
// somebody with CAP_SYS_PTRACE may read its memory or attach to it, and keeps what
// files it was started with, beside its three streams, from its children: who
// holds a descriptor is not asked for rights any more.
func Conceal(environ []string) ([]string, error) {
	environ, err := ownCopy(environ)
	if err != nil {
		return nil, err
	}
	if err := overwriteEnvironment(); err != nil {
		return nil, fmt.Errorf("overwriting /proc/self/environ, so that no other process can read it: %w; /proc is needed", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("making this process non-dumpable: %w", err)
	}
	return environ, keepOpenFiles()
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

// ownCopy copies an environment and makes the copy that of this process, where
// SDKs look for it. The strings that Go started with are in the memory that is
// overwritten. What has no name is no variable, and is left out.
func ownCopy(environ []string) (copies []string, err error) {
	os.Clearenv()
	for _, pair := range environ {
		pair = strings.Clone(pair)
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			continue
		}
		if err := os.Setenv(name, value); err != nil {
			return nil, fmt.Errorf("setting %s: %w", name, err)
		}
		copies = append(copies, pair)
	}
	return copies, nil
}

// overwriteEnvironment overwrites all that /proc/self/environ shows, and makes
// sure of it.
func overwriteEnvironment() error {
	start, end, err := environmentMemory()
	if err != nil {
		return err
	}
	memory, err := os.OpenFile("/proc/self/mem", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = memory.WriteAt(make([]byte, end-start), start)
	if err = errors.Join(err, memory.Close()); err != nil {
		return err
	}
	left, err := os.ReadFile("/proc/self/environ")
	if err == nil && len(bytes.Trim(left, "\x00")) > 0 {
		err = errors.New("it still shows something")
	}
	return err
}

// environmentMemory tells where in the memory of this process the environment
// is: env_start and env_end, the 50th and 51st value of proc_pid_stat(5).
func environmentMemory() (start, end int64, err error) {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, 0, err
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
		err = fmt.Errorf("/proc/self/stat tells no memory of it: %d to %d", start, end)
	}
	return start, end, err
}
