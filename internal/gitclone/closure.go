package gitclone

import (
	"context"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	gitobject "github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// closure collects what a shallow pack has to hold.
type closure struct {
	store    storer.EncodedObjectStorer
	seen     map[plumbing.Hash]bool
	objects  []plumbing.Hash
	shallows []plumbing.Hash
}

func (c *closure) add(h plumbing.Hash) (isNew bool) {
	if c.seen[h] {
		return false
	}
	c.seen[h] = true
	c.objects = append(c.objects, h)
	return true
}

func (c *closure) want(ctx context.Context, h plumbing.Hash) error {
	for {
		tag, err := gitobject.GetTag(c.store, h)
		if err != nil {
			break
		}
		c.add(h)
		h = tag.Target
	}
	commit, err := gitobject.GetCommit(c.store, h)
	if err != nil {
		return err
	}
	if !c.add(h) {
		return nil
	}
	if commit.NumParents() > 0 {
		c.shallows = append(c.shallows, h)
	}
	return c.tree(ctx, commit.TreeHash)
}

func (c *closure) tree(ctx context.Context, h plumbing.Hash) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if h == plumbing.NewHash(emptyTree) && c.store.HasEncodedObject(h) != nil {
		return nil
	}
	if !c.add(h) {
		return nil
	}
	tree, err := gitobject.GetTree(c.store, h)
	if err != nil {
		return fmt.Errorf("tree %s: %w", h, err)
	}
	for _, e := range tree.Entries {
		switch e.Mode {
		case filemode.Dir:
			if err := c.tree(ctx, e.Hash); err != nil {
				return err
			}
		case filemode.Submodule:
		default:
			c.add(e.Hash)
		}
	}
	return nil
}
