package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// handedOver is the one variable of the second life of this process: the number
// of the descriptor that has the environment of the first.
const handedOver = "SPA_RUNNER_ENVIRONMENT_FD"

// Conceal keeps what this process knows from the other processes of its user,
// for good. It returns the environment that the program was started with, and
// belongs at the very start of the program.
//
// /proc/PID/environ shows what a process was started with for as long as it
// lives; to unset a variable changes nothing there. So the process replaces itself
// by itself, under the same number, with an empty environment. What it had comes
// along in a memory file that is gone once it has been read. Conceal returns in
// that second life alone.
//
// Then the process makes itself non-dumpable (PR_SET_DUMPABLE), so that only
// somebody with CAP_SYS_PTRACE may read its memory or attach to it, and keeps what
// files it was started with, beside its three streams, from its children: who
// holds a descriptor is not asked for rights any more.
func Conceal(environ []string) ([]string, error) {
	if !Concealed(environ) {
		return nil, beginAnew(environ)
	}
	environ, err := takeOver(environ[0])
	if err != nil {
		return nil, fmt.Errorf("taking the environment over from the first start: %w", err)
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

// Concealed tells whether an environment is that of the second life.
func Concealed(environ []string) bool {
	return len(environ) == 1 && strings.HasPrefix(environ[0], handedOver+"=")
}

// beginAnew only returns when it failed.
func beginAnew(environ []string) error {
	fd, err := unix.MemfdCreate("environment", 0) // survives the exec
	if err == nil {
		file := os.NewFile(uintptr(fd), "environment")
		defer func() { _ = file.Close() }()
		if _, err = file.WriteString(strings.Join(environ, "\x00")); err == nil {
			// Not by its path, where another file may be by now.
			err = unix.Exec("/proc/self/exe", os.Args, []string{handedOver + "=" + strconv.Itoa(fd)})
		}
	}
	return fmt.Errorf("starting again with an empty environment, so that no other process can read it: %w; /proc and memfd_create(2) are needed", err)
}

// takeOver reads what the first life left and makes it the environment of this
// process, where SDKs look for it. The kernel does not show that one.
func takeOver(pair string) ([]string, error) {
	fd, err := strconv.Atoi(strings.TrimPrefix(pair, handedOver+"="))
	if err != nil {
		return nil, fmt.Errorf("%s is set by the runner itself: unset it", handedOver)
	}
	// Only a memory file has seals. The number may be anybody's, and to close
	// a descriptor of Go's own would be the end.
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0); err != nil {
		return nil, fmt.Errorf("%s is set by the runner itself: unset it", handedOver)
	}
	file := os.NewFile(uintptr(fd), "environment")
	text, err := io.ReadAll(io.NewSectionReader(file, 0, 1<<62))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	os.Clearenv()
	environ := []string{}
	for part := range bytes.SplitSeq(text, []byte{0}) {
		name, value, ok := strings.Cut(string(part), "=")
		if !ok || name == "" {
			continue
		}
		environ = append(environ, string(part))
		if err := os.Setenv(name, value); err != nil {
			return nil, fmt.Errorf("setting %s: %w", name, err)
		}
	}
	return environ, nil
}
