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
}
