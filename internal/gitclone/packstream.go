package gitclone

import (
	"crypto/sha1" //nolint:gosec // the checksum of the format, not a signature
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

// packStream reads a pack from the network once, and on the way stores it,
// sums it up and counts it. It is an io.ByteReader, without which zlib would
// read beyond the end of an object.
type packStream struct {
	from io.Reader
	to   io.Writer

	buf       [64 << 10]byte
	pos, end  int
	summed    int   // buf[:summed] is in the sums already
	offset    int64 // of buf[0] in the pack
	checksum  hash.Hash
	objectCRC uint32
}

func newPackStream(from io.Reader, to io.Writer) *packStream {
	return &packStream{from: from, to: to, checksum: sha1.New()}
}

// position is the offset in the pack of the byte to read next.
func (s *packStream) position() int64 { return s.offset + int64(s.pos) }

func (s *packStream) sum() {
	s.checksum.Write(s.buf[s.summed:s.pos])
	s.objectCRC = crc32.Update(s.objectCRC, crc32.IEEETable, s.buf[s.summed:s.pos])
	s.summed = s.pos
}

func (s *packStream) fill() error {
	s.sum()
	s.offset += int64(s.end)
	s.pos, s.end, s.summed = 0, 0, 0
	for s.end == 0 {
		n, err := s.from.Read(s.buf[:])
		if _, werr := s.to.Write(s.buf[:n]); werr != nil {
			return fmt.Errorf("storing the pack: %w", werr)
		}
		s.end = n
		if n == 0 && err != nil {
			return err
		}
	}
	return nil
}

func (s *packStream) ReadByte() (byte, error) {
	if s.pos == s.end {
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	s.pos++
	return s.buf[s.pos-1], nil
}

func (s *packStream) Read(b []byte) (int, error) {
	if s.pos == s.end {
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(b, s.buf[s.pos:s.end])
	s.pos += n
	return n, nil
}

// startObject begins a new CRC.
func (s *packStream) startObject() {
	s.sum()
	s.objectCRC = 0
}

// endObject returns the CRC of the object's bytes as they are in the pack.
func (s *packStream) endObject() uint32 {
	s.sum()
	return s.objectCRC
}

// finish compares the checksum at the end of the pack with that of what came before.
func (s *packStream) finish() (sum [sha1.Size]byte, err error) {
	s.sum()
	s.checksum.Sum(sum[:0])
	var said [sha1.Size]byte
	if _, err := io.ReadFull(s, said[:]); err != nil {
		return sum, fmt.Errorf("reading the checksum of the pack: %w", noEOF(err))
	}
	if said != sum {
		return sum, fmt.Errorf("the checksum of the pack is %x, its bytes have %x", said, sum)
	}
	switch _, err := s.ReadByte(); {
	case err == nil:
		return sum, errors.New("there is more after the end of the pack")
	case errors.Is(err, io.EOF):
		return sum, nil
	default:
		return sum, err
	}
}

// noEOF makes of an end what it is in the middle of something.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
