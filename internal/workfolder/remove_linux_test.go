package workfolder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What cannot be removed stays known as a run's own, and what a link leads to
// stays altogether.
func TestTheMarkGoesLast(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside")
	write(t, outside+"/x", "x")
	code := filepath.Join(dir, "code")
	stuck := code + "/.git/z-stuck"
	write(t, code+"/.git/spa-runner", Mark("1"))
	write(t, code+"/a/b", "x")
	write(t, stuck, "x")
	must(t, os.Symlink(outside, code+"/link"), os.Symlink(outside, code+"/.git/link"))
	free := makeImmutable(t, stuck)
	f, err := Open(dir, "code")
	must(t, err)
	defer f.Close()
	err = f.Replace()
	if err == nil || !strings.Contains(err.Error(), code) {
		t.Errorf("got %v, want an error that names %s", err, code)
	}
	if run, ok := f.madeBy("code"); !ok || run != "1" {
		t.Errorf("got %q, %v: what is left is not known as a run's", run, ok)
	}
	free()
	must(t, f.Replace())
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("got %v, %v, want nothing left", entries, err)
	}
	if _, err := os.Stat(outside + "/x"); err != nil {
		t.Errorf("a symlink was followed: %v", err)
	}
}

// makeImmutable keeps a file from being removed, by root too.
func makeImmutable(t *testing.T, path string) (free func()) {
	t.Helper()
	const immutable = 0x10 // FS_IMMUTABLE_FL
	file, err := os.Open(path)
	must(t, err)
	set := func(flags int) error {
		return unix.IoctlSetPointerInt(int(file.Fd()), unix.FS_IOC_SETFLAGS, flags)
	}
	before, err := unix.IoctlGetInt(int(file.Fd()), unix.FS_IOC_GETFLAGS)
	if err == nil {
		err = set(before | immutable)
	}
	if err != nil {
		t.Skipf("needs a file system with immutable files, and root: %v", err)
	}
	free = func() { _ = set(before) }
	t.Cleanup(func() { free(); _ = file.Close() })
	return free
}
