package pipeline

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// enlarge lets a pipe hold more than it does by default, if it may. It tells how
// much that is, in bytes.
func enlarge(pipe *os.File) (size int) {
	size = usualPipeSize
	if conn, err := pipe.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) {
			for wanted := pipeSize; wanted > size; wanted /= 2 {
				if given, err := unix.FcntlInt(fd, unix.F_SETPIPE_SZ, wanted); err == nil {
					size = given
				}
			}
		})
	}
	return size
}

// waitForHangup waits, but not once nobody holds the other end of a pipe any more.
func waitForHangup(pipe int, limit time.Duration) {
	pause := unix.NsecToTimespec(limit.Nanoseconds())
	_, _ = unix.Ppoll([]unix.PollFd{{Fd: int32(pipe)}}, &pause, nil) //nolint:gosec // a file descriptor
}
