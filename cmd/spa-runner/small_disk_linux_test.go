package main

import (
	"syscall"
	"testing"
)

// smallDisk has the folder be a file system of that size.
func smallDisk(t *testing.T, folder, size string) {
	t.Helper()
	needRoot(t)
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a small file system cannot be mounted here: not tried: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}
