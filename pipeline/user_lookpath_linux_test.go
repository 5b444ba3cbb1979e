package pipeline

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What is found is what a shell of the user finds; where nothing is, the error says why.
func TestTheProgramThatAUserGets(t *testing.T) {
	const script = "#!/bin/sh\necho $0\n"
	for _, test := range []struct {
		name  string
		make  func(put func(name, content string, mode fs.FileMode), dir string) error
		found string // as seen from the folder, "" if none is
		says  string
	}{
		{"the first on the PATH", func(put func(string, string, fs.FileMode), _ string) error {
			put("a/python3", script, 0o755)
			put("b/python3", script, 0o755)
			return nil
		}, "a/python3", ""},
		{"behind a closed folder", func(put func(string, string, fs.FileMode), dir string) error {
			put("a/python3", script, 0o755)
			put("b/python3", script, 0o755)
			return os.Chmod(filepath.Join(dir, "a"), 0o700)
		}, "b/python3", ""},
		{"behind a file of root's own", func(put func(string, string, fs.FileMode), _ string) error {
			put("a/python3", script, 0o700)
			put("b/python3", script, 0o755)
			return nil
		}, "b/python3", ""},
		{"behind a link into a closed folder", func(put func(string, string, fs.FileMode), dir string) error {
			put("root/pyenv/python3", script, 0o755)
			put("b/python3", script, 0o755)
			return errors.Join(os.Mkdir(filepath.Join(dir, "a"), 0o755), os.Symlink("../root/pyenv/python3", filepath.Join(dir, "a/python3")), os.Chmod(filepath.Join(dir, "root"), 0o700))
		}, "b/python3", ""},
		{"behind a link by way of a closed folder", func(put func(string, string, fs.FileMode), dir string) error {
			put("open/python3", script, 0o755)
			put("b/python3", script, 0o755)
			return errors.Join(
				os.MkdirAll(filepath.Join(dir, "root"), 0o755), os.Symlink("../open/python3", filepath.Join(dir, "root/shim")),
				os.Mkdir(filepath.Join(dir, "a"), 0o755), os.Symlink("../root/shim", filepath.Join(dir, "a/python3")), os.Chmod(filepath.Join(dir, "root"), 0o700),
			)
		}, "b/python3", ""},
		{"a link to what is open", func(put func(string, string, fs.FileMode), dir string) error {
			put("open/python3", script, 0o755)
			return errors.Join(os.Mkdir(filepath.Join(dir, "a"), 0o755), os.Symlink("../open/python3", filepath.Join(dir, "a/python3")))
		}, "a/python3", ""},
		{"a link that leads round", func(put func(string, string, fs.FileMode), dir string) error {
			put("b/python3", script, 0o755)
			return errors.Join(os.Mkdir(filepath.Join(dir, "a"), 0o755), os.Symlink("python3", filepath.Join(dir, "a/python3")))
		}, "b/python3", ""},
		{"a folder of that name", func(put func(string, string, fs.FileMode), dir string) error {
			put("b/python3", script, 0o755)
			return os.MkdirAll(filepath.Join(dir, "a/python3"), 0o755)
		}, "b/python3", ""},
		{"only root's", func(put func(string, string, fs.FileMode), dir string) error {
			put("a/python3", script, 0o755)
			return os.Chmod(filepath.Join(dir, "a"), 0o700)
		}, "", "a/python3"},
		{"none", func(func(string, string, fs.FileMode), string) error { return nil }, "", "there is no \"python3\" on the PATH"},
		{"a script of an interpreter that is root's", func(put func(string, string, fs.FileMode), dir string) error {
			put("root/sh", script, 0o755)
			put("a/python3", "#!"+filepath.Join(dir, "root/sh")+"\n", 0o755)
			return os.Chmod(filepath.Join(dir, "root"), 0o700)
		}, "", "is a script for"},
		{"a script that it may not read", func(put func(string, string, fs.FileMode), _ string) error {
			put("a/python3", script, 0o711)
			return nil
		}, "", "may not read"},
	} {
		u, dir := other(t, 7)
		put := func(name, content string, mode fs.FileMode) {
			path := filepath.Join(dir, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600), os.Chmod(path, mode)); err != nil {
				t.Fatal(err)
			}
		}
		if err := test.make(put, dir); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "a") + ":" + filepath.Join(dir, "b")
		rt, _, logged := testRuntime("PATH=" + path)
		rt.Untrusted = u
		if err := Exec(t.Context(), rt, Credentials[None]{}, Command{Dir: dir, Argv: []string{"python3"}}); (err == nil) != (test.found != "") ||
			test.found != "" && logged.String() != filepath.Join(dir, test.found)+"\n" {
			t.Errorf("%s: Exec ran %q, %v, want %q", test.name, logged, err, test.found)
		}
		got, err := u.LookPath(NewEnviron([]string{"PATH=" + path}), "python3", dir)
		if test.found != "" && (err != nil || got != filepath.Join(dir, test.found)) {
			t.Errorf("%s: got %q, %v, want %s", test.name, got, err, test.found)
		}
		if test.found == "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%s: got %q, %v, want an error with %q", test.name, got, err, test.says)
		}
		// What is computed is what a shell of that user does.
		sh := exec.Command("/bin/bash", "-c", "python3")
		sh.Env, sh.Dir = []string{"PATH=" + path}, dir
		sh.SysProcAttr = &syscall.SysProcAttr{Credential: u.credential()}
		out, shErr := sh.Output()
		want := ""
		if test.found != "" {
			want = filepath.Join(dir, test.found)
		}
		if ran := string(bytes.TrimSpace(out)); ran != want || (shErr == nil) != (want != "") {
			t.Errorf("%s: bash ran %q (%v), want %q", test.name, ran, shErr, want)
		}
	}
}
