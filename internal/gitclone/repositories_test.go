package gitclone

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// TestPublicRepositories clones real repositories and compares each with what
// git makes of it, byte for byte. It says how much there was to get wrong.
func TestPublicRepositories(t *testing.T) {
	t.Parallel()
	const variable = "SPA_RUNNER_REPOSITORIES"
	list := filepath.SplitList(os.Getenv(variable))
	if len(list) == 0 {
		t.Skipf("NOT TESTED against public repositories: name bare clones of them in %s=DIR:DIR", variable)
	}
	all := features{}
	for _, dir := range list {
		t.Run(dir, func(t *testing.T) {
			// HEAD of a mirror may be a branch that is not there.
			branch := strings.TrimPrefix(git(t, dir, "for-each-ref", "--count=1", "--sort=-committerdate", "--format=%(refname)", "refs/heads"), branches)
			if head, err := exec.Command("git", "-C", dir, "rev-parse", "--verify", "-q", "HEAD").Output(); err == nil && len(head) > 0 {
				branch = git(t, dir, "symbolic-ref", "--short", "HEAD")
			}
			url, want, got := serve(t, dir, nil), target(t), target(t)
			git(t, "/", "clone", "-q", "--depth", "1", "-b", branch, url, want)
			if _, err := Clone(t.Context(), Request{URL: url, Ref: branch, Dir: got}); err != nil {
				t.Fatal(err)
			}
			files := snapshot(t, got)
			diff(t, files, snapshot(t, want))
			for _, question := range [][]string{
				{"diff-files", "--name-only"}, // first: it sees wrong stat data
				{"status", "--porcelain", "--ignored"},
				{"fsck", "--full", "--no-progress"},
				{"log", "-1", "--format=fuller"},
				{"ls-files", "--stage"},
				{"rev-list", "--objects", "HEAD"},
			} {
				if g, w := said(got, question), said(want, question); g != w {
					t.Errorf("git %q:\n got %.900s\nwant %.900s", question, g, w)
				}
			}
			there := featuresOf(t, got, files)
			t.Logf("%s at %s of %s: %s", branch, git(t, got, "rev-parse", "--short", "HEAD"), dir, there)
			for name, n := range there {
				all[name] += n
			}
		})
	}
	t.Logf("together: %s", all)
	for _, name := range wanted {
		if all[name] == 0 {
			t.Logf("NOT TESTED here: no repository has %s; TestCloneLikeGit makes them", name)
		}
	}
}

// said is what git prints and how it ends.
func said(dir string, question []string) string {
	cmd := exec.Command("git", question...)
	cmd.Dir, cmd.Env = dir, gitEnv()
	out, err := cmd.CombinedOutput()
	return fmt.Sprint(string(out), err)
}

// features counts files by what a checkout can get wrong about them.
type features map[string]int

var wanted = []string{
	"files", "symlinks", "executables", "eol attributes", "CRLF written", "ident", "non-ASCII names", "names over 100 bytes", "paths over 150 bytes",
	"empty files", "submodules", "LFS pointers",
}

func (f features) String() string {
	var list []string
	for _, name := range wanted {
		list = append(list, fmt.Sprint(f[name], " ", name))
	}
	return strings.Join(list, ", ")
}

func featuresOf(t *testing.T, dir string, files map[string]string) features {
	t.Helper()
	f := features{}
	for name, is := range files {
		f.add("non-ASCII names", strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII }))
		f.add("names over 100 bytes", len(filepath.Base(name)) > 100)
		f.add("paths over 150 bytes", len(name) > 150)
		f.add("files", strings.HasPrefix(is, "-"))
		f.add("symlinks", strings.HasPrefix(is, "L"))
		f.add("executables", strings.HasPrefix(is, "-rwx"))
		f.add("empty files", strings.HasSuffix(is, ` 0 ""`))
		f.add("LFS pointers", strings.Contains(is, ` "`+strings.TrimSpace(string(pointerPrefix))))
	}
	for line := range strings.Lines(git(t, dir, "ls-files", "--stage", "--eol", "-z") + "\n") {
		for entry := range strings.SplitSeq(line, "\x00") {
			f.add("submodules", strings.HasPrefix(entry, "160000 "))
			f.add("eol attributes", strings.Contains(entry, "eol="))
			f.add("CRLF written", strings.Contains(entry, "i/lf ") && strings.Contains(entry, "w/crlf"))
		}
	}
	cmd := said(dir, []string{"grep", "-lE", `\$Id[:$]`, "--", ":(attr:ident)"})
	f["ident"] = len(slices.DeleteFunc(strings.Split(cmd, "\n"), func(s string) bool { return s == "" || strings.Contains(s, "nil") || strings.Contains(s, "exit") }))
	return f
}

func (f features) add(name string, is bool) {
	if is {
		f[name]++
	}
}
