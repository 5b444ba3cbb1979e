package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spa-runner/internal/fault"
	"spa-runner/internal/manifest"
)

// tracked is a folder of code and what was cloned into it.
func tracked(t *testing.T, files map[string]string) (dir string, entries []manifest.Entry) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "code")
	write(t, dir, files)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = fs.WalkDir(root.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if path == "." || err != nil {
			return err
		}
		e, err := manifest.Read(t.Context(), root, path)
		entries = append(entries, e)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir, entries
}

func TestUnchanged(t *testing.T) {
	t.Parallel()
	files := map[string]string{"Makefile": "x"}
	for i := range 25 {
		files[fmt.Sprintf("many/%02d", i)] = "x"
	}
	dir, entries := tracked(t, files)
	s := newStage(t)
	if err := Unchanged(t.Context(), s.rt, dir, entries, nil); err != nil {
		t.Fatal(err)
	}
	if e := s.event("code unchanged"); e["files"] != int64(27) {
		t.Errorf("got %v", e)
	}
	for name := range files {
		write(t, dir, map[string]string{name: "changed"})
	}
	err := Unchanged(t.Context(), s.rt, dir, entries, nil)
	if err == nil || fault.ExitCode(err) != fault.ExitRunner {
		t.Fatalf("got %v", err)
	}
	contains(t, "error", err.Error(), "Differences: 26\n", "Makefile: its content was changed", "many/18: its content was changed", "and 6 more")
	if strings.Contains(err.Error(), "many/19") {
		t.Errorf("more than %d are named: %v", maxChanges, err)
	}
	contains(t, "hint", fault.Hint(err), "setup, lint or tests", "SPA_RUNNER_MAY_CHANGE")
	if err := Unchanged(t.Context(), s.rt, dir, entries, patternsOf(t, "Makefile many/**")); err != nil {
		t.Errorf("all of it may change: got %v", err)
	}
	if err := Unchanged(t.Context(), s.rt, dir, entries, patternsOf(t, "many/1* Makefile")); err == nil || strings.Contains(err.Error(), "many/1") || !strings.Contains(err.Error(), "Differences: 15\n") {
		t.Errorf("some of it may change: got %v", err)
	}
}

func TestUnchangedOfAFolderThatMayChange(t *testing.T) {
	t.Parallel()
	dir, entries := tracked(t, map[string]string{"gen/a.py": "x", "gen/sub/b": "x", "other": "x"})
	if err := os.RemoveAll(filepath.Join(dir, "gen")); err != nil {
		t.Fatal(err)
	}
	for may, want := range map[string]bool{"gen/**": true, "gen": true, "gen/a.py": false, "gen/*.py": false, "": false, "*/sub/**": false} {
		if err := Unchanged(t.Context(), newStage(t).rt, dir, entries, patternsOf(t, may)); (err == nil) != want {
			t.Errorf("%q may change: got %v", may, err)
		}
	}
}

func TestUnchangedWithoutAManifestFailsClosed(t *testing.T) {
	t.Parallel()
	dir, entries := tracked(t, map[string]string{"a": "x"})
	if err := Unchanged(t.Context(), newStage(t).rt, dir, nil, nil); err == nil {
		t.Error("nothing was compared, and it is unchanged")
	}
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := Unchanged(ctx, newStage(t).rt, dir, entries, nil); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}

// A new file is not compared, but for one that make reads in place of a tracked one.
func TestUnchangedFindsAMakefileInTheWay(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ tracked, added, may, want string }{
		{"Makefile", "GNUmakefile", "", "GNUmakefile"},
		{"Makefile", "makefile", "", "makefile"},
		{"Makefile", "GNUmakefile makefile venv/x", "", "GNUmakefile makefile"},
		{"makefile", "GNUmakefile Makefile", "", "GNUmakefile"},
		{"GNUmakefile Makefile", "makefile", "", ""},
		{"Makefile", "GNUmakefile", "GNUmakefile", ""},
		{"configure", "Makefile GNUmakefile", "", ""}, // setup makes them
		{"Makefile", "sub/GNUmakefile other.mk", "", ""},
	} {
		files := map[string]string{}
		for _, name := range strings.Fields(test.tracked) {
			files[name] = "x"
		}
		dir, entries := tracked(t, files)
		for _, name := range strings.Fields(test.added) {
			write(t, dir, map[string]string{name: "x"})
		}
		err := Unchanged(t.Context(), newStage(t).rt, dir, entries, patternsOf(t, test.may))
		var got []string
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if name, ok := strings.CutSuffix(strings.TrimRight(line, "\n"), ": it is new, and make reads it in place of the tracked one"); ok {
					got = append(got, strings.TrimPrefix(name, "  - "))
				}
			}
		}
		if want := strings.Fields(test.want); !slices.Equal(got, want) || (err == nil) != (len(want) == 0) {
			t.Errorf("%+v: got %q, %v", test, got, err)
		}
	}
	// A link that leads nowhere is there too.
	dir, entries := tracked(t, map[string]string{"Makefile": "x"})
	link(t, "nothing", filepath.Join(dir, "GNUmakefile"))
	if err := Unchanged(t.Context(), newStage(t).rt, dir, entries, nil); err == nil {
		t.Error("a link was not seen")
	}
}

// Of what was added, that is refused from which make would make a cloned file anew
// after the comparison, by its built-in rules.
func TestAddedFilesThatMakeWouldUse(t *testing.T) {
	t.Parallel()
	files := map[string]string{"Makefile": "x", "sub/makefile": "x", "mk/common.mk": "x", "build.py": "x", "parser.c": "x", "docs/index.html": "x", "run.sh": "x"}
	for name, target := range map[string]string{
		"Makefile.sh": "Makefile", "Makefile.c": "Makefile", "Makefile.y": "Makefile", "Makefile.o": "Makefile", "Makefile.mod": "Makefile",
		"Makefile,v": "Makefile", "RCS/Makefile,v": "Makefile", "RCS/Makefile": "Makefile", "SCCS/s.Makefile": "Makefile", "s.Makefile": "Makefile",
		"RCS/Makefile.sh,v": "Makefile", "SCCS/s.Makefile.sh": "Makefile",
		"makefile.sh": "makefile", "GNUmakefile.sh": "GNUmakefile", "sub/Makefile.sh": "sub/Makefile", "sub/RCS/makefile,v": "sub/makefile",
		"mk/common.mk.sh": "mk/common.mk", "build.py.sh": "build.py", "build.py,v": "build.py", "parser.y": "parser.c", "parser.w": "parser.c",
		"Makefile.am": "", "Makefile.in": "", "Makefile.d": "", "Makefile.sh.bak": "", "new/Makefile.sh": "", "RCS/x": "", "venv/RCS/Makefile": "",
		"docs/index.md": "", "run": "", "build.sh": "", "docs.sh": "", "new/build.py.sh": "", "docs/build.py.sh": "",
	} {
		dir, entries := tracked(t, files)
		write(t, dir, map[string]string{name: "echo other"})
		s := newStage(t)
		err := Unchanged(t.Context(), s.rt, dir, entries, nil)
		switch {
		case target == "" && err != nil:
			t.Errorf("%s: got %v", name, err)
		case target != "" && (err == nil || !strings.Contains(err.Error(), name+": it is new, and make could make "+target+" from it")):
			t.Errorf("%s: got %v, want that make could make %s from it", name, err, target)
		}
		if err := Unchanged(t.Context(), s.rt, dir, entries, patternsOf(t, strings.ReplaceAll(name, ",", "?"))); err != nil {
			t.Errorf("%s may change: got %v", name, err)
		}
	}
}

// Where a makefile has make search other folders, a file in any of them counts, at any
// depth; and so does a link to the files of RCS.
func TestAddedFilesWhereMakeSearches(t *testing.T) {
	t.Parallel()
	for makefile, want := range map[string]bool{"VPATH = new": true, "vpath %.sh new/deep": true, "all:": false} {
		for name, target := range map[string]string{
			"new/build.mk.sh": "new/build.mk", "new/deep/tool.c": "new/deep/tool", "docs/build.mk,v": "docs/build.mk", "new/RCS/tool,v": "new/RCS/tool",
		} {
			dir, entries := tracked(t, map[string]string{"Makefile": "x:\n" + makefile + "\n", "build.mk": "x", "tool": "x", "docs/index.html": "x"})
			write(t, dir, map[string]string{name: "x", "new/other.sh": "x", "new/docs.sh": "x"})
			err := Unchanged(t.Context(), newStage(t).rt, dir, entries, nil)
			if want && (err == nil || !strings.Contains(err.Error(), name+": it is new, and make could make "+target+" from it")) || !want && err != nil {
				t.Errorf("%s with %q: got %v", name, makefile, err)
			}
			if err := Unchanged(t.Context(), newStage(t).rt, dir, entries, patternsOf(t, strings.ReplaceAll(name, ",", "?"))); err != nil {
				t.Errorf("%s may change: got %v", name, err)
			}
		}
	}
	dir, entries := tracked(t, map[string]string{"Makefile": "x", "sub/x": "x"})
	link(t, "../elsewhere", filepath.Join(dir, "sub", "RCS"))
	if err := Unchanged(t.Context(), newStage(t).rt, dir, entries, nil); err == nil || !strings.Contains(err.Error(), "sub/RCS: it is a new link") {
		t.Errorf("a link RCS: got %v", err)
	}
}

// A warning names the added files that tools read although nothing names them.
func TestAddedFilesThatToolsReadByThemselves(t *testing.T) {
	t.Parallel()
	dir, entries := tracked(t, map[string]string{
		"Makefile": "-include local.mk extra/*.inc\nsinclude $(OTHER)\ninclude ../outside.mk # gone\n", "extra/x": "", "sub/Makefile": "-include of.sub\n", "app.py": "", "lib/a.ts": "", "docs/index.md": "",
	})
	want := []string{
		".env", ".npmrc", "GNUmakefile.d", "boto3", "cdk.context.json", "extra/a.inc", "json.py", "lib/a.js", "lib/tsconfig.json", "local.mk", "local.mk.sh",
		"of.sub", "sitecustomize.py", "sub/GNUmakefile", "sub/of.sub",
	}
	want = slices.DeleteFunc(want, func(name string) bool { return name == "GNUmakefile.d" })
	for _, name := range want {
		if name == "boto3" {
			name = "boto3/__init__.py"
		}
		write(t, dir, map[string]string{name: "x"})
	}
	write(t, dir, map[string]string{
		"venv/bin/activate": "", "node_modules/x/package.json": "", "coverage.xml": "", "docs/json.py": "", "lib/b.js": "", "__pycache__/app.pyc": "", "GNUmakefile.d": "", "lambdas.out/a.py": "",
	})
	s := newStage(t)
	if err := Unchanged(t.Context(), s.rt, dir, entries, nil); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.event("setup, lint or tests added files that tools read by themselves: make deploy may do something else than the code says")["files"]); got != fmt.Sprint(want) {
		t.Errorf("got %s, want %s", got, want)
	}
	for i := range 30 {
		write(t, dir, map[string]string{fmt.Sprintf("m%02d.mk", i): ""})
	}
	s = newStage(t)
	if err := Unchanged(t.Context(), s.rt, dir, entries, nil); err != nil {
		t.Fatal(err)
	}
	contains(t, "warning", s.everything(), "and 24 more")
}

func TestAddedFilesCannotBeLookedForWithoutAFolder(t *testing.T) {
	t.Parallel()
	if _, err := lookAtAdded(t.Context(), filepath.Join(t.TempDir(), "none"), nil, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that the folder does not exist", err)
	}
}

// A makefile that is gone cannot say which files make reads: nothing is taken for unchanged then.
func TestAMakefileThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	files := []manifest.Entry{{Path: "Makefile", Size: 1}}
	if added, err := lookAtAdded(t.Context(), t.TempDir(), files, nil); !errors.Is(err, fs.ErrNotExist) || added != nil {
		t.Errorf("got %v, %v, want that the makefile does not exist", added, err)
	}
}
