package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"spa-runner/internal/logs/screen"
	"spa-runner/internal/loopback"
)

// openTerminal makes a pair of a terminal and what sits before it.
// https://man7.org/linux/man-pages/man4/pts.4.html
func openTerminal(t *testing.T, columns uint16) (master, terminal *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("this machine has no pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	fd := int(master.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns})
	}
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("this machine has no pseudo-terminals: %v", err)
	}
	return master, terminal
}

// onTerminal runs spa-runner on a terminal until its end. See is told of each line at the
// bottom that tells of a step.
func onTerminal(t *testing.T, w *world, columns uint16, see func(line string, process *os.Process), args ...string) (raw string, lines []string, code int) {
	t.Helper()
	master, terminal := openTerminal(t, columns)
	cmd := w.command(args...)
	cmd.Stdout, cmd.Stderr = terminal, terminal
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = terminal.Close()
	shows := screen.New(int(columns))
	var bytes strings.Builder
	for buffer := make([]byte, 4096); ; {
		n, err := master.Read(buffer)
		bytes.Write(buffer[:n])
		if _, wrong := shows.Write(buffer[:n]); wrong != nil {
			t.Error(wrong)
		}
		if all := shows.Lines(); see != nil && isLive(all[len(all)-1]) {
			see(all[len(all)-1], cmd.Process)
		}
		if errors.Is(err, syscall.EIO) || errors.Is(err, io.EOF) {
			break // nobody has the terminal open any more
		} else if err != nil {
			t.Fatal(err)
		}
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return bytes.String(), shows.Lines(), cmd.ProcessState.ExitCode()
}

func isLive(line string) bool { return strings.ContainsAny(line, "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏") }

func terminalWorld(t *testing.T, makefile string) *world {
	w := newWorld(t, loopback.Options{})
	delete(w.env, "SPA_RUNNER_LOG_FORMAT")
	delete(w.env, "CI")
	delete(w.env, "CODEBUILD_BUILD_ID")
	w.env["TERM"] = "xterm"
	w.write("code", "Makefile", makefile)
	w.serve()
	return w
}

const quietly = "setup lint deploy:\n\t@true\n"

// On a real terminal the child's lines are whole and in order, nothing of the line is left
// between or below them, and it was there.
func TestTheLiveLineOnATerminal(t *testing.T) {
	t.Parallel()
	for _, columns := range []uint16{20, 80} {
		w := terminalWorld(t, quietly+"all-tests:\n\t@for i in 1 2 3 4; do printf 'part '; sleep 0.2; echo \"of $$i, 日本語\"; done; i=0; "+
			"while [ $$i -lt 20000 ]; do i=$$((i+1)); echo \"line $$i\"; done; sleep 0.3; printf 'no end'\n")
		seen := map[string]bool{}
		var mu sync.Mutex
		_, lines, code := onTerminal(t, w, columns, func(line string, _ *os.Process) {
			mu.Lock()
			defer mu.Unlock()
			_, text, _ := strings.Cut(line, " ")
			seen[text] = true
		}, "run")
		if code != 0 {
			t.Errorf("%d columns: exit code %d\n%s", columns, code, strings.Join(lines, "\n"))
		}
		var want []string
		for i := 1; i <= 4; i++ {
			want = append(want, fmt.Sprintf("  | part of %d, 日本語", i))
		}
		for i := 1; i <= 20000; i++ {
			want = append(want, fmt.Sprintf("  | line %d", i))
		}
		want = append(want, "  | no end")
		got := slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return !strings.HasPrefix(line, "  | ") })
		if !slices.Equal(got, want) {
			t.Errorf("%d columns: the child's lines are not as it wrote them: %d of %d, such as %q", columns, len(got), len(want), got[:min(8, len(got))])
		}
		if i := slices.IndexFunc(lines, isLive); i >= 0 {
			t.Errorf("%d columns: left behind: %q", columns, lines[i])
		}
		if one := map[uint16]string{20: "make-all-tes~  0s", 80: "make-all-tests  0s  (8 of 10)"}[columns]; !seen[one] {
			t.Errorf("%d columns: %q was never there, but %v", columns, one, seen)
		}
	}
}

// However a run ends, the line goes with it.
func TestTheLiveLineGoesWithTheRun(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		recipe string
		signal os.Signal
		code   int
	}{
		"a target fails":    {recipe: "sleep 0.3; exit 3", code: 2},
		"a child is killed": {recipe: "sleep 0.3; kill -9 $$$$", code: 2},
		"an interrupt":      {recipe: "sleep 60", signal: syscall.SIGINT, code: 130},
		"a hangup":          {recipe: "sleep 60", signal: syscall.SIGHUP, code: 129},
		"a quit":            {recipe: "sleep 60", signal: syscall.SIGQUIT, code: 131},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := terminalWorld(t, quietly+"all-tests:\n\t@"+test.recipe+"\n")
			seen := false
			_, lines, code := onTerminal(t, w, 80, func(line string, process *os.Process) {
				if strings.Contains(line, "make-all-tests") && !seen {
					seen = true
					if test.signal != nil {
						_ = process.Signal(test.signal)
					}
				}
			}, "run")
			if i := slices.IndexFunc(lines, isLive); i >= 0 || !seen || code != test.code {
				t.Errorf("seen %t, exit code %d, want %d, and there is\n%s", seen, code, test.code, strings.Join(lines, "\n"))
			}
		})
	}
}

// Who records a terminal is not given what is taken back; whom colours disturb is.
func TestWhereThereIsALiveLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, value string
		want        bool
	}{
		{"NO_COLOR", "1", true},
		{"TERM", "dumb", false},
		{"TERM", "", false},
		{"CI", "true", false},
		{"CODEBUILD_BUILD_ID", "a:1", false},
		{"SPA_RUNNER_LOG_FORMAT", "mixed", false},
		{"SPA_RUNNER_LOG_FORMAT", "json", false},
		{"SPA_RUNNER_LOG_FORMAT", "console", true},
	} {
		t.Run(test.name+"="+test.value, func(t *testing.T) {
			t.Parallel()
			w := terminalWorld(t, quietly+"all-tests:\n\t@sleep 0.3\n")
			w.env[test.name] = test.value
			raw, _, code := onTerminal(t, w, 80, nil, "run")
			if got := isLive(raw); got != test.want || code != 0 {
				t.Errorf("a live line: %t, want %t; exit code %d", got, test.want, code)
			}
			if test.name == "NO_COLOR" && strings.Contains(raw, "\x1b[2m") {
				t.Error("it has colours")
			}
		})
	}
}
