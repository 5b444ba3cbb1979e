package gitclone

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

var errDelta = errors.New("the delta is damaged")

// patcher applies deltas. The delta is read as a stream and what it makes is
// written as one, so that neither size matters; of the base a window is in memory.
// https://git-scm.com/docs/pack-format#_deltified_representation
type patcher struct {
	delta  *bufio.Reader
	out    *bufio.Writer
	window [16 << 10]byte
	at, n  int64 // where in the base the window is, and how much of it there is
}

// sizes reads the beginning of a delta, which names the sizes of what it is based
// on and of what it makes.
func (p *patcher) sizes() (base, made int64, err error) {
	for _, size := range []*int64{&base, &made} {
		n, err := binary.ReadUvarint(p.delta)
		if err != nil || n > 1<<62 {
			return 0, 0, errDelta
		}
		*size = int64(n) //nolint:gosec // just bounded
	}
	return base, made, nil
}

// run follows the instructions, which must make size bytes exactly.
func (p *patcher) run(ctx context.Context, base *body, size int64) error {
	p.at, p.n = 0, 0
	for count := 0; ; count++ {
		if count%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c, err := p.delta.ReadByte()
		if errors.Is(err, io.EOF) && size == 0 {
			return nil
		}
		if err != nil {
			return noEOF(err)
		}
		var n int64
		if c&0x80 != 0 {
			n, err = p.copy(ctx, base, c, size)
		} else {
			n, err = p.insert(int64(c), size)
		}
		if err != nil {
			return err
		}
		size -= n
	}
}

// insert writes n bytes of the delta itself.
func (p *patcher) insert(n, room int64) (int64, error) {
	if n == 0 || n > room {
		return 0, errDelta
	}
	b, err := p.delta.Peek(int(n))
	if err != nil {
		return 0, noEOF(err)
	}
	if _, err := p.out.Write(b); err != nil {
		return 0, err
	}
	_, err = p.delta.Discard(int(n))
	return n, err
}

// copy writes a part of the base: the bits of c say which bytes of its offset and
// of its size follow.
func (p *patcher) copy(ctx context.Context, base *body, c byte, room int64) (int64, error) {
	var field [7]byte
	for i := range field {
		if c&(1<<i) == 0 {
			continue
		}
		b, err := p.delta.ReadByte()
		if err != nil {
			return 0, noEOF(err)
		}
		field[i] = b
	}
	offset := int64(binary.LittleEndian.Uint32(field[:4]))
	n := int64(field[4]) | int64(field[5])<<8 | int64(field[6])<<16
	if n == 0 {
		n = 0x10000
	}
	if n > room || offset > base.size || n > base.size-offset {
		return 0, errDelta
	}
	if base.bytes != nil {
		_, err := p.out.Write(base.bytes[offset : offset+n])
		return n, err
	}
	for done := int64(0); done < n; {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		part, err := p.look(base, offset+done, n-done)
		if err != nil {
			return 0, err
		}
		if _, err := p.out.Write(part); err != nil {
			return 0, err
		}
		done += int64(len(part))
	}
	return n, nil
}

// look is what the window has of n bytes at an offset; it is moved there if that
// is nothing.
func (p *patcher) look(base *body, offset, n int64) ([]byte, error) {
	if offset < p.at || offset >= p.at+p.n {
		p.at, p.n = offset, min(int64(len(p.window)), base.size-offset)
		if _, err := base.file.ReadAt(p.window[:p.n], offset); err != nil {
			p.n = 0
			return nil, fmt.Errorf("reading what the delta is based on: %w", noEOF(err))
		}
	}
	from := offset - p.at
	return p.window[from:min(from+n, p.n)], nil
}
