package gitclone

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	branches = "refs/heads/"
	tags     = "refs/tags/"
	hashLen  = 40 // hexadecimal digits of SHA-1
)

// advert is what a repository says about itself.
type advert struct {
	refs      map[string]plumbing.Hash // full name to object
	peeled    map[string]plumbing.Hash // annotated tags: full name to commit
	anyCommit bool                     // commits that are no tips may be asked for

	// peel, if set, finds the commit at what is under neither branches nor tags,
	// where peeled does not tell.
	peel func(plumbing.Hash) (plumbing.Hash, error)
}

// commitOf is the commit at a ref, through an annotated tag. What a server says
// of a tag that it does not have counts for nothing.
func (a *advert) commitOf(name string) (plumbing.Hash, bool) {
	h, ok := a.refs[name]
	if peeled, annotated := a.peeled[name]; ok && annotated {
		return peeled, true
	}
	return h, ok
}

// choice is what to fetch and what to call it.
type choice struct {
	Target
	wants   []plumbing.Hash
	shallow bool
	refs    map[string]plumbing.Hash // the remote's refs to keep, by their names there
	object  plumbing.Hash            // what Ref names itself: the commit, or an annotated tag before it
	head    plumbing.Hash            // of Request.ReachableFrom; zero if that is not asked for
}

// choose applies the rules of the Ref field: a bare name is a branch or a tag,
// and not both, unlike in git, which silently takes the branch. That they are at
// one commit today is no excuse: the branch will move.
func choose(ctx context.Context, a *advert, ref, from string) (choice, error) {
	asBranch, isBranch := a.commitOf(branches + ref)
	asTag, isTag := a.commitOf(tags + ref)
	_, isFull := a.refs[ref]
	switch {
	case ref == "":
		return choice{}, fmt.Errorf("cloning %s: no branch, tag or commit given", from)
	case len(ref) == hashLen && isHex(ref):
		return chooseHash(a, plumbing.NewHash(ref)), nil
	case strings.HasPrefix(ref, "refs/") && isFull:
		return chooseRef(a, ref, from)
	case isBranch && isTag:
		return choice{}, fmt.Errorf("cloning %s: %q is a branch (at %s) and a tag (at %s) there; write %s%s or %s%s",
			from, ref, asBranch, asTag, branches, ref, tags, ref)
	case isTag:
		return chooseRef(a, tags+ref, from)
	case isBranch:
		return chooseRef(a, branches+ref, from)
	case len(ref) == 64 && isHex(ref):
		return choice{}, fmt.Errorf("cloning %s: %s looks like a SHA-256 commit, which is not supported; "+
			"write the 40 hexadecimal digits of a SHA-1 commit, a branch or a tag", from, ref)
	case len(ref) >= 7 && len(ref) < hashLen && isHex(ref):
		return choice{}, fault(ErrRefNotFound, nil, "cloning %s: %s is no branch and no tag there; "+
			"if it is the short form of a commit, write the full 40 characters", from, ref)
	}
	return choice{}, fault(ErrRefNotFound, nil, "cloning %s: %q is no branch and no tag there%s", from, ref, a.nearest(ctx, ref))
}

func chooseRef(a *advert, name, from string) (choice, error) {
	if err := plumbing.ReferenceName(name).Validate(); err != nil {
		return choice{}, fmt.Errorf("cloning %s: %q is not a valid name of a ref: %w", from, name, err)
	}
	commit, _ := a.commitOf(name)
	c := choice{
		Target:  Target{Commit: commit.String(), Ref: name, Kind: OtherRef},
		wants:   []plumbing.Hash{a.refs[name]},
		object:  a.refs[name],
		shallow: true,
		refs:    map[string]plumbing.Hash{},
	}
	switch {
	case strings.HasPrefix(name, branches):
		c.Kind = Branch
	case strings.HasPrefix(name, tags):
		c.Kind = Tag
	default:
		if a.peel != nil {
			h, err := a.peel(a.refs[name])
			if err != nil {
				return choice{}, fmt.Errorf("cloning %s: reading what %q is at: %w", from, name, err)
			}
			c.Commit = h.String()
		}
		return c, nil
	}
	c.refs[name] = a.refs[name]
	// git clone also brings the tags of the commit, which `git describe` needs.
	for tag, object := range a.refs {
		at, _ := a.commitOf(tag)
		if tag == name || at != commit || !strings.HasPrefix(tag, tags) || plumbing.ReferenceName(tag).Validate() != nil {
			continue
		}
		c.wants = append(c.wants, object)
		c.refs[tag] = object
	}
	return c, nil
}

// chooseHash asks for the commit alone where that is possible, and else for
// everything, since the commit may be anywhere.
func chooseHash(a *advert, h plumbing.Hash) choice {
	c := choice{Target: Target{Commit: h.String(), Ref: h.String(), Kind: Commit}, object: h, shallow: true}
	for name, object := range a.refs {
		commit, _ := a.commitOf(name)
		if object != h && commit != h {
			continue
		}
		// A server need not hand out the commit behind a tag, but the tag it must.
		c.wants = []plumbing.Hash{object}
		c.Commit = commit.String()
		if object == commit {
			c.refs = nil
			return c
		}
		if plumbing.ReferenceName(name).Validate() == nil {
			c.refs = map[string]plumbing.Hash{name: object}
		}
	}
	if c.wants != nil {
		return c
	}
	if a.anyCommit {
		c.wants = []plumbing.Hash{h}
		return c
	}
	c.shallow, c.refs = false, map[string]plumbing.Hash{}
	for name, object := range a.refs {
		known := strings.HasPrefix(name, branches) || strings.HasPrefix(name, tags)
		if known && plumbing.ReferenceName(name).Validate() == nil {
			c.wants = append(c.wants, object)
			c.refs[name] = object
		}
	}
	return c
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdefABCDEF") == ""
}
