package pipeline

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"spa-runner/internal/fault"
	"spa-runner/internal/guard"
)

// supervised is the variable by which the program knows that it is the second of its
// two processes. Its value is of no meaning. No child sees it.
const supervised = "SPA_RUNNER_SUPERVISED"

// The files of the second process, beside its three streams.
const (
	lastWordFD = 3 // to write the exit code to
	signalsFD  = 4 // to read signals from
)

// Supervise calls do in a second process of this program, and gives the exit code of
// that. It is for what no program of Go can do for itself: where the runtime of Go gets
// no memory, no thread or no file, it ends the process with exit code 2, which is the
// one of make. The second process writes its exit code before it ends. If it did not,
// that is fault.ExitRunner, and complain says why.
//
// Signals that this process gets are handed on by the channel, since the second one may
// get them too: both are in the process group of the terminal. If this process is
// killed, so is the second.
func Supervise(environ []string, complain io.Writer, do func(environ []string, signals <-chan syscall.Signal) int) int {
	if slices.ContainsFunc(environ, isMark) && isPipe(lastWordFD) && isPipe(signalsFD) {
		return second(slices.DeleteFunc(slices.Clone(environ), isMark), do)
	}
	code, err := first(environ)
	if err != nil {
		_, _ = fmt.Fprintln(complain, "spa-runner: "+err.Error())
	}
	return code
}

func isMark(pair string) bool { return strings.HasPrefix(pair, supervised+"=") }

func isPipe(fd int) bool {
	var stat unix.Stat_t
	return unix.Fstat(fd, &stat) == nil && stat.Mode&unix.S_IFMT == unix.S_IFIFO
}

func second(environ []string, do func([]string, <-chan syscall.Signal) int) int {
	signals := make(chan syscall.Signal)
	go func() {
		_ = guard.Call(func() error {
			for one := make([]byte, 1); ; {
				if n, err := unix.Read(signalsFD, one); n == 1 {
					signals <- syscall.Signal(one[0])
				} else if !errors.Is(err, unix.EINTR) {
					return err
				}
			}
		})
	}()
	code := do(environ, signals)
	_, _ = unix.Write(lastWordFD, []byte{byte(code)}) // if that fails, the first process says so
	return code
}

// first starts the second process, and waits for it.
func first(environ []string) (code int, err error) {
	defer func() {
		if err != nil {
			code = fault.ExitRunner
		}
	}()
	// No files of package os: those would need the poller of the runtime, which may not be had.
	var lastWord, toSecond [2]int
	if err := errors.Join(unix.Pipe2(lastWord[:], unix.O_CLOEXEC), unix.Pipe2(toSecond[:], unix.O_CLOEXEC)); err != nil {
		return 0, fmt.Errorf("making pipes to the second process of the runner: %w", err)
	}
	signals := takeSignals()
	defer signal.Stop(signals)
	runtime.LockOSThread() // the end of this thread is the death of the parent
	pid, err := syscall.ForkExec(ownProgram(), os.Args, &syscall.ProcAttr{
		Env:   append(slices.DeleteFunc(slices.Clone(environ), isMark), supervised+"=1"),
		Files: []uintptr{0, 1, 2, uintptr(lastWord[1]), uintptr(toSecond[0])},
		Sys:   &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return 0, fmt.Errorf("starting the second process of the runner: %w", err)
	}
	go func() { _ = guard.Call(func() error { passSignals(signals, pid, toSecond[1]); return nil }) }()
	_ = unix.Close(lastWord[1])
	var status unix.WaitStatus
	for {
		if _, err = unix.Wait4(pid, &status, 0, nil); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return 0, fmt.Errorf("waiting for the second process of the runner: %w", err)
	}
	word := make([]byte, 1)
	n, _ := unix.Read(lastWord[0], word)
	return verdict(status, word[:max(0, n)])
}

// ownProgram is the path of this program, by its name if that still leads to it: ps(1)
// shows the second process under the name of its file.
func ownProgram() string {
	const link = "/proc/self/exe"
	path, err := os.Executable()
	if err != nil {
		return link
	}
	var byName, own unix.Stat_t
	if unix.Stat(path, &byName) != nil || unix.Stat(link, &own) != nil || byName.Dev != own.Dev || byName.Ino != own.Ino {
		return link
	}
	return path
}

// takeSignals gives the signals that this process gets and that would end it.
func takeSignals() chan os.Signal {
	signals := make(chan os.Signal, 8)
	for _, s := range slices.Concat(requests(), crashes()) {
		if !signal.Ignored(s) { // nohup(1)
			signal.Notify(signals, s)
		}
	}
	return signals
}

// requests are the signals by which a run is asked to end.
func requests() []os.Signal {
	return []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}
}

// crashes are those at which Go ends a process with exit code 2, also where they come from outside.
func crashes() []os.Signal {
	return []os.Signal{
		syscall.SIGABRT, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGSEGV, syscall.SIGSTKFLT, syscall.SIGSYS, syscall.SIGTRAP,
	}
}

// passSignals hands signals on: crashes to the process pid, which then ends of them, and
// requests as bytes to a pipe.
func passSignals(signals <-chan os.Signal, pid, to int) {
	var before repeated
	for s := range signals {
		number, ok := s.(syscall.Signal)
		switch {
		case !ok:
		case slices.Contains(crashes(), s):
			_ = syscall.Kill(pid, number)
		case !before.again(number, time.Now()):
			_, _ = unix.Write(to, []byte{byte(number)})
		}
	}
}

// repeated is the last signal that came, and when. A person who asks twice takes longer
// than atOnce. Timeout(1) does not: it sends its signal to its child, and then to the
// process group, in which that child is too.
type repeated struct {
	signal syscall.Signal
	at     time.Time
}

const atOnce = 100 * time.Millisecond

// again says whether a signal that comes now is the one that came last, once more.
func (r *repeated) again(s syscall.Signal, now time.Time) bool {
	if s == r.signal && now.Sub(r.at) < atOnce {
		return true
	}
	r.signal, r.at = s, now
	return false
}

// verdict is the exit code of a process that ended with a status and wrote a last word.
func verdict(status unix.WaitStatus, lastWord []byte) (code int, err error) {
	switch {
	case status.Exited() && len(lastWord) == 1 && status.ExitStatus() == int(lastWord[0]):
		return status.ExitStatus(), nil
	case status.Signaled() && slices.Contains([]unix.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM}, status.Signal()):
		return 128 + int(status.Signal()), nil // when all was done, and only the answer was left to be read
	case status.Signaled() && status.Signal() == unix.SIGKILL:
		return 0, errors.New("the runner was killed by SIGKILL: by the kernel where memory is short, or by a person; " +
			"what it was doing may be done by half. Give the build more memory, or look who did it")
	case status.Signaled():
		return 0, fmt.Errorf("the runner was ended by %s (%d), which it did not expect: what it was doing may be done by half", status.Signal(), int(status.Signal()))
	}
	return 0, fmt.Errorf("the runner ended with status %d in the middle of its work, most likely because it got no memory, thread or file any more "+
		"(what Go says of it is above): what it was doing may be done by half. Raise the limits of the build (ulimit -a), or give it more memory", status.ExitStatus())
}
