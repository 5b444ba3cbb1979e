package pipeline

import (
	"fmt"
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

// aside is a pipe of the runner's own. All that is in a child's pipe is moved there at
// once and not copied, and read there: as long as it is read in the child's pipe, the
// child cannot write (both sides lock it, anon_pipe_read in the kernel's fs/pipe.c).
// Where that cannot be done nothing is ever in it.
type aside struct {
	tried bool  // to make it
	ends  []int // file descriptors to read and to write; nil if it cannot be made
	holds int   // bytes
}

// take moves what is in a pipe, which holds so many bytes at most.
func (a *aside) take(pipe, size int) {
	if !a.tried {
		a.tried, a.ends = true, ownPipe(size)
	}
	if a.ends == nil {
		return
	}
	if moved, err := unix.Splice(pipe, nil, a.ends[1], nil, size, unix.SPLICE_F_NONBLOCK); err == nil {
		a.holds = int(moved)
	}
}

// give reads what was taken.
func (a *aside) give(p []byte) (int, error) {
	n, err := unix.Read(a.ends[0], p)
	if err != nil {
		return 0, fmt.Errorf("reading the output: %w", err)
	}
	a.holds -= n
	return n, nil
}

func (a *aside) close() { closeAll(a.ends) }

// ownPipe makes a pipe that holds so many bytes, or none: a small one, as a user gets
// who has many, would be slower than none.
func ownPipe(size int) []int {
	ends := make([]int, 2)
	if err := unix.Pipe2(ends, unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil
	}
	if given, err := unix.FcntlInt(uintptr(ends[1]), unix.F_SETPIPE_SZ, size); err != nil || given < size {
		closeAll(ends)
		return nil
	}
	return ends
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}
