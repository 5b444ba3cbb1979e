package rooted

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// folder holds a, sub/b, links to both, and one out of it.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	for name, content := range map[string]string{"outside": "secret", "root/a": "0123456789", "root/sub/b": "b"} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{
		"link": "sub/b", "absolute": filepath.Join(root, "a"), "out": "../outside", "dir": "sub", "loop": "loop", "dangling": "none", "dangling-out": "../none",
	} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(root, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestReadFile(t *testing.T) {
	root := folder(t)
	for path, want := range map[string]string{
		"a": "0123456789", "sub/b": "b", "link": "b", "absolute": "0123456789", "dir/b": "b", "dir/../a": "0123456789",
		root + "/a": "0123456789", "../root/a": "0123456789",
	} {
		if got, err := ReadFile(root, path, 10); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", path, got, err, want)
		}
	}
	for path, want := range map[string]string{
		"none": "does not exist", "a/x": "does not exist", "": "no regular file", "sub": "no regular file", "pipe": "no regular file",
		"out": "outside", "../outside": "outside", "/etc/passwd": "outside", "../none": "outside", "/none": "outside",
		"loop": "too many links", "dangling": "does not exist",
	} {
		_, err := ReadFile(root, path, 10)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		if err != nil && strings.Contains(err.Error(), root) {
			t.Errorf("%s: the error names the folder: %v", path, err)
		}
		if got := errors.Is(err, fs.ErrNotExist); got != (want == "does not exist") {
			t.Errorf("%s: %v is fs.ErrNotExist: %t", path, err, got)
		}
	}
	if _, err := ReadFile(root, "a", 9); err == nil || !strings.Contains(err.Error(), "more than 9 bytes") {
		t.Errorf("a file over the limit: %v", err)
	}
	if _, err := ReadFile(root+"/none", "a", 9); err == nil {
		t.Error("a folder that is missing gave no error")
	}
}

func TestResolveAndStat(t *testing.T) {
	root := folder(t)
	r, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	if got, err := r.Resolve("dir/b"); err != nil || got != r.real+"/sub/b" {
		t.Errorf("Resolve: %q, %v", got, err)
	}
	if _, err := r.Resolve("dir/../../outside"); !errors.Is(err, ErrOutside) {
		t.Errorf("Resolve out of the folder: %v", err)
	}
	if info, err := r.Stat("dir"); err != nil || !info.IsDir() {
		t.Errorf("Stat: %v, %v", info, err)
	}
	if info, err := r.Stat("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat of what is missing: %v, %v", info, err)
	}
	if _, err := r.Stat("out"); !errors.Is(err, ErrOutside) {
		t.Errorf("Stat out of the folder: %v", err)
	}
}
