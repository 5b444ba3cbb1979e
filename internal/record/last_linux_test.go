package record

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/zap"
)

// onSmallDisk is a work folder with that much room.
func onSmallDisk(t *testing.T, size string) string {
	t.Helper()
	workdir := t.TempDir()
	if err := syscall.Mount("tmpfs", workdir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a small file system cannot be mounted here: not tried: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(workdir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return workdir
}

// When the last state of a file cannot be written, none says what was before it: that the
// run goes on.
func TestNoFileIsOlderThanTheEnd(t *testing.T) {
	outcome := func(size int) func(Record) []byte {
		return func(r Record) []byte { return []byte(string(r.Outcome) + strings.Repeat("x", size)) }
	}
	grows := func(r Record) []byte {
		if r.Outcome == Running {
			return []byte(r.Outcome)
		}
		return outcome(1 << 20)(r)
	}
	shrinks := func(r Record) []byte {
		if r.Outcome == Running {
			return outcome(20_000)(r)
		}
		return outcome(0)(r)
	}
	for name, test := range map[string]struct {
		junit, report func(Record) []byte
		fill          bool   // the disk, before the last event
		why           string // in the last event
		left          string // of the files
	}{
		"there is room":               {outcome(0), outcome(0), false, "", "record.json junit.xml report.html"},
		"what goes makes enough room": {outcome(0), shrinks, true, strings.Repeat("x", 5000), "record.json junit.xml report.html"},
		"it makes room for some":      {outcome(0), grows, true, "", "record.json junit.xml"},
		"the record has none":         {outcome(0), outcome(0), true, strings.Repeat("x", 1<<20), "junit.xml report.html"},
		"nothing has":                 {grows, grows, true, strings.Repeat("x", 1<<20), ""},
		"one has a defect":            {func(r Record) []byte { return []byte(string(r.Outcome)[:len("running")]) }, outcome(0), false, "", "record.json report.html"},
	} {
		workdir := onSmallDisk(t, "256k")
		dir, err := Open(workdir)
		if err != nil {
			t.Fatal(err)
		}
		r := NewRecorder(Options{})
		r.Keep(dir, Derived{JUnit, test.junit}, Derived{Report, test.report})
		log := zap.New(r).With(zap.Int("pass", 1))
		log.Info("run started")
		if test.fill {
			full, err := os.Create(filepath.Join(workdir, "full"))
			for err == nil {
				_, err = full.Write(make([]byte, 4096))
			}
			_ = full.Close()
		}
		log.Warn("run held", zap.String("why", test.why))
		left := []string{}
		for _, file := range []string{File, JUnit, Report} {
			text, err := os.ReadFile(filepath.Join(workdir, Folder, file))
			if err != nil {
				continue
			}
			if left = append(left, file); strings.Contains(string(text), string(Running)) {
				t.Errorf("%s: %s says that the run goes on", name, file)
			}
		}
		entries, err := os.ReadDir(filepath.Join(workdir, Folder))
		if got := strings.Join(left, " "); err != nil || got != test.left || len(entries) != len(left) || (r.Err() == nil) != (len(left) == 3) {
			t.Errorf("%s: left are %q and %v, %v, want %q; %v", name, got, entries, err, test.left, r.Err())
		}
		dir.Close()
	}
}

// Before the end the last whole state stays, since it may be the last there is: the run
// may be killed.
func TestADiskThatIsFullMeanwhileLeavesTheLastWholeState(t *testing.T) {
	workdir := onSmallDisk(t, "256k")
	dir, err := Open(workdir)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	r := NewRecorder(Options{})
	r.Keep(dir)
	log := zap.New(r).With(zap.Int("pass", 1))
	log.Info("run started", zap.String("what", "run"))
	step(log, "make-lint", "none").Error("step failed", zap.String("error", strings.Repeat("x", 1<<20)))
	if got := readRecord(t, workdir); r.Err() == nil || got.What != "run" || got.Outcome != Running || len(got.Passes[0].Steps) != 0 {
		t.Errorf("got %+v, %v", got, r.Err())
	}
}
