package gitclone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	gitobject "github.com/go-git/go-git/v5/plumbing/object"

	"spa-runner/internal/lazyregexp"
)

// checkPin compares with the commit that the caller insists on.
func checkPin(r Request, t Target, from string) error {
	if r.Commit == "" || strings.EqualFold(r.Commit, t.Commit) {
		return nil
	}
	if !isHex(r.Commit) || len(r.Commit) != hashLen {
		return fmt.Errorf("cloning %s: the demanded commit %q is not a full hash; write all 40 hexadecimal digits", from, r.Commit)
	}
	return fault(ErrCommitMismatch, nil, "%s %q of %s is at %s, but %s was demanded", t.Kind, r.Ref, from, t.Commit, strings.ToLower(r.Commit))
}

// prove does the checks for which the commit had to arrive first. No file is
// checked out yet.
func prove(ctx context.Context, r Request, repo *repository, from remote, p *pack, c choice, commit *gitobject.Commit) error {
	if r.Inspect != nil {
		chain, release, err := p.chain(ctx, c.object, commit)
		if err != nil {
			return fmt.Errorf("reading what %q of %s is: %w", r.Ref, from, err)
		}
		err = r.Inspect(ctx, c.Target, chain)
		release()
		if err != nil {
			return err
		}
	}
	if c.head.IsZero() || c.head == commit.Hash {
		return nil
	}
	if !c.shallow {
		return checkReachable(ctx, r, from, p, c, commit.Hash) // all of it was downloaded
	}
	history, remove, err := downloadHistory(ctx, r, repo, from, c.head, maxHistory)
	if err != nil {
		return err
	}
	err = checkReachable(ctx, r, from, history, c, commit.Hash)
	return errors.Join(err, remove())
}

// What git itself reads of a tag: the lines at the beginning, in that order.
// go-git's decoder also takes such lines further on, so that a signature could be
// checked of one thing and another be deployed.
var tagHead = lazyregexp.New(`\Aobject ([0-9a-f]{40})\ntype (?:commit|tag)\ntag `)

// chain is the raw objects from h, through annotated tags, to the commit. They are
// in memory until release is called.
func (p *pack) chain(ctx context.Context, h plumbing.Hash, commit *gitobject.Commit) (chain [][]byte, release func(), err error) {
	var held []func()
	all := func() {
		for _, give := range held {
			give()
		}
	}
	defer func() {
		if err != nil {
			all()
		}
	}()
	take := func(typ plumbing.ObjectType) ([]byte, error) {
		raw, give, err := p.raw(ctx, h, typ, commitFactor)
		if err == nil {
			chain, held = append(chain, raw), append(held, give)
		}
		return raw, err
	}
	for h != commit.Hash {
		raw, err := take(plumbing.TagObject)
		if err != nil {
			return nil, nil, err
		}
		head := tagHead.FindSubmatch(raw)
		if head == nil {
			return nil, nil, fmt.Errorf("tag %s does not begin with object, type and tag", h)
		}
		h = plumbing.NewHash(string(head[1]))
	}
	raw, err := take(plumbing.CommitObject)
	if err != nil {
		return nil, nil, err
	}
	if read, err := readCommit(h, raw); err != nil || read.TreeHash != commit.TreeHash {
		return nil, nil, fmt.Errorf("commit %s does not begin with its tree", h)
	}
	return chain, all, nil
}

func (p *pack) parents(ctx context.Context, h plumbing.Hash) ([]plumbing.Hash, error) {
	raw, release, err := p.raw(ctx, h, plumbing.CommitObject, commitFactor)
	if err != nil {
		return nil, err
	}
	defer release()
	commit, err := readCommit(h, raw)
	if err != nil {
		return nil, err
	}
	return commit.ParentHashes, nil
}

// headOf finds the branch that a commit must be reachable from.
func headOf(ctx context.Context, a *advert, branch, from string) (plumbing.Hash, error) {
	if branch == "" {
		return plumbing.ZeroHash, nil
	}
	head, ok := a.refs[branches+strings.TrimPrefix(branch, branches)]
	if !ok {
		return head, fault(ErrRefNotFound, nil, "cloning %s: %q, from which the commit must be reachable, is no branch there%s", from, branch, a.nearest(ctx, branch))
	}
	return head, nil
}

// downloadHistory stores the commits that lead to head, in limit bytes at most,
// until remove is called.
func downloadHistory(ctx context.Context, r Request, repo *repository, from remote, head plumbing.Hash, limit int64) (history *pack, remove func() error, err error) {
	const temporary = ".git/objects/pack/tmp_history"
	what := choice{Target: Target{Ref: "the history of branch " + r.ReachableFrom, Kind: Branch}}
	t, err := from.history(ctx, head)
	if err != nil {
		return nil, nil, explainDownload(ctx, err, from, what)
	}
	limited := &io.LimitedReader{R: t.pack, N: limit}
	history, err = repo.receive(ctx, limited, temporary)
	if cerr := t.closer.Close(); err == nil {
		err = cerr
	}
	switch {
	case limited.N <= 0:
		err = fault(nil, err, "downloading %s of %s: it has more than %d bytes, which is refused; ask those who run the server for partial clones (uploadpack.allowFilter)",
			what.Ref, from, limit)
	case err != nil:
		err = explainDownload(ctx, err, from, what)
	}
	if err != nil {
		if history != nil {
			history.close()
		}
		return nil, nil, err
	}
	return history, func() error { history.close(); return repo.root.Remove(temporary) }, nil
}

// checkReachable follows the parents from c.head, each commit by the hash that
// was computed of it here: that a server says so is not enough.
func checkReachable(ctx context.Context, r Request, from remote, history *pack, c choice, wanted plumbing.Hash) error {
	seen := map[plumbing.Hash]bool{c.head: true}
	cut := 0
	for stack := []plumbing.Hash{c.head}; len(stack) > 0; {
		if ctx.Err() != nil {
			return fmt.Errorf("looking for commit %s in branch %q of %s: interrupted: %w", wanted, r.ReachableFrom, from, context.Cause(ctx))
		}
		h := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if h == wanted {
			return nil
		}
		parents, err := history.parents(ctx, h)
		if errors.Is(err, errNotInPack) {
			cut++
			continue
		}
		if err != nil {
			return fmt.Errorf("looking for commit %s in branch %q of %s: %w", wanted, r.ReachableFrom, from, err)
		}
		for _, parent := range parents {
			if seen[parent] {
				continue
			}
			if err := history.keep(seenCost); err != nil {
				return fmt.Errorf("looking for commit %s in branch %q of %s: %w", wanted, r.ReachableFrom, from, err)
			}
			seen[parent] = true
			stack = append(stack, parent)
		}
	}
	reason := "; it may be of a fork, of a pull request, or of another branch: deploy a commit that was merged, or change what is demanded"
	if cut > 0 {
		reason = fmt.Sprintf("; but %d commits of that history are missing there, as in a shallow clone, so that it cannot be told: complete it (git fetch --unshallow)", cut)
	}
	return fault(ErrNotReachable, nil, "commit %s, which %q of %s is at, is not among the %d commits of branch %q there%s",
		wanted, r.Ref, from, len(seen)-cut, r.ReachableFrom, reason)
}
