package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A repository holds what it likes, and the doctor ends all the same.
func TestReadBelow(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, size := range map[string]int{"small": 3, "full": maxRead, "more": maxRead + 1} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(strings.Repeat("x", size)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"zero": "/dev/zero", "up": "../x", "link": "small"} {
		if err := os.Symlink(target, filepath.Join(folder, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(folder, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"small": 3, "full": maxRead, "link": 3, "more": -1, "zero": -1, "up": -1, "pipe": -1, ".": -1, "none": -1} {
		content, err := readBelow(folder, name)
		if (err != nil) != (want < 0) || err == nil && len(content) != want {
			t.Errorf("%s: got %d bytes and %v, want %d", name, len(content), err, want)
		}
	}
}
