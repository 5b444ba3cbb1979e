package gitclone

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	source := newRepo(t, map[string]string{"a": "1\n"})
	first := git(t, source, "rev-parse", "HEAD")
	git(t, source, "tag", "-a", "-m", "x", "v.24.06.18")
	git(t, source, "tag", "v23.08.03")
	git(t, source, "tag", "v23.11.9")
	git(t, source, "tag", "v23.04.02")
	git(t, source, "tag", "both")
	git(t, source, "tag", "same")
	second := commitFiles(t, source, map[string]string{"a": "2\n"})
	git(t, source, "branch", "both")
	git(t, source, "branch", "same", first)
	git(t, source, "branch", "feature/x")
	git(t, source, "branch", "v23.8.4x")
	git(t, source, "update-ref", "refs/pull/1/head", first)
	git(t, source, "update-ref", "refs/heads/refs/tags/v23.08.03", second)
	tagObject := git(t, source, "rev-parse", "v.24.06.18")
	absent := strings.Repeat("0123456789", 4)

	for _, url := range []string{serve(t, source, nil), source} {
		for _, test := range []struct {
			ref  string
			want Target
		}{
			{"main", Target{second, "refs/heads/main", Branch}},
			{"feature/x", Target{second, "refs/heads/feature/x", Branch}},
			{"refs/heads/main", Target{second, "refs/heads/main", Branch}},
			{"v.24.06.18", Target{first, "refs/tags/v.24.06.18", Tag}},
			{"refs/tags/v.24.06.18", Target{first, "refs/tags/v.24.06.18", Tag}},
			{"refs/tags/v23.08.03", Target{first, "refs/tags/v23.08.03", Tag}},
			{"refs/heads/both", Target{second, "refs/heads/both", Branch}},
			{"refs/tags/both", Target{first, "refs/tags/both", Tag}},
			{"refs/pull/1/head", Target{first, "refs/pull/1/head", OtherRef}},
			{second, Target{second, second, Commit}},
			{strings.ToUpper(first), Target{first, first, Commit}},
			{tagObject, Target{first, tagObject, Commit}},
			{absent, Target{absent, absent, Commit}},
		} {
			got, err := Lookup(t.Context(), Request{URL: url, Ref: test.ref, Commit: test.want.Commit})
			if err != nil || got != test.want {
				t.Errorf("%s: got %v, %v; want %v", test.ref, got, err, test.want)
			}
		}
		for _, test := range []struct {
			ref, commit string
			kind        error
			want        []string
		}{
			{"both", "", nil, []string{first, second, "refs/heads/both", "refs/tags/both"}},
			{"same", "", nil, []string{"refs/heads/same", "refs/tags/same"}},
			{"main", first, ErrCommitMismatch, []string{first, second, `"main"`}},
			{first, second, ErrCommitMismatch, []string{first, second}},
			{"main", second[:7], nil, []string{"all 40"}},
			{first[:7], "", ErrRefNotFound, []string{"write the full 40 characters"}},
			{first[:39], "", ErrRefNotFound, []string{"write the full 40 characters"}},
			{strings.Repeat("ab", 32), "", nil, []string{"SHA-256"}},
			{"v23.8.3", "", ErrRefNotFound, []string{"6 branches and 6 tags; the nearest: tag v23.08.03, ", "branch v23.8.4x"}},
			{"v23.08.27", "", ErrRefNotFound, []string{"the nearest: tag v23.08.03"}},
			{"v24.6.18", "", ErrRefNotFound, []string{"the nearest: tag v.24.06.18"}},
			{"refs/tags/mian", "", ErrRefNotFound, []string{"the nearest: branch main"}},
			{"totally-different", "", ErrRefNotFound, []string{"none has a similar name"}},
			{"", "", nil, []string{"no branch, tag or commit given"}},
		} {
			_, err := Lookup(t.Context(), Request{URL: url, Ref: test.ref, Commit: test.commit})
			contains(t, err, append(test.want, url)...)
			for _, kind := range []error{ErrRefNotFound, ErrCommitMismatch} {
				if errors.Is(err, kind) != (kind == test.kind) {
					t.Errorf("%q: errors.Is(%v) is %v", test.ref, kind, errors.Is(err, kind))
				}
			}
		}
	}
}

func TestNearestAtMostFive(t *testing.T) {
	a := &advert{refs: map[string]plumbing.Hash{}}
	for i := range 30 {
		a.refs[fmt.Sprintf("refs/tags/v1.%02d", i)] = plumbing.Hash{}
	}
	if got := a.nearest(t.Context(), "v1.31"); strings.Count(got, "tag v1.") != 5 || !strings.Contains(got, "0 branches and 30 tags") {
		t.Error(got)
	}
}

// TestMismatchDownloadsNothing also shows that nothing is made on disk.
func TestMismatchDownloadsNothing(t *testing.T) {
	t.Parallel()
	source := newRepo(t, map[string]string{"a": "1\n"})
	var seen recorder
	dir := target(t)
	_, err := Clone(t.Context(), Request{URL: serve(t, source, seen.wrap), Ref: "main", Commit: strings.Repeat("a", 40), Dir: dir})
	if !errors.Is(err, ErrCommitMismatch) {
		t.Error(err)
	}
	if got := seen.take(); len(got) != 1 || !strings.HasPrefix(got[0], "GET") {
		t.Errorf("requests %q; want one GET", got)
	}
	gone(t, dir)
}

// TestCloneCommit is about a commit that no ref points to: shallow where the
// server hands it out, and else found in everything it has.
func TestCloneCommit(t *testing.T) {
	t.Parallel()
	source := newRepo(t, map[string]string{"a": "1\n"})
	middle := commitFiles(t, source, map[string]string{"a": "2\n"})
	commitFiles(t, source, map[string]string{"a": "3\n"})
	git(t, source, "tag", "-a", "-m", "x", "v1")
	tip := commitFiles(t, source, map[string]string{"a": "4\n"})
	absent := strings.Repeat("0123456789", 4)
	tagged := git(t, source, "rev-parse", "v1^{}")
	strict, open := serve(t, source, nil), serve(t, source, nil)
	for _, from := range []string{strict, open, source} {
		git(t, source, "config", "uploadpack.allowReachableSHA1InWant", fmt.Sprint(from == open))
		for commit, content := range map[string]string{middle: "2\n", tip: "4\n", tagged: "3\n", git(t, source, "rev-parse", "v1"): "3\n"} {
			dir := target(t)
			res, err := Clone(t.Context(), Request{URL: from, Ref: commit, Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			got, _ := os.ReadFile(filepath.Join(dir, "a"))
			if string(got) != content || git(t, dir, "rev-parse", "HEAD") != res.Commit {
				t.Errorf("%s is %q at %s; want %q", commit, got, res.Commit, content)
			}
			healthy(t, dir)
			shallow := git(t, dir, "rev-list", "--count", "HEAD") == "1"
			if want := from != strict || commit != middle; shallow != want {
				t.Errorf("%s of %s: shallow is %v, want %v", commit, from, shallow, want)
			}
		}
		dir := target(t)
		_, err := Clone(t.Context(), Request{URL: from, Ref: absent, Dir: dir})
		contains(t, err, absent, from, "check the hash")
		if !errors.Is(err, ErrRefNotFound) {
			t.Errorf("%v is not ErrRefNotFound", err)
		}
		gone(t, dir)
	}
}

func TestTargetExists(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's here")
	writeFile(t, filepath.Join(dir, "kept"), "")
	_, err := Clone(t.Context(), Request{URL: "http://127.0.0.1:1/", Ref: "main", Dir: dir})
	contains(t, err, dir, "does not exist yet")
	if strings.Contains(err.Error(), "rm ") {
		t.Errorf("a command that removes the folder is advised: %v", err)
	}
	if _, serr := os.Stat(filepath.Join(dir, "kept")); serr != nil || !errors.Is(err, ErrTargetExists) {
		t.Error(serr, err)
	}
}

func TestLocalRepositories(t *testing.T) {
	t.Parallel()
	source := newRepo(t, map[string]string{"a": "1\n"})
	parent := t.TempDir()
	bare, second, shared, shallow := filepath.Join(parent, "bare.git"), filepath.Join(parent, "second"), filepath.Join(parent, "shared"), filepath.Join(parent, "shallow")
	commitFiles(t, source, map[string]string{"a": "2\n"})
	git(t, source, "pack-refs", "--all")
	git(t, "/", "clone", "-q", "--bare", source, bare)
	git(t, "/", "clone", "-q", "--shared", source, shared)
	git(t, "/", "clone", "-q", "--depth", "1", "file://"+source, shallow)
	git(t, source, "worktree", "add", "-q", second, "-b", "other")
	writeFile(t, filepath.Join(source, "a"), "not committed\n")
	for _, from := range []string{source, bare, shared, shallow, second, filepath.Join(source, ".git")} {
		dir := target(t)
		if _, err := Clone(t.Context(), Request{URL: from, Ref: "main", Dir: dir}); err != nil {
			t.Error(err)
			continue
		}
		if got, _ := os.ReadFile(filepath.Join(dir, "a")); string(got) != "2\n" {
			t.Errorf("%s: got %q", from, got)
		}
		healthy(t, dir)
	}
	t.Run("relative", func(t *testing.T) {
		here, _ := os.Getwd()
		relative, err := filepath.Rel(here, bare)
		if err != nil {
			t.Skip(err)
		}
		if _, err := Clone(t.Context(), Request{URL: relative, Ref: "main", Dir: target(t)}); err != nil {
			t.Error(err)
		}
	})
}
