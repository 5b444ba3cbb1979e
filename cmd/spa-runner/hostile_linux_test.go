package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"spa-runner/internal/loopback"
	"spa-runner/internal/oracle"
)

// startsTheRunner is how CodeBuild starts it: a shell that has the identity in
// its environment, and stays.
const startsTheRunner = `"$0" run; exit $?`

// hostileWorld is a run of which `make all-tests` is the hostile program.
func hostileWorld(t *testing.T) *world {
	t.Helper()
	alone := inANetworkOfItsOwn(t)
	w := newWorld(t, loopback.Options{})
	plant(w)
	w.env[asMain] = realMain // what conceals is a part of it
	delete(w.env, "AWS_PROFILE")
	delete(w.env, "AWS_DEFAULT_PROFILE")
	delete(w.env, "AWS_CONFIG_FILE")
	// Where the test binary is built, and where tests have their files, no other user may look.
	if err := os.Chmod(filepath.Dir(t.TempDir()), 0o755); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "spa-runner.test")
	if out, err := exec.Command("cp", os.Args[0], binary).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Chmod(binary, 0o755); err != nil {
		t.Fatal(err)
	}
	w.env["TEST_BINARY"] = binary
	w.env["TEST_HINTS"] = writeHints(t, w, alone)
	w.write("settings", "environments/other/settings.yaml", "key: "+ofAnotherEnvironment+"\n")
	w.write("code", "Makefile", "setup lint deploy:\n\t@true\nall-tests:\n\t@"+asHostile+"=$(TEST_HINTS) $(TEST_BINARY)\n")
	w.write("settings", environmentPath+"/variables.sh", "if [ \"$SPA_RUNNER_VARIABLES\" = bash ]; then "+asHostile+"=$TEST_HINTS $TEST_BINARY; fi\n")
	w.serve()
	return w
}

// inANetworkOfItsOwn gives the thread of this test, and what it starts, a
// network in which there is nothing but its own: the ports that are scanned would
// otherwise be those of other tests. It is false where only root may do that.
func inANetworkOfItsOwn(t *testing.T) bool {
	t.Helper()
	runtime.LockOSThread() // and not unlocked: the thread ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Logf("no network of its own (%v): only the server of the test is asked", err)
		return false
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	loopback, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	loopback.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, loopback); err != nil {
		t.Fatal(err)
	}
	return true
}

func writeHints(t *testing.T, w *world, alone bool) string {
	t.Helper()
	service := w.aws.ServiceCredentials()
	text, err := json.Marshal(hints{
		Secrets: []string{backwards(service.AccessKeyID), backwards(service.SecretAccessKey), backwards(service.SessionToken)},
		Home:    w.home, Workdir: w.workdir, TestPID: os.Getpid(), Scan: alone, Clients: oracle.Asked(os.Getenv), Server: strings.TrimPrefix(w.aws.URL(), "http://"),
	})
	path := filepath.Join(t.TempDir(), "hints")
	if err == nil {
		err = os.WriteFile(path, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// lookAt has the program ask a server that it cannot find where it may not scan.
func lookAt(t *testing.T, w *world, server string) {
	t.Helper()
	var h hints
	text, err := os.ReadFile(w.env["TEST_HINTS"])
	if err == nil {
		err = json.Unmarshal(text, &h)
	}
	if err == nil && !h.Scan {
		h.Server = server
		if text, err = json.Marshal(h); err == nil {
			err = os.WriteFile(w.env["TEST_HINTS"], text, 0o644)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// found runs the world as CodeBuild would and gives what the program found.
func found(t *testing.T, w *world, prepare func(*exec.Cmd)) []string {
	t.Helper()
	return foundIn(t, w, prepare, "make-all-tests")["make-all-tests"]
}

// foundIn gives what it found in each of some steps.
func foundIn(t *testing.T, w *world, prepare func(*exec.Cmd), steps ...string) map[string][]string {
	t.Helper()
	cmd := w.command()
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", startsTheRunner, w.env["TEST_BINARY"]}
	if prepare != nil {
		prepare(cmd)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	o := outcome{code: cmd.ProcessState.ExitCode(), stdout: string(out), stderr: stderr.String()}
	if err != nil {
		t.Fatalf("%v: %v", err, o)
	}
	list := map[string][]string{}
	for _, step := range steps {
		text := o.output(t, step)
		if !strings.Contains(text, "the runner, the shell that started the runner") {
			t.Fatalf("%s: the program did not go to its end, or did not find the runner: %s", step, text)
		}
		t.Log(text)
		list[step] = findings(text)
	}
	return list
}

func findings(text string) []string {
	list := []string{}
	for line := range strings.Lines(text) {
		if what, ok := strings.CutPrefix(line, "FOUND "); ok {
			list = append(list, strings.TrimSpace(what))
		}
	}
	return list
}

// admitted is what SECURITY.md says that hostile code finds, in one column of
// its table of measurements.
func admitted(t *testing.T, column string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "<!-- measured -->\n")
	table, _, _ = strings.Cut(table, "<!-- end -->")
	list, number := []string{}, -1
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if number < 0 {
			number = slices.Index(cells, column)
		} else if number < len(cells) && cells[number] == "yes" {
			list = append(list, cells[0])
		}
	}
	if number < 0 {
		t.Fatalf("SECURITY.md has no column %q", column)
	}
	slices.Sort(list)
	return list
}

func wantFound(t *testing.T, got []string, column string) {
	t.Helper()
	want := admitted(t, column)
	if noNew, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err == nil && noNew == 1 { // then nobody here has them
		want = slices.DeleteFunc(want, func(what string) bool { return what == "programs with the setuid bit" })
	}
	if !slices.Equal(got, want) {
		t.Errorf("found:\n  %s\nSECURITY.md says:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// As another user, code that setup, lint and tests run finds nothing.
func TestHostileCodeAsAnotherUserFindsNothing(t *testing.T) {
	t.Parallel()
	needRoot(t)
	w := hostileWorld(t)
	w.env["SPA_RUNNER_UNTRUSTED_USER"], w.env["SPA_RUNNER_VARIABLES"] = fmt.Sprint(freeUID(0)), "bash"
	found := foundIn(t, w, nil, "source-variables", "make-all-tests")
	wantFound(t, found["make-all-tests"], "another user")
	wantNoMore(t, found)
}

// As the user of the runner, who is not root: what started the runner, and
// files; not the runner itself.
func TestHostileCodeAsTheSameUser(t *testing.T) {
	t.Parallel()
	w := hostileWorld(t)
	w.env["SPA_RUNNER_VARIABLES"] = "bash"
	check := func(prepare func(*exec.Cmd)) {
		found := foundIn(t, w, prepare, "source-variables", "make-all-tests")
		wantFound(t, found["make-all-tests"], "the runner's user")
		wantNoMore(t, found)
	}
	if os.Geteuid() != 0 {
		check(nil)
		return
	}
	uid := freeUID(1)
	for _, dir := range []string{w.home, w.workdir} {
		if out, err := exec.Command("chown", "-R", fmt.Sprint(uid), dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	check(func(cmd *exec.Cmd) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	})
}

// wantNoMore: a variables.sh that bash runs finds what code that is tried finds, and the
// settings of other environments, which are closed after it.
func wantNoMore(t *testing.T, found map[string][]string) {
	t.Helper()
	tests := append(slices.Clone(found["make-all-tests"]), "settings of other environments")
	slices.Sort(tests)
	script := slices.DeleteFunc(found["source-variables"], func(what string) bool { return strings.HasSuffix(what, " bash") }) // its own
	if !slices.Equal(script, slices.Compact(tests)) {
		t.Errorf("variables.sh found %q, the tests %q", script, tests)
	}
}

// As root with all capabilities the memory of the runner too; without
// CAP_SYS_PTRACE, as in a container that is not privileged, not even as root.
func TestHostileCodeAsRoot(t *testing.T) {
	t.Parallel()
	needRoot(t)
	t.Run("with CAP_SYS_PTRACE", func(t *testing.T) {
		t.Parallel()
		wantFound(t, found(t, hostileWorld(t), nil), "root")
	})
	t.Run("without", func(t *testing.T) {
		t.Parallel()
		wantFound(t, found(t, hostileWorld(t), func(cmd *exec.Cmd) {
			cmd.Path, cmd.Args = os.Args[0], append([]string{withoutPtrace, cmd.Path}, cmd.Args...)
		}), "root without CAP_SYS_PTRACE")
	})
}

// withoutPtrace, as the first argument of the test binary, makes it start the
// others without CAP_SYS_PTRACE.
const withoutPtrace = "test-without-ptrace"

// actHostile makes the test binary one of the programs of these tests.
func actHostile() bool {
	switch {
	case os.Args[0] == withoutPtrace:
		dropPtrace()
	case os.Getenv(asHostile) != "":
		hostile()
	default:
		return false
	}
	return true
}

func dropPtrace() {
	runtime.LockOSThread()
	err := unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_SYS_PTRACE, 0, 0, 0)
	if err == nil {
		err = unix.Exec(os.Args[1], os.Args[2:], os.Environ())
	}
	panic(err)
}

// The program finds what there is to find: run as the workbook runs tests, with
// the identity around it.
func TestTheHostileProgramFindsWhatIsThere(t *testing.T) {
	t.Parallel()
	w := hostileWorld(t)
	open := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(rw, w.aws.ServiceCredentials().AccessKeyID)
	}))
	defer open.Close()
	lookAt(t, w, strings.TrimPrefix(open.URL, "http://"))
	w.env[asHostile] = w.env["TEST_HINTS"]
	if err := os.WriteFile(filepath.Join(w.workdir, "left"), []byte(w.aws.ServiceCredentials().SecretAccessKey), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := w.command()
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", `"$TEST_BINARY"; exit $?`, startsTheRunner}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got := findings(string(out))
	want := []string{
		"environ of the shell that started the runner", "memory of the shell that started the runner",
		"open files of the shell that started the runner", "ptrace of the shell that started the runner",
		"own environment: AWS_SECRET_ACCESS_KEY", "own environment: AWS_SESSION_TOKEN", "go sdk: EnvConfigCredentials",
		"file of the run: " + filepath.Join(w.workdir, "left"), "credentials on a port of loopback",
		"file in the home of the runner's user: .aws/credentials",
	}
	for _, what := range want {
		if !slices.Contains(got, what) {
			t.Errorf("it did not find: %s", what)
		}
	}
	t.Log(strings.Join(got, "\n"))
}
