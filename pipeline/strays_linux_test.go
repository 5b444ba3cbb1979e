package pipeline

import (
	"os"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// Where /proc cannot be read, it is not known whether anything is left of a child: that
// is an error, and not nothing.
func TestWithoutProcNothingIsTakenForGone(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	runtime.LockOSThread() // and not unlocked: the thread, which has mounts of its own, ends with the test
	for _, err := range []error{
		unix.Unshare(unix.CLONE_NEWNS), unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
	} {
		if err != nil {
			t.Skipf("needs mounts of its own: %v", err)
		}
	}
	child := exec.CommandContext(t.Context(), "sleep", "3600")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	}()
	if pids, err := strays(); err != nil {
		t.Fatalf("with /proc: %v, %v", pids, err)
	}
	if err := unix.Mount("tmpfs", "/proc", "tmpfs", 0, ""); err != nil {
		t.Skipf("needs a file system over /proc: %v", err)
	}
	if pids, err := strays(); err == nil {
		t.Errorf("without /proc: %v and no error", pids)
	}
	if pids, err := (&User{uid: 1}).processes(); err == nil {
		t.Errorf("without /proc, of a user: %v and no error", pids)
	}
}

func TestAProcThatDoesNotShowThisProcess(t *testing.T) {
	other := t.TempDir()
	if err := os.MkdirAll(other+"/1", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other+"/1/stat", []byte("1 (init) S 0 1 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{t.TempDir(), other, other + "/none"} {
		if err := eachProcessIn(folder, "stat", func(int, []byte) {}); err == nil {
			t.Errorf("%s is taken for /proc", folder)
		}
	}
	own := false
	if err := eachProcess("stat", func(pid int, _ []byte) { own = own || pid == os.Getpid() }); err != nil || !own {
		t.Errorf("/proc: %v, this process is in it: %t", err, own)
	}
}
