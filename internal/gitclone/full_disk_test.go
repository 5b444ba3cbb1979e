package gitclone

import (
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"spa-runner/internal/hostfault"
)

type badDisk struct{ errno syscall.Errno }

func (d badDisk) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: "tmp_pack", Err: d.errno}
}

// An error of the disk is not a transfer that broke off: nobody is to look at the network
// for it, and to download everything again would not help.
func TestAFullDiskIsNoBrokenTransfer(t *testing.T) {
	t.Parallel()
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS, syscall.EIO, syscall.EACCES, syscall.EMFILE} {
		_, err := newPackStream(strings.NewReader("PACK"), badDisk{errno}).ReadByte()
		err = inFolder(explainDownload(t.Context(), errors.Join(err, &brokenOff{syscall.ECONNRESET}), remote(nil), choice{Target: Target{Ref: "main"}}), "/folder")
		contains(t, err, errno.Error(), "write tmp_pack", "(in /folder)")
		if _, ours := hostfault.Of(err); !ours || strings.Contains(err.Error(), "broke off") || errors.Is(err, ErrBrokenOff) {
			t.Errorf("got %v", err)
		}
	}
}

// Nor is it the fault of a server if this machine cannot open a socket.
func TestNoSocketIsNoFaultOfTheServer(t *testing.T) {
	t.Parallel()
	none := &url.Error{Op: "Get", URL: "https://example.org", Err: &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", syscall.EMFILE)}}
	err := inFolder(explainTransport(none, "it", "example.org"), "/folder")
	contains(t, err, "this machine cannot ask example.org", "too many open files")
	if strings.Contains(err.Error(), "network") || strings.Contains(err.Error(), "/folder") {
		t.Errorf("got %v", err)
	}
}
