package gitclone

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: "tmp_pack", Err: syscall.ENOSPC}
}

// A full disk is not a transfer that broke off: nobody is to look at the network
// for it, and to download everything again would not help.
func TestAFullDiskIsNoBrokenTransfer(t *testing.T) {
	t.Parallel()
	_, err := newPackStream(strings.NewReader("PACK"), fullDisk{}).ReadByte()
	err = withRoom(explainDownload(t.Context(), err, remote(nil), choice{Target: Target{Ref: "main"}}))
	contains(t, err, "no space left on device", "make room")
	if strings.Contains(err.Error(), "broke off") || errors.Is(err, ErrBrokenOff) {
		t.Errorf("got %v", err)
	}
}
