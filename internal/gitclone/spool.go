package gitclone

import (
	"bufio"
	"io"
	"os"
	"sync/atomic"
)

// spool holds the objects of a pack as they are when inflated, so that each is
// inflated once, when it arrives, and read from there when it is hashed with a
// delta and when it is checked out. It is a file and not memory, of which
// a clone is to take little, and that file has no name: it is gone when it is
// closed, however the clone ends.
//
// What does not fit into maxSpool is inflated again from the pack.
type spool struct {
	file *os.File
	to   *bufio.Writer // while objects arrive, one after another
	size atomic.Int64
	max  int64
}

// notSpooled is the place of what is not in the spool.
const notSpooled = -1

func newSpool(root *os.Root, name string) (*spool, error) {
	file, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := root.Remove(name); err != nil {
		_ = file.Close()
		return nil, err
	}
	return spoolIn(file), nil
}

func spoolIn(file *os.File) *spool {
	return &spool{file: file, to: bufio.NewWriterSize(file, 256<<10), max: maxSpool}
}

// reserve is a place for so many bytes, if there is one.
func (s *spool) reserve(size int64) int64 {
	if end := s.size.Add(size); end <= s.max {
		return end - size
	}
	s.size.Add(-size)
	return notSpooled
}

// put keeps an object that is made of a delta. It can be called concurrently.
func (s *spool) put(content []byte) (at int64, err error) {
	if at = s.reserve(int64(len(content))); at != notSpooled {
		_, err = s.file.WriteAt(content, at)
	}
	return at, err
}

func (s *spool) reader(at, size int64) io.Reader { return io.NewSectionReader(s.file, at, size) }
