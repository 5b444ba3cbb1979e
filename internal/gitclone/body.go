package gitclone

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
)

// body is the content of an object, such that a delta can be applied to it: in
// memory if it is small, else in a file.
type body struct {
	size  int64
	bytes []byte // of a small one: shared, not to be changed
	file  io.ReaderAt
	own   *os.File // a temporary one, to close
}

// inMemory is the body of what is small.
func inMemory(content []byte) *body { return &body{size: int64(len(content)), bytes: content} }

// close needs no error: what it closes is not needed any more.
func (b *body) close() {
	if b.own != nil {
		_ = b.own.Close()
	}
}

// place is where the content of an object is to be written.
type place struct {
	body    *body // nil if it is kept nowhere
	spooled int64 // or notSpooled
	io.Writer
}

// placeFor finds one for so many bytes: in memory, in the spool, or if it is
// needed, in a file of its own.
func (p *pack) placeFor(size int64, needed bool) (place, error) {
	if size <= p.spool.small {
		return placeInMemory(size), nil
	}
	if at := p.spool.reserve(size); at != notSpooled {
		return place{&body{size: size, file: p.spool.reader(at, size)}, at, io.NewOffsetWriter(p.spool.file, at)}, nil
	}
	if !needed {
		return place{nil, notSpooled, io.Discard}, nil
	}
	return p.placeInFile(size)
}

func placeInMemory(size int64) place {
	return place{&body{size: size}, notSpooled, bytes.NewBuffer(make([]byte, 0, size))}
}

func (p *pack) placeInFile(size int64) (place, error) {
	file, err := p.spool.temporary()
	if err != nil {
		return place{}, fmt.Errorf("making a file for what is unpacked: %w", err)
	}
	return place{&body{size: size, file: file, own: file}, notSpooled, file}, nil
}

// done gives the body once all was written.
func (p place) done() *body {
	if to, ok := p.Writer.(*bytes.Buffer); ok {
		p.body.bytes = to.Bytes()
	}
	return p.body
}

// drop forgets a place after an error.
func (p place) drop() {
	if p.body != nil {
		p.body.close()
	}
}

// stored is the body of an object that is no delta, or in the spool.
func (p *pack) stored(ctx context.Context, o *object) (*body, error) {
	if o.spooled != notSpooled {
		section := p.spool.reader(o.spooled, o.size)
		if o.size > p.spool.small {
			return &body{size: o.size, file: section}, nil
		}
		content := make([]byte, o.size)
		_, err := io.ReadFull(section, content)
		return inMemory(content), err
	}
	if o.size <= p.spool.small {
		content := make([]byte, o.size)
		err := p.inflate(o, func(r io.Reader) error { _, err := io.ReadFull(r, content); return err })
		return inMemory(content), err
	}
	to, err := p.placeInFile(o.size)
	if err != nil {
		return nil, err
	}
	if err := p.inflate(o, func(r io.Reader) error { return p.copyBuffered(ctx, to, r) }); err != nil {
		to.drop()
		return nil, err
	}
	return to.done(), nil
}

// bodyOf is that of any object. The caller closes it.
func (p *pack) bodyOf(ctx context.Context, i int) (*body, error) {
	// From a delta down to what is known, and back up.
	var chain []int
	content, known := p.bases.Get(int64(i))
	for !known && p.objects[i].base != noBase && p.objects[i].spooled == notSpooled {
		chain = append(chain, i)
		i = p.objects[i].base
		content, known = p.bases.Get(int64(i))
	}
	found, err := inMemory(content), error(nil)
	if !known {
		if found, err = p.stored(ctx, &p.objects[i]); err != nil {
			return nil, err
		}
	}
	for n := len(chain) - 1; n >= 0; n-- {
		if found.bytes != nil {
			p.bases.Put(int64(i), found.bytes)
		}
		i = chain[n]
		made, err := p.remade(ctx, found, &p.objects[i])
		found.close()
		if err != nil {
			return nil, err
		}
		found = made
	}
	return found, nil
}

// remade applies a delta that was applied before.
func (p *pack) remade(ctx context.Context, base *body, o *object) (*body, error) {
	var to place
	err := p.patch(ctx, base, o, o.typ, func(size int64) (w io.Writer, err error) {
		if size <= p.spool.small {
			to = placeInMemory(size)
			return to, nil
		}
		to, err = p.placeInFile(size)
		return to, err
	})
	if err != nil {
		to.drop()
		return nil, err
	}
	return to.done(), nil
}

// patch writes what a delta makes of its base. to gets the size before anything
// is written, and says where; typ is that of the base.
func (p *pack) patch(ctx context.Context, base *body, o *object, typ plumbing.ObjectType, to func(size int64) (io.Writer, error)) error {
	return p.inflate(o, func(r io.Reader) error {
		by, _ := p.patchers.Get().(*patcher)
		if by == nil {
			by = &patcher{delta: bufio.NewReader(r), out: bufio.NewWriterSize(nil, 64<<10)}
		}
		defer p.patchers.Put(by)
		by.delta.Reset(r)
		of, size, err := by.sizes()
		if err != nil {
			return err
		}
		if of != base.size {
			return fmt.Errorf("%w: it is for an object of %d bytes, and its own has %d", errDelta, of, base.size)
		}
		if err := checkSize(size, limitOf(typ)); err != nil {
			return err
		}
		w, err := to(size)
		if err != nil {
			return err
		}
		by.out.Reset(w)
		if err := by.run(ctx, base, size); err != nil {
			return err
		}
		return by.out.Flush()
	})
}
