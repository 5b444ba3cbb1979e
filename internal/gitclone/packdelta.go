package gitclone

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

const maxDeltaDepth = 4095 // git's own limit

// resolveDeltas finds the hashes of the objects that are stored as deltas.
func (p *pack) resolveDeltas(ctx context.Context, byRef map[plumbing.Hash][]int) error {
	r := resolver{pack: p, children: map[int][]int{}, byRef: byRef}
	var roots []int
	for i, o := range p.objects {
		if o.base != noBase {
			r.children[o.base] = append(r.children[o.base], i)
		}
	}
	for i, o := range p.objects {
		if !o.typ.IsDelta() && len(r.children[i])+len(byRef[o.hash]) > 0 {
			roots = append(roots, i)
		}
	}
	workers := maxWorkers
	if len(byRef) > 0 {
		workers = 1 // two bases with one hash would share their deltas
	}
	err := parallel(ctx, workers, len(roots), func(i int) error {
		return r.resolve(ctx, roots[i], nil, 0)
	})
	if err != nil {
		return fmt.Errorf("resolving deltas: %w", err)
	}
	p.byHash = make(map[plumbing.Hash]int, len(p.objects))
	for i, o := range p.objects {
		if o.typ.IsDelta() {
			return fmt.Errorf("the object at %d is a delta to one that is not in the pack", o.offset)
		}
		p.byHash[o.hash] = i
	}
	return nil
}

type resolver struct {
	*pack
	children map[int][]int
	byRef    map[plumbing.Hash][]int
}

// resolve goes depth first, so that one chain of deltas is held at a time, of each
// object above only what the budgets allow: the rest is made again. It closes base,
// which is the content of i, or nil if that is to be read.
func (r *resolver) resolve(ctx context.Context, i int, base *body, depth int) (err error) {
	defer func() {
		if base != nil {
			base.close()
		}
	}()
	if depth > maxDeltaDepth {
		return fmt.Errorf("a chain of more than %d deltas", maxDeltaDepth)
	}
	children := slices.Concat(r.children[i], r.byRef[r.objects[i].hash])
	for n, child := range children {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !r.objects[child].typ.IsDelta() {
			continue // resolved already, from another object with this hash
		}
		if base == nil {
			if base, err = r.bodyOf(ctx, i); err != nil {
				return err
			}
		}
		made, err := r.apply(ctx, i, base, child)
		if err != nil {
			return fmt.Errorf("the object at %d: %w", r.objects[child].offset, err)
		}
		release := func() {}
		held := false
		if n < len(children)-1 { // a chain of one child each holds one content, however long it is
			release, held = r.hold(base)
		}
		if !held {
			base.close()
			base = nil
		}
		err = r.resolve(ctx, child, made, depth+1)
		release()
		if err != nil {
			return err
		}
	}
	return nil
}

// apply finds out what a delta makes, and keeps it where deltas to it follow.
func (r *resolver) apply(ctx context.Context, i int, base *body, child int) (*body, error) {
	o, typ := &r.objects[child], r.objects[i].typ
	var to place
	var hash plumbing.Hasher
	err := r.patch(ctx, base, o, typ, func(size int64) (w io.Writer, err error) {
		o.size, hash = size, plumbing.NewHasher(typ, size)
		to, err = r.placeFor(size, len(r.children[child])+len(r.byRef) > 0)
		return io.MultiWriter(hash, to), err
	})
	if err != nil {
		to.drop()
		return nil, err
	}
	made := to.done()
	if o.spooled = to.spooled; made != nil && made.bytes != nil {
		if o.spooled, err = r.spool.put(made.bytes); err != nil {
			return nil, fmt.Errorf("keeping it: %w", err)
		}
	}
	o.base, o.typ, o.hash = i, typ, hash.Sum()
	return made, nil
}

// hold takes what a content costs that stays while deltas further down are
// resolved. One in the spool costs nothing, and one in a file of its own a
// descriptor at least, of which there may be few.
func (r *resolver) hold(b *body) (release func(), ok bool) {
	from, cost := r.memory, int64(len(b.bytes))*contentFactor
	if b.own != nil {
		from, cost = r.disk, max(b.size, maxSpool/16)
	}
	if !from.try(cost) {
		return func() {}, false
	}
	return func() { from.give(cost) }, true
}
