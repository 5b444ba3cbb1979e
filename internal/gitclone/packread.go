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

// content is the whole object in memory, for callers that took what it costs. It
// is shared: not to be changed.
func (p *pack) content(ctx context.Context, i int) ([]byte, error) {
	from, err := p.bodyOf(ctx, i)
	if err != nil {
		return nil, err
	}
	defer from.close()
	if from.bytes != nil {
		return from.bytes, nil
	}
	content := make([]byte, from.size)
	_, err = io.ReadFull(untilDone(ctx, io.NewSectionReader(from.file, 0, from.size)), content)
	return content, err
}

// contentUpTo is content of a file that has no business to be larger than limit.
func (p *pack) contentUpTo(ctx context.Context, i int, limit int64) ([]byte, error) {
	if err := checkSize(p.objects[i].size, limit); err != nil {
		return nil, err
	}
	return p.content(ctx, i)
}

// copyTo writes an object without holding it in memory.
func (p *pack) copyTo(ctx context.Context, w io.Writer, i int) error {
	o := &p.objects[i]
	switch {
	case o.spooled != notSpooled:
		return p.copyBuffered(ctx, w, p.spool.reader(o.spooled, o.size))
	case o.base == noBase:
		return p.inflate(o, func(r io.Reader) error { return p.copyBuffered(ctx, w, r) })
	case o.size <= p.spool.small:
		content, err := p.content(ctx, i)
		if err != nil {
			return err
		}
		_, err = w.Write(content)
		return err
	}
	base, err := p.bodyOf(ctx, o.base)
	if err != nil {
		return err
	}
	defer base.close()
	out := bufio.NewWriterSize(w, 64<<10)
	if err := p.patch(ctx, base, o, o.typ, func(int64) (io.Writer, error) { return out, nil }); err != nil {
		return err
	}
	return out.Flush()
}

// copyBuffered is io.Copy without a new buffer for each file.
func (p *pack) copyBuffered(ctx context.Context, w io.Writer, r io.Reader) error {
	buf, _ := p.buffers.Get().(*[64 << 10]byte)
	if buf == nil {
		buf = new([64 << 10]byte)
	}
	defer p.buffers.Put(buf)
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, untilDone(ctx, r), buf[:])
	return err
}

// untilDone lets reading end with the cause of ctx.
func untilDone(ctx context.Context, r io.Reader) io.Reader {
	return readFunc(func(b []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return r.Read(b)
	})
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(b []byte) (int, error) { return f(b) }
