package hostfault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
)

func socket(errno syscall.Errno) error {
	return &url.Error{Op: "Get", URL: "https://example.org", Err: &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", errno)}}
}

func file(errno syscall.Errno) error {
	return fmt.Errorf("storing: %w", &fs.PathError{Op: "write", Path: "pack", Err: errno})
}

// What is of this machine is found wherever it is wrapped, and has advice of its own.
func TestErrorsOfThisMachine(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		errno  syscall.Errno
		advice string
	}{
		"full disk":                {file(syscall.ENOSPC), syscall.ENOSPC, "make room"},
		"quota":                    {file(syscall.EDQUOT), syscall.EDQUOT, "quota"},
		"size of a file":           {file(syscall.EFBIG), syscall.EFBIG, "ulimit -f"},
		"read-only":                {file(syscall.EROFS), syscall.EROFS, "read-only"},
		"broken disk":              {file(syscall.EIO), syscall.EIO, "dmesg"},
		"no access":                {file(syscall.EACCES), syscall.EACCES, "ls -ld"},
		"not permitted":            {file(syscall.EPERM), syscall.EPERM, "ls -ld"},
		"open files, of a file":    {file(syscall.EMFILE), syscall.EMFILE, "ulimit -n"},
		"open files, of a socket":  {socket(syscall.EMFILE), syscall.EMFILE, "ulimit -n"},
		"of all processes":         {socket(syscall.ENFILE), syscall.ENFILE, "fs.file-max"},
		"memory":                   {socket(syscall.ENOMEM), syscall.ENOMEM, "more memory"},
		"a firewall":               {socket(syscall.EPERM), syscall.EPERM, "firewall"},
		"a security profile":       {socket(syscall.EACCES), syscall.EACCES, "firewall"},
		"beside one of a network":  {errors.Join(socket(syscall.ECONNRESET), file(syscall.ENOSPC)), syscall.ENOSPC, "make room"},
		"two in one text":          {fmt.Errorf("%w (and %w)", io.ErrUnexpectedEOF, file(syscall.EROFS)), syscall.EROFS, "read-only"},
		"of the resolver, as text": {&net.DNSError{Err: "dial udp 192.0.2.1:53: socket: too many open files", Name: "example.org", IsTemporary: true}, syscall.EMFILE, "ulimit -n"},
	} {
		errno, is := Of(test.err)
		if advice := Advice(test.err); !is || errno != test.errno || !strings.Contains(advice, test.advice) {
			t.Errorf("%s: got %v, %v, %q", name, is, errno, advice)
		}
	}
}

func TestErrorsOfOthers(t *testing.T) {
	for name, err := range map[string]error{
		"none":              nil,
		"a text":            errors.New("no space left on device"),
		"interrupted":       context.Canceled,
		"reset":             socket(syscall.ECONNRESET),
		"refused":           socket(syscall.ECONNREFUSED),
		"no route":          socket(syscall.EHOSTUNREACH),
		"timed out":         socket(syscall.ETIMEDOUT),
		"what is not there": file(syscall.ENOENT), // settings and code can be the cause of it
		"not a folder":      file(syscall.ENOTDIR),
		"DNS":               &net.DNSError{Err: "server misbehaving", IsTemporary: true},
	} {
		if errno, is := Of(err); is || Advice(err) != "" {
			t.Errorf("%s: got %v, %q", name, errno, Advice(err))
		}
	}
}

// As the system gives them.
func TestAFullDevice(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("there is no /dev/full here: not tried: %v", err)
	}
	defer func() { _ = full.Close() }()
	_, err = full.WriteString("x")
	if errno, is := Of(fmt.Errorf("writing: %w", err)); !is || errno != syscall.ENOSPC {
		t.Errorf("got %v of %v", errno, err)
	}
}
