package workfolder

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// must is for the steps by which a test makes its folders.
func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestWhoseAFolderIs(t *testing.T) {
	t.Parallel()
	const ours, foreign, absent = "ours", "foreign", "absent"
	for name, c := range map[string]struct {
		make func(t *testing.T, code string)
		want string
		run  string
	}{
		"none":         {func(*testing.T, string) {}, absent, ""},
		"an empty one": {func(t *testing.T, code string) { must(t, os.Mkdir(code, 0o755)) }, ours, ""},
		"a clone of a run": {func(t *testing.T, code string) {
			write(t, code+"/Makefile", "x")
			write(t, code+"/.git/HEAD", "x")
			write(t, code+"/.git/spa-runner", Mark("project:1a-2b"))
		}, ours, "project:1a-2b"},
		"killed before the mark": {func(t *testing.T, code string) { must(t, os.MkdirAll(code+"/.git", 0o755)) }, ours, ""},
		"killed in the mark":     {func(t *testing.T, code string) { write(t, code+"/.git/spa-runner", "") }, ours, ""},
		"a mark that build code put into an endless line": {func(t *testing.T, code string) {
			write(t, code+"/.git/spa-runner", markPrefix+strings.Repeat("x", 1<<20))
		}, ours, strings.Repeat("x", maxMark-len(markPrefix))},

		"somebody's clone":  {func(t *testing.T, code string) { write(t, code+"/.git/HEAD", "x") }, foreign, ""},
		"somebody's folder": {func(t *testing.T, code string) { write(t, code+"/x", "x") }, foreign, ""},
		"a file":            {func(t *testing.T, code string) { write(t, code, "x") }, foreign, ""},
		"a file with the text of a mark where a repository could have it": {func(t *testing.T, code string) {
			write(t, code+"/spa-runner", Mark("1"))
			write(t, code+"/git/spa-runner", Mark("1"))
		}, foreign, ""},
		"another mark":          {func(t *testing.T, code string) { write(t, code+"/.git/spa-runner", "mine") }, foreign, ""},
		"an empty mark, a file": {func(t *testing.T, code string) { write(t, code+"/.git/spa-runner", ""); write(t, code+"/x", "x") }, foreign, ""},
		"a symlink to a clone of a run": {func(t *testing.T, code string) {
			write(t, code+".real/.git/spa-runner", Mark("1"))
			must(t, os.Symlink(code+".real", code))
		}, foreign, ""},
		"a symlink to nothing": {func(t *testing.T, code string) { must(t, os.Symlink("nowhere", code)) }, foreign, ""},
		"a symlink as .git": {func(t *testing.T, code string) {
			write(t, code+"/git/spa-runner", Mark("1"))
			must(t, os.Symlink("git", code+"/.git"))
		}, foreign, ""},
		"a symlink as mark": {func(t *testing.T, code string) {
			write(t, code+"/.git/x", Mark("1"))
			must(t, os.Symlink("x", code+"/.git/spa-runner"))
		}, foreign, ""},
		"a pipe as mark": {func(t *testing.T, code string) {
			must(t, os.MkdirAll(code+"/.git", 0o755), unix.Mkfifo(code+"/.git/spa-runner", 0o644))
		}, foreign, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			code := filepath.Join(dir, "code")
			c.make(t, code)
			f, err := Open(dir, "settings", "code")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			got, run := absent, ""
			if len(f.Earlier) == 1 && f.Earlier[0].Path == code {
				got, run = ours, f.Earlier[0].Run
			} else if slices.Equal(f.Foreign, []string{code}) {
				got = foreign
			}
			if got != c.want || run != c.run {
				t.Errorf("got %s %.80q, want %s %.80q", got, run, c.want, c.run)
			}
			if err := f.Replace(); err != nil {
				t.Fatal(err)
			}
			_, err = os.Lstat(code)
			if gone := errors.Is(err, os.ErrNotExist); gone != (c.want != foreign) {
				t.Errorf("gone: %v", gone)
			}
		})
	}
}

func TestTwoRunsInOneFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := Open(dir, "code")
	must(t, err)
	if _, err := Open(dir, "code"); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v, want ErrInUse", err)
	}
	write(t, dir+"/code/.git/spa-runner", Mark("first"))
	if _, err := Open(dir+"/../"+filepath.Base(dir), "code"); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), `"first"`) {
		t.Errorf("got %v, want ErrInUse with the run", err)
	}
	first.Close()
	second, err := Open(dir, "code")
	must(t, err)
	second.Close()
}

func TestAFolderThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	readOnly := "/proc/self" // for root too
	if runtime.GOOS != "linux" {
		readOnly = filepath.Join(dir, "read-only")
		must(t, os.Mkdir(readOnly, 0o555))
	}
	if _, err := Open(readOnly); err == nil || !strings.Contains(err.Error(), "cannot be written to") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsARepositoryOfOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		make           func(t *testing.T, dir string)
		foreign, ofGit bool
	}{
		"an empty folder":         {func(*testing.T, string) {}, false, false},
		"a folder with files":     {func(t *testing.T, dir string) { write(t, dir+"/Makefile", "x") }, false, false},
		"a clone":                 {func(t *testing.T, dir string) { write(t, dir+"/.git/HEAD", "x") }, true, false},
		"a submodule":             {func(t *testing.T, dir string) { write(t, dir+"/.git", "gitdir: ../.git/modules/x\n") }, true, false},
		"a clone of a run":        {func(t *testing.T, dir string) { write(t, dir+"/.git/spa-runner", Mark("1")) }, false, false},
		"a run that was killed":   {func(t *testing.T, dir string) { must(t, os.Mkdir(dir+"/.git", 0o755)) }, false, false},
		"a mark of somebody else": {func(t *testing.T, dir string) { write(t, dir+"/.git/spa-runner", "mine") }, true, false},
		"a link to what a run made": {func(t *testing.T, dir string) {
			write(t, dir+"/x/spa-runner", Mark("1"))
			must(t, os.Symlink("x", dir+"/.git"))
		}, true, false},
		"a bare repository": {func(t *testing.T, dir string) {
			write(t, dir+"/HEAD", "ref: refs/heads/main\n")
			must(t, os.Mkdir(dir+"/objects", 0o755), os.Mkdir(dir+"/refs", 0o755))
		}, false, true},
		"files with such names": {func(t *testing.T, dir string) {
			for _, name := range []string{"/HEAD", "/objects", "/refs"} {
				write(t, dir+name, "x")
			}
		}, false, false},
	} {
		dir := t.TempDir()
		c.make(t, dir)
		if got := IsForeignRepository(dir); got != c.foreign {
			t.Errorf("%s: somebody else's repository: %v, want %v", name, got, c.foreign)
		}
		if got := IsGitFolder(dir); got != c.ofGit {
			t.Errorf("%s: a folder of git: %v, want %v", name, got, c.ofGit)
		}
	}
}
