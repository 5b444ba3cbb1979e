// Package hostfault tells errors of this machine from those of servers and networks: a full disk, a limit of the
// process, a file that the user may not write. They do not pass by waiting, so nothing is tried again after one.
package hostfault

import (
	"errors"
	"net"
	"strings"
	"syscall"
)

// faults are the errors of this machine, with what to do about each.
var faults = map[syscall.Errno]string{
	syscall.ENOSPC: "make room on the disk of that folder, inodes included (df -h, df -i), or give the build a larger one",
	syscall.EDQUOT: "make room on the disk of that folder, or raise the quota of this user on it",
	syscall.EFBIG:  "raise the limit on the size of a file (ulimit -f), or use a file system that takes larger ones",
	syscall.EMFILE: "raise the limit on open files of the process that starts the runner (ulimit -n)",
	syscall.ENFILE: "all processes of this machine together have too many open files: end some, or raise its limit (sysctl fs.file-max)",
	syscall.ENOMEM: "give the build more memory, or raise its limit (ulimit -v)",
	syscall.EROFS:  "that file system is read-only: use a folder on another one (SPA_RUNNER_WORKDIR), or mount it writable",
	syscall.EIO:    "the disk of this machine does not read or write: look at the log of its kernel (dmesg), and use another machine",
	syscall.EACCES: notAllowed,
	syscall.EPERM:  notAllowed,
}

const (
	notAllowed   = "look at who owns that file or folder, and at its mode (ls -ld): the user that the runner is started as (id) needs access"
	noConnection = "this machine does not let the runner connect: look at its firewall and at the security profile of the build"
)

// Of finds an error of this machine in all that an error wraps. One is enough, whatever else is there.
func Of(err error) (syscall.Errno, bool) {
	switch e := any(err).(type) { // each on its own: it walks over the whole tree
	case syscall.Errno:
		_, is := faults[e]
		return e, is
	case *net.DNSError:
		return inText(e.Err)
	case interface{ Unwrap() error }:
		return Of(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			if errno, is := Of(one); is {
				return errno, true
			}
		}
	}
	return 0, false
}

// inText finds one at the end of a text: the resolver of Go keeps nothing but that of an error.
func inText(text string) (syscall.Errno, bool) {
	for errno := range faults {
		if strings.HasSuffix(text, ": "+errno.Error()) {
			return errno, true
		}
	}
	return 0, false
}

// Advice says what to do about an error of this machine, "" if there is none in err.
func Advice(err error) string {
	errno, is := Of(err)
	var socket *net.OpError
	switch {
	case !is:
		return ""
	case (errno == syscall.EACCES || errno == syscall.EPERM) && errors.As(err, &socket):
		return noConnection
	}
	return faults[errno]
}
