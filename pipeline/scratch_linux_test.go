package pipeline

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What a child writes into its AWS configuration is there for the other children of
// its step, in the same scope, and for nobody after it.
func TestConfigurationOfAWSStaysInItsStep(t *testing.T) {
	for name, uid := range map[string]int{"the runner's user": 0, "another user": 21} {
		t.Run(name, func(t *testing.T) {
			rt, _, out := testRuntime()
			dir := t.TempDir()
			if uid != 0 {
				rt.Untrusted, dir = other(t, uid)
			}
			var paths []string
			list := make([]Step, 0, 2)
			for _, name := range []string{"one", "two"} {
				list = append(list, step{name: name, run: func(ctx context.Context, rt *Runtime) error {
					for range 2 {
						script := `cat "$AWS_CONFIG_FILE" "$AWS_SHARED_CREDENTIALS_FILE" | tr '\n' ';'; echo "of ` + name + `" | tee -a "$AWS_CONFIG_FILE" >>"$AWS_SHARED_CREDENTIALS_FILE"; echo "|$AWS_CONFIG_FILE"`
						if err := Exec(ctx, rt, Credentials[None]{}, Command{Dir: dir, Argv: []string{"sh", "-c", script}}); err != nil {
							return err
						}
					}
					return nil
				}})
			}
			if err := (Pipeline{Steps: list}).Run(t.Context(), rt); err != nil {
				t.Fatal(err)
			}
			said := ""
			for line := range strings.Lines(out.String()) {
				text, path, _ := strings.Cut(strings.TrimSpace(line), "|")
				said += text + "|"
				paths = append(paths, path)
			}
			if said != "|of one;of one;||of two;of two;|" {
				t.Errorf("got %q", said)
			}
			if paths[0] != paths[1] || paths[1] == paths[2] {
				t.Errorf("got %q", paths)
			}
			for _, path := range paths {
				if _, err := os.Stat(filepath.Dir(path)); !os.IsNotExist(err) {
					t.Errorf("%s is left: %v", path, err)
				}
			}
		})
	}
}

// A file that a child only reads cannot be changed, taken away or exchanged by the
// untrusted user; and none of them can be read by the user where it is root's.
func TestFilesOfAStep(t *testing.T) {
	rt, _, out := testRuntime()
	var dir string
	rt.Untrusted, dir = other(t, 22)
	run := func(ctx context.Context, rt *Runtime) error {
		read, err := File(rt, Credentials[None]{}, "rules", "as it was\n", false)
		if err != nil {
			return err
		}
		written, err := File(rt, Credentials[None]{}, "told", "", true)
		if err != nil {
			return err
		}
		deploys, err := File(rt, Credentials[Deploy]{}, "of-deploy", "secret\n", true)
		if err != nil {
			return err
		}
		script := "cat " + read + "; echo x >" + read + "; rm -f " + read + "; mv " + filepath.Dir(read) + " " + dir + "/x; ls " + filepath.Dir(read) +
			"; cat " + deploys + "; echo told >" + written + "; cat " + read
		err = Exec(ctx, rt, Credentials[None]{}, Command{Dir: dir, Argv: []string{"sh", "-c", "(" + script + ") 2>/dev/null"}})
		if err != nil {
			return err
		}
		told, err := os.ReadFile(written)
		if string(told) != "told\n" {
			t.Errorf("the child could not write: %q", told)
		}
		return err
	}
	if err := (Pipeline{Steps: []Step{step{name: "one", run: run}}}).Run(t.Context(), rt); err != nil {
		t.Fatal(err)
	}
	if out.String() != "as it was\nas it was\n" {
		t.Errorf("got %q", out)
	}
}

func TestNoFileIsMadeOutsideOfAStep(t *testing.T) {
	rt, _, _ := testRuntime()
	if path, err := File(rt, Credentials[None]{}, "rules", "", false); err == nil {
		t.Errorf("got %q, which nothing removes", path)
	}
}

// Where the usual place is not fit, another one is taken: its name has characters that
// MAKEFILES would read as several names, or it is not there.
func TestTheFolderOfAStepHasAPlainName(t *testing.T) {
	for _, parent := range []string{filepath.Join(t.TempDir(), "a b"), filepath.Join(t.TempDir(), "a$b"), filepath.Join(t.TempDir(), "gone")} {
		if filepath.Base(parent) != "gone" {
			if err := os.Mkdir(parent, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		t.Setenv("TMPDIR", parent)
		s := &scratch{}
		path, err := s.file("x", "", nil, false)
		if err != nil || strings.HasPrefix(path, parent) {
			t.Errorf("%s: got %s, %v", parent, path, err)
		}
		if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		if err := s.remove(); err != nil {
			t.Error(err)
		}
	}
}

// A place that the untrusted user may change is refused: the folder could be exchanged.
func TestTheFolderOfAStepIsSafe(t *testing.T) {
	u, dir := other(t, 23)
	parent := filepath.Join(dir, "tmp")
	if err := os.Mkdir(parent, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(parent, 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", parent)
	s := &scratch{user: u}
	if _, err := s.file("x", "", nil, false); err == nil || !strings.Contains(err.Error(), "set TMPDIR") {
		t.Errorf("got %v", err)
	}
	if err := os.Chmod(parent, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	path, err := s.file("x", "", nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Errorf("got %v, %v", info, err)
	}
	_ = s.remove()
}
