package rooted

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A file that may not be read is an error, and no empty file.
func TestAFileThatMayNotBeRead(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "secret")
	if err := errors.Join(os.WriteFile(file, []byte("x"), 0o600), os.Chmod(filepath.Dir(root), 0o755)); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		for dir := root; dir != "/"; dir = filepath.Dir(dir) {
			if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&1 == 0 {
				t.Skipf("another user cannot reach %s", dir)
			}
		}
	} else if err := os.Chmod(file, 0); err != nil {
		t.Fatal(err)
	}
	var content []byte
	err := make(chan error)
	go func() {
		runtime.LockOSThread() // and not unlocked: the thread, whose files may be another user's, ends here
		if os.Geteuid() == 0 {
			_ = unix.Setfsuid(65534)
		}
		var readErr error
		content, readErr = ReadFile(root, "secret", 10)
		err <- readErr
	}()
	if err := <-err; err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("got %q, %v", content, err)
	}
}
