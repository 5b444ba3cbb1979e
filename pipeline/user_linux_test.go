package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sys/unix"

	"spa-runner/internal/fault"
)

// other is a user that nobody has, with a home, in a folder that it can reach.
func other(t *testing.T, n int) (u *User, dir string) {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("needs root on Linux, to start processes as another user: not tried")
	}
	u, err := LookupUser(fmt.Sprint(2_000_000 + os.Getpid()*10 + n))
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), u.MakeHome()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := u.RemoveHome(); err != nil {
			t.Error(err)
		}
	})
	return u, dir
}

func as[S Scope](t *testing.T, rt *Runtime, creds Credentials[S], dir, script string) error {
	t.Helper()
	return Exec(t.Context(), rt, creds, Command{Dir: dir, Tree: dir, Argv: []string{"sh", "-c", script}})
}

// The one rule: the child that deploys runs as the runner, all others as that user.
func TestWhatDoesNotDeployRunsAsTheUntrustedUser(t *testing.T) {
	rt, _, out := testRuntime("HOME=/root", "NPM_CONFIG_PREFIX=/usr", "XDG_CACHE_HOME=/root/.cache")
	var dir string
	rt.Untrusted, dir = other(t, 0)
	const show = `echo "$(id -u) $(id -G) $HOME $npm_config_prefix $NPM_CONFIG_PREFIX$XDG_CACHE_HOME"; echo said >/dev/stderr
		case $PATH in *"/.local/bin:"*) echo path;; esac; grep NoNewPrivs /proc/self/status; touch of-$1`
	if err := as(t, rt, Credentials[None]{}, dir, strings.ReplaceAll(show, "$1", "user")); err != nil {
		t.Fatal(err)
	}
	u := rt.Untrusted
	want := fmt.Sprintf("%d %d %s %s/.local \n", u.uid, u.gid, u.Home, u.Home)
	for _, text := range []string{want, "said\n", "path\n", "NoNewPrivs:\t1\n"} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("as the user: got %q, want %q in it", out, text)
		}
	}
	provider := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b", SessionToken: "c", CanExpire: true, Expires: time.Now().Add(time.Hour)}, nil
	})
	out.b.Reset()
	packages := Mint[Packages](provider, func(...string) {})
	if err := as(t, rt, packages, dir, "id -u; cat >/dev/null <$AWS_CONFIG_FILE; test -n \"$"+endpointToken+"\" && echo may ask"); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%d\nmay ask\n", u.uid); out.String() != want {
		t.Errorf("who may read packages: got %q, want %q", out, want)
	}
	out.b.Reset()
	deploy := Mint[Deploy](provider, func(...string) {})
	if err := as(t, rt, deploy, dir, strings.ReplaceAll(show, "$1", "root")); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"0 ", " /root " + u.Home + "/.local /root/.cache\n", "path\n", "NoNewPrivs:\t0\n"} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("with a scope: got %q, want %q in it", out, text)
		}
	}
	for _, name := range []string{"of-user", "of-root", "."} {
		if owner := ownerOf(t, filepath.Join(dir, name)); owner != 0 {
			t.Errorf("%s belongs to %d after a child with a scope, want root", name, owner)
		}
	}
}

func ownerOf(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

// To become another user sets the flag of the memory that a child has in common with the
// runner. Where fs.suid_dumpable is not 0, that would be the end of being concealed.
func TestAChildOfAnotherUserLeavesTheRunnerConcealed(t *testing.T) {
	if set, err := os.ReadFile("/proc/sys/fs/suid_dumpable"); err != nil || strings.TrimSpace(string(set)) == "0" {
		t.Skipf("needs another fs.suid_dumpable than 0, with which the kernel conceals by itself (%q, %v): not tried", set, err)
	}
	rt, _, _ := testRuntime()
	var dir string
	rt.Untrusted, dir = other(t, 9)
	if err := as(t, rt, Credentials[None]{}, dir, "true"); err != nil {
		t.Fatal(err)
	}
	if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); dumpable != 0 || err != nil {
		t.Errorf("the runner is dumpable: %d, %v", dumpable, err)
	}
}

// No process of the user is left, in a session and a family of its own or not,
// and none that began before the child did.
func TestNoProcessOfTheUserIsLeft(t *testing.T) {
	rt, _, _ := testRuntime()
	var dir string
	rt.Untrusted, dir = other(t, 1)
	// In our own session, where strays are not looked for, and found by its uid alone.
	stray := exec.Command("sleep", "60")
	stray.SysProcAttr = &syscall.SysProcAttr{Credential: rt.Untrusted.credential()}
	if err := stray.Start(); err != nil {
		t.Fatal(err)
	}
	if err := as(t, rt, Credentials[None]{}, dir, "setsid sh -c 'sleep 60 & sleep 60' & sleep 0.1"); err != nil {
		t.Fatal(err)
	}
	if pids, err := rt.Untrusted.processes(); err != nil || len(pids) > 0 {
		t.Errorf("left: %v, %v", pids, err)
	}
	_ = stray.Wait() // reaped by the runner already
}

// Nobody forks faster than he is ended. The bomb is bounded, in case he does.
func TestAForkBombIsEnded(t *testing.T) {
	rt, _, _ := testRuntime()
	var dir string
	rt.Untrusted, dir = other(t, 6)
	bomb := "ulimit -u 300 2>/dev/null; bomb() { setsid true & (bomb &); (bomb &); sleep 60; }; bomb & sleep 0.5"
	err := Exec(t.Context(), rt, Credentials[None]{}, Command{Dir: dir, Tree: dir, Argv: []string{"bash", "-c", bomb}})
	if err != nil {
		t.Error(err)
	}
	if pids, err := rt.Untrusted.processes(); err != nil || len(pids) > 0 {
		t.Errorf("left: %v, %v", pids, err)
	}
}

func TestATreeIsHandedOverAndBack(t *testing.T) {
	u, base := other(t, 2)
	outside, tree := filepath.Join(base, "outside"), filepath.Join(base, "code")
	err := errors.Join(
		os.MkdirAll(filepath.Join(tree, "sub"), 0o755), os.Mkdir(outside, 0o755),
		os.WriteFile(filepath.Join(outside, "file"), nil, 0o600), os.WriteFile(filepath.Join(tree, "sub", "own"), nil, 0o600),
		os.WriteFile(filepath.Join(outside, "shadow"), nil, 0o600), os.Link(filepath.Join(outside, "shadow"), filepath.Join(tree, "second-name")),
		os.Symlink(outside, filepath.Join(tree, "link")), os.Symlink("/etc/passwd", filepath.Join(tree, "file-link")),
	)
	if err != nil {
		t.Fatal(err)
	}
	owners := func(toUser bool, want map[string]int) {
		t.Helper()
		if err := u.give(t.Context(), tree, toUser); err != nil {
			t.Fatal(err)
		}
		for name, owner := range want {
			if got := ownerOf(t, filepath.Join(base, name)); got != owner {
				t.Errorf("%s belongs to %d, want %d", name, got, owner)
			}
		}
	}
	owners(true, map[string]int{
		"code": u.uid, "code/sub/own": u.uid, "code/link": u.uid, "code/file-link": u.uid,
		"outside": 0, "outside/file": 0, "outside/shadow": 0, "code/second-name": 0,
	})
	owners(false, map[string]int{"code": 0, "code/sub": 0, "code/sub/own": 0, "code/link": 0, "outside/shadow": 0})
	if err := os.Remove(filepath.Join(base, "code", "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(tree, filepath.Join(base, "by-link")); err != nil {
		t.Fatal(err)
	}
	if err := u.give(t.Context(), filepath.Join(base, "by-link"), true); err != nil || ownerOf(t, tree) != 0 {
		t.Errorf("a link in the place of the tree was followed: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := &fault.InterruptedError{Signal: syscall.SIGTERM}
	cancel(ended)
	if err := u.give(ctx, tree, true); !errors.Is(err, ended) || ownerOf(t, filepath.Join(tree, "sub", "own")) != 0 {
		t.Errorf("a run that was ended went on: %v", err)
	}
}

func TestLookupUser(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux")
	}
	for name, want := range map[string]string{
		"root": "that is root", "0": "that is root", "00": "that is root",
		"no-such-user": "there is no user", "4294967295": "there is no user", "": "there is no user",
	} {
		if _, err := LookupUser(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q in it", name, err, want)
		}
	}
	const unknown = 2_147_000_123
	if u, err := LookupUser(fmt.Sprint(unknown)); err != nil || u.uid != unknown || u.gid != unknown {
		t.Errorf("got %v, %v, want the number as user and group", u, err)
	}
	u, _ := other(t, 3)
	sleeper := exec.Command("sleep", "60")
	sleeper.SysProcAttr = &syscall.SysProcAttr{Credential: u.credential()}
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sleeper.Process.Kill(); _ = sleeper.Wait() }()
	if _, err := LookupUser(fmt.Sprint(u.uid)); err == nil || !strings.Contains(err.Error(), "would be ended") ||
		!strings.Contains(err.Error(), fmt.Sprintf("ps -fu %d", u.uid)) || strings.Contains(err.Error(), "kill -") {
		t.Errorf("a user with processes: got %v", err)
	}
	if err := sleeper.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the process was ended: %v", err)
	}
}

func TestWhatAUserCanReach(t *testing.T) {
	u, dir := other(t, 4)
	file := filepath.Join(dir, "a", "b", "file")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	check := func(what string, want bool) {
		t.Helper()
		if got := u.CanRead(file); got != want {
			t.Errorf("%s: it can read the file: %v, want %v", what, got, want)
		}
		// What is computed is what the kernel does.
		cat := exec.Command("cat", file)
		cat.SysProcAttr = &syscall.SysProcAttr{Credential: u.credential()}
		if got := cat.Run() == nil; got != want {
			t.Errorf("%s: cat succeeds: %v, want %v", what, got, want)
		}
	}
	check("as it is", true)
	for path, modes := range map[string][]fs.FileMode{filepath.Join(dir, "a"): {0o711, 0o766}, file: {0o604, 0o640}} {
		before, _ := os.Stat(path)
		for i, mode := range modes {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			check(fmt.Sprintf("%s %o", filepath.Base(path), mode), i == 0)
		}
		if err := os.Chmod(path, before.Mode()); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Chmod(file, 0o077), os.Chown(file, u.uid, u.gid)); err != nil {
		t.Fatal(err)
	}
	check("its own, and closed to itself", false)
	if err := os.Chmod(filepath.Join(dir, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := u.CanReach(filepath.Join(dir, "a", "b")); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "a")+",") {
		t.Errorf("got %v, want the name of the folder in the way", err)
	}
}

func TestTheGroupOfRootIsRefused(t *testing.T) {
	if _, err := newUser("build", &user.User{Uid: "1000", Gid: "0"}); err == nil || !strings.Contains(err.Error(), "is that of root") {
		t.Errorf("got %v", err)
	}
}

func TestParseStatus(t *testing.T) {
	const head = "Name:\tUid: 7\nUmask:\t0022\nState:\t"
	for state, want := range map[string]bool{
		"S (sleeping)\nThreads:\t1": true, "R (running)\nThreads:\t1": true, "X (dead)\nThreads:\t0": false,
		"Z (zombie)\nThreads:\t1": false, "Z (zombie)\nThreads:\t2": true, "Z (zombie)": true,
	} {
		state, threads, _ := strings.Cut(state, "\n")
		uids, alive := parseStatus([]byte(head + state + "\nUid:\t10\t11\t12\t13\nGid:\t1\t1\t1\t1\n" + threads + "\n"))
		if uids != "\t10\t11\t12\t13\t" || alive != want {
			t.Errorf("%s, %s: got %q, %v", state, threads, uids, alive)
		}
	}
}
