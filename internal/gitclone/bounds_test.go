package gitclone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

var errInterrupted = errors.New("the run was interrupted")

// askedContext is a context that ends with a cause when it has been asked n times.
type askedContext struct {
	context.Context
	cancel context.CancelCauseFunc
	left   *int
}

func endsWithCause(t *testing.T, n int) askedContext {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	return askedContext{ctx, cancel, &n}
}

func (e askedContext) Err() error {
	if *e.left--; *e.left < 0 {
		e.cancel(errInterrupted)
	}
	return e.Context.Err()
}

// TestHeadersAreReadOnce has a commit with a million headers: a reader that adds
// each to what it has would not come to the end.
func TestHeadersAreReadOnce(t *testing.T) {
	t.Parallel()
	tree := packed{plumbing.TreeObject, nil}
	text := "tree " + tree.hash().String() + "\nauthor Ada <ada@example.org> 1718704800 +0200\ncommitter x\n"
	commit := packed{plumbing.CommitObject, []byte(text + strings.Repeat("gpgsig x\n", 1<<20) + "\nmessage\n")}
	c, err := mustReceive(t, commit).commit(t.Context(), commit.hash())
	if err != nil || c.TreeHash != tree.hash() || c.Author.Name != "Ada" || c.Author.When.Unix() != 1718704800 {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestCommitIsAsGitWritesOne(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("ab", 20)
	for _, raw := range []string{
		"", "tree " + hash, "tree " + hash[1:] + "\n", "tree " + hash[1:] + "g\n", "tree " + strings.ToUpper(hash) + "\n",
		"parent " + hash + "\ntree " + hash + "\n", "\ntree " + hash + "\n",
	} {
		if c, err := readCommit(plumbing.ZeroHash, []byte(raw)); !errors.Is(err, errMalformed) {
			t.Errorf("%q: got %v, %v", raw, c, err)
		}
	}
	parent := "parent " + hash + "\n"
	c, err := readCommit(plumbing.ZeroHash, []byte("tree "+hash+"\n"+parent+parent+"odd\n"+parent))
	if err != nil || len(c.ParentHashes) != 2 || c.Author.Name != "" {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestTagsInTagsAreBounded(t *testing.T) {
	t.Parallel()
	commit := commitWith(packed{plumbing.TreeObject, nil}, nil, "")
	for _, n := range []int{maxTags - 1, maxTags} {
		objects := []packed{commit}
		for range n {
			last := objects[len(objects)-1]
			objects = append(objects, packed{plumbing.TagObject, fmt.Appendf(nil, "object %s\ntype %s\ntag x\n\n", last.hash(), last.typ)})
		}
		p := mustReceive(t, objects...)
		c, err := p.commit(t.Context(), objects[n].hash())
		if n < maxTags && (err != nil || c.Hash != commit.hash()) || n == maxTags && !errors.Is(err, errTags) {
			t.Errorf("%d tags: got %v, %v", n, c, err)
		}
	}
}

func TestAttributesAreBounded(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"x y\n", "[attr]x y\n", "x " + strings.Repeat("y ", 1000) + "\n"} {
		in, err := newScope().enter("", strings.Repeat(line, 40_000))
		if err != nil && strings.Contains(line, "y y") {
			continue // too many in one file
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.enter("sub/", strings.Repeat(line, 20_000)); err == nil || !strings.Contains(err.Error(), "more than 100000 patterns") {
			t.Errorf("%.10q: got %v", line, err)
		}
	}
	in, err := newScope().enter("", strings.Repeat("x y\n", 40_000))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.attributes(endsWithCause(t, 10), "x"); !errors.Is(err, errInterrupted) {
		t.Errorf("after the end: %v", err)
	}
}

// TestUnpackingAsksTheContext ends the context wherever it is asked while a pack
// with a large file arrives, is listed and is copied.
func TestUnpackingAsksTheContext(t *testing.T) {
	t.Parallel()
	large := packed{plumbing.BlobObject, make([]byte, 500<<10)}
	tree := treeOf("100644", "large", large)
	raw := packWith(large, tree, deltaOf(500<<10, 1))
	for n := 0; ; n++ {
		inflated := testSpool(t)
		inflated.max, inflated.small = 0, 0 // all is streamed, and nothing kept
		ctx := endsWithCause(t, n)
		err := func() error {
			p, err := receivePack(ctx, bytes.NewReader(raw), scratch(t), inflated, newBudget(memoryBudget))
			if err != nil {
				return err
			}
			if _, err := list(ctx, p, tree.hash()); err != nil {
				return err
			}
			return writeContent(ctx, io.Discard, p, &entry{object: 2})
		}()
		if *ctx.left >= 0 {
			if err != nil || n < 100 {
				t.Errorf("the context was asked %d times, which is hardly for each part of a file (%v)", n, err)
			}
			return
		}
		if !errors.Is(err, errInterrupted) {
			t.Fatalf("after the context was asked %d times: %v", n, err)
		}
	}
}

// TestManyRefsAskTheContext looks for a name among very many, and writes them.
func TestManyRefsAskTheContext(t *testing.T) {
	t.Parallel()
	a := &advert{refs: map[string]plumbing.Hash{}}
	for n := range 1000 {
		a.refs[fmt.Sprintf("refs/tags/v%d", n)] = plumbing.NewHash(emptyTree)
	}
	ctx := endsWithCause(t, 10)
	if a.nearest(ctx, "v1000"); *ctx.left != -1 {
		t.Errorf("%d refs were looked at after the end", -1-*ctx.left)
	}
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	repo, err := newRepository(root, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := repo.describe(endsWithCause(t, 10), choice{refs: a.refs}, "there", nil); !errors.Is(err, errInterrupted) {
		t.Errorf("after the end: %v", err)
	}
}

// TestHistoryIsCounted has a commit with parents that are not there: each that is
// remembered takes of the memory.
func TestHistoryIsCounted(t *testing.T) {
	t.Parallel()
	parents := []plumbing.Hash{plumbing.NewHash(strings.Repeat("ab", 20)), plumbing.NewHash(strings.Repeat("cd", 20))}
	commit := packed{plumbing.CommitObject, []byte("tree " + emptyTree + "\nparent " + parents[0].String() + "\nparent " + parents[1].String() + "\n")}
	p := mustReceive(t, commit)
	kept, free := p.kept, p.memory.free
	err := checkReachable(t.Context(), Request{}, &server{}, p, choice{head: commit.hash()}, plumbing.NewHash(emptyTree))
	if !errors.Is(err, ErrNotReachable) || p.kept != kept+2*seenCost {
		t.Errorf("%d bytes were kept for two parents (%v)", p.kept-kept, err)
	}
	if p.close(); p.memory.free != free+kept {
		t.Errorf("%d bytes are free after the end, want %d", p.memory.free, free+kept)
	}
}
