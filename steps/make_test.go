package steps

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"spa-runner/internal/fault"
	"spa-runner/internal/loopback"
	"spa-runner/pipeline"
)

// codeWith is a code folder with this Makefile.
func codeWith(t *testing.T, makefile string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "code")
	write(t, dir, map[string]string{"Makefile": makefile})
	return dir
}

func TestMakeNamesAndParams(t *testing.T) {
	deploy := Make[pipeline.Deploy]{Target: "deploy", Flags: []string{"--dry-run"}}
	if got, want := deploy.Name()+fmt.Sprint(deploy.Params()), "make-deploy[{targets deploy} {flags --dry-run}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	lint := Make[pipeline.None]{Target: "lint", Targets: []string{"lint", "audit"}, Without: []string{"A", "B"}}
	if got, want := lint.Name()+fmt.Sprint(lint.Params()), "make-lint[{targets lint audit} {without A B}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMakeMakesTheTargetsInOrder(t *testing.T) {
	dir := codeWith(t, "%:\n\t@echo making $@\n")
	s := newStage(t)
	s.mustRun(
		Make[pipeline.None]{Target: "setup", Dir: dir},
		Make[pipeline.None]{Target: "lint", Targets: []string{"zeta", "alpha"}, Dir: dir},
	)
	if got, want := s.output(), "making setup\nmaking zeta\nmaking alpha\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var logged []string
	for _, e := range s.events.FilterMessage("making").All() {
		logged = append(logged, fmt.Sprint(e.ContextMap()["target"], e.ContextMap()["folder"]))
	}
	if want := []string{"setupcode", "zetacode", "alphacode"}; !slices.Equal(logged, want) {
		t.Errorf("logged %q, want %q", logged, want)
	}
}

func TestMakeStopsAtTheFirstFailure(t *testing.T) {
	dir := codeWith(t, "good after:\n\t@echo $@\nbad:\n\t@echo $@; exit 7\n")
	s := newStage(t)
	err := s.run(
		Make[pipeline.None]{Target: "lint", Targets: []string{"good", "bad", "after"}, Dir: dir, Tools: []string{"make"}},
		Make[pipeline.None]{Target: "after", Dir: dir},
	)
	var child *fault.ChildError
	if !errors.As(err, &child) || fault.ExitCode(err) != 2 || !slices.Equal(child.Argv, []string{"make", "bad"}) {
		t.Errorf("got %v, exit code %d, want make's own 2", err, fault.ExitCode(err))
	}
	// What make says on stderr may come before or after what bad printed.
	if out := s.output(); !strings.HasPrefix(out, "good\n") || !strings.Contains(out, "bad\n") || strings.Contains(out, "after") || s.count("versions") != 0 {
		t.Errorf("printed %q", out)
	}
}

func TestMakeThatIsKilledOrMissing(t *testing.T) {
	dir := codeWith(t, "all:\n\t@kill -9 $$PPID\n")
	if err := newStage(t).run(Make[pipeline.None]{Target: "all", Dir: dir}); fault.ExitCode(err) != 137 {
		t.Errorf("got %v, exit code %d, want 137", err, fault.ExitCode(err))
	}
	s := newStage(t)
	s.rt.Env.Set("PATH", t.TempDir())
	err := s.run(Make[pipeline.None]{Target: "all", Dir: dir})
	if fault.ExitCode(err) != fault.ExitRunner || !strings.Contains(err.Error(), `no "make" on the PATH`) {
		t.Errorf("got %v", err)
	}
}

func TestMakeWithoutTargetsIsSkippedAloud(t *testing.T) {
	s := newStage(t)
	s.mustRun(Make[pipeline.Deploy]{Target: "lint", Targets: []string{}, Dir: "/nowhere", Tools: []string{"make"}})
	if s.count("step skipped") != 1 || s.event("targets are switched off")["instead_of"] != "lint" || s.count("making") != 0 {
		t.Errorf("got %s", s.everything())
	}
}

func TestMakeFlagsGoBeforeTheTarget(t *testing.T) {
	dir := codeWith(t, "deploy:\n\t@touch deployed; echo would deploy\n")
	s := newStage(t)
	s.mustRun(Make[pipeline.None]{Target: "deploy", Flags: []string{"--dry-run"}, Dir: dir})
	wantNothing(t, filepath.Join(dir, "deployed"))
	contains(t, "output", s.output(), "touch deployed")

	// The very words, as another make would see them; and no target sees those of another.
	bin := t.TempDir()
	write(t, bin, map[string]string{"make*": "#!/bin/sh\necho \"$*\"\n"})
	s = newStage(t)
	s.rt.Env.Set("PATH", bin)
	s.mustRun(Make[pipeline.None]{Target: "x", Targets: []string{"one", "two"}, Flags: append(make([]string, 0, 8), "-a", "-b"), Dir: dir})
	if got := s.output(); got != "-a -b one\n-a -b two\n" {
		t.Errorf("got %q", got)
	}
}

func TestMakeEnvironment(t *testing.T) {
	dir := codeWith(t, "show:\n\t@echo \"$$OF_THE_BUILD/$$OF_THE_STEP/$${SECRET_OF_OTHERS-withheld}/$${MAKEFLAGS}/$${AWS_PROFILE-none}\"\n")
	s := newStage(t, "OF_THE_BUILD=build", "OF_THE_STEP=overridden", "SECRET_OF_OTHERS=datadog", "MAKEFLAGS=i", "AWS_PROFILE=canary")
	asked := 0
	step := Make[pipeline.None]{
		Target: "show", Dir: dir, Without: []string{"SECRET_OF_OTHERS"},
		Env: func() []string {
			asked++
			return []string{"OF_THE_STEP=step", "AWS_PROFILE=canary", "MAKEFLAGS=n"}
		},
	}
	s.mustRun(step)
	if asked != 1 {
		t.Errorf("Env was asked %d times, want once, when the step starts", asked)
	}
	if got := s.output(); got != "build/step/withheld//none\n" {
		t.Errorf("got %q", got)
	}
	if s.env("SECRET_OF_OTHERS") != "datadog" {
		t.Error("what one step does not see is gone for the next")
	}
}

// ownFiles puts EMPTY in place of the names of files that the step made.
func ownFiles(environment string) string {
	return regexp.MustCompile(`=\S*/spa-runner-step-[0-9]+/aws-(config|credentials)-[a-z]+\n`).ReplaceAllString(environment, "=EMPTY\n")
}

const showAWS = "show:\n\t@env | grep -E '^(AWS|AMAZON|CODEBUILD|ECS|BOTO)_' | sort\n"

// A step of scope Deploy gets exactly the way to its own scope, and no other to
// an identity.
func TestMakeInAScope(t *testing.T) {
	server := startAWS(t, loopback.Options{})
	dir := codeWith(t, showAWS)
	environ := []string{
		"AWS_ACCESS_KEY_ID=canary", "AWS_SECRET_ACCESS_KEY=canary", "AWS_SESSION_TOKEN=canary", "AWS_PROFILE=canary",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/canary", "AWS_ROLE_ARN=canary", "AWS_REGION=eu-west-3",
	}
	const blindfold = "AWS_CONFIG_FILE=EMPTY\nAWS_EC2_METADATA_DISABLED=true\nAWS_REGION=eu-west-3\n"
	none := newStage(t, environ...)
	none.mustRun(Make[pipeline.None]{Target: "show", Dir: dir})
	if got, want := ownFiles(none.output()), blindfold+"AWS_SHARED_CREDENTIALS_FILE=EMPTY\nBOTO_CONFIG=/dev/null\n"; got != want {
		t.Errorf("scope none sees %q, want %q", got, want)
	}

	s := newStage(t, environ...)
	var issued []string
	creds := assumed[pipeline.Deploy](server, deployRole, func(secrets ...string) { issued = secrets })
	deploy := Make[pipeline.Deploy]{Credentials: creds, Target: "show", Dir: dir}
	s.mustRun(deploy)
	// The token is a secret, so that the log masks it.
	want := regexp.MustCompile("^AWS_CONFIG_FILE=EMPTY\nAWS_CONTAINER_AUTHORIZATION_TOKEN=\\*\\*\\*\n" +
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127\\.0\\.0\\.1:[0-9]+/credentials\nAWS_EC2_METADATA_DISABLED=true\nAWS_REGION=eu-west-3\n" +
		"AWS_SHARED_CREDENTIALS_FILE=EMPTY\nBOTO_CONFIG=/dev/null\n$")
	if got := ownFiles(s.output()); !want.MatchString(got) {
		t.Errorf("scope deploy sees %q, want %s", got, want)
	}

	keys := newStage(t, environ...)
	keys.rt.KeysInEnv = true
	keys.mustRun(deploy)
	if len(issued) != 3 {
		t.Fatalf("issued %d secrets", len(issued))
	}
	inEnv := "AWS_ACCESS_KEY_ID=" + issued[0] + "\n" + blindfold + "AWS_SECRET_ACCESS_KEY=" + issued[1] + "\nAWS_SESSION_TOKEN=" + issued[2] +
		"\nAWS_SHARED_CREDENTIALS_FILE=EMPTY\nBOTO_CONFIG=/dev/null\n"
	if got := ownFiles(keys.output()); got != inEnv {
		t.Errorf("scope deploy sees %q, want %q", got, inEnv)
	}
	if calls := server.Calls(); len(calls) != 1 || calls[0].RoleARN != deployRole {
		t.Errorf("calls of STS: %v", calls)
	}
}

func TestMakeWithoutItsCredentialsFailsClosed(t *testing.T) {
	dir := codeWith(t, "deploy:\n\t@echo deployed\n")
	s := newStage(t)
	err := s.run(Make[pipeline.Deploy]{Target: "deploy", Dir: dir})
	if !errors.Is(err, pipeline.ErrNoCredentials) || fault.ExitCode(err) != fault.ExitRunner || s.output() != "" {
		t.Errorf("got %v, printed %q", err, s.output())
	}
}

func TestMakeUsesTheVenv(t *testing.T) {
	dir := codeWith(t, "setup:\n\t@mkdir -p venv/bin; printf '#!/bin/sh\\necho Python of the venv' >venv/bin/python; chmod +x venv/bin/python\nshow:\n\t@python; echo \"$$VIRTUAL_ENV\"\n")
	t.Chdir(filepath.Dir(dir)) // the folder is relative, as in CodeBuild
	s := newStage(t)
	s.mustRun(
		Make[pipeline.None]{Target: "setup", Dir: "code", Tools: []string{"python"}},
		Make[pipeline.None]{Target: "lint", Targets: []string{"show"}, Dir: "code"},
	)
	if got := s.event("versions")["python"]; got != "Python of the venv" {
		t.Errorf("the version of python is %v", got)
	}
	here, _ := os.Getwd()
	if got, want := s.output(), "Python of the venv\n"+filepath.Join(here, "code", "venv")+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What tools answer must never decide over a build.
func TestVersions(t *testing.T) {
	dir := codeWith(t, "setup:\n\t@true\n")
	bin := t.TempDir()
	write(t, bin, map[string]string{
		"good*":    "#!/bin/sh\necho; echo good 1.2.3; echo more\n",
		"stderr*":  "#!/bin/sh\necho old python 2.7 >&2\n",
		"both*":    "#!/bin/sh\ni=0; while [ $i -lt 200 ]; do echo out; echo out >&2; i=$((i+1)); done\n",
		"fails*":   "#!/bin/sh\necho fails 1.0; exit 3\n",
		"silent*":  "#!/bin/sh\n",
		"noisy*":   "#!/bin/sh\nhead -c 1000000 /dev/zero | tr '\\0' x\n",
		"binary*":  "#!/bin/sh\nprintf 'v1\\000\\033[31m\\377\\n'\n",
		"survive*": "#!/bin/sh\n(setsid sleep 3600 &)\necho survive 1\n",
		"broken*":  "no program\x00",
		"folder/x": "",
		"env*":     "#!/bin/sh\necho \"${AWS_CONTAINER_CREDENTIALS_FULL_URI-nobody} ${WITHOUT-withheld}\"\n",
	})
	server := startAWS(t, loopback.Options{})
	s := newStage(t, "WITHOUT=secret")
	s.rt.Env.Set("PATH", bin+":"+os.Getenv("PATH"))
	s.mustRun(Make[pipeline.Deploy]{
		Credentials: assumed[pipeline.Deploy](server, deployRole, s.redact),
		Target:      "setup", Dir: dir, Without: []string{"WITHOUT"},
		Tools: []string{"good", "stderr", "both", "fails", "silent", "noisy", "binary", "survive", "broken", "folder", "missing", "env", "make"},
	})
	e := s.event("versions")
	for tool, want := range map[string]string{
		"good": "good 1.2.3", "stderr": "old python 2.7", "both": "out", "fails": "none", "silent": "none",
		"survive": "survive 1", "broken": "none", "folder": "none", "missing": "none",
		"env": "nobody withheld", // though the step has a scope
	} {
		if e[tool] != want {
			t.Errorf("%s: got %.100q, want %q", tool, e[tool], want)
		}
	}
	if got := fmt.Sprint(e["noisy"]); len(got) > 300 || !strings.HasPrefix(got, "xxx") {
		t.Errorf("noisy: %d bytes, %.50q", len(got), got)
	}
	contains(t, "make", fmt.Sprint(e["make"]), "GNU Make")
	if s.output() != "" {
		t.Errorf("the tools printed into the log: %.200q", s.output())
	}
}

// versions runs only that part of the step, with a limit that a test can wait for.
type versions struct {
	Make[pipeline.None]
	limit time.Duration
}

func (v versions) Run(ctx context.Context, rt *pipeline.Runtime) error {
	return v.logVersions(ctx, rt, v.limit)
}

// Of a package of npm the version is read; what only looks like one is asked.
func TestVersionOfAPackage(t *testing.T) {
	dir, bin := t.TempDir(), t.TempDir()
	write(t, bin, map[string]string{
		"lib/good/package.json":     `{"version": "1.2.3\nand more", "bin": {"good": "bin/cli.js", "other": "x"}}`,
		"lib/good/bin/cli.js*":      "#!/bin/sh\necho it was started\n",
		"lib/deep/package.json":     `{"version": "4.5.6", "bin": {"deep": "./a/b/cli.js"}}`,
		"lib/deep/a/b/cli.js*":      "#!/bin/sh\necho it was started\n",
		"lib/another/package.json":  `{"version": "1.2.3", "bin": {"another": "other.js", "cli": "cli.js"}}`,
		"lib/another/cli.js*":       "#!/bin/sh\necho another asked\n",
		"lib/broken/package.json":   `{"version": 7}`,
		"lib/broken/cli.js*":        "#!/bin/sh\necho broken asked\n",
		"lib/none/package.json":     `{"bin": {"none": "cli.js"}}`,
		"lib/none/cli.js*":          "#!/bin/sh\necho none asked\n",
		"lib/long/package.json":     `{"version": "1.2.3", "bin": {"long": "cli.js"}}` + strings.Repeat(" ", maxPackage),
		"lib/long/cli.js*":          "#!/bin/sh\necho long asked\n",
		"lib/fifo/cli.js*":          "#!/bin/sh\necho fifo asked\n",
		"lib/a/b/c/too/far/cli.js*": "#!/bin/sh\necho far asked\n",
		"lib/a/package.json":        `{"version": "1.2.3", "bin": {"far": "b/c/too/far/cli.js"}}`,
		"lib/link/cli.js*":          "#!/bin/sh\necho link asked\n",
		"lib/link/elsewhere":        `{"version": "1.2.3", "bin": {"link": "cli.js"}}`,
		"lib/noisy/package.json":    `{"version": "` + strings.Repeat("x", 10*versionLength) + `", "bin": {"noisy": "cli.js"}}`,
		"lib/noisy/cli.js*":         "#!/bin/sh\necho it was started\n",
	})
	if err := syscall.Mkfifo(filepath.Join(bin, "lib/fifo/package.json"), 0o644); err != nil {
		t.Fatal(err)
	}
	link(t, "elsewhere", filepath.Join(bin, "lib/link/package.json"))
	for tool, program := range map[string]string{
		"good": "good/bin/cli.js", "deep": "deep/a/b/cli.js", "another": "another/cli.js", "broken": "broken/cli.js", "none": "none/cli.js",
		"long": "long/cli.js", "fifo": "fifo/cli.js", "far": "a/b/c/too/far/cli.js", "link": "link/cli.js", "noisy": "noisy/cli.js",
	} {
		link(t, "lib/"+program, filepath.Join(bin, tool))
	}
	s := newStage(t)
	s.rt.Env.Set("PATH", bin+":"+os.Getenv("PATH"))
	tools := []string{"good", "deep", "another", "broken", "none", "long", "fifo", "far", "link", "noisy"}
	s.mustRun(versions{Make[pipeline.None]{Target: "setup", Dir: dir, Tools: tools}, time.Minute})
	e := s.event("versions")
	for tool, want := range map[string]string{
		"good": "1.2.3", "deep": "4.5.6", "another": "another asked", "broken": "broken asked", "none": "none asked",
		"long": "long asked", "fifo": "fifo asked", "far": "far asked", "link": "link asked", "noisy": strings.Repeat("x", versionLength),
	} {
		if e[tool] != want {
			t.Errorf("%s: got %.250q, want %q", tool, e[tool], want)
		}
	}
}

// Tools that wait for each other are all asked.
func TestToolsAreAskedAtOnce(t *testing.T) {
	bin := t.TempDir()
	const meet = "#!/bin/sh\ntouch $0.here\nwhile ! test -e ${0%/*}/%s.here; do sleep 0.01; done; echo met\n"
	write(t, bin, map[string]string{"one*": strings.Replace(meet, "%s", "two", 1), "two*": strings.Replace(meet, "%s", "one", 1)})
	s := newStage(t)
	s.rt.Env.Set("PATH", bin+":"+os.Getenv("PATH"))
	s.mustRun(versions{Make[pipeline.None]{Target: "setup", Dir: bin, Tools: []string{"one", "two"}}, 10 * time.Second})
	if e := s.event("versions"); e["one"] != "met" || e["two"] != "met" {
		t.Errorf("got %v", e)
	}
}

func TestToolThatHangs(t *testing.T) {
	bin := t.TempDir()
	write(t, bin, map[string]string{
		"hangs*":   "#!/bin/sh\nexec sleep 3600\n",
		"ignores*": "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 3600; done\n",
		"endless*": "#!/bin/sh\nexec yes\n",
	})
	s := newStage(t)
	s.rt.Env.Set("PATH", bin+":"+os.Getenv("PATH"))
	s.rt.Grace = time.Hour // of the targets: a tool that is only asked for its version gets none
	step := versions{Make[pipeline.None]{Target: "setup", Dir: bin, Tools: []string{"hangs", "ignores", "endless"}}, 200 * time.Millisecond}
	s.mustRun(step)
	e := s.event("versions")
	for _, tool := range step.Tools {
		if e[tool] != "none" {
			t.Errorf("%s: got %q, want none", tool, e[tool])
		}
	}

	// The end of the run is no slow tool.
	s = newStage(t)
	s.rt.Env.Set("PATH", bin+":"+os.Getenv("PATH"))
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(100*time.Millisecond, func() { cancel(&fault.InterruptedError{Signal: 15}) })
	step.limit = time.Hour
	if err := s.runIn(ctx, step); fault.ExitCode(err) != 143 || s.count("versions") != 0 {
		t.Errorf("got %v, exit code %d, want 143", err, fault.ExitCode(err))
	}
}

// What make told is not known where the file cannot be read to its end.
func TestWhatMakeDidMustBeReadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{"long": "0 read\n" + strings.Repeat("x", 1<<20) + "\n0 made\n"})
	for _, name := range []string{"none", "long"} {
		if _, err := readDoing(filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), "reading what make did") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
