package manifest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// folder is a folder of a test, and what was put into it.
type folder struct {
	t       *testing.T
	dir     string
	entries []Entry
}

func newFolder(t *testing.T) *folder {
	t.Helper()
	f := &folder{t: t, dir: filepath.Join(t.TempDir(), "code")}
	for name, content := range map[string]string{
		"Makefile": "all:\n", "run.sh": "#!/bin/sh\n", "cdk/app.py": "app", "cdk/deep/er/x.py": "x", "cdk-2/y": "y", "empty": "",
	} {
		f.write(name, content)
	}
	f.do(os.Chmod(f.path("run.sh"), 0o755))
	f.do(os.Symlink("cdk/app.py", f.path("link")))
	f.do(os.Symlink("cdk", f.path("to-folder")))
	f.do(os.Symlink("/not/there", f.path("dangling")))
	root, err := os.OpenRoot(f.dir)
	f.do(err)
	f.do(fs.WalkDir(root.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if path == "." || err != nil {
			return err
		}
		e, err := Read(t.Context(), root, path)
		f.entries = append(f.entries, e)
		return err
	}))
	slices.Reverse(f.entries) // the order must not matter
	return f
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

func (f *folder) do(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *folder) write(name, content string) {
	f.t.Helper()
	f.do(os.MkdirAll(filepath.Dir(f.path(name)), 0o755))
	f.do(os.WriteFile(f.path(name), []byte(content), 0o644))
}

func (f *folder) compare(mayChange ...string) []string {
	f.t.Helper()
	changes, err := Compare(f.t.Context(), f.dir, f.entries, func(e Entry) bool { return slices.Contains(mayChange, e.Path) })
	f.do(err)
	var list []string
	for _, c := range changes {
		list = append(list, c.String())
	}
	return list
}

func TestCompareFindsWhatIsNotWhatItWas(t *testing.T) {
	t.Parallel()
	mv := func(f *folder, from, to string) { f.do(os.Rename(f.path(from), f.path(to))) }
	rm := func(f *folder, name string) { f.do(os.RemoveAll(f.path(name))) }
	ln := func(f *folder, target, name string) { f.do(os.Symlink(target, f.path(name))) }
	for name, test := range map[string]struct {
		change func(*folder)
		want   []string
	}{
		"nothing":                   {func(*folder) {}, nil},
		"a new file":                {func(f *folder) { f.write("cdk/new.py", "x"); f.write("venv/x", "x") }, nil},
		"written again":             {func(f *folder) { f.write("Makefile", "all:\n") }, nil},
		"another file, the same":    {func(f *folder) { rm(f, "Makefile"); f.write("Makefile", "all:\n") }, nil},
		"changed in place":          {func(f *folder) { f.write("Makefile", "ALL:\n") }, []string{"Makefile: its content was changed"}},
		"changed below":             {func(f *folder) { f.write("cdk/deep/er/x.py", "y") }, []string{"cdk/deep/er/x.py: its content was changed"}},
		"longer":                    {func(f *folder) { f.write("empty", "no longer") }, []string{"empty: its content was changed"}},
		"emptied":                   {func(f *folder) { f.write("cdk-2/y", "") }, []string{"cdk-2/y: its content was changed"}},
		"removed":                   {func(f *folder) { rm(f, "Makefile"); rm(f, "link") }, []string{"Makefile: it was removed", "link: it was removed"}},
		"made executable":           {func(f *folder) { f.do(os.Chmod(f.path("Makefile"), 0o755)) }, []string{"Makefile: it was made executable"}},
		"no longer executable":      {func(f *folder) { f.do(os.Chmod(f.path("run.sh"), 0o644)) }, []string{"run.sh: it is not executable any more"}},
		"a link to the same":        {func(f *folder) { mv(f, "Makefile", "M"); ln(f, "M", "Makefile") }, []string{`Makefile: it was replaced by a symlink to "M"`}},
		"another target":            {func(f *folder) { rm(f, "link"); ln(f, "Makefile", "link") }, []string{`link: it leads to "Makefile" now, and not to "cdk/app.py"`}},
		"a file for a link":         {func(f *folder) { rm(f, "link"); f.write("link", "app") }, []string{"link: it was replaced by a file"}},
		"a folder for a file":       {func(f *folder) { rm(f, "empty"); f.write("empty/x", "x") }, []string{"empty: it was replaced by a folder"}},
		"a FIFO":                    {func(f *folder) { rm(f, "empty"); f.do(syscall.Mkfifo(f.path("empty"), 0o644)) }, []string{"empty: it was replaced by something that is no file, no folder and no symlink"}},
		"a folder that is a link":   {func(f *folder) { mv(f, "cdk", "evil"); ln(f, "evil", "cdk") }, []string{`cdk: it was replaced by a symlink to "evil", with all that was in it (files: 2)`}},
		"one below that is a link":  {func(f *folder) { mv(f, "cdk/deep", "evil"); ln(f, "../evil", "cdk/deep") }, []string{`cdk/deep: it was replaced by a symlink to "../evil", with all that was in it (files: 1)`}},
		"a link out of the folder":  {func(f *folder) { rm(f, "cdk"); ln(f, "/", "cdk") }, []string{`cdk: it was replaced by a symlink to "/", with all that was in it (files: 2)`}},
		"a folder that is gone":     {func(f *folder) { rm(f, "cdk") }, []string{"cdk: it was removed, with all that was in it (files: 2)"}},
		"a folder that is a file":   {func(f *folder) { rm(f, "cdk-2"); f.write("cdk-2", "x") }, []string{"cdk-2: it was replaced by a file, with all that was in it (files: 1)"}},
		"all of it is gone":         {func(f *folder) { f.do(os.RemoveAll(f.dir)) }, []string{".: it was removed"}},
		"all of it is behind links": {func(f *folder) { f.do(os.Rename(f.dir, f.dir+"-2")); f.do(os.Symlink("code-2", f.dir)) }, []string{".: it was replaced by a symlink"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFolder(t)
			test.change(f)
			if got := f.compare(); !slices.Equal(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestCompareOfWhatMayChange(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.write("Makefile", "changed")
	f.write("empty", "changed")
	f.do(os.RemoveAll(f.path("cdk")))
	if got, want := f.compare("Makefile", "cdk"), []string{"empty: its content was changed"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	// That files of a folder may change does not say that the folder may.
	if got := f.compare("Makefile", "empty", "cdk/app.py", "cdk/deep/er/x.py"); len(got) != 1 || !strings.HasPrefix(got[0], "cdk: it was removed") {
		t.Errorf("got %q", got)
	}
}

// A file of another size is not read: it may be a terabyte of holes.
func TestCompareDoesNotReadWhatIsOfAnotherSize(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	if err := os.Truncate(f.path("empty"), 1<<40); err != nil {
		t.Skipf("no holes here: %v", err)
	}
	if got, want := f.compare(), []string{"empty: its content was changed"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCompareOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	f := newFolder(t)
	f.do(os.Chmod(f.path("Makefile"), 0))
	if got := f.compare(); len(got) != 1 || !strings.HasPrefix(got[0], "Makefile: it cannot be read any more") {
		t.Errorf("got %q", got)
	}
}

func TestCompareIsInterrupted(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	cause := errors.New("the time is over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := Compare(ctx, f.dir, f.entries, func(Entry) bool { return false }); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	var files []Entry // no folder asks before them
	for _, e := range f.entries {
		if e.Type != fs.ModeDir {
			files = append(files, e)
		}
	}
	if _, err := Compare(ctx, f.dir, files, func(Entry) bool { return false }); !errors.Is(err, cause) || err.Error() != cause.Error() {
		t.Errorf("got %q, want the cause once", err)
	}
}

func TestLay(t *testing.T) {
	t.Parallel()
	under := []Entry{{Path: "b", Target: "x", Type: fs.ModeSymlink}, {Path: "a", Size: 1}}
	got := Lay(under, []Entry{{Path: "c"}, {Path: "b", Type: fs.ModeDir}, {Path: "b/x", Size: 2}})
	want := []Entry{{Path: "a", Size: 1}, {Path: "b", Type: fs.ModeDir}, {Path: "b/x", Size: 2}, {Path: "c"}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAChangeIsOneLine(t *testing.T) {
	t.Parallel()
	got := Change{Path: "a\n  ✔ make-deploy", What: "it was removed"}.String()
	if want := `"a\n  ✔ make-deploy": it was removed`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
