package gitclone

import (
	"cmp"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spa-runner/internal/manifest"
)

// What a clone says that it made is what is on disk, read again: conversions,
// links, modes, folders, contents that are streamed and that are stored as deltas.
func TestCloneTellsWhatItMade(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a line that is the same in both\n", 2000)
	source := newRepo(t, map[string]string{
		".gitattributes": "*.crlf eol=crlf\n*.id ident\n", "a.crlf": "one\ntwo\n", "b.id": "$Id$\n", "plain": "text\n", "empty": "",
		"deep/er/file": "x", "long": long, "long-2": long + "and one more\n", "big": strings.Repeat("0123456789", 10_000), "run.sh": "#!/bin/sh\n",
		"ünï/with space": "x",
	})
	if err := os.Chmod(filepath.Join(source, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"link": "plain", "deep/up": "../plain", "dangling": "/not/there", "to-folder": "deep"} {
		if err := os.Symlink(to, filepath.Join(source, name)); err != nil {
			t.Fatal(err)
		}
	}
	head := commitFiles(t, source, nil)
	git(t, source, "update-index", "--add", "--cacheinfo", "160000,"+head+",module")
	git(t, source, "commit", "-q", "-m", "a submodule")
	git(t, source, "repack", "-adq")

	dir := target(t)
	res, err := Clone(t.Context(), Request{URL: source, Ref: "main", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	var want []manifest.Entry
	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if d.Name() == ".git" {
			return fs.SkipDir
		}
		if path == "." {
			return err
		}
		e, err := manifest.Read(t.Context(), root, path)
		want = append(want, e)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	got := slices.SortedFunc(slices.Values(res.Files), func(a, b manifest.Entry) int { return cmp.Compare(a.Path, b.Path) })
	slices.SortFunc(want, func(a, b manifest.Entry) int { return cmp.Compare(a.Path, b.Path) })
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("got\n%+v\nwant\n%+v", got, want)
		}
	}
	if len(got) != 19 || !got[slices.IndexFunc(got, func(e manifest.Entry) bool { return e.Path == "run.sh" })].Executable {
		t.Errorf("the test asks too little: %d entries: %+v", len(got), got)
	}
}

// manyFiles is a repository of 20,000 files, 155 MB, as in the measurements of
// large code bases.
func manyFiles(b *testing.B) string {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "many.git")
	if out, err := exec.CommandContext(b.Context(), "git", "init", "-q", "--bare", "-b", "main", dir).CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	random := rand.New(rand.NewPCG(1, 2))
	content := make([]byte, 7750)
	var stream strings.Builder
	stream.WriteString("commit refs/heads/main\ncommitter A <a@example.org> 0 +0000\ndata 1\nx\n")
	for i := range 20_000 {
		for j := range content {
			content[j] = "abcdefghijklmnopqrstuvwxyz   \n01"[random.IntN(32)]
		}
		fmt.Fprintf(&stream, "M 100644 inline folder-%03d/sub/file-%05d\ndata %d\n%s\n", i%200, i, len(content), content)
	}
	cmd := exec.CommandContext(b.Context(), "git", "fast-import", "--quiet")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stream.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return dir
}

func BenchmarkCloneManyFiles(b *testing.B) {
	source := manyFiles(b)
	b.SetBytes(20_000 * 7750)
	for b.Loop() {
		dir := filepath.Join(b.TempDir(), "clone")
		if _, err := Clone(b.Context(), Request{URL: source, Ref: "main", Dir: dir}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := os.RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkCompareManyFiles is what the comparison before a deployment costs.
func BenchmarkCompareManyFiles(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "clone")
	res, err := Clone(b.Context(), Request{URL: manyFiles(b), Ref: "main", Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(20_000 * 7750)
	for b.Loop() {
		changes, err := manifest.Compare(b.Context(), dir, res.Files, func(manifest.Entry) bool { return false })
		if err != nil || len(changes) > 0 {
			b.Fatal(changes, err)
		}
	}
}
