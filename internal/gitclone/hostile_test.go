package gitclone

import (
	"bytes"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// rawTree stores a tree that git itself would not make.
func rawTree(t *testing.T, dir string, entries ...[3]string) string {
	t.Helper()
	var raw strings.Builder
	for _, e := range entries { // mode, name, hash
		hash, err := hex.DecodeString(e[2])
		if err != nil {
			t.Fatal(err)
		}
		raw.WriteString(e[0] + " " + e[1] + "\x00" + string(hash))
	}
	return gitIn(t, dir, raw.String(), "hash-object", "-t", "tree", "-w", "--literally", "--stdin")
}

func TestHostileTrees(t *testing.T) {
	t.Parallel()
	source := newRepo(t, map[string]string{"a": "1\n"})
	blob := gitIn(t, source, "../outside", "hash-object", "-w", "--stdin")
	rules := gitIn(t, source, "* text\n", "hash-object", "-w", "--stdin")
	inner := rawTree(t, source, [3]string{"100644", "escaped", blob})
	dotdot := rawTree(t, source, [3]string{"100644", "..", blob})
	for name, test := range map[string]struct {
		entries [][3]string
		want    string
	}{
		"repository":       {[][3]string{{"40000", ".git", inner}}, "the repository itself"},
		"repository, case": {[][3]string{{"40000", ".GiT", inner}}, "the repository itself"},
		"dot":              {[][3]string{{"40000", ".", inner}}, "no name for a file"},
		"dot dot":          {[][3]string{{"40000", "..", inner}}, "no name for a file"},
		"deep dot dot":     {[][3]string{{"40000", "sub", dotdot}}, `"sub/.."`},
		"slash":            {[][3]string{{"100644", "../escaped", blob}}, "cannot contain"},
		"through a link":   {[][3]string{{"120000", "x", blob}, {"40000", "x", inner}}, "two entries"},
		"twice":            {[][3]string{{"100644", "x", blob}, {"100644", "x", rules}}, "two entries"},
		"a tree as a file": {[][3]string{{"100644", "x", inner}}, "where a blob should be"},
	} {
		t.Run(name, func(t *testing.T) {
			tree := rawTree(t, source, test.entries...)
			commit := git(t, source, "commit-tree", "-m", "x", tree)
			git(t, source, "update-ref", "refs/heads/bad", commit)
			// Packed by git and sent as it is: the server does not look into trees.
			parent := t.TempDir()
			dir := filepath.Join(parent, "deep", "clone")
			if err := os.Mkdir(filepath.Dir(dir), 0o777); err != nil {
				t.Fatal(err)
			}
			_, err := Clone(t.Context(), Request{URL: serve(t, source, nil), Ref: "bad", Dir: dir})
			contains(t, err, test.want)
			gone(t, dir)
			if rest, _ := os.ReadDir(parent); len(rest) != 1 {
				t.Errorf("something was written outside: %v", rest)
			}
		})
	}
}

// packOf makes a pack of all objects of a repository with long chains of deltas.
func packOf(t *testing.T, flags ...string) ([]byte, string) {
	t.Helper()
	text := strings.Repeat("a line of some length, number 1\n", 50)
	source := newRepo(t, map[string]string{"a": text})
	for range 5 {
		text += "and one more line at the end\n"
		commitFiles(t, source, map[string]string{"a": text})
	}
	cmd := exec.Command("git", append([]string{"pack-objects", "--all", "--stdout", "-q", "--no-reuse-delta", "--depth=50"}, flags...)...)
	cmd.Dir, cmd.Env, cmd.Stdin = source, gitEnv(), strings.NewReader("")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out, source
}

func scratch(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func testSpool(t testing.TB) *spool {
	t.Helper()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSpool(root, "inflated")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = s.file.Close(), root.Close() })
	return s
}

// receive takes a pack as a clone does.
func receive(t *testing.T, raw []byte) (*pack, error) {
	t.Helper()
	return receivePack(t.Context(), bytes.NewReader(raw), scratch(t), testSpool(t), newBudget(memoryBudget))
}

func TestPackLikeGit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		keep, small int64
		flags       []string
	}{
		"by offset": {maxSpool, maxSmall, []string{"--delta-base-offset"}}, "by hash": {maxSpool, maxSmall, nil}, "none": {maxSpool, maxSmall, []string{"--window=0"}},
		"nothing kept": {0, maxSmall, nil}, "little kept": {1000, maxSmall, []string{"--delta-base-offset"}},
		"streamed, by offset": {maxSpool, 0, []string{"--delta-base-offset"}}, "streamed, by hash": {maxSpool, 100, nil},
		"streamed, nothing kept": {0, 0, []string{"--delta-base-offset"}}, "streamed, little kept": {5000, 300, nil},
	} {
		t.Run(name, func(t *testing.T) {
			raw, source := packOf(t, test.flags...)
			inflated := testSpool(t)
			inflated.max, inflated.small = test.keep, test.small
			p, err := receivePack(t.Context(), bytes.NewReader(raw), scratch(t), inflated, newBudget(memoryBudget))
			if err != nil {
				t.Fatal(err)
			}
			var hashes, types strings.Builder
			deltas := 0
			for i, o := range p.objects {
				if o.base != noBase {
					deltas++
				}
				content, err := p.content(t.Context(), i)
				if err != nil {
					t.Fatal(err)
				}
				if got := plumbing.ComputeHash(o.typ, content); got != o.hash || int64(len(content)) != o.size {
					t.Errorf("object %d reads as %s of %d bytes; want %s of %d", i, got, len(content), o.hash, o.size)
				}
				hashes.WriteString(o.hash.String() + "\n")
				types.WriteString(o.typ.String() + "\n")
			}
			if want := gitIn(t, source, hashes.String(), "cat-file", "--batch-check=%(objecttype)") + "\n"; types.String() != want {
				t.Errorf("types %s\nwant %s", types.String(), want)
			}
			if (deltas > 0) != (name != "none") {
				t.Errorf("%d deltas: the test is not about what it says", deltas)
			}
			var got bytes.Buffer
			if err := p.writeIndex(&got); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "x.pack")
			writeFile(t, path, string(raw))
			git(t, "/", "index-pack", path)
			if want, _ := os.ReadFile(strings.TrimSuffix(path, "pack") + "idx"); !bytes.Equal(got.Bytes(), want) {
				t.Error("the index differs from that of git index-pack")
			}
		})
	}
}

// TestDamagedPack changes one byte after another.
func TestDamagedPack(t *testing.T) {
	t.Parallel()
	raw, _ := packOf(t, "--delta-base-offset")
	f := scratch(t)
	for i := 0; i < len(raw); i += 1 + len(raw)/400 {
		damaged := bytes.Clone(raw)
		damaged[i] ^= 0x11
		if _, err := receivePack(t.Context(), bytes.NewReader(damaged), f, testSpool(t), newBudget(memoryBudget)); err == nil {
			t.Errorf("byte %d of %d changed, and nobody noticed", i, len(raw))
		}
		if err := f.Truncate(0); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Seek(0, 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := receive(t, append(raw, 0)); err == nil {
		t.Error("a byte after the end went unnoticed")
	}
}

// TestLargeFilesAreStreamed counts all that is ever allocated.
func TestLargeFilesAreStreamed(t *testing.T) {
	const size = 8 << 20
	source := newRepo(t, map[string]string{"large": strings.Repeat("\x00", size)})
	for _, from := range []string{serve(t, source, nil), source} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		dir := target(t)
		if _, err := Clone(t.Context(), Request{URL: from, Ref: "main", Dir: dir}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if info, err := os.Stat(filepath.Join(dir, "large")); err != nil || info.Size() != size {
			t.Error(info, err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > size/2 {
			t.Errorf("cloning %d MiB from %s allocated %d MiB", size>>20, from, got>>20)
		}
	}
}
