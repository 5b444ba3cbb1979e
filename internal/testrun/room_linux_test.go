package main

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A test builds programs and starts them.
func TestNoProgramStartsWhereThatIsForbidden(t *testing.T) {
	for _, test := range []struct {
		name  string
		flags uintptr
		want  bool
	}{
		{name: "as usual", want: true},
		{name: "noexec", flags: unix.MS_NOEXEC},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			if err := unix.Mount("tmpfs", folder, "tmpfs", test.flags, "size=64k"); err != nil {
				t.Skipf("a small file system cannot be mounted here: not tried: %v", err)
			}
			t.Cleanup(func() { _ = unix.Unmount(folder, unix.MNT_DETACH) })
			if got := roomForPrograms(folder, 1); got != test.want {
				t.Errorf("there is room for programs: %t, want %t", got, test.want)
			}
		})
	}
}
