package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"spa-runner/internal/fault"
)

// script makes an executable that prints its own path and a word.
func script(t *testing.T, path, word string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho \"$0 "+word+"\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// make is found where no child could put one: folders that are empty, relative or
// in the work folder are passed over, links to them too, and a warning names them.
func TestGivenPassesOverFoldersThatChildrenCanChange(t *testing.T) {
	work, bin, links := t.TempDir(), t.TempDir(), t.TempDir()
	t.Chdir(work)
	for _, folder := range []string{work, filepath.Join(work, "code", "venv", "bin"), filepath.Join(work, "code")} {
		script(t, filepath.Join(folder, "make"), "EVIL")
	}
	script(t, filepath.Join(bin, "make"), "GOOD")
	link := filepath.Join(links, "link")
	if err := os.Symlink(filepath.Join(work, "code", "venv"), link); err != nil {
		t.Fatal(err)
	}
	for _, first := range []string{"", ".", "code/venv/bin", work, filepath.Join(work, "code", "venv", "bin"), filepath.Join(link, "bin"), link + "/..", link + "/../venv//bin/", filepath.Join(work, "..", filepath.Base(work)), "~/bin"} {
		rt, events, _ := testRuntime("PATH=" + first + ":" + bin + ":/usr/bin:/bin")
		rt.Given = &Given{Workdir: work}
		var out strings.Builder
		if err := Exec(t.Context(), rt, Credentials[None]{}, Command{Dir: filepath.Join(work, "code"), Argv: []string{"make", "x"}, Given: true, Stdout: &out}); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != filepath.Join(bin, "make")+" GOOD\n" {
			t.Errorf("PATH=%q: got %q", first, got)
		}
		warned := events.FilterMessageSnippet("make is not searched for in these folders").All()
		if len(warned) != 1 || !strings.Contains(fmt.Sprint(warned[0].ContextMap()["folders"]), fmt.Sprintf("%q", first)) {
			t.Errorf("PATH=%q: got %v", first, warned)
		}
	}
}

// What was checked is what is started, also where the PATH names a folder that is
// another one for the child.
func TestGivenIsNotAnotherOneForTheChild(t *testing.T) {
	bin, code := t.TempDir(), t.TempDir()
	script(t, filepath.Join(bin, "make"), "GOOD")
	script(t, filepath.Join(code, "make"), "EVIL")
	t.Chdir(bin)
	for _, folder := range []string{"/proc/self/cwd", "/proc/thread-self/cwd", "/dev/fd/../cwd"} {
		rt, _, _ := testRuntime("PATH=" + folder + ":/usr/bin:/bin")
		rt.Given = &Given{Workdir: t.TempDir()}
		var out strings.Builder
		err := Exec(t.Context(), rt, Credentials[None]{}, Command{Dir: code, Argv: []string{"make", "x"}, Given: true, Stdout: &out})
		if strings.Contains(out.String(), "EVIL") || err != nil {
			t.Errorf("PATH=%q: got %q, %v", folder, &out, err)
		}
	}
}

// It is the program of the first look, also where that came before another command
// and the PATH is another one by now; and no other program takes its place.
func TestGivenIsFoundOnceAndChecked(t *testing.T) {
	for name, exchange := range map[string]func(path string) error{
		"written over": func(path string) error { return os.WriteFile(path, []byte("#!/bin/sh\necho EVIL\n"), 0o755) },
		"exchanged": func(path string) error {
			same, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path+".new", same, 0o755)
			}
			if err == nil {
				err = os.Rename(path+".new", path)
			}
			return err
		},
		"removed": os.Remove,
		"made a FIFO": func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return unix.Mkfifo(path, 0o755)
		},
		"made a link": func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Symlink("/bin/true", path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bin, other := t.TempDir(), t.TempDir()
			path := filepath.Join(bin, "make")
			script(t, path, "GOOD")
			script(t, filepath.Join(other, "make"), "EVIL")
			rt, _, _ := testRuntime("PATH=" + bin + ":/usr/bin:/bin")
			rt.Given = &Given{Workdir: t.TempDir()}
			run := func(c Command) (string, error) {
				var out strings.Builder
				c.Stdout, c.Dir = &out, bin
				err := Exec(t.Context(), rt, Credentials[None]{}, c)
				return out.String(), err
			}
			if _, err := run(Command{Argv: []string{"true"}}); err != nil {
				t.Fatal(err)
			}
			rt.Env.Set("PATH", other+":/usr/bin:/bin")
			if got, err := run(Command{Argv: []string{"make"}, Given: true}); err != nil || got != path+" GOOD\n" {
				t.Fatalf("got %q, %v", got, err)
			}
			if err := exchange(path); err != nil {
				t.Fatal(err)
			}
			got, err := run(Command{Argv: []string{"make"}, Given: true})
			if err == nil || got != "" || fault.ExitCode(err) != fault.ExitRunner || !strings.Contains(err.Error(), path+" is not the program that was there when the run began") {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// What the untrusted user may change is not used: the file, a folder on the way, or
// what a link on the way leads to.
func TestWhatTheUserMayChange(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make files of another user")
	}
	u := &User{Name: "other", uid: 61234, gid: 61234}
	top := t.TempDir()
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for dir := top; dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
		do(os.Chmod(dir, 0o755))
	}
	mk := func(name string, mode os.FileMode, uid, gid int) string {
		path := filepath.Join(top, name)
		do(os.MkdirAll(path, 0o755))
		script(t, filepath.Join(path, "make"), "x")
		do(os.Chown(path, uid, gid))
		do(os.Chmod(path, mode))
		return path
	}
	safe := mk("safe/bin", 0o755, 0, 0)
	mk("open", 0o777, 0, 0)
	do(os.Symlink(filepath.Join(top, "open"), filepath.Join(top, "link")))
	do(os.Symlink("safe", filepath.Join(top, "good-link")))
	do(os.Symlink("loop", filepath.Join(top, "loop")))
	do(os.Mkdir(filepath.Join(top, "sticky"), 0o777))
	do(os.Chmod(filepath.Join(top, "sticky"), 0o777|os.ModeSticky))
	for path, want := range map[string]bool{
		safe: false, filepath.Join(top, "good-link", "bin"): false, filepath.Join(safe, "..", "bin", "make"): false,
		mk("sticky/of-root", 0o755, 0, 0): false, filepath.Join(top, "nothing"): false,
		mk("writable", 0o777, 0, 0): true, filepath.Join(top, "sticky"): true, mk("of-user", 0o500, 61234, 0): true,
		mk("of-group", 0o775, 0, 61234): true, mk("not-of-group", 0o775, 0, 0): false, mk("sticky/of-user", 0o755, 61234, 0): true,
		mk("open/below", 0o755, 0, 0): true, filepath.Join(top, "link", "below"): true, filepath.Join(top, "link"): true, filepath.Join(top, "loop"): true,
	} {
		if got := u.mayChange(path); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
	do(os.Chown(filepath.Join(safe, "make"), 61234, 0))
	if !u.mayChange(filepath.Join(safe, "make")) {
		t.Error("a file of the user")
	}
}
