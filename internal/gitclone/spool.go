package gitclone

import (
	"bufio"
	"fmt"
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
	root  *os.Root
	name  string
	file  *os.File
	to    *bufio.Writer // while objects arrive, one after another
	size  atomic.Int64
	max   int64        // bytes to keep
	small int64        // bytes of an object that is handled in memory
	count atomic.Int64 // of the temporary files
}

// notSpooled is the place of what is not in the spool.
const notSpooled = -1

func newSpool(root *os.Root, name string) (*spool, error) {
	file, err := nameless(root, name)
	if err != nil {
		return nil, err
	}
	return &spool{root: root, name: name, file: file, to: bufio.NewWriterSize(file, 256<<10), max: maxSpool, small: maxSmall}, nil
}

// nameless makes a file that is gone when it is closed.
func nameless(root *os.Root, name string) (*os.File, error) {
	file, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := root.Remove(name); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// temporary makes a file for one object that a delta is based on, where it is too
// large for memory and the spool is full.
func (s *spool) temporary() (*os.File, error) {
	return nameless(s.root, fmt.Sprintf("%s_%d", s.name, s.count.Add(1)))
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

func (s *spool) reader(at, size int64) *io.SectionReader {
	return io.NewSectionReader(s.file, at, size)
}
