package main

import "golang.org/x/sys/unix"

// roomForPrograms says whether a folder is on a tmpfs with so much room, from which programs can be started.
func roomForPrograms(folder string, room uint64) bool {
	var fs unix.Statfs_t
	return unix.Statfs(folder, &fs) == nil && fs.Type == unix.TMPFS_MAGIC && fs.Flags&unix.ST_NOEXEC == 0 &&
		fs.Bavail*uint64(fs.Bsize) >= room
}
