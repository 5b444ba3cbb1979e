package gitclone

import (
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
)

// baseCacheSize bounds the memory for contents that deltas are based on.
const baseCacheSize = 32 * cache.MiByte

// pack is a stored pack with its index in memory. go-git's own parser is not
// used, since it inflates each object twice and holds it in memory whole.
// https://git-scm.com/docs/pack-format
type pack struct {
	file     *os.File
	spool    *spool
	objects  []object // in the order of the pack
	byHash   map[plumbing.Hash]int
	checksum plumbing.Hash

	bases     *cache.BufferLRU // by number of the object
	inflaters sync.Pool
	buffers   sync.Pool
	patchers  sync.Pool

	memory *budget
	kept   int64   // of the memory, until the pack is closed
	disk   *budget // for files that are open while deltas to them are resolved
}

// object is one entry of a pack.
type object struct {
	offset, data int64 // where its header and its zlib stream begin
	size         int64 // inflated; of a delta, what it makes
	deflated     int64 // inflated, as stored: of a delta, the delta's own size
	hash         plumbing.Hash
	crc          uint32
	typ          plumbing.ObjectType // of a delta that is not resolved yet, the kind of delta
	base         int                 // number of the object that a delta is based on, or noBase
	spooled      int64               // where the spool has it, inflated and resolved, or notSpooled
}

const noBase = -1

// close needs no error: what it closes is only read from, once stored.
func (p *pack) close() {
	p.memory.release(p.kept)
	p.kept = 0
	_ = p.file.Close()
	_ = p.spool.file.Close()
}

// receivePack stores what comes from r in file, and hashes each object. If it
// fails, the memory that it took is given back.
func receivePack(ctx context.Context, r io.Reader, file *os.File, inflated *spool, memory *budget) (_ *pack, err error) {
	p := &pack{file: file, spool: inflated, bases: cache.NewBufferLRU(baseCacheSize), memory: memory, disk: newBudget(maxSpool)}
	defer func() {
		if err != nil {
			memory.release(p.kept)
		}
	}()
	if err := p.keep(int64(baseCacheSize)); err != nil {
		return nil, err
	}
	s := newPackStream(r, file)
	var head [12]byte
	if _, err := io.ReadFull(s, head[:]); err != nil {
		return nil, fmt.Errorf("reading the head of the pack: %w", noEOF(err))
	}
	if string(head[:8]) != "PACK\x00\x00\x00\x02" {
		return nil, fmt.Errorf("%q is not the beginning of a pack of version 2", head[:8])
	}
	count := int(head[8])<<24 | int(head[9])<<16 | int(head[10])<<8 | int(head[11])
	in := &receiver{pack: p, stream: s, byRef: map[plumbing.Hash][]int{}, buf: make([]byte, 32<<10)}
	for i := range count {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := in.next(ctx); err != nil {
			return nil, fmt.Errorf("reading object %d of %d: %w", i+1, count, noEOF(err))
		}
	}
	sum, err := s.finish()
	if err != nil {
		return nil, err
	}
	p.checksum = sum
	if err := p.spool.to.Flush(); err != nil {
		return nil, fmt.Errorf("storing what was in the pack: %w", err)
	}
	return p, p.resolveDeltas(ctx, in.byRef)
}

// receiver reads the objects of a pack one after another.
type receiver struct {
	*pack
	stream *packStream
	zlib   io.ReadCloser
	buf    []byte
	byRef  map[plumbing.Hash][]int // deltas whose base is named by its hash
}

func (in *receiver) next(ctx context.Context) error {
	if err := in.keep(objectCost); err != nil {
		return err
	}
	s := in.stream
	s.startObject()
	o := object{offset: s.position(), base: noBase, spooled: notSpooled}
	if err := in.header(&o); err != nil {
		return err
	}
	o.data = s.position()
	if in.zlib == nil {
		z, err := zlib.NewReader(s)
		if err != nil {
			return err
		}
		in.zlib = z
	} else if err := in.zlib.(zlib.Resetter).Reset(s, nil); err != nil {
		return err
	}
	if err := in.inflate(ctx, &o); err != nil {
		return err
	}
	o.crc = s.endObject()
	in.objects = append(in.objects, o)
	return nil
}

// inflate goes through the content of an object.
func (in *receiver) inflate(ctx context.Context, o *object) error {
	hash := plumbing.NewHasher(o.typ, o.size)
	to := []io.Writer{}
	if !o.typ.IsDelta() {
		to = append(to, hash)
		if o.spooled = in.spool.reserve(o.size); o.spooled != notSpooled {
			to = append(to, in.spool.to)
		}
	}
	// One byte more than there should be: to see that there is no more.
	n, err := io.CopyBuffer(io.MultiWriter(to...), untilDone(ctx, io.LimitReader(in.zlib, o.size+1)), in.buf)
	if err != nil {
		return err
	}
	if n != o.size {
		return fmt.Errorf("it has not the %d bytes that its header says", o.size)
	}
	if !o.typ.IsDelta() {
		o.hash = hash.Sum()
	}
	return nil
}

// header reads type and size, and of a delta, what it is based on.
func (in *receiver) header(o *object) error {
	c, err := in.stream.ReadByte()
	if err != nil {
		return err
	}
	o.typ, o.size = plumbing.ObjectType(c>>4&7), int64(c&15)
	for shift := 4; c&0x80 != 0; shift += 7 {
		if c, err = in.stream.ReadByte(); err != nil {
			return err
		}
		if shift > 53 {
			return errors.New("its size is beyond all measure")
		}
		o.size |= int64(c&0x7f) << shift
	}
	o.deflated = o.size
	switch o.typ {
	case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
		return nil
	case plumbing.REFDeltaObject:
		var base plumbing.Hash
		if _, err := io.ReadFull(in.stream, base[:]); err != nil {
			return err
		}
		in.byRef[base] = append(in.byRef[base], len(in.objects))
		return in.keep(refCost)
	case plumbing.OFSDeltaObject:
		return in.baseByOffset(o)
	}
	return fmt.Errorf("there is no type %d", o.typ)
}

func (in *receiver) baseByOffset(o *object) error {
	var back int64
	for {
		c, err := in.stream.ReadByte()
		if err != nil {
			return err
		}
		back |= int64(c & 0x7f)
		if c&0x80 == 0 {
			break
		}
		if back > o.offset {
			return errors.New("its base is before the pack")
		}
		back = (back + 1) << 7
	}
	base, found := slices.BinarySearchFunc(in.objects, o.offset-back, func(o object, offset int64) int {
		return int(o.offset - offset)
	})
	if !found {
		return fmt.Errorf("there is no base at %d", o.offset-back)
	}
	o.base = base
	return nil
}

// writeIndex writes the .idx file, without which git does not see the pack.
func (p *pack) writeIndex(w io.Writer) error {
	if cost := int64(len(p.objects)) * indexCost; p.memory.try(cost) {
		defer p.memory.give(cost)
	} else {
		return fmt.Errorf("indexing the %d objects of the pack: %w", len(p.objects), errMemory)
	}
	var index idxfile.Writer
	if err := index.OnHeader(uint32(len(p.objects))); err != nil {
		return err
	}
	for _, o := range p.objects {
		index.Add(o.hash, uint64(o.offset), o.crc)
	}
	if err := index.OnFooter(p.checksum); err != nil {
		return err
	}
	memory, err := index.Index()
	if err != nil {
		return err
	}
	_, err = idxfile.NewEncoder(w).Encode(memory)
	return err
}
