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
	tried       bool // to make it
	read, write int  // file descriptors; -1 is none
	holds       int  // bytes
}

// take moves what is in a pipe, which holds so many bytes at most.
func (a *aside) take(pipe, size int) {
	if !a.tried {
		a.tried = true
		a.make(size)
	}
	if moved, err := unix.Splice(pipe, nil, a.write, nil, size, unix.SPLICE_F_NONBLOCK); err == nil {
		a.holds = int(moved)
	}
}

func (a *aside) make(size int) {
	a.read, a.write = -1, -1
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return
	}
	a.read, a.write = ends[0], ends[1]
	// A small one, as a user gets who has many, would be slower than none.
	if given, err := unix.FcntlInt(uintptr(a.write), unix.F_SETPIPE_SZ, size); err != nil || given < size {
		a.close()
		a.read, a.write = -1, -1
	}
}

// give reads what was taken.
func (a *aside) give(p []byte) (int, error) {
	n, err := unix.Read(a.read, p)
	if err != nil {
		return 0, fmt.Errorf("reading the output: %w", err)
	}
	a.holds -= n
	return n, nil
}

func (a *aside) close() {
	if a.tried && a.write >= 0 {
		_, _ = unix.Close(a.read), unix.Close(a.write)
	}
}
