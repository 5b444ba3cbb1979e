//go:build !linux

package gitclone

import "io/fs"

func statOf(info fs.FileInfo) fileStat {
	return fileStat{size: info.Size(), changed: info.ModTime()}
}
