package gitclone

import (
	"bufio"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/go-git/go-git/v5/plumbing"
	gitobject "github.com/go-git/go-git/v5/plumbing/object"

	"spa-runner/internal/guard"
)

// maxWorkers keep one disk busy; most of their time goes into inflating.
const maxWorkers = 4

var errNotInPack = errors.New("the object was not sent")

// parallel calls do(0) to do(n-1), in about that order, and returns the first error.
func parallel(ctx context.Context, workers, n int, do func(int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0), workers) {
		group.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := guard.Call(func() error { return do(i) }); err != nil {
					cancel(err)
				}
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

type inflater struct {
	buffer *bufio.Reader
	zlib   io.ReadCloser
}

// inflate calls use with the bytes of o as they are stored.
func (p *pack) inflate(o *object, use func(io.Reader) error) error {
	stream := io.NewSectionReader(p.file, o.data, 1<<62)
	in, _ := p.inflaters.Get().(*inflater)
	var err error
	if in == nil {
		in = &inflater{buffer: bufio.NewReader(stream)}
		in.zlib, err = zlib.NewReader(in.buffer)
	} else {
		in.buffer.Reset(stream)
		err = in.zlib.(zlib.Resetter).Reset(in.buffer, nil)
	}
	if err != nil {
		return fmt.Errorf("reading the stored pack at %d: %w", o.data, noEOF(err))
	}
	defer p.inflaters.Put(in)
	return use(io.LimitReader(in.zlib, o.deflated))
}

func (p *pack) inflateAll(o *object) ([]byte, error) {
	if err := checkSize(o.deflated, limitOf(o.typ)); err != nil {
		return nil, fmt.Errorf("the object at %d: %w", o.offset, err)
	}
	b := make([]byte, o.deflated)
	err := p.inflate(o, func(r io.Reader) error {
		_, err := io.ReadFull(r, b)
		return err
	})
	return b, err
}

// stored is the content of an object that is no delta, or in the spool.
func (p *pack) stored(o *object) ([]byte, error) {
	if o.spooled == notSpooled {
		return p.inflateAll(o)
	}
	if err := checkSize(o.size, limitOf(o.typ)); err != nil {
		return nil, fmt.Errorf("the object at %d: %w", o.offset, err)
	}
	b := make([]byte, o.size)
	_, err := p.spool.file.ReadAt(b, o.spooled)
	return b, err
}

// content is the whole object in memory. It is shared: not to be changed.
func (p *pack) content(i int) ([]byte, error) {
	// From a delta down to what is known, and back up.
	var chain []int
	content, known := p.bases.Get(int64(i))
	for !known && p.objects[i].base != noBase && p.objects[i].spooled == notSpooled {
		chain = append(chain, i)
		i = p.objects[i].base
		content, known = p.bases.Get(int64(i))
	}
	if !known {
		var err error
		if content, err = p.stored(&p.objects[i]); err != nil {
			return nil, err
		}
	}
	for n := len(chain) - 1; n >= 0; n-- {
		p.bases.Put(int64(i), content)
		i = chain[n]
		delta, err := p.inflateAll(&p.objects[i])
		if err != nil {
			return nil, err
		}
		if content, err = patch(content, delta, limitOf(p.objects[i].typ)); err != nil {
			return nil, err
		}
	}
	return content, nil
}

// contentUpTo is content of a file that has no business to be larger than limit.
func (p *pack) contentUpTo(i int, limit int64) ([]byte, error) {
	if err := checkSize(p.objects[i].size, limit); err != nil {
		return nil, err
	}
	return p.content(i)
}

// copyTo writes an object, without holding it in memory unless it is stored as a delta.
func (p *pack) copyTo(w io.Writer, i int) error {
	o := &p.objects[i]
	if o.spooled != notSpooled {
		return p.copyBuffered(w, p.spool.reader(o.spooled, o.size))
	}
	if o.base != noBase {
		content, err := p.contentUpTo(i, maxWhole)
		if err != nil {
			return err
		}
		_, err = w.Write(content)
		return err
	}
	return p.inflate(o, func(r io.Reader) error {
		return p.copyBuffered(w, r)
	})
}

// copyBuffered is io.Copy without a new buffer for each file.
func (p *pack) copyBuffered(w io.Writer, r io.Reader) error {
	buf, _ := p.buffers.Get().(*[64 << 10]byte)
	if buf == nil {
		buf = new([64 << 10]byte)
	}
	defer p.buffers.Put(buf)
	_, err := io.CopyBuffer(w, r, buf[:])
	return err
}

func (p *pack) find(h plumbing.Hash, typ plumbing.ObjectType) (int, error) {
	i, ok := p.byHash[h]
	if !ok {
		return 0, fmt.Errorf("%s %s: %w", typ, h, errNotInPack)
	}
	if got := p.objects[i].typ; got != typ {
		return 0, fmt.Errorf("%s is a %s, where a %s should be", h, got, typ)
	}
	return i, nil
}

// load finds an object and decodes it.
func (p *pack) load(h plumbing.Hash, typ plumbing.ObjectType, into interface {
	Decode(plumbing.EncodedObject) error
},
) error {
	i, err := p.find(h, typ)
	if err != nil {
		return err
	}
	content, err := p.contentUpTo(i, maxMeta)
	if err != nil {
		return fmt.Errorf("%s %s: %w", typ, h, err)
	}
	var memory plumbing.MemoryObject
	memory.SetType(typ)
	if _, err := memory.Write(content); err != nil {
		return err
	}
	if err := into.Decode(&memory); err != nil {
		return fmt.Errorf("%s %s: %w", typ, h, err)
	}
	return nil
}

// commit reads a commit, through annotated tags.
func (p *pack) commit(h plumbing.Hash) (*gitobject.Commit, error) {
	for {
		i, ok := p.byHash[h]
		if !ok || p.objects[i].typ != plumbing.TagObject {
			break
		}
		var tag gitobject.Tag
		if err := p.load(h, plumbing.TagObject, &tag); err != nil {
			return nil, err
		}
		h = tag.Target
	}
	var c gitobject.Commit
	return &c, p.load(h, plumbing.CommitObject, &c)
}
