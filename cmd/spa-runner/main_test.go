package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"spa-runner/internal/demo"
	"spa-runner/internal/loopback"
)

// asMain makes the test binary behave like spa-runner, so that the tests see
// what an operator sees: a process with its environment, output and exit code.
// With the value realMain that is main itself, with nothing for the tests in it.
const (
	asMain   = "TEST_AS_MAIN"
	realMain = "real"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // memory is there, and many programs run at once
	if actHostile() {
		quit(0)
	}
	if os.Getenv(asSDK) != "" {
		printSDKCredentials()
		quit(0)
	}
	if how := os.Getenv(asClient); how != "" {
		if err := actAsClient(how); err != nil {
			fmt.Println("the client failed:", err)
			quit(1)
		}
		quit(0)
	}
	switch os.Getenv(asMain) {
	case "":
	case realMain:
		main()
	default:
		mainInATest()
	}
	if os.Geteuid() == 0 {
		syscall.Umask(0o022) // what other users may reach is a part of the tests, and 077 would close it
	}
	// What is ignored here is ignored by runs too, which leave it at that (nohup): a test that sends it would wait for ever.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	testscript.Main(withSnapshots{m}, map[string]func(){"spa-runner": main})
}

// withSnapshots runs the tests with a folder for their repositories.
type withSnapshots struct{ tests *testing.M }

func (m withSnapshots) Run() int {
	folder, err := os.MkdirTemp("", "spa-runner-snapshots-")
	if err != nil {
		fmt.Println("making a folder for the repositories of the tests:", err)
		return 1
	}
	defer os.RemoveAll(folder)
	snapshots.folder = folder
	return m.tests.Run()
}

const (
	settingsRole    = "arn:aws:iam::111111111111:role/Spa-ReadSettingsRole"
	deployRole      = "arn:aws:iam::333333333333:role/Spa-DeployEnvironmentRole"
	packagesRole    = "arn:aws:iam::444444444444:role/ReadPackages"
	environmentPath = "environments/test"
)

// world is what a run acts on: a loopback AWS, two repositories, a work folder.
type world struct {
	t       *testing.T
	aws     *loopback.Server
	workdir string
	home    string
	env     map[string]string
	dirs    map[string]string // "code" and "settings", as files
	commits map[string]string
	ready   sync.Mutex
}

// sync makes what the test has set visible to a server that calls it first, and the
// other way round. A process in between is nothing that the race detector knows.
func (w *world) sync() {
	w.ready.Lock()
	defer w.ready.Unlock()
}

// newWorld starts from the demo's code and one environment with a settings.yaml.
func newWorld(t *testing.T, options loopback.Options) *world {
	t.Helper()
	server, err := loopback.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	base := t.TempDir()
	w := &world{
		t: t, aws: server, workdir: filepath.Join(base, "work"), home: filepath.Join(base, "home"), commits: map[string]string{},
		dirs: map[string]string{"code": filepath.Join(base, "code"), "settings": filepath.Join(base, "settings")},
	}
	if err := demo.Write("code", w.dirs["code"]); err != nil {
		t.Fatal(err)
	}
	w.write("settings", environmentPath+"/settings.yaml", "environment: test\n")
	temp := filepath.Join(base, "tmp")
	for _, dir := range []string{w.workdir, w.home, temp} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(temp, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	service := server.ServiceCredentials()
	w.env = map[string]string{
		asMain: "1", "PATH": quickTools(t) + ":" + os.Getenv("PATH"), "HOME": w.home, "TMPDIR": temp,
		"AWS_ACCESS_KEY_ID": service.AccessKeyID, "AWS_SECRET_ACCESS_KEY": service.SecretAccessKey,
		"AWS_SESSION_TOKEN": service.SessionToken, "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": server.URL(),
		"CODE_COMMIT_ENDPOINT": server.URL(), "SETTINGS_GIT_URL": "codecommit::eu-west-1://SpaSettings",
		"READ_SETTINGS_ROLE": settingsRole, "DEPLOY_ENVIRONMENT_ROLE": deployRole,
		"SETTINGS_ENVIRONMENT_PATH": environmentPath, "CODE_GIT_URL": server.URL() + "/git/code.git",
		"SPA_RUNNER_LOG_FORMAT": "json", "SPA_RUNNER_WORKDIR": w.workdir,
	}
	return w
}

// quickTools is a folder with what takes long to tell its version, which
// make-setup asks for in each run.
func quickTools(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"python", "npm", "cdk"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho of a test\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// write puts a file into the code or the settings.
func (w *world) write(repository, name, content string) {
	w.t.Helper()
	path := filepath.Join(w.dirs[repository], name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		w.t.Fatal(err)
	}
}

// serve makes repositories of the folders as they are now.
func (w *world) serve() {
	w.t.Helper()
	bare := map[string]string{}
	for name, dir := range w.dirs {
		bare[name], w.commits[name] = snapshotOf(w.t, dir)
	}
	err := errors.Join(
		w.aws.ServeCodeCommit("SpaSettings", loopback.CodeCommitRepository{Dir: bare["settings"], Account: "111111111111"}),
		w.aws.ServeGit("code", loopback.GitRepository{Dir: bare["code"]}),
	)
	if err != nil {
		w.t.Fatal(err)
	}
}

// outcome is what a process left.
type outcome struct {
	code   int
	stdout string
	stderr string
}

// command prepares spa-runner with the environment of the world.
func (w *world) command(args ...string) *exec.Cmd {
	w.sync()
	cmd := exec.CommandContext(w.t.Context(), os.Args[0], args...)
	cmd.Dir = w.workdir
	cmd.Env = []string{}
	for name, value := range w.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// run runs spa-runner to its end.
func (w *world) run(args ...string) outcome {
	w.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := w.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	w.sync()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	return outcome{code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

// event is one line of the log in JSON.
type event map[string]any

func (o outcome) events(t *testing.T) []event {
	t.Helper()
	var list []event
	for line := range strings.Lines(o.stdout) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("no event: %q: %v", line, err)
		}
		list = append(list, e)
	}
	return list
}

// find gives the events with a message, of one step or ("") of any.
func (o outcome) find(t *testing.T, message, step string) []event {
	t.Helper()
	var list []event
	for _, e := range o.events(t) {
		if e["msg"] == message && (step == "" || e["step"] == step) {
			list = append(list, e)
		}
	}
	return list
}

// output is what the children of a step printed.
func (o outcome) output(t *testing.T, step string) string {
	t.Helper()
	var b strings.Builder
	for _, e := range o.find(t, "output", step) {
		fmt.Fprintln(&b, e["line"])
	}
	return b.String()
}

// started are the names of the steps that were started.
func (o outcome) started(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, e := range o.find(t, "step started", "") {
		names = append(names, fmt.Sprint(e["step"]))
	}
	return names
}

// assumed are the roles that the loopback STS gave out.
func (w *world) assumed() []string {
	var roles []string
	for _, call := range w.aws.Calls() {
		if call.Action == "AssumeRole" && call.Code == "" {
			roles = append(roles, call.RoleARN)
		}
	}
	return roles
}

func (o outcome) String() string {
	return fmt.Sprintf("exit code %d\nstdout:\n%s\nstderr:\n%s", o.code, o.stdout, o.stderr)
}

// leftOut says whether a row of a long table is left out: three of four are with -short, as
// make check runs the race detector over what make test has run whole.
func leftOut(row string) bool {
	return testing.Short() && crc32.ChecksumIEEE([]byte(row))%4 != 0
}
