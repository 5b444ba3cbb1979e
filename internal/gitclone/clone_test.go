package gitclone

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// richRepo has one of everything that a checkout can get wrong.
func richRepo(t *testing.T) string {
	t.Helper()
	noise := rand.New(rand.NewPCG(1, 2))
	blob := make([]byte, 2<<20)
	for i := range blob {
		blob[i] = byte(noise.Uint32())
	}
	pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:" + strings.Repeat("a", 64) + "\nsize 12345\n"
	dir := newRepo(t, map[string]string{"first": "of two commits, so that a shallow clone differs\n"})
	files := map[string]string{
		".gitattributes": "[attr]windows text eol=crlf\n[attr]nothing -text -ident\n*.txt text\n*.bat text eol=crlf\n*.win windows\n" +
			"*.auto text=auto eol=crlf\n*.old crlf eol=crlf\n*.id ident\nidcrlf ident eol=crlf\n*.png binary\n*.psd filter=lfs -text\n" +
			"\"with space\" eol=crlf\n/top.only eol=crlf\nsub/**/deep eol=crlf\n*.utf8 working-tree-encoding=utf-8\n*.enc filter=secret\n",
		"sub/.gitattributes":   "*.bat !eol\n*.txt eol=crlf\n/local eol=crlf\n",
		"sub/a/.gitattributes": "*.txt -text\n*.bat nothing\n",
		"a.txt":                "unix\nlines\n", "bare.bat": "no newline at end",
		"cr.bat": "a\rb\nc\n", "w.win": "1\n2\n", "text.auto": "1\n2\n", "mixed.auto": "1\r\n2\n", "binary.auto": "a\x00b\nc\n",
		"odd.auto": strings.Repeat("x", 100) + "\x01\n", "odd2.auto": strings.Repeat("x", 128) + "\x01\n", "dos.auto": "x\n\x1a",
		"legacy.old": "1\n2\n", "v.id": "a $Id$ b\n$Id\n$", "idcrlf": "$Id$\n\n",
		"p.png": "\x89PNG\n\x00\n", "art.psd": pointer, "unmarked.dat": pointer, "x.utf8": "text\n", "x.enc": "text\n",
		"with space": "1\n", "top.only": "1\n", "sub/top.only": "1\n", "sub/x.txt": "1\n", "sub/x.bat": "1\n", "sub/local": "1\n",
		"sub/a/local": "1\n", "sub/a/x.txt": "1\r\n2\n", "sub/a/x.bat": "1\n", "sub/deep": "1\n", "sub/a/b/deep": "1\n",
		"empty": "", "big.bin": string(blob), "ünïcödé/日本語 – ✓.md": "hello\n", strings.Repeat("n", 200): "long\n",
		"a-b": "1\n", "a/b": "2\n", "a.b": "3\n", // where the order of trees and of the index differ
		"bin/run": "#!/bin/sh\n", "quote\"and\\backslash": "x\n", "large.bat": strings.Repeat("line\n", 50_000),
	}
	for name, to := range map[string]string{
		"link-relative": "a.txt", "link-absolute": "/etc/hostname", "link-dangling": "not/there",
		"link-up": "../../outside", "link-dir": "sub", "link.bat": "a\nb",
	} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		writeFile(t, filepath.Join(dir, name), content)
	}
	stage(t, dir, files)
	git(t, dir, "add", "link-relative", "link-absolute", "link-dangling", "link-up", "link-dir", "link.bat")
	git(t, dir, "update-index", "--chmod=+x", "bin/run")
	git(t, dir, "update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",vendor/module")
	git(t, dir, "commit", "-q", "-m", "second")
	git(t, dir, "tag", "light")
	git(t, dir, "tag", "-a", "-m", "annotated", "v1.0")
	return dir
}

func TestCloneLikeGit(t *testing.T) {
	t.Parallel()
	source := richRepo(t)
	url := serve(t, source, nil)
	for ref, froms := range map[string][]string{"main": {url, source}, "v1.0": {url, "file://" + source}, "light": {url}} {
		t.Run(ref, func(t *testing.T) {
			want := target(t)
			git(t, "/", "clone", "-q", "--depth", "1", "-b", ref, url, want)
			for _, from := range froms {
				t.Run(from, func(t *testing.T) {
					got := target(t)
					res, err := Clone(t.Context(), Request{URL: from, Ref: ref, Dir: got})
					if err != nil {
						t.Fatal(err)
					}
					diff(t, snapshot(t, got), snapshot(t, want))
					sameRepository(t, got, want, from == url)
					if w := git(t, want, "rev-parse", "HEAD"); res.Commit != w {
						t.Errorf("commit %s, want %s", res.Commit, w)
					}
					if res.Author != "Ada <ada@example.org>" || res.When.UTC().Format("2006-01-02 15:04") != "2024-06-18 10:00" {
						t.Errorf("author %s on %s", res.Author, res.When)
					}
					wantWarnings(t, res.Warnings)
				})
			}
		})
	}
}

func wantWarnings(t *testing.T, got []string) {
	t.Helper()
	want := [][]string{
		{"1 submodule", `["vendor/module"]`},
		{"2 file(s) in Git LFS", `["art.psd" "unmarked.dat"]`},
		{"1 file(s) with a filter", `["x.enc"]`},
	}
	if len(got) != len(want) {
		t.Fatalf("warnings %q", got)
	}
	for i, parts := range want {
		for _, part := range parts {
			if !strings.Contains(got[i], part) {
				t.Errorf("warning %d is %q, lacks %q", i, got[i], part)
			}
		}
	}
}

// sameRepository compares what git says about both; want is git's own clone.
func sameRepository(t *testing.T, got, want string, sameOrigin bool) {
	t.Helper()
	healthy(t, got)
	for _, question := range [][]string{
		{"log", "-1", "--format=fuller"},
		{"log", "--oneline"},
		{"for-each-ref"},
		{"ls-files", "--stage"},
		{"rev-parse", "--abbrev-ref", "HEAD"},
		{"describe", "--tags", "--always"},
		{"rev-list", "--objects", "HEAD"},
		{"config", "--local", "--list"},
		{"rev-parse", "--is-shallow-repository"},
		{"status", "--branch", "--porcelain=v2", "--untracked-files=all", "--", "a.txt"},
	} {
		g, w := git(t, got, question...), git(t, want, question...)
		if question[0] == "config" || question[0] == "for-each-ref" {
			g, w = sorted(g, sameOrigin), sorted(w, sameOrigin)
		}
		if g != w {
			t.Errorf("git %s:\n got %s\nwant %s", strings.Join(question, " "), g, w)
		}
	}
}

func sorted(text string, all bool) string {
	lines := strings.Split(text, "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool {
		return strings.HasSuffix(l, "\trefs/remotes/origin/HEAD") || !all && strings.HasPrefix(l, "remote.origin.url=")
	})
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
