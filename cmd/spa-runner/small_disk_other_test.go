//go:build !linux

package main

import "testing"

func smallDisk(t *testing.T, _, _ string) {
	t.Helper()
	t.Skip("needs Linux, to mount a small file system: not tried")
}
