package pipeline

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"spa-runner/internal/fault"
)

// asSupervised makes the test binary a program that is supervised, and says what that
// does.
const asSupervised = "TEST_AS_SUPERVISED"

func actSupervised() {
	if os.Getenv(asSupervised) == "" {
		return
	}
	_ = os.Remove(os.Getenv("TEST_REMOVE")) // its own file, if it is asked to
	os.Exit(Supervise(os.Environ(), os.Stderr, func(environ []string, signals <-chan syscall.Signal) int {
		what, number, _ := strings.Cut(os.Getenv(asSupervised), " ")
		n, _ := strconv.Atoi(number)
		switch what {
		case "return":
			for _, pair := range environ {
				if isMark(pair) {
					fmt.Println("the mark is seen:", pair)
				}
			}
			return n
		case "exit": // without a last word
			os.Exit(n)
		case "fail": // after a good last word
			_, _ = unix.Write(lastWordFD, []byte{0})
			os.Exit(n)
		case "kill":
			_ = unix.Kill(os.Getpid(), unix.Signal(n))
		case "memory": // as where there is none any more
			_ = unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20})
			for all := [][]byte{}; ; {
				all = append(all, bytes.Repeat([]byte{1}, 1<<20))
			}
		case "files":
			_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: 0})
			_, _ = os.Open("/etc/passwd") // needs the poller
			os.Exit(2)
		case "signals":
			fmt.Println("ready", os.Getpid())
			for range n {
				fmt.Println("got", int(<-signals))
			}
		case "stay":
			fmt.Println("ready", os.Getpid())
			select {}
		}
		return 0
	}))
}

func supervisedAs(t *testing.T, what string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), asSupervised+"="+what)
	return cmd
}

// The exit code is that of the second process if it said so before its end, and
// otherwise never one that make could have.
func TestTheExitCodeOfASupervisedProcess(t *testing.T) {
	t.Parallel()
	for what, want := range map[string]struct {
		code int
		says string
	}{
		"return 0": {0, ""}, "return 2": {2, ""}, "return 64": {64, ""}, "return 143": {143, ""},
		"exit 2": {125, "ended with status 2 in the middle of its work"}, "exit 0": {125, "ended with status 0"}, "fail 2": {125, "ended with status 2"},
		"kill 9": {125, "killed by SIGKILL"}, "kill 15": {143, ""}, "kill 11": {125, "ended with status 2"},
		"memory": {125, "in the middle of its work"}, "files": {125, "in the middle of its work"}, // with the race detector the status is another one
	} {
		var stdout, stderr bytes.Buffer
		cmd := supervisedAs(t, what)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != want.code || stdout.Len() > 0 {
			t.Errorf("%s: got %d, want %d: %s%s", what, got, want.code, stdout.String(), stderr.String())
		}
		said := ""
		if i := strings.Index(stderr.String(), "spa-runner: "); i >= 0 {
			said = stderr.String()[i:]
		}
		if (want.says == "") != (said == "") || !strings.Contains(said, want.says) {
			t.Errorf("%s: got %q, want %q", what, said, want.says)
		}
	}
}

// Signals are handed on, each once, and the second process does not outlive the first.
func TestSignalsOfASupervisedProcess(t *testing.T) {
	t.Parallel()
	cmd, lines := startSupervised(t, "signals 2")
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM} { // others are ignored under nohup(1), or in the background of a shell
		time.Sleep(2 * atOnce) // else the second is the first one, once more
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() || lines.Text() != fmt.Sprintf("got %d", int(s)) {
			t.Fatalf("got %q, want %s", lines.Text(), s)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}

	cmd, lines = startSupervised(t, "stay")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // until nobody holds the pipe any more
		t.Errorf("got %q", lines.Text())
	}
	_ = cmd.Wait()
}

// A signal that Go ends a process of, with exit code 2, gives 125 whichever process gets it.
func TestACrashOfASupervisedProcess(t *testing.T) {
	t.Parallel()
	for _, s := range crashes() {
		cmd, lines := startSupervised(t, "stay")
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // until the second process is gone, too
			t.Errorf("got %q", lines.Text())
		}
		if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != fault.ExitRunner {
			t.Errorf("%s: got %v, want %d", s, cmd.ProcessState, fault.ExitRunner)
		}
	}
}

// Timeout(1) sends its signal to its child, and to the process group of that.
func TestASignalThatComesTwiceAtOnceCountsOnce(t *testing.T) {
	t.Parallel()
	var r repeated
	begin := time.Now()
	for i, c := range []struct {
		signal syscall.Signal
		after  time.Duration
		again  bool
	}{
		{syscall.SIGTERM, 0, false},
		{syscall.SIGTERM, time.Millisecond, true},
		{syscall.SIGINT, 2 * time.Millisecond, false},
		{syscall.SIGTERM, 3 * time.Millisecond, false},
		{syscall.SIGTERM, 3*time.Millisecond + atOnce, false},
	} {
		if got := r.again(c.signal, begin.Add(c.after)); got != c.again {
			t.Errorf("signal %d: got %v, want %v", i, got, c.again)
		}
	}
}

func startSupervised(t *testing.T, what string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := supervisedAs(t, what)
	stdout, stdin, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdout.Close() })
	cmd.Stdout = stdin
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = stdin.Close()
	lines := bufio.NewScanner(io.Reader(stdout))
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "ready ") {
		t.Fatalf("got %q", lines.Text())
	}
	return cmd, lines
}

// It is this very program, whatever became of its file meanwhile.
func TestOwnProgram(t *testing.T) {
	t.Parallel()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if got := ownProgram(); got != path {
		t.Errorf("got %s, want %s", got, path)
	}
	copied := filepath.Join(t.TempDir(), "copied")
	if out, err := exec.Command("cp", path, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), copied)
	cmd.Env = append(os.Environ(), asSupervised+"=return 7", "TEST_REMOVE="+copied)
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("got %v: %s", cmd.ProcessState, out)
	}
}

// A variable alone makes no second process.
func TestTheMarkOfASupervisedProcessIsNotEnough(t *testing.T) {
	t.Parallel()
	cmd := supervisedAs(t, "return 7")
	cmd.Env = append(cmd.Env, supervised+"=1")
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 7 || len(out) > 0 {
		t.Errorf("got %v: %s", cmd.ProcessState, out)
	}
}
