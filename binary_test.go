package spa_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// What `make build` left: static, small, quick to start.
func TestBinary(t *testing.T) {
	const path = "bin/spa-runner"
	info, err := os.Stat(path)
	if err != nil {
		t.Skip("bin/spa-runner is not there: `make build` first, as `make test` does")
	}
	if info.Size() > 16_000_000 {
		t.Errorf("it has %d bytes, want at most 16,000,000", info.Size())
	}
	file, err := elf.Open(path)
	if err != nil {
		t.Skipf("not a Linux binary: %v", err)
	}
	defer file.Close()
	libraries, err := file.ImportedLibraries()
	dynamic := slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
	if err != nil || len(libraries) > 0 || dynamic {
		t.Errorf("it is not static: libraries %v, interpreter %v, %v", libraries, dynamic, err)
	}
	if os.Getenv("SPA_RUNNER_LONG") != "1" {
		return
	}
	// Other work can only slow it down, and there is much of it when all tests run:
	// one quick start among many is enough.
	// A machine whose memory is slow to come, as that of some virtual ones, is slow for
	// git too, which is a third as large.
	fastest, git := time.Hour, time.Hour
	limit := func() time.Duration { return max(20*time.Millisecond, 12*git) }
	for began := time.Now(); fastest > 20*time.Millisecond && time.Since(began) < 10*time.Second; {
		git = min(git, started(t, "git", "--version"))
		fastest = min(fastest, started(t, path, "version"))
	}
	if fastest > limit() {
		t.Errorf("it starts in %s at best, want less than %s; git starts in %s", fastest, limit(), git)
	}
}

// Where the runtime of Go could not begin, the exit code is not its 2, which is make's.
func TestBinaryUnderLowLimits(t *testing.T) {
	const path = "bin/spa-runner"
	if _, err := os.Stat(path); err != nil || runtime.GOOS != "linux" {
		t.Skip("bin/spa-runner is not there, or not for Linux: `make build` first, as `make test` does")
	}
	for _, limit := range []string{"-v 100000", "-v 500000", "-v 800000", "-v 1200000", "-d 60000", "-d 120000", "-n 8", "-n 63"} {
		cmd := exec.Command("sh", "-c", "ulimit "+limit+" && exec "+path+" version")
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 125 || !strings.HasPrefix(string(out), "spa-runner: the limits of this process are too low") {
			t.Errorf("ulimit %s: got %v: %s", limit, cmd.ProcessState, out)
		}
	}
	for _, limit := range []string{"-v 1600000", "-d 140000", "-n 64"} {
		if out, err := exec.Command("sh", "-c", "ulimit "+limit+" && exec "+path+" version").CombinedOutput(); err != nil {
			t.Errorf("ulimit %s: got %v: %s", limit, err, out)
		}
	}
}

// started is how long a command takes that does next to nothing.
func started(t *testing.T, name string, args ...string) time.Duration {
	t.Helper()
	start := time.Now()
	if err := exec.Command(name, args...).Run(); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}
