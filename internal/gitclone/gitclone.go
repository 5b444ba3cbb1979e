// Package gitclone clones one revision of one repository, as
// `git clone --depth 1 --branch REF` would, without starting a process.
//
// A clone goes through five stages, one file each:
//
//	locate   location.go  where the repository is: an http(s) URL or a local folder
//	ask      http.go      which branches and tags it has (local.go for a folder)
//	choose   refs.go      which commit a branch, a tag or a hash stands for
//	receive  pack.go      the objects of that commit, as a pack, each one hashed and kept inflated (spool.go)
//	check out checkout.go the files, folder by folder (batch.go), converted as .gitattributes says (attributes.go, convert.go)
//
// Nothing is trusted that is not addressed by its hash: the commit is looked up
// by the hash that was chosen, its trees and files by the hashes in it. Files are
// written through [os.Root], each one new, so that no name and no symbolic link in
// a repository leads outside the target folder.
//
// It is built on the lower layers of go-git (packets, deltas, index files), not
// on its Clone. That one keeps redirect policy and the list of capabilities in
// package variables, inflates each file three times, holds each one in memory
// whole, ignores the eol attribute and rewrites absolute symbolic links.
package gitclone

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"spa-runner/internal/manifest"
	"spa-runner/internal/workfolder"
)

// Request says what to clone, and where to.
type Request struct {
	// URL is an http or https URL, a file URL, or a local path. User name and
	// password in it are sent as basic authentication and never shown or stored.
	URL string
	// Ref is a branch, a tag, a full name such as refs/heads/x, or a commit in
	// 40 hexadecimal digits.
	Ref string
	// Commit, if set, is the full hash of the commit that Ref must be at.
	Commit string
	// Dir is the folder to create; its parent must exist. Lookup ignores it.
	Dir string
	// Mark, if set, says who made Dir. It is written before anything is
	// downloaded; see package workfolder.
	Mark string
	// Client carries the caller's proxies, certificates and time limits; nil means
	// http.DefaultTransport. It is copied: redirects are this package's business,
	// and a cookie jar is not used.
	Client *http.Client
	// Auth signs each request to the host of URL, and none to any other. Its
	// SetAuth may run several times for one clone. It wins over user info in URL.
	Auth githttp.AuthMethod
	// FollowRedirects allows redirects of the first request, as git does by
	// default. Without it a redirect is an error that names the target host.
	FollowRedirects bool
	// Stall ends the reading of an answer of which nothing came for so long; 0 is
	// 30 seconds. How long a server may take to begin one is the Client's to say.
	Stall time.Duration
	// Accept, if set, is asked about what Ref turned out to be, before anything is
	// downloaded. Its error ends the clone and is returned as it is.
	Accept func(Target) error
	// Inspect, if set, is asked about the raw objects on the way from Ref to the
	// commit, once they have arrived and before a file is checked out: annotated
	// tags, outermost first, and last the commit. Its error ends the clone and is
	// returned as it is.
	Inspect func(ctx context.Context, t Target, chain [][]byte) error
	// ReachableFrom, if set, is a branch of the repository in whose history the
	// commit must be. Servers also hand out commits of forks and pull requests.
	ReachableFrom string
}

// Kind says what a ref turned out to be.
type Kind string

// The kinds of a Target.
const (
	Branch   Kind = "branch"
	Tag      Kind = "tag"
	Commit   Kind = "commit"
	OtherRef Kind = "ref" // refs/pull/1/head and the like
)

// Target is what a ref stands for.
type Target struct {
	// Commit is the full hash. For an annotated tag it is the commit it points
	// to. Lookup of a bare hash repeats the hash: only Clone finds out whether
	// it exists.
	Commit string
	// Ref is the full name, such as refs/tags/v1; for a bare hash, the hash.
	Ref  string
	Kind Kind
}

// Result describes a clone.
type Result struct {
	Target
	Author   string    // name <mail>, as in the commit: anyone can write anything there
	When     time.Time // author date
	Warnings []string  // what git would have done too, but a reader may not expect
	// Files are all files, links and folders that were made, but for .git.
	Files []manifest.Entry

	tree []entry // as git has them: see Paths and Differences
}

// Lookup finds out what r.Ref stands for, without downloading anything.
// It also fails if r.Commit is set and is not that.
func Lookup(ctx context.Context, r Request) (Target, error) {
	_, c, err := locate(ctx, r)
	return c.Target, err
}

// Clone makes r.Dir with the files of r.Ref and a shallow repository around
// them, on which git works. On an error nothing of it is left.
//
// Errors are sentences meant to be shown; what callers may want to tell apart
// matches ErrRefNotFound, ErrCommitMismatch, ErrNotReachable, ErrUnauthorized,
// ErrRepositoryNotFound, ErrEmptyRepository, ErrTargetExists, ErrNoAnswer,
// ErrBrokenOff or ErrRefused under errors.Is, and a *StatusError under errors.As.
func Clone(ctx context.Context, r Request) (Result, error) {
	if err := refuseExisting(r.Dir); err != nil {
		return Result{}, err
	}
	from, c, err := locate(ctx, r)
	if err != nil {
		return Result{}, err
	}
	if r.Accept != nil {
		if err := r.Accept(c.Target); err != nil {
			return Result{}, err
		}
	}
	if err := os.Mkdir(r.Dir, 0o777); err != nil {
		return Result{}, fmt.Errorf("creating the folder for the clone of %s: %w", from, err)
	}
	res, err := fill(ctx, r, from, c)
	if err != nil {
		err = inFolder(err, r.Dir)
		if rerr := workfolder.Remove(r.Dir); rerr != nil {
			err = fmt.Errorf("%w (and removing the unfinished clone: %w)", err, rerr)
		}
		return Result{}, err
	}
	return res, nil
}

// remote is a repository elsewhere. Its String is fit for logs.
type remote interface {
	fmt.Stringer
	// advertise lists the refs.
	advertise(ctx context.Context) (*advert, error)
	// fetch asks for a pack with the wanted objects: of each commit its files
	// alone if shallow, else its history too. The caller closes the pack.
	fetch(ctx context.Context, wants []plumbing.Hash, shallow bool) (*transfer, error)
	// history asks for a pack with all the commits that lead to head, and with as
	// little besides as can be had. The caller closes it.
	history(ctx context.Context, head plumbing.Hash) (*transfer, error)
}

func locate(ctx context.Context, r Request) (remote, choice, error) {
	from, err := open(r)
	if err != nil {
		return nil, choice{}, err
	}
	adv, err := from.advertise(ctx)
	if err != nil {
		return nil, choice{}, err
	}
	c, err := choose(ctx, adv, r.Ref, from.String())
	if err == nil {
		c.head, err = headOf(ctx, adv, r.ReachableFrom, from.String())
	}
	if ctx.Err() != nil {
		return nil, choice{}, fmt.Errorf("cloning %s: interrupted: %w", from, context.Cause(ctx))
	}
	if err != nil {
		return nil, choice{}, err
	}
	return from, c, checkPin(r, c.Target, from.String())
}

// fill downloads and checks out into the folder that Clone has just made.
func fill(ctx context.Context, r Request, from remote, c choice) (res Result, err error) {
	root, err := os.OpenRoot(r.Dir)
	if err != nil {
		return Result{}, fmt.Errorf("opening the folder for the clone of %s: %w", from, err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()

	repo, err := newRepository(root, r.Mark)
	if err != nil {
		return Result{}, fmt.Errorf("preparing the clone of %s in %s: %w", from, r.Dir, err)
	}
	p, shallows, err := download(ctx, repo, from, c)
	if err != nil {
		return Result{}, err
	}
	defer p.close()

	commit, err := p.commit(ctx, plumbing.NewHash(c.Commit))
	if err != nil {
		return Result{}, notFoundInPack(err, c, r.Ref, from.String())
	}
	c.Commit = commit.Hash.String()
	if err := checkPin(r, c.Target, from.String()); err != nil {
		return Result{}, err
	}
	if err := prove(ctx, r, repo, from, p, c, commit); err != nil {
		return Result{}, err
	}
	if err := repo.describe(ctx, c, from.String(), shallows); err != nil {
		return Result{}, fmt.Errorf("writing the repository of the clone of %s in %s: %w", from, r.Dir, err)
	}
	made, err := checkout(ctx, repo, p, commit.TreeHash)
	if err != nil {
		return Result{}, fmt.Errorf("checking out %s of %s into %s: %w", c.Commit, from, r.Dir, err)
	}
	return Result{
		Target:   c.Target,
		Author:   fmt.Sprintf("%s <%s>", commit.Author.Name, commit.Author.Email),
		When:     commit.Author.When,
		Warnings: warnings(made.entries),
		Files:    made.manifest(),
		tree:     made.entries,
	}, nil
}

func notFoundInPack(err error, c choice, ref, from string) error {
	if errors.Is(err, errNotInPack) && c.Kind == Commit {
		return fault(ErrRefNotFound, err, "commit %s is on no branch and no tag of %s; check the hash, and that it was pushed", ref, from)
	}
	return fmt.Errorf("reading %q of %s: %w", ref, from, err)
}
