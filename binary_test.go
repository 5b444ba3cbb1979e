package spa_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// What `make build` left: static, small, quick to start.
func TestBinary(t *testing.T) {
	const path = "bin/spa-runner"
	info, err := os.Stat(path)
	if err != nil {
		t.Skip("bin/spa-runner is not there: `make build` first, as `make check` does")
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

// started is how long a command takes that does next to nothing.
func started(t *testing.T, name string, args ...string) time.Duration {
	t.Helper()
	start := time.Now()
	if err := exec.Command(name, args...).Run(); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}
