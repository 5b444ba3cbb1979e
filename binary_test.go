package house

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
	var times []time.Duration
	for range 15 {
		start := time.Now()
		if err := exec.Command(path, "version").Run(); err != nil {
			t.Fatal(err)
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	if median := times[len(times)/2]; median > 20*time.Millisecond {
		t.Errorf("it starts in %s (median), want less than 20ms", median)
	}
}
