package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"spa-runner/internal/loopback"
)

func (w *world) put(path, content string) {
	w.t.Helper()
	path = filepath.Join(w.workdir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func TestAnEarlierRunsFoldersAreReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.serve()
	first := w.run("run")
	if first.code != 0 || len(first.find(t, "replacing folders of an earlier run", "")) != 0 {
		t.Fatalf("%v", first)
	}
	if out, err := exec.Command("git", "-C", filepath.Join(w.workdir, "code"), "fsck", "--strict").CombinedOutput(); err != nil {
		t.Errorf("git minds the mark: %v: %s", err, out)
	}
	w.put("code/extra", "x")
	w.put("code/Makefile", "setup lint all-tests deploy:\n\t@echo edited by hand\n")
	w.put("settings/environments/other/x", "x")
	w.put("mine", "not the runner's")

	// Before the configuration is right, nothing is removed.
	w.env["SPA_RUNNER_TIMEOUT"] = "soon"
	if o := w.run("run"); o.code != 64 {
		t.Errorf("got %v", o)
	}
	delete(w.env, "SPA_RUNNER_TIMEOUT")
	if _, err := os.Stat(filepath.Join(w.workdir, "code", "extra")); err != nil {
		t.Error(err)
	}
	second := w.run("run")
	replacing := second.find(t, "replacing folders of an earlier run", "")
	want := fmt.Sprint([]any{first.events(t)[0]["run"], first.events(t)[0]["run"]})
	if second.code != 0 || len(replacing) != 1 || fmt.Sprint(replacing[0]["made_by"]) != want {
		t.Errorf("want it to replace what %s made, got %v", want, second)
	}
	w.checkDeployed(t)
	if _, err := os.Stat(filepath.Join(w.workdir, "mine")); err != nil {
		t.Error(err)
	}
}

func TestForeignFoldersAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.workdir = filepath.Join(w.workdir, "my work")
	w.env["SPA_RUNNER_WORKDIR"] = w.workdir
	w.serve()
	w.put("code/precious", "x")
	w.put("settings/.git/spa-runner", "made by spa-runner in run 1\n")
	o := w.run("run")
	if o.code != 64 || !strings.Contains(o.stderr, "use another folder") || strings.Contains(o.stderr, "rm ") || len(w.aws.Calls()) != 0 {
		t.Errorf("got %v and %d calls of STS", o, len(w.aws.Calls()))
	}
	if o := w.run("doctor"); o.code != 1 || !strings.Contains(o.stdout, "use another folder") || strings.Contains(o.stdout, "rm -") {
		t.Errorf("the doctor: %v", o)
	}
	for _, name := range []string{"code/precious", "settings/.git/spa-runner"} {
		if _, err := os.Stat(filepath.Join(w.workdir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestAFolderThatCannotBeReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.serve()
	w.put("code/.git/spa-runner", "made by spa-runner in run earlier\n")
	w.put("code/stuck", "x")
	stuck := filepath.Join(w.workdir, "code", "stuck")
	if err := exec.Command("chattr", "+i", stuck).Run(); err != nil {
		t.Skipf("needs chattr, a file system that knows it, and root: %v", err)
	}
	t.Cleanup(func() { _ = exec.Command("chattr", "-i", stuck).Run() })
	o := w.run("run")
	events := o.events(t)
	last := events[len(events)-1]
	if o.code != 125 || len(o.started(t)) != 0 || last["msg"] != "run failed" || !strings.Contains(fmt.Sprint(last["error"]), "stuck: operation not permitted") ||
		!strings.Contains(fmt.Sprint(last["hint"]), "use another folder") || strings.Contains(fmt.Sprint(last["hint"]), "rm ") {
		t.Errorf("got %v", o)
	}
	w.env["SPA_RUNNER_LOG_FORMAT"] = "mixed"
	if o := w.run("run"); !strings.Contains(o.stdout, "run FAILED before its first step (exit code 125)") {
		t.Errorf("got %v", o)
	}
}

// What is to be read must not be removed first.
func TestTheSourceOfARunIsNotReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.put("code/Makefile", "setup lint all-tests deploy:\n\t@echo edited\n")
	if out, err := exec.Command("git", "init", "-q", filepath.Join(w.workdir, "code")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	w.put("code/.git/spa-runner", "made by spa-runner in run earlier\n")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Join(w.workdir, "code"), link); err != nil {
		t.Fatal(err)
	}
	delete(w.env, "SPA_RUNNER_WORKDIR")
	for _, args := range [][]string{
		{"dry-run", "--code", filepath.Join(w.workdir, "code"), "--workdir", "."},
		{"run", "--code-git-url", link, "--workdir", "."},
		{"run", "--code-git-url", "code", "--workdir", "."},
		{"run", "--code-git-url", "file://" + w.workdir + "/code", "--workdir", w.workdir},
	} {
		o := w.run(args...)
		if o.code != 64 || !strings.Contains(o.stderr, "move it elsewhere") {
			t.Errorf("%q: got %v", args, o)
		}
	}
	if _, err := os.Stat(filepath.Join(w.workdir, "code", "Makefile")); err != nil {
		t.Error(err)
	}
}

// checkDeployed compares what was deployed with what was served, file by file.
func (w *world) checkDeployed(t *testing.T) {
	t.Helper()
	want := files(t, w.dirs["code"])
	for name, content := range files(t, filepath.Join(w.dirs["settings"], environmentPath)) {
		want[name] = content
	}
	compare(t, "code", files(t, filepath.Join(w.workdir, "code")), want)
	compare(t, "settings", files(t, filepath.Join(w.workdir, "settings")), files(t, w.dirs["settings"]))
}

func compare(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: %s is %q, want %q", what, name, got[name], want[name])
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: %s was not served", what, name)
		}
	}
}

// files are the files of a tree with their content, but for .git.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if entry != nil && entry.Name() == ".git" {
				return fs.SkipDir
			}
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		all[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAFaultOfThisMachineIsNotAWrongFolder(t *testing.T) {
	for errno, helps := range map[syscall.Errno]bool{
		syscall.ENOENT: true, syscall.ENOTDIR: true, syscall.EACCES: true, syscall.EPERM: true, syscall.EROFS: true,
		syscall.EMFILE: false, syscall.ENFILE: false, syscall.ENOMEM: false, syscall.EIO: false, syscall.ENOSPC: false,
	} {
		if got := anotherFolderHelps(&fs.PathError{Op: "openat", Path: ".", Err: errno}); got != helps {
			t.Errorf("another folder helps after %q: got %t, want %t", errno, got, helps)
		}
	}
}
