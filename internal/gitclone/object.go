package gitclone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	gitobject "github.com/go-git/go-git/v5/plumbing/object"
)

// find gives the number of an object, which must be of that type.
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

// raw is a tree, a commit or a tag. It takes memory until release is called: factor
// says how much for each byte of the object, with what the caller makes of it.
func (p *pack) raw(ctx context.Context, h plumbing.Hash, typ plumbing.ObjectType, factor int64) (content []byte, release func(), err error) {
	i, err := p.find(h, typ)
	if err != nil {
		return nil, nil, err
	}
	size := p.objects[i].size
	if err = checkSize(size, maxMeta); err == nil && !p.memory.try(size*factor) {
		err = errMemory
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s %s: %w", typ, h, err)
	}
	release = func() { p.memory.give(size * factor) }
	if content, err = p.content(ctx, i); err != nil {
		release()
		return nil, nil, fmt.Errorf("%s %s: %w", typ, h, err)
	}
	return content, release, nil
}

// commit reads a commit, through annotated tags.
func (p *pack) commit(ctx context.Context, h plumbing.Hash) (*gitobject.Commit, error) {
	for range maxTags {
		typ := plumbing.CommitObject
		if i, ok := p.byHash[h]; ok && p.objects[i].typ == plumbing.TagObject {
			typ = plumbing.TagObject
		}
		raw, release, err := p.raw(ctx, h, typ, commitFactor)
		if err != nil {
			return nil, err
		}
		if typ == plumbing.CommitObject {
			defer release()
			return readCommit(h, raw)
		}
		h, err = readTag(h, raw)
		release()
		if err != nil {
			return nil, err
		}
	}
	return nil, errTags
}

var errTags = fmt.Errorf("more than %d tags lead from one to the next", maxTags)

var errMalformed = errors.New("it is not as git writes one")

// readCommit reads of a commit what git itself reads: the tree, the parents and the
// author, at its beginning and in that order. go-git's decoder also reads all else
// that may be in its header, in a time that grows with the square of that.
func readCommit(h plumbing.Hash, raw []byte) (*gitobject.Commit, error) {
	c := &gitobject.Commit{Hash: h}
	var ok bool
	if c.TreeHash, raw, ok = hashLine("tree ", raw); !ok {
		return nil, fmt.Errorf("commit %s does not begin with its tree: %w", h, errMalformed)
	}
	for {
		parent, rest, ok := hashLine("parent ", raw)
		if !ok {
			break
		}
		c.ParentHashes, raw = append(c.ParentHashes, parent), rest
	}
	if author, ok := bytes.CutPrefix(raw, []byte("author ")); ok {
		author, _, _ = bytes.Cut(author, []byte("\n"))
		c.Author.Decode(author)
	}
	return c, nil
}

// readTag reads what an annotated tag is about.
func readTag(h plumbing.Hash, raw []byte) (plumbing.Hash, error) {
	target, _, ok := hashLine("object ", raw)
	if !ok {
		return h, fmt.Errorf("tag %s does not begin with its object: %w", h, errMalformed)
	}
	return target, nil
}

// tree decodes a tree, which is in memory until release is called.
func (p *pack) tree(ctx context.Context, h plumbing.Hash) (tree *gitobject.Tree, release func(), err error) {
	content, release, err := p.raw(ctx, h, plumbing.TreeObject, treeFactor)
	if err != nil {
		return nil, nil, err
	}
	var memory plumbing.MemoryObject
	memory.SetType(plumbing.TreeObject)
	_, err = memory.Write(content)
	tree = &gitobject.Tree{}
	if err == nil {
		err = tree.Decode(&memory)
	}
	if err != nil {
		release()
		return nil, nil, fmt.Errorf("%s %s: %w", plumbing.TreeObject, h, err)
	}
	return tree, release, nil
}

// hashLine takes a line with the name of an object from the beginning of raw.
func hashLine(what string, raw []byte) (h plumbing.Hash, rest []byte, ok bool) {
	rest, ok = bytes.CutPrefix(raw, []byte(what))
	if !ok || len(rest) <= hashLen || rest[hashLen] != '\n' {
		return h, raw, false
	}
	hex := string(rest[:hashLen])
	if strings.Trim(hex, "0123456789abcdef") != "" { // as git writes it
		return h, raw, false
	}
	return plumbing.NewHash(hex), rest[hashLen+1:], true
}
