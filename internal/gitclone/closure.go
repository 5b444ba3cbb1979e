package gitclone

import (
	"context"
	"errors"
	"fmt"
	"io"

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
	for n := 0; ; n++ {
		raw, err := readStored(c.store, plumbing.TagObject, h)
		if err != nil {
			break
		}
		if n == maxTags {
			return errTags
		}
		c.add(h)
		if h, err = readTag(h, raw); err != nil {
			return err
		}
	}
	commit, err := c.commit(h)
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

func (c *closure) commit(h plumbing.Hash) (*gitobject.Commit, error) {
	raw, err := readStored(c.store, plumbing.CommitObject, h)
	if err != nil {
		return nil, err
	}
	return readCommit(h, raw)
}

// readStored reads a commit or a tag.
func readStored(store storer.EncodedObjectStorer, typ plumbing.ObjectType, h plumbing.Hash) ([]byte, error) {
	o, err := store.EncodedObject(typ, h)
	if err != nil {
		return nil, err
	}
	if err := checkSize(o.Size(), maxMeta); err != nil {
		return nil, fmt.Errorf("%s %s: %w", typ, h, err)
	}
	r, err := o.Reader()
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(r)
	return raw, errors.Join(err, r.Close())
}

// commits collects all commits that lead to head, which is one of them. Where
// the repository is itself a shallow clone, they end early.
func (c *closure) commits(ctx context.Context, head plumbing.Hash) error {
	for stack := []plumbing.Hash{head}; len(stack) > 0; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if c.seen[h] {
			continue
		}
		commit, err := c.commit(h)
		if errors.Is(err, plumbing.ErrObjectNotFound) && h != head {
			continue
		}
		if err != nil {
			return fmt.Errorf("commit %s: %w", h, err)
		}
		c.add(h)
		stack = append(stack, commit.ParentHashes...)
	}
	return nil
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
