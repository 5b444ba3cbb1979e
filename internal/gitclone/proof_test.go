package gitclone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// history is a repository with a merge, an unmerged branch and a pull request.
type history struct {
	dir                                 string
	root, side, head, dev, pull, tagged string
}

func newHistory(t *testing.T) history {
	t.Helper()
	h := history{dir: newRepo(t, map[string]string{"a": "1\n"})}
	commit := func(name string) string { return commitFiles(t, h.dir, map[string]string{name: name + "\n"}) }
	h.root = git(t, h.dir, "rev-parse", "HEAD")
	git(t, h.dir, "checkout", "-q", "-b", "side")
	h.side = commit("side")
	git(t, h.dir, "checkout", "-q", "main")
	h.tagged = commit("b")
	git(t, h.dir, "tag", "-a", "-m", "one", "v1")
	git(t, h.dir, "merge", "-q", "--no-ff", "-m", "merge", "side")
	git(t, h.dir, "branch", "-q", "-D", "side")
	h.head = commit("c")
	git(t, h.dir, "checkout", "-q", "-b", "dev", h.tagged)
	h.dev = commit("dev")
	git(t, h.dir, "tag", "-a", "-m", "not merged", "v2-rc")
	git(t, h.dir, "checkout", "-q", "--detach", h.head)
	h.pull = commit("pull")
	git(t, h.dir, "update-ref", "refs/pull/7/head", h.pull)
	git(t, h.dir, "checkout", "-q", "main")
	return h
}

// configure sets what a server allows.
func (h history) configure(t *testing.T, filter, exact, refuse bool) {
	t.Helper()
	for name, on := range map[string]bool{"uploadpack.allowFilter": filter, "uploadpack.allowAnySHA1InWant": exact, "uploadpackfilter.allow": !refuse} {
		git(t, h.dir, "config", name, fmt.Sprint(on))
	}
}

func TestReachableFrom(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]struct{ folder, filter, exact, refuse bool }{
		"folder": {folder: true}, "GitHub": {filter: true, exact: true}, "no filter": {exact: true},
		"filter refused": {filter: true, exact: true, refuse: true}, "bare git": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHistory(t)
			h.configure(t, server.filter, server.exact, server.refuse)
			var seen recorder
			url := h.dir
			if !server.folder {
				url = serve(t, h.dir, seen.wrap)
			}
			for _, ref := range []string{"main", h.head, h.root, h.side, h.tagged, "v1", "refs/tags/v1"} {
				for _, branch := range []string{"main", "refs/heads/main"} {
					if branch != "main" && ref != h.head && ref != h.side {
						continue // the other way to write the branch is none to write the ref
					}
					dir := target(t)
					if _, err := Clone(t.Context(), Request{URL: url, Ref: ref, Dir: dir, ReachableFrom: branch}); err != nil {
						t.Errorf("%s from %s: %v", ref, branch, err)
						continue
					}
					healthy(t, dir)
					if files, _ := filepath.Glob(filepath.Join(dir, ".git/objects/pack/*")); len(files) != 2 {
						t.Errorf("%s: there are %q, want one pack", ref, files)
					}
				}
			}
			seen.take()
			refused := []string{"dev", h.dev, "v2-rc", "refs/pull/7/head"}
			if server.exact || server.folder {
				refused = append(refused, h.pull)
			}
			for _, ref := range refused {
				dir := target(t)
				_, err := Clone(t.Context(), Request{URL: url, Ref: ref, Dir: dir, ReachableFrom: "main"})
				at := h.dev
				if strings.HasPrefix(ref, "refs/pull") || ref == h.pull {
					at = h.pull
				}
				contains(t, err, at, ref, url, "5 commits of branch \"main\"", "a fork, of a pull request")
				if !errors.Is(err, ErrNotReachable) {
					t.Errorf("%s: %v is not ErrNotReachable", ref, err)
				}
				gone(t, dir)
			}
			asked := strings.Join(seen.take(), "\n")
			if strings.Contains(asked, "filter tree:0") != server.filter {
				t.Errorf("filter asked for: %v, want %v", !server.filter, server.filter)
			}
			dir := target(t)
			if _, err := Clone(t.Context(), Request{URL: url, Ref: h.dev, Dir: dir, ReachableFrom: "dev"}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReachableFromABranchThatIsNotThere(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	for _, branch := range []string{"mian", "v1", "refs/tags/v1", "refs/pull/7/head", h.head} {
		for _, url := range []string{h.dir, serve(t, h.dir, nil)} {
			dir := target(t)
			_, err := Clone(t.Context(), Request{URL: url, Ref: "main", Dir: dir, ReachableFrom: branch})
			contains(t, err, fmt.Sprintf("%q, from which the commit must be reachable, is no branch there", branch), "2 branches")
			if !errors.Is(err, ErrRefNotFound) {
				t.Errorf("%v is not ErrRefNotFound", err)
			}
			gone(t, dir)
		}
	}
	_, err := Lookup(t.Context(), Request{URL: h.dir, Ref: "main", ReachableFrom: "mian"})
	contains(t, err, "mian", "branch main")
}

// Two thousand commits with files that change: of the history nothing but the
// commits is downloaded, where the server can do that.
func TestReachableInALongHistory(t *testing.T) {
	t.Parallel()
	const n = 2000
	dir := t.TempDir()
	git(t, dir, "init", "-q", "-b", "main")
	var stream strings.Builder
	for i := range n {
		fmt.Fprintf(&stream, "commit refs/heads/main\ncommitter A <a@example.org> %d +0000\ndata 2\nx\nM 644 inline f%d\ndata 2000\n%s\n", 1700000000+i, i%50, strings.Repeat(fmt.Sprintf("%09d\n", i*7919), 200))
	}
	gitIn(t, dir, stream.String(), "fast-import", "--quiet")
	root := git(t, dir, "rev-list", "--max-parents=0", "main")
	// git's own clone, some 0.1 s, tells how busy this machine is.
	start := time.Now()
	git(t, t.TempDir(), "clone", "-q", "--no-local", "--bare", dir, "by-git")
	limit := max(30*time.Second, 100*time.Since(start))
	for _, way := range []struct {
		name   string
		filter bool
	}{{"folder", false}, {"all", false}, {"commits", true}} {
		git(t, dir, "config", "uploadpack.allowFilter", fmt.Sprint(way.filter))
		git(t, dir, "config", "uploadpack.allowAnySHA1InWant", "true")
		url := dir
		if way.name != "folder" {
			url = serve(t, dir, nil)
		}
		start = time.Now()
		if _, err := Clone(t.Context(), Request{URL: url, Ref: root, Dir: target(t), ReachableFrom: "main"}); err != nil {
			t.Fatal(err)
		}
		took := time.Since(start)
		t.Logf("%s: %d commits in %s", way.name, n, took)
		if os.Getenv("SPA_RUNNER_LONG") == "1" && took > limit {
			t.Errorf("%s: took %s, want less than %s", way.name, took, limit)
		}
	}
	from, err := open(Request{URL: serve(t, dir, nil)})
	if err != nil {
		t.Fatal(err)
	}
	adv, err := from.advertise(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	repo := newScratchRepository(t)
	p, remove, err := downloadHistory(t.Context(), Request{ReachableFrom: "main"}, repo, from, adv.refs["refs/heads/main"], maxHistory)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.objects) != n || slices.ContainsFunc(p.objects, func(o object) bool { return o.typ != plumbing.CommitObject }) {
		t.Errorf("%d objects arrived, want the %d commits alone", len(p.objects), n)
	}
	if err := remove(); err != nil {
		t.Error(err)
	}
	_, _, err = downloadHistory(t.Context(), Request{ReachableFrom: "main"}, repo, from, adv.refs["refs/heads/main"], 1000)
	contains(t, err, "more than 1000 bytes", "uploadpack.allowFilter")
}

// torn ends each transfer of a history with an error.
type torn struct{ remote }

func (r torn) history(ctx context.Context, head plumbing.Hash) (*transfer, error) {
	t, err := r.remote.history(ctx, head)
	if err == nil {
		t.closer = tornPack{t.closer}
	}
	return t, err
}

type tornPack struct{ io.Closer }

func (p tornPack) Close() error { return errors.Join(p.Closer.Close(), errors.New("torn")) }

// A history that arrived and is of no use holds no space on the disk: what is deleted and
// open would do so until the run ends.
func TestAHistoryThatIsRefusedIsClosed(t *testing.T) {
	from, err := open(Request{URL: newHistory(t).dir})
	if err != nil {
		t.Fatal(err)
	}
	adv, err := from.advertise(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	repo := newScratchRepository(t)
	_, _, err = downloadHistory(t.Context(), Request{ReachableFrom: "main"}, repo, torn{from}, adv.refs["refs/heads/main"], maxHistory)
	contains(t, err, "torn")
	const handles = "/proc/self/fd"
	entries, err := os.ReadDir(handles)
	if err != nil {
		t.Skip(err)
	}
	for _, entry := range entries {
		if name, err := os.Readlink(filepath.Join(handles, entry.Name())); err == nil && strings.Contains(name, filepath.Join(repo.root.Name(), ".git")) {
			t.Errorf("%s is open", name)
		}
	}
}

func newScratchRepository(t *testing.T) *repository {
	t.Helper()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	repo, err := newRepository(root, "")
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// In a shallow clone it cannot be told: that is said, and is no yes.
func TestReachableInAShallowRepository(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	shallow := filepath.Join(t.TempDir(), "shallow")
	git(t, h.dir, "clone", "-q", "--depth", "2", "--no-single-branch", "file://"+h.dir, shallow)
	git(t, shallow, "branch", "-q", "dev", "origin/dev")
	git(t, shallow, "config", "uploadpack.allowFilter", "true")
	for _, url := range []string{shallow, serve(t, shallow, nil)} {
		dir := target(t)
		_, err := Clone(t.Context(), Request{URL: url, Ref: "dev", Dir: dir, ReachableFrom: "main"})
		if err == nil || errors.Is(err, ErrNotReachable) && !strings.Contains(err.Error(), "cannot be told") {
			t.Errorf("%s: got %v", url, err)
		}
		gone(t, dir)
	}
}

// commitOf makes a commit as git writes it, and further lines after the author.
func commitWith(tree packed, parents []packed, more string) packed {
	text := "tree " + tree.hash().String() + "\n"
	for _, p := range parents {
		text += "parent " + p.hash().String() + "\n"
	}
	return packed{plumbing.CommitObject, []byte(text + "author A <a> 1 +0000\ncommitter A <a> 1 +0000\n" + more + "\nmessage\n")}
}

// What is not proven by the hashes of commits does not count.
func TestReachableByHashAlone(t *testing.T) {
	t.Parallel()
	tree := packed{plumbing.TreeObject, nil}
	wanted := commitWith(tree, nil, "")
	parent := commitWith(tree, []packed{wanted}, "")
	head := commitWith(tree, []packed{parent}, "")
	hidden := commitWith(tree, nil, "parent "+wanted.hash().String()+"\n")
	broken := packed{plumbing.CommitObject, []byte("author A <a> 1 +0000\n" + string(head.data))}
	for name, test := range map[string]struct {
		objects []packed
		head    packed
		want    string // of the error
	}{
		"proven":                     {[]packed{head, parent, wanted}, head, ""},
		"the last need not be there": {[]packed{head, parent}, head, ""},
		"not sent":                   {[]packed{head, wanted}, head, "cannot be told"},
		"another head":               {[]packed{parent, wanted}, head, "cannot be told"},
		"a line further on":          {[]packed{hidden, wanted}, hidden, "is not among the 1 commits"},
		"not as git writes it":       {[]packed{broken, parent, wanted}, broken, "does not begin with its tree"},
		"the head is no commit":      {[]packed{tree, wanted}, tree, "where a commit should be"},
	} {
		p := mustReceive(t, test.objects...)
		c := choice{head: test.head.hash()}
		err := checkReachable(t.Context(), Request{ReachableFrom: "main"}, &folder{shown: "here"}, p, c, wanted.hash())
		if test.want == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		} else if test.want != "" {
			contains(t, err, test.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := checkReachable(ctx, Request{}, &folder{}, mustReceive(t, head), choice{head: head.hash()}, wanted.hash())
	if !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: got %v", err)
	}
}

func TestHistoryThatBreaksOff(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.configure(t, true, true, false)
	// The first answer, of the content, is longer.
	dir := target(t)
	_, err := Clone(t.Context(), Request{URL: serve(t, h.dir, cutSecond(250)), Ref: h.root, Dir: dir, ReachableFrom: "main"})
	contains(t, err, "history of branch main", "try again")
	gone(t, dir)
}

// Inspect sees the bytes as they were hashed, before there is any file.
func TestInspect(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	git(t, h.dir, "tag", "-a", "-m", "outer", "outer", "v1")
	tag, outer := git(t, h.dir, "rev-parse", "v1"), git(t, h.dir, "rev-parse", "outer")
	git(t, h.dir, "update-ref", "refs/releases/1", outer)
	refusal := errors.New("refused")
	for _, exact := range []bool{true, false} {
		h.configure(t, false, exact, false)
		for _, url := range []string{h.dir, serve(t, h.dir, nil)} {
			for ref, want := range map[string][]string{
				"main": {h.head}, "v1": {tag, h.tagged}, "outer": {outer, tag, h.tagged}, "refs/releases/1": {outer, tag, h.tagged},
				h.tagged: {h.tagged}, tag: {tag, h.tagged}, outer: {outer, tag, h.tagged}, h.root: {h.root},
			} {
				dir := target(t)
				var got []string
				_, err := Clone(t.Context(), Request{URL: url, Ref: ref, Dir: dir, Inspect: func(_ context.Context, found Target, chain [][]byte) error {
					for i, raw := range chain {
						typ := plumbing.TagObject
						if i == len(chain)-1 {
							typ = plumbing.CommitObject
						}
						got = append(got, plumbing.ComputeHash(typ, raw).String())
					}
					if files, _ := os.ReadDir(dir); len(files) != 1 || files[0].Name() != ".git" {
						t.Errorf("%s: there is %v already", ref, files)
					}
					if found.Commit != want[len(want)-1] {
						t.Errorf("%s: the target is %+v", ref, found)
					}
					return refusal
				}})
				if !errors.Is(err, refusal) || err.Error() != "refused" {
					t.Errorf("%s: got %v", ref, err)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s of %s: inspected %q, want %q", ref, url, got, want)
				}
				gone(t, dir)
			}
		}
	}
}

// An object that go-git and git read differently is not inspected as one thing
// and checked out as another.
func TestInspectOddObjects(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	text := git(t, h.dir, "cat-file", "commit", h.head)
	tree := git(t, h.dir, "rev-parse", h.root+"^{tree}")
	odd := gitIn(t, h.dir, strings.Replace(text, "author ", "tree "+tree+"\nauthor ", 1), "hash-object", "-t", "commit", "-w", "--stdin", "--literally")
	git(t, h.dir, "update-ref", "refs/heads/odd", odd)
	dir := target(t)
	_, err := Clone(t.Context(), Request{URL: h.dir, Ref: "odd", Dir: dir, Inspect: func(context.Context, Target, [][]byte) error { return nil }})
	if err == nil {
		if got := git(t, dir, "rev-parse", "HEAD^{tree}"); len(snapshot(t, dir)) == 0 || got == tree {
			t.Errorf("the tree that was checked out is %s", got)
		}
		if got := git(t, dir, "status", "--porcelain"); got != "" {
			t.Errorf("git sees another tree than was checked out:\n%s", got)
		}
	}
}

// What is inspected has the tree that will be checked out, however a decoder
// came by it; and a tag that git could not read ends the clone.
func TestInspectedIsCheckedOut(t *testing.T) {
	t.Parallel()
	tree := packed{plumbing.TreeObject, nil}
	commit := commitWith(tree, nil, "")
	tag := packed{plumbing.TagObject, []byte("tag v1\nobject " + commit.hash().String() + "\ntype commit\n\nx\n")}
	p := mustReceive(t, commit, tag)
	decoded, err := p.commit(t.Context(), commit.hash())
	if err != nil {
		t.Fatal(err)
	}
	if chain, _, err := p.chain(t.Context(), commit.hash(), decoded); err != nil || len(chain) != 1 {
		t.Errorf("got %q, %v", chain, err)
	}
	_, _, err = p.chain(t.Context(), tag.hash(), decoded)
	contains(t, err, "does not begin with object, type and tag")
	decoded.TreeHash = commit.hash()
	_, _, err = p.chain(t.Context(), commit.hash(), decoded)
	contains(t, err, "does not begin with its tree")
}
