//go:build race && linux

package main

import (
	"runtime"
	"syscall"
)

// quit ends a process that the tests started, at once: os.Exit would have the race
// detector wait for a second, in each of hundreds of them, and the option against that
// (GORACE) does not reach a process whose environment is concealed. What
// it has found counts as it does there, by the exit code 66.
func quit(code int) {
	if runtime.RaceErrors() > 0 {
		code = 66
	}
	syscall.RawSyscall(syscall.SYS_EXIT_GROUP, uintptr(code), 0, 0)
}
