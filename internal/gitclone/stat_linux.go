package gitclone

import (
	"io/fs"
	"syscall"
	"time"
)

func statOf(info fs.FileInfo) fileStat {
	s := fileStat{size: info.Size(), changed: info.ModTime()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.created = time.Unix(int64(sys.Ctim.Sec), int64(sys.Ctim.Nsec)) //nolint:unconvert // 32 bits on some
		s.dev, s.inode = uint32(sys.Dev), uint32(sys.Ino)                //nolint:gosec // git cuts them too
		s.uid, s.gid = sys.Uid, sys.Gid
	}
	return s
}
