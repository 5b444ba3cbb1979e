package gitclone

import (
	"context"
	"fmt"
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
		content, err := p.content(roots[i])
		if err != nil {
			return err
		}
		return r.resolve(ctx, roots[i], content, 0, 0)
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

// resolve goes depth first, so that in memory there is one chain of deltas, and
// of that not more than maxHeld: held counts what is kept further up.
func (r *resolver) resolve(ctx context.Context, i int, content []byte, depth int, held int64) error {
	if depth > maxDeltaDepth {
		return fmt.Errorf("a chain of more than %d deltas", maxDeltaDepth)
	}
	children := slices.Concat(r.children[i], r.byRef[r.objects[i].hash])
	for n, child := range children {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		o := &r.objects[child]
		if !o.typ.IsDelta() {
			continue // resolved already, from another object with this hash
		}
		if content == nil {
			var err error
			if content, err = r.content(i); err != nil {
				return err
			}
		}
		delta, err := r.inflateAll(o)
		if err != nil {
			return err
		}
		made, err := patch(content, delta, limitOf(r.objects[i].typ))
		if err != nil {
			return fmt.Errorf("the object at %d: %w", o.offset, err)
		}
		o.base, o.typ, o.size = i, r.objects[i].typ, int64(len(made))
		o.hash = plumbing.ComputeHash(o.typ, made)
		if o.spooled, err = r.spool.put(made); err != nil {
			return fmt.Errorf("keeping the object at %d: %w", o.offset, err)
		}
		below := held + int64(len(content))
		if n == len(children)-1 || below > maxHeld {
			content, below = nil, held // a chain of one child each holds one content, however long it is
		}
		if err := r.resolve(ctx, child, made, depth+1, below); err != nil {
			return err
		}
	}
	return nil
}
