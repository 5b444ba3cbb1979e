//go:build !linux

package pipeline

import (
	"io"
	"syscall"
)

// Supervise calls do in this process, where a child cannot be made to end with it.
func Supervise(environ []string, _ io.Writer, do func(environ []string, signals <-chan syscall.Signal) int) int {
	return do(environ, nil)
}
