package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"spa-runner/internal/loopback"
	"spa-runner/internal/workfolder"
)

// A rehearsal writes into no folder that it reads, and into no repository of the user's.
func TestWhereARehearsalMayWork(t *testing.T) {
	t.Parallel()
	const ok = ""
	for name, test := range map[string]struct {
		cwd, workdir string // as seen from the folder of all
		code         string // "mc" where nothing is said
		refused      string
	}{
		"the folder of --code":               {workdir: "mc", refused: "the folder of --code"},
		"with a slash":                       {workdir: "mc/", refused: "the folder of --code"},
		"by a detour":                        {workdir: "mc/../mc/.", refused: "the folder of --code"},
		"the folder that this is":            {cwd: "mc", workdir: ".", code: "../mc", refused: "the folder of --code"},
		"both are this folder":               {cwd: "mc", workdir: ".", code: ".", refused: "the folder of --code"},
		"by a symlink":                       {workdir: "link-to-mc", refused: "the folder of --code"},
		"code by a symlink":                  {workdir: "mc", code: "link-to-mc", refused: "the folder of --code"},
		"the folder of --settings":           {workdir: "ms", refused: "the folder of --settings"},
		"settings by a symlink":              {workdir: "link-to-ms", refused: "the folder of --settings"},
		"a folder of the code":               {workdir: "mc/bin/demo", refused: "in the folder of --code"},
		"a folder of the code by a link":     {workdir: "link-to-demo", refused: "in the folder of --code"},
		"a folder of the settings":           {workdir: "ms/environments", refused: "in the folder of --settings"},
		"git's own folder of the code":       {workdir: "mc/.git", refused: "in the folder of --code"},
		"above both":                         {workdir: ".", refused: "above the folder of --settings"},
		"above, from below":                  {cwd: "mc", workdir: "..", code: ".", refused: "above the folder of --settings"},
		"above the code alone":               {workdir: "far", code: "far/away", refused: "above the folder of --code"},
		"above all":                          {workdir: "/", refused: "above the folder of --settings"},
		"the home":                           {workdir: "home", refused: "your home"},
		"another repository":                 {workdir: "other", refused: "the top of a git repository"},
		"another repository by a link":       {workdir: "link-to-other", refused: "the top of a git repository"},
		"a repository in a repository":       {workdir: "other/nested", refused: "the top of a git repository"},
		"a submodule, or a second work tree": {workdir: "submodule", refused: "the top of a git repository"},
		"a .git that is a link":              {workdir: "linked", refused: "the top of a git repository"},
		"a bare repository":                  {workdir: "bare.git", refused: "where git keeps a repository"},
		"a folder of git's":                  {workdir: "other/.git/hooks", refused: "where git keeps a repository"},

		"a new folder":                        {workdir: "new", refused: ok},
		"a new folder beside":                 {cwd: "mc", workdir: "../new", code: ".", refused: ok},
		"a name that begins as the code's":    {workdir: "mc2", refused: ok},
		"a new folder in another checkout":    {workdir: "other/bin/demo", refused: ok},
		"what a run made":                     {workdir: "made", refused: ok},
		"a folder in the home":                {workdir: "home/rehearsal", refused: ok},
		"empty: a temporary one":              {cwd: "mc", workdir: "", code: ".", refused: ok},
		"a new folder in the checkout of all": {cwd: "other", workdir: "bin/demo", code: "../mc", refused: ok},
	} {
		if leftOut(name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, loopback.Options{})
			top, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			in := func(name string) string { return filepath.Join(top, name) }
			for _, folder := range []string{"mc2", "new", "home/rehearsal", "other/bin/demo", "other/nested", "submodule", "linked", "made/.git", "far"} {
				err = errors.Join(err, os.MkdirAll(in(folder), 0o755))
			}
			err = errors.Join(
				err, os.CopyFS(in("mc"), os.DirFS(w.dirs["code"])), os.CopyFS(in("ms"), os.DirFS(w.dirs["settings"])), os.CopyFS(in("far/away"), os.DirFS(w.dirs["code"])),
				os.MkdirAll(in("mc/bin/demo"), 0o755),
				os.Symlink("mc", in("link-to-mc")), os.Symlink("ms", in("link-to-ms")), os.Symlink("mc/bin/demo", in("link-to-demo")), os.Symlink("other", in("link-to-other")),
				os.WriteFile(in("submodule/.git"), []byte("gitdir: ../other/.git/modules/x\n"), 0o644), os.Symlink("../other/.git", in("linked/.git")),
				os.WriteFile(in("made/.git/spa-runner"), []byte(workfolder.Mark("1")), 0o644),
			)
			for _, args := range [][]string{{in("mc")}, {in("other")}, {in("other/nested")}, {"--bare", in("bare.git")}} {
				out, gitErr := exec.CommandContext(t.Context(), "git", append([]string{"init", "-q"}, args...)...).CombinedOutput()
				if gitErr != nil {
					err = errors.Join(err, gitErr, errors.New(string(out)))
				}
			}
			if err = errors.Join(err, os.MkdirAll(in("other/.git/hooks"), 0o755)); err != nil {
				t.Fatal(err)
			}
			before := treeOf(t, top)
			w.env["HOME"] = in("home")
			code := test.code
			if code == "" {
				code = in("mc")
			}
			cmd := w.command("dry-run", "--settings", in("ms"), "--settings-environment-path", environmentPath, "--code", code, "--workdir", test.workdir, "--until", "clone-code")
			cmd.Dir = in(test.cwd)
			out, err := cmd.CombinedOutput()
			if test.refused == ok {
				if err != nil {
					t.Errorf("it is refused: %v: %s", err, out)
				}
				return
			}
			if cmd.ProcessState.ExitCode() != 64 || !strings.Contains(string(out), test.refused) || !strings.Contains(string(out), "use another folder") {
				t.Errorf("want it refused, as %q: %v: %s", test.refused, err, out)
			}
			if after := treeOf(t, top); after != before {
				t.Errorf("something was written: %s", after)
			}
		})
	}
}
