package gitclone

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// randomHistory makes a bare repository of random commits, all with the same few
// paths, so that much happens to each: files that become links, folders and
// submodules, modes that change, names that are not plain.
func randomHistory(t *testing.T, random *rand.Rand, commits int) (dir string, hashes []string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "repo.git")
	git(t, filepath.Dir(dir), "init", "-q", "--bare", "-b", "main", dir)
	paths := []string{
		"a", "a/a", "a/b c", `a/"q"/a`, "b c", "b c/it's", `"q"`, "ü", "ü/n\nl", "n\nl", ".hidden/a", "README.md", ".gitattributes", "a/.gitattributes",
	}
	var stream strings.Builder
	files := map[string]string{}
	for i := range commits {
		for range 1 + random.IntN(6) {
			if known := slices.Sorted(maps.Keys(files)); len(known) > 0 && random.IntN(3) == 0 {
				delete(files, known[random.IntN(len(known))])
				continue
			}
			path := paths[random.IntN(len(paths))]
			for other := range files { // a file cannot be a folder too
				if strings.HasPrefix(other, path+"/") || strings.HasPrefix(path, other+"/") {
					delete(files, other)
				}
			}
			mode := []string{"100644", "100644", "100755", "120000", "160000"}[random.IntN(5)]
			if filepath.Base(path) == ".gitattributes" {
				mode = "100644"
			}
			if mode == "160000" {
				files[path] = fmt.Sprintf("%s %040x", mode, 1+random.IntN(3))
				continue
			}
			text := []string{"one", "two\r\n", "* text eol=crlf\n"}[random.IntN(3)]
			files[path] = fmt.Sprintf("%s inline\x00data %d\n%s\n", mode, len(text), text)
		}
		fmt.Fprintf(&stream, "commit refs/heads/main\ncommitter A <a@example.org> %d +0000\ndata 0\ndeleteall\n", 1700000000+i)
		for _, path := range slices.Sorted(maps.Keys(files)) {
			what, data, _ := strings.Cut(files[path], "\x00")
			quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(path)
			fmt.Fprintf(&stream, "M %s \"%s\"\n%s", what, quoted, data)
		}
	}
	gitIn(t, dir, stream.String(), "fast-import", "--quiet")
	return dir, strings.Fields(git(t, dir, "rev-list", "--reverse", "main"))
}

// gitPaths are the paths that git prints with -z.
func gitPaths(t *testing.T, dir string, args ...string) []string {
	t.Helper()
	text := strings.TrimSuffix(git(t, dir, args...), "\x00")
	if text == "" {
		return nil
	}
	paths := strings.Split(text, "\x00")
	slices.Sort(paths)
	return paths
}

func TestDifferencesAreThoseOfGit(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not here: nothing to compare with")
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	compared := 0
	for range 4 {
		dir, hashes := randomHistory(t, random, 8)
		clones := make([]Result, len(hashes))
		for i, hash := range hashes {
			var err error
			if clones[i], err = Clone(t.Context(), Request{URL: dir, Ref: hash, Dir: filepath.Join(t.TempDir(), "clone")}); err != nil {
				t.Fatal(err)
			}
			if got, want := clones[i].Paths(), gitPaths(t, dir, "ls-tree", "-r", "-z", "--name-only", hash); !slices.Equal(got, want) {
				t.Errorf("%s has\n%q, want\n%q", hash, got, want)
			}
		}
		for range 10 {
			i, j := random.IntN(len(hashes)), random.IntN(len(hashes))
			got := Differences(clones[i], clones[j])
			want := gitPaths(t, dir, "diff", "-z", "--name-only", "--no-renames", hashes[i], hashes[j])
			if !slices.Equal(got, want) {
				t.Errorf("%s..%s differ in\n%q, want\n%q", hashes[i], hashes[j], got, want)
			}
			compared += len(want)
		}
	}
	if compared < 40 {
		t.Errorf("only %d differences were compared", compared)
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	dir := newRepo(t, map[string]string{"x": "1"})
	first := git(t, dir, "rev-parse", "HEAD")
	second := commitFiles(t, dir, map[string]string{"x": "2"})
	git(t, dir, "tag", "HEAD-2")
	head := func(url string) string {
		t.Helper()
		got, err := Head(t.Context(), Request{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := head(dir); got != second {
		t.Errorf("on a branch: got %s, want %s", got, second)
	}
	git(t, dir, "checkout", "-q", first)
	if got := head(dir); got != first {
		t.Errorf("on none: got %s, want %s", got, first)
	}
	linked := filepath.Join(t.TempDir(), "linked")
	git(t, dir, "worktree", "add", "-q", "-b", "other", linked, second)
	if got := head(linked); got != second {
		t.Errorf("in a second work tree: got %s, want %s", got, second)
	}
	git(t, dir, "checkout", "-q", "--orphan", "new")
	if _, err := Head(t.Context(), Request{URL: dir}); !errors.Is(err, ErrRefNotFound) {
		t.Errorf("on a branch without a commit: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(dir, ".git")); err != nil {
		t.Fatal(err)
	}
	if _, err := Head(t.Context(), Request{URL: dir}); !errors.Is(err, ErrRepositoryNotFound) {
		t.Errorf("no repository: %v", err)
	}
}
