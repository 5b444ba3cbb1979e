package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/sys/unix"

	"spa-runner/internal/fault"
	"spa-runner/internal/manifest"
)

// overlay is the step over two folders of a test, and the folders.
type overlay struct {
	OverlaySettings
	t    *testing.T
	from string // the environment's folder
	laid []LaidFile
}

func newOverlay(t *testing.T, settings, code map[string]string) *overlay {
	t.Helper()
	workdir := t.TempDir()
	o := &overlay{t: t, from: filepath.Join(workdir, "settings", testEnvironment)}
	o.OverlaySettings = OverlaySettings{
		Settings: filepath.Join(workdir, "settings"), Environment: testEnvironment, Code: filepath.Join(workdir, "code"), Laid: &o.laid,
	}
	for _, dir := range []string{o.from, o.Code} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, o.from, settings)
	write(t, o.Code, code)
	return o
}

// wantRefusal runs the step, which must lay nothing at all.
func (o *overlay) wantRefusal(want ...string) {
	o.t.Helper()
	o.refused(newStage(o.t), fault.ExitRunner, want...)
}

// refused is wantRefusal with an exit code, and gives the error.
func (o *overlay) refused(s *stage, code int, want ...string) error {
	o.t.Helper()
	before := treeOf(o.t, o.Code)
	err := s.run(o)
	if err == nil || fault.ExitCode(err) != code {
		o.t.Fatalf("got exit code %d, want %d: %v", fault.ExitCode(err), code, err)
	}
	contains(o.t, "error", err.Error(), want...)
	if after := treeOf(o.t, o.Code); !slices.Equal(before, after) {
		o.t.Errorf("something was laid all the same: got\n%s\nwant\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
	}
	if o.laid != nil || s.count("settings file") != 0 {
		o.t.Errorf("files are told as laid: %v", o.laid)
	}
	return err
}

func TestOverlayNamesAndParams(t *testing.T) {
	o := OverlaySettings{Settings: "/w/settings", Environment: "environments/test", Code: "/w/code"}
	if got, want := o.Name()+fmt.Sprint(o.Params()), "overlay-settings[{from settings/environments/test} {over code}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The oracle is cp, as the workbook calls it, on a tree that has none of the
// differences that are meant, but one: a replaced file gets the mode that it has
// in the settings.
func TestOverlayDoesWhatCpDoes(t *testing.T) {
	settings := map[string]string{
		"settings.yaml": "new", "variables.sh": "export A=1", "tool.sh*": "new tool", "plain.sh": "no longer executable",
		"nested/deep/er/file": "new", "nested/added": "new", "new/folder/file": "new", "empty": "", "nested/.hidden": "new", ".top": "new",
		"ünï/コード.txt": "new", "with space/a b": "new", "latin\xe9": "not utf-8", "..dots": "new", "-rf": "new",
		"big": strings.Repeat("0123456789", 100_000), "environments/test/again": "new", ".gitignore": "new",
	}
	code := map[string]string{
		"settings.yaml": "old and longer than the new one", "Makefile": "old", "tool.sh": "old", "plain.sh*": "old",
		"nested/deep/er/file": "old", "nested/kept": "old", "ünï/kept": "old", "empty": "was not empty", ".git/config": "old", "late": "old",
	}
	o := newOverlay(t, settings, code)
	link(t, "settings.yaml", filepath.Join(o.from, "link"))
	link(t, "../settings.yaml", filepath.Join(o.from, "nested/up"))
	link(t, "nested/deep", filepath.Join(o.from, "to-folder"))
	link(t, "not-there", filepath.Join(o.from, "dangling"))
	link(t, "Makefile", filepath.Join(o.from, "into-the-code"))
	link(t, "settings.yaml", filepath.Join(o.from, "late")) // over a file

	oracle := filepath.Join(t.TempDir(), "code")
	for _, args := range [][]string{{"cp", "-rfP", o.Code, oracle}, {"cp", "-rf", o.from + "/.", oracle}} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	for _, name := range []string{"tool.sh", "plain.sh"} { // theirs, and not that of the code
		info, err := os.Stat(filepath.Join(o.from, name))
		if err == nil {
			err = os.Chmod(filepath.Join(oracle, name), info.Mode())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	newStage(t).mustRun(o)
	got, want := treeOf(t, o.Code), treeOf(t, oracle)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("got\n%.3000s\nwant\n%.3000s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestOverlayTellsWhatItDid(t *testing.T) {
	o := newOverlay(t,
		map[string]string{"b": "1", "a/added": "1", ".env": "1", ".config/x": "1", ".config/y": "1", "variables.sh": "1", "a/.hidden": "1"},
		map[string]string{"b": "0", "a/kept": "0", ".env": "0"})
	s := newStage(t)
	s.mustRun(o)
	var got []string
	for _, e := range s.events.FilterMessage("settings file").All() {
		got = append(got, fmt.Sprint(e.ContextMap()["file"], " ", e.ContextMap()["action"]))
	}
	want := []string{".config/x added", ".config/y added", ".env replaced", "a/.hidden added", "a/added added", "b replaced", "variables.sh added"}
	if !slices.Equal(got, want) {
		t.Errorf("logged %q, want %q", got, want)
	}
	var laid []string
	for _, f := range o.laid {
		laid = append(laid, f.Path+map[bool]string{true: " replaced", false: " added"}[f.Replaced])
	}
	if !slices.Equal(laid, want) {
		t.Errorf("told %q, want %q", laid, want)
	}
	if e := s.event("settings laid over the code"); fmt.Sprint(e["added"], e["replaced"]) != "5 2" {
		t.Errorf("got %v", e)
	}
	warning := s.event("hidden files at the top of the environment are laid over the code too; the shell buildspec left them out")
	if got := fmt.Sprint(warning["files"]); got != "[.config .env]" {
		t.Errorf("the warning names %s", got)
	}
	// Again: the same tree, and now everything is replaced.
	before := treeOf(t, o.Code)
	s = newStage(t)
	s.mustRun(o)
	if after := treeOf(t, o.Code); !slices.Equal(before, after) {
		t.Errorf("a second run changed the tree: got %q, want %q", after, before)
	}
	if e := s.event("settings laid over the code"); fmt.Sprint(e["added"], e["replaced"]) != "0 7" {
		t.Errorf("got %v", e)
	}
}

// Whatever link the code has at a destination: it is replaced, and what it led
// to stays as it was.
func TestOverlayNeverWritesThroughALink(t *testing.T) {
	o := newOverlay(t,
		map[string]string{"file": "new", "folder/file": "new", "folder/deep/file": "new", "dangling": "new", "loop": "new", "git": "new", "inner/file": "new"},
		map[string]string{".git/config": "config", "real/file": "old", "real/deep/file": "old"})
	victims := t.TempDir()
	write(t, victims, map[string]string{"file*": "victim", "folder/file": "victim", "folder/deep/file": "victim"})
	link(t, filepath.Join(victims, "file"), filepath.Join(o.Code, "file"))
	link(t, filepath.Join(victims, "folder"), filepath.Join(o.Code, "folder"))
	link(t, filepath.Join(victims, "created"), filepath.Join(o.Code, "dangling"))
	link(t, "loop", filepath.Join(o.Code, "loop"))
	link(t, ".git/config", filepath.Join(o.Code, "git"))
	link(t, "real", filepath.Join(o.Code, "inner")) // inside the code, but elsewhere in it
	before := treeOf(t, victims)

	newStage(t).mustRun(o)
	if after := treeOf(t, victims); !slices.Equal(before, after) {
		t.Errorf("the victims were touched: got %q, want %q", after, before)
	}
	for _, name := range []string{"file", "folder/file", "folder/deep/file", "dangling", "loop", "git", "inner/file"} {
		if got := readFile(t, o.Code, name); got != "new" {
			t.Errorf("%s: got %q", name, got)
		}
		if info, err := os.Lstat(filepath.Join(o.Code, name)); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s: got %v, %v, want a file", name, info.Mode(), err)
		}
	}
	if readFile(t, o.Code, ".git/config") != "config" || readFile(t, o.Code, "real/file") != "old" || readFile(t, o.Code, "real/deep/file") != "old" {
		t.Error("a link inside the code was written through")
	}
	replaced := map[string]bool{}
	for _, f := range o.laid {
		replaced[f.Path] = f.Replaced
	}
	if !replaced["file"] || !replaced["dangling"] || replaced["folder/file"] {
		t.Errorf("got %v, want the files that were links as replaced, and what is behind a link as added", replaced)
	}
}

func TestOverlayBreaksHardLinksAndReadOnlyFiles(t *testing.T) {
	o := newOverlay(t, map[string]string{"linked": "new", "read-only": "new"}, map[string]string{"read-only": "old"})
	victim := filepath.Join(t.TempDir(), "victim")
	write(t, filepath.Dir(victim), map[string]string{"victim": "victim"})
	if err := os.Link(victim, filepath.Join(o.Code, "linked")); err != nil {
		t.Skipf("no hard links here: %v", err)
	}
	if err := os.Chmod(filepath.Join(o.Code, "read-only"), 0o444); err != nil {
		t.Fatal(err)
	}
	newStage(t).mustRun(o)
	if readFile(t, victim) != "victim" || readFile(t, o.Code, "linked") != "new" || readFile(t, o.Code, "read-only") != "new" {
		t.Errorf("the victim holds %q", readFile(t, victim))
	}
}

func TestOverlayRefusesLinksThatLeadOutside(t *testing.T) {
	for target, inside := range map[string]bool{
		"/etc/passwd":                  false,
		"../other/settings.yaml":       false, // of another environment
		"..":                           false,
		"../test-2/x":                  false, // a name that begins like this one's
		"sub/../../x":                  false,
		"sub/sub/up/../../x":           false, // lexically inside, but up leads to the top
		"sub/sub/up/..":                false,
		"sub/../settings.yaml":         false, // nobody needs to know what sub is
		"./sub/sub/up/../test/x":       false,
		"settings.yaml":                true,
		"./settings.yaml":              true,
		"sub/":                         true,
		"sub//file":                    true,
		"sub/sub/up/settings.yaml":     true,
		"..settings":                   true,
		"not/there":                    true, // it may be in the code
		"sub/sub/up/sub/sub/up/..file": true,
	} {
		o := newOverlay(t, map[string]string{"settings.yaml": "new", "sub/file": "new"}, map[string]string{"settings.yaml": "old"})
		link(t, "../..", filepath.Join(o.from, "sub/sub/up"))
		link(t, target, filepath.Join(o.from, "link"))
		if inside {
			newStage(t).mustRun(o)
			if got, err := os.Readlink(filepath.Join(o.Code, "link")); got != target || err != nil {
				t.Errorf("%s: got a link to %q, %v", target, got, err)
			}
			continue
		}
		o.wantRefusal("link: it is a symlink to", fmt.Sprintf("%q", target), "outside the environment folder")
	}
	// In a folder, one level up is still inside and two are not.
	o := newOverlay(t, map[string]string{"a/b/file": "new"}, nil)
	link(t, "../../a", filepath.Join(o.from, "a/b/up"))
	newStage(t).mustRun(o)
	o.laid = nil
	link(t, "../../../a", filepath.Join(o.from, "a/b/out"))
	o.wantRefusal("a/b/out")
}

// However a settings repository got a .git into a folder, it is not copied; and
// the repository of the code is never changed.
func TestOverlayNeverTouchesGit(t *testing.T) {
	o := newOverlay(t,
		map[string]string{".git/config": "evil", ".git/hooks/post-checkout*": "evil", "sub/.git": "gitdir: /evil", "sub/file": "new", "deep/er/.git/config": "evil", ".github/x": "new", "a.git": "new"},
		map[string]string{".git/config": "old", "sub/.git/config": "old", "deep/er/.git": "gitdir: old"})
	before := append(treeOf(t, filepath.Join(o.Code, ".git")), treeOf(t, filepath.Join(o.Code, "sub/.git"))...)
	newStage(t).mustRun(o)
	after := append(treeOf(t, filepath.Join(o.Code, ".git")), treeOf(t, filepath.Join(o.Code, "sub/.git"))...)
	if !slices.Equal(before, after) || readFile(t, o.Code, "deep/er/.git") != "gitdir: old" {
		t.Errorf("got %q, want %q", after, before)
	}
	if len(o.laid) != 3 || readFile(t, o.Code, ".github/x") != "new" || readFile(t, o.Code, "a.git") != "new" {
		t.Errorf("laid %v", o.laid)
	}
	// As a file at the top it is that of a work tree.
	o = newOverlay(t, map[string]string{".git": "gitdir: /evil", "file": "new"}, map[string]string{".git/config": "old"})
	newStage(t).mustRun(o)
	if readFile(t, o.Code, ".git/config") != "old" {
		t.Error("the repository of the code was replaced")
	}
	// Nothing but a .git is nothing.
	o = newOverlay(t, map[string]string{".git/config": "evil"}, nil)
	o.wantRefusal("is empty")
	link(t, "/etc", filepath.Join(o.from, "sub/.git"))
	o.wantRefusal("is empty")
}

func TestOverlayTellsAllThatSpeaksAgainstItAndLaysNothing(t *testing.T) {
	o := newOverlay(t,
		map[string]string{"a-good": "new", "a-replaced": "new", "file-over-folder": "new", "folder-over-file/x/y": "new", "z-good": "new"},
		map[string]string{"a-replaced": "old", "file-over-folder/x": "old", "folder-over-file": "old", "link-over-folder/x": "old"})
	link(t, "a-good", filepath.Join(o.from, "link-over-folder"))
	link(t, "/etc/passwd", filepath.Join(o.from, "sub/outside"))
	if err := syscall.Mkfifo(filepath.Join(o.from, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	link(t, "/nowhere", filepath.Join(o.Code, "z-good")) // would be taken away
	o.wantRefusal(                                       // the FIFO is not opened: nobody would write to it
		"nothing was",
		"fifo: it is neither a file nor a folder nor a symlink",
		"file-over-folder: it is a file in the settings and a folder in the code",
		"folder-over-file: it is a folder in the settings and a file in the code",
		"link-over-folder: it is a file in the settings and a folder in the code",
		`sub/outside: it is a symlink to "/etc/passwd"`,
	)
}

func TestOverlayOfNothing(t *testing.T) {
	o := newOverlay(t, nil, map[string]string{"settings.yaml": "the demo's"})
	o.wantRefusal(`"environments/test"`, "is empty")
	if err := os.MkdirAll(filepath.Join(o.from, "only/folders"), 0o755); err != nil {
		t.Fatal(err)
	}
	o.wantRefusal("is empty")
	o.Environment = "environments/missing"
	o.wantRefusal("there are: environments/test")
	o.Environment = ""
	o.wantRefusal("SETTINGS_ENVIRONMENT_PATH")
	o.Environment = "../code"
	o.wantRefusal("SETTINGS_ENVIRONMENT_PATH")
}

// "." is the whole repository, for settings of one environment.
func TestOverlayOfTheWholeSettings(t *testing.T) {
	o := newOverlay(t, map[string]string{"settings.yaml": "new"}, map[string]string{".git/config": "old"})
	write(t, o.Settings, map[string]string{"top": "new", ".git/config": "settings"})
	o.Environment = "."
	newStage(t).mustRun(o)
	if readFile(t, o.Code, "top") != "new" || readFile(t, o.Code, testEnvironment, "settings.yaml") != "new" || readFile(t, o.Code, ".git/config") != "old" {
		t.Errorf("got %q", treeOf(t, o.Code))
	}
}

func TestOverlayOfALinkedEnvironment(t *testing.T) {
	o := newOverlay(t, map[string]string{"settings.yaml": "new", "sub/file": "new"}, nil)
	link(t, "settings.yaml", filepath.Join(o.from, "inside"))
	link(t, "test", filepath.Join(o.Settings, "environments/alias"))
	o.Environment = "environments/alias/"
	newStage(t).mustRun(o)
	if readFile(t, o.Code, "settings.yaml") != "new" || readFile(t, o.Code, "inside") != "new" || len(o.laid) != 3 {
		t.Errorf("laid %v", o.laid)
	}
	outside := t.TempDir()
	write(t, outside, map[string]string{"file": "outside"})
	link(t, outside, filepath.Join(o.Settings, "environments/outside"))
	o.Environment, o.laid = "environments/outside", nil
	o.wantRefusal("leads out of the settings")
}

// cancelling ends itself at the n-th question whether it has ended.
type cancelling struct {
	context.Context
	cancel func()
	left   *int
}

func (c cancelling) Err() error {
	if *c.left--; *c.left == 0 {
		c.cancel()
	}
	return c.Context.Err()
}

func TestOverlayThatIsInterrupted(t *testing.T) {
	files := map[string]string{}
	for i := range 20 {
		files[fmt.Sprintf("file-%02d", i)] = "new"
	}
	cause := &fault.InterruptedError{Signal: syscall.SIGTERM}
	// One question by the loop and one for each entry of the inspection.
	for _, questions := range []int{2, 10, 21} {
		o := newOverlay(t, files, nil)
		parent, cancel := context.WithCancelCause(t.Context())
		ctx := cancelling{parent, func() { cancel(cause) }, &questions}
		if err := newStage(t).runIn(ctx, o); fault.ExitCode(err) != 143 || o.laid != nil {
			t.Errorf("inspecting: got %v, laid %v", err, o.laid)
		}
		if got := len(treeOf(t, o.Code)) - 1; got != 0 {
			t.Errorf("inspecting: %d files were copied", got)
		}
	}

	// While files are copied: what is told was laid, and not all was.
	const many = 6000 // more than the walk may be ahead of what is told
	for i := range many {
		files[fmt.Sprintf("many/file-%04d", i)] = "new"
	}
	o, s := newOverlay(t, files, nil), newStage(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	s.rt.Log = s.rt.Log.WithOptions(zap.Hooks(func(e zapcore.Entry) error {
		if e.Message == "settings file" && s.count("settings file") == 5 {
			cancel(cause)
		}
		return nil
	}))
	if err := s.runIn(ctx, o); fault.ExitCode(err) != 143 || o.laid != nil {
		t.Errorf("copying: got %v, laid %v", err, o.laid)
	}
	told := s.events.FilterMessage("settings file").All()
	for _, e := range told {
		if name := fmt.Sprint(e.ContextMap()["file"]); readFile(t, o.Code, name) != "new" {
			t.Errorf("copying: %s is told and was not laid", name)
		}
	}
	if got := len(treeOf(t, o.Code)) - 1; len(told) < 5 || got >= many {
		t.Errorf("copying: %d files were told and %d laid, want an end between 5 and %d", len(told), got, many)
	}
}

// The manifest says of each file what is on the disk, whatever its size is against
// that of the buffer, and the log says the same.
func TestOverlaySumsUpWhatItLays(t *testing.T) {
	files := map[string]string{"tool*": "#!/bin/sh\n", "sub/deep/file": "x", "replaced": "new"}
	for _, size := range []int{0, 1, copyBuffer - 1, copyBuffer, copyBuffer + 1, 3*copyBuffer + 7} {
		files[fmt.Sprintf("of-%d", size)] = strings.Repeat("0123456789abcde\n", size/16+1)[:size]
	}
	for i := range 3*maxPart + 1 {
		files[fmt.Sprintf("many/%d", i)] = fmt.Sprint("content ", i)
	}
	o := newOverlay(t, files, map[string]string{"replaced": "old, and longer"})
	link(t, "sub/deep", filepath.Join(o.from, "link"))
	var written []manifest.Entry
	o.Written = &written
	s := newStage(t)
	s.mustRun(o)
	root, err := os.OpenRoot(o.Code)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	var laid []string
	for _, got := range written {
		want, err := manifest.Read(t.Context(), root, got.Path)
		if err != nil || got != want {
			t.Errorf("got %+v, want %+v, %v", got, want, err)
		}
		switch got.Type {
		case 0:
			laid = append(laid, fmt.Sprintf("%s %s %d <nil>", got.Path, got.Sum, got.Size))
		case fs.ModeSymlink:
			laid = append(laid, fmt.Sprintf("%s <nil> <nil> %s", got.Path, got.Target))
		}
	}
	var told []string
	for _, e := range s.events.FilterMessage("settings file").All() {
		f := e.ContextMap()
		told = append(told, fmt.Sprintf("%v %v %v %v", f["file"], f["sha256"], f["size"], f["target"]))
	}
	if len(written) != len(files)+4 || !slices.Equal(told, laid) {
		t.Errorf("%d entries; the log tells %.2000q, want %.2000q", len(written), told, laid)
	}
}

// What was not inspected is not laid, and what was must be there to be laid.
func TestOverlayOfSettingsThatChangedAfterTheirInspection(t *testing.T) {
	for change, do := range map[string]func(from string) error{
		"nothing":  func(string) error { return nil },
		"one more": func(from string) error { return os.WriteFile(filepath.Join(from, "b"), nil, 0o600) },
		"one less": func(from string) error { return os.Remove(filepath.Join(from, "z")) },
		"a link": func(from string) error {
			return errors.Join(os.Remove(filepath.Join(from, "z")), os.Symlink("a", filepath.Join(from, "z")))
		},
		"a folder": func(from string) error {
			return errors.Join(os.Remove(filepath.Join(from, "z")), os.Mkdir(filepath.Join(from, "z"), 0o755))
		},
		"none at all": os.RemoveAll,
	} {
		o := newOverlay(t, map[string]string{"a": "new", "z": "new"}, nil)
		entries, err := o.inspect(t.Context(), o.from)
		if err != nil {
			t.Fatal(err)
		}
		if err := do(o.from); err != nil {
			t.Fatal(err)
		}
		_, err = lay(t.Context(), o.from, o.Code, entries, func(overlaid, manifest.Entry) {})
		if (err == nil) != (change == "nothing") {
			t.Errorf("%s: got %v", change, err)
		}
	}
}

func TestOverlayOfManyFiles(t *testing.T) {
	files := map[string]string{}
	for i := range 2000 {
		files[fmt.Sprintf("folder-%02d/file-%04d", i%50, i)] = "content\n"
	}
	o := newOverlay(t, files, nil)
	newStage(t).mustRun(o)
	if len(o.laid) != 2000 {
		t.Errorf("%d files were laid", len(o.laid))
	}
}

func TestOverlayFailsWhereAFileCannotBeClosed(t *testing.T) {
	o := newOverlay(t, map[string]string{"file": "new"}, nil)
	info, err := os.Stat(filepath.Join(o.from, "file"))
	if err != nil {
		t.Fatal(err)
	}
	l := &laying{source: o.from, code: o.Code, written: []manifest.Entry{{Path: "file"}}}
	c := newCopier()
	c.close = func(fd int) error { return errors.Join(unix.Close(fd), unix.EDQUOT) }
	if err := c.part(t.Context(), l, &part{folder: ".", files: []file{{0, info}}}); !errors.Is(err, unix.EDQUOT) {
		t.Errorf("got %v, want %v", err, unix.EDQUOT)
	}
}
