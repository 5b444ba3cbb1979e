package record

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// asWriter makes the test binary write records until it is killed.
const asWriter = "TEST_WRITES_RECORDS_IN"

func TestMain(m *testing.M) {
	workdir := os.Getenv(asWriter)
	if workdir == "" {
		os.Exit(m.Run())
	}
	dir, err := Open(workdir)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	r := NewRecorder(Options{})
	r.Keep(dir)
	log := zap.New(r).With(zap.Int("pass", 1))
	log.Info("run started")
	for i := 0; ; i++ {
		own := step(log, fmt.Sprint("step-", i), "none")
		own.Info("step started")
		own.Warn(strings.Repeat("x", 1000), zap.Int("i", i))
		own.Info("step finished")
	}
}

// Killed at any moment, a writer leaves a whole record, in which the step that ran is
// the last one.
func TestAKillLeavesAWholeRecord(t *testing.T) {
	workdir := t.TempDir()
	file := filepath.Join(workdir, Folder, File)
	running := 0
	for range 40 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), asWriter+"="+workdir)
		if err := os.RemoveAll(file); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for limit := time.Now().Add(5 * time.Minute); ; time.Sleep(time.Millisecond) {
			if _, err := os.Stat(file); err == nil {
				break
			} else if time.Now().After(limit) {
				t.Fatal("nothing is written")
			}
		}
		time.Sleep(time.Duration(rand.IntN(30_000)) * time.Microsecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		r := readRecord(t, workdir)
		if r.Outcome != Running || len(r.Passes) != 1 {
			t.Fatalf("got %+v", r)
		}
		steps := r.Passes[0].Steps
		for i, s := range steps {
			if s.Name != fmt.Sprint("step-", i) || s.Outcome != Finished && i < len(steps)-1 {
				t.Fatalf("step %d of %d: got %+v", i, len(steps), s)
			}
			if s.Outcome == Running {
				running++
			}
		}
	}
	if running == 0 {
		t.Error("it was never killed while a step ran: the test shows nothing")
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestWhatIsInTheWay(t *testing.T) {
	for name, test := range map[string]struct {
		put     func(path string) error
		foreign bool
	}{
		"nothing":               {func(string) error { return nil }, false},
		"an earlier run's":      {func(path string) error { return os.Mkdir(path, 0o700) }, false},
		"a file":                {func(path string) error { return os.WriteFile(path, nil, 0o644) }, true},
		"a symlink to a folder": {func(path string) error { return os.Symlink(".", path) }, true},
		"a symlink to nothing":  {func(path string) error { return os.Symlink("nowhere", path) }, true},
		"a pipe":                {func(path string) error { return unix.Mkfifo(path, 0o644) }, true},
		"a folder of another user": {func(path string) error {
			if os.Geteuid() != 0 {
				return errors.ErrUnsupported
			}
			return errors.Join(os.Mkdir(path, 0o755), os.Chown(path, 1_000_000, 1_000_000))
		}, true},
	} {
		workdir := t.TempDir()
		path := filepath.Join(workdir, Folder)
		if err := test.put(path); errors.Is(err, errors.ErrUnsupported) {
			t.Logf("%s: needs root, not tried", name)
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		err := Look(workdir)
		if got := errors.Is(err, ErrForeign); got != test.foreign || !got && err != nil {
			t.Errorf("%s: a look says %v", name, err)
		}
		dir, opened := Open(workdir)
		if test.foreign {
			if !errors.Is(opened, ErrForeign) {
				t.Errorf("%s: got %v", name, opened)
			}
			continue
		}
		if opened != nil {
			t.Fatalf("%s: %v", name, opened)
		}
		if err := dir.Write(File, []byte("x")); err != nil || mode(t, path) != fs.ModeDir|0o755 || mode(t, dir.Path(File)) != 0o644 {
			t.Errorf("%s: got %v, %s and %s", name, err, mode(t, path), mode(t, dir.Path(File)))
		}
		dir.Close()
	}
}

// What others may read does not depend on who starts the run.
func TestModesDoNotDependOnTheUmask(t *testing.T) {
	defer unix.Umask(unix.Umask(0o077))
	workdir := t.TempDir()
	dir, err := Open(workdir)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := dir.Write(File, nil); err != nil || mode(t, filepath.Join(workdir, Folder)) != fs.ModeDir|0o755 || mode(t, dir.Path(File)) != 0o644 {
		t.Errorf("got %v, %s", err, mode(t, dir.Path(File)))
	}
}

// Nothing of an earlier run is taken for something of this one.
func TestAnEarlierRunsFilesGoAtOnce(t *testing.T) {
	workdir := t.TempDir()
	for _, name := range []string{File, JUnit, Report, File + ".new", JUnit + ".new", "notes.txt"} {
		write(t, filepath.Join(workdir, Folder, name), "old")
	}
	dir, err := Open(workdir)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	left, err := os.ReadDir(filepath.Join(workdir, Folder))
	if err != nil || len(left) != 1 || left[0].Name() != "notes.txt" {
		t.Errorf("got %v, %v", left, err)
	}
}

// What a child makes of the folder and of the files in it redirects nothing.
func TestNothingIsRedirected(t *testing.T) {
	for name, attack := range map[string]func(folder, victim string) error{
		"a symlink in the place of the folder": func(folder, victim string) error {
			return errors.Join(os.Rename(folder, folder+".away"), os.Symlink(filepath.Dir(victim), folder))
		},
		"a symlink in the place of the file": func(folder, victim string) error {
			return errors.Join(os.RemoveAll(filepath.Join(folder, File)), os.Symlink(victim, filepath.Join(folder, File)))
		},
		"a symlink in the place of the next one": func(folder, victim string) error {
			return os.Symlink(victim, filepath.Join(folder, File+".new"))
		},
		"another name of a file": func(folder, victim string) error { return os.Link(victim, filepath.Join(folder, File+".new")) },
		"a pipe":                 func(folder, _ string) error { return unix.Mkfifo(filepath.Join(folder, File+".new"), 0o666) },
		"no folder any more":     func(folder, _ string) error { return os.RemoveAll(folder) },
	} {
		workdir := t.TempDir()
		victim := filepath.Join(workdir, "other", File)
		write(t, victim, "victim")
		dir, err := Open(workdir)
		if err != nil {
			t.Fatal(err)
		}
		if err := attack(filepath.Join(workdir, Folder), victim); err != nil {
			t.Fatal(err)
		}
		err = dir.Write(File, []byte("record"))
		if gone := name == "no folder any more" || name == "a symlink in the place of the folder"; gone != (err != nil) {
			t.Errorf("%s: got %v", name, err)
		}
		if got, err := os.ReadFile(victim); string(got) != "victim" || err != nil {
			t.Errorf("%s: the victim is %q, %v", name, got, err)
		}
		got, _ := dir.root.ReadFile(File)
		if name != "no folder any more" && !bytes.Equal(got, []byte("record")) {
			t.Errorf("%s: got %q", name, got)
		}
		dir.Close()
	}
}

// A folder that a child makes in the place of a file does not keep the next state out.
func TestAFolderInThePlaceOfAFileGoes(t *testing.T) {
	for _, name := range []string{File, unfinished(File)} {
		workdir := t.TempDir()
		dir, err := Open(workdir)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(workdir, Folder, name, "in/it"), "x")
		if err := dir.Write(File, []byte("record")); err != nil {
			t.Errorf("%s: got %v", name, err)
		}
		if got, err := os.ReadFile(dir.Path(File)); string(got) != "record" || err != nil {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
		dir.Close()
	}
}
