package steps

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spa-runner/pipeline"
)

// withCommands is a script that may run external commands.
func withCommands(t *testing.T, script string) *variables {
	t.Helper()
	v := newVariables(t, script)
	v.Exec = true
	return v
}

func TestExternalCommandsRunWithoutIdentity(t *testing.T) {
	const canary = "canary-0123456789"
	carriers := []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "CODEBUILD_AUTH_TOKEN", "SSH_AUTH_SOCK",
	}
	var environ []string
	for _, name := range carriers {
		t.Setenv(name, canary) // in this process
		environ = append(environ, name+"="+canary)
	}
	t.Setenv("CANARY_OF_THE_RUNNER", canary)
	v := withCommands(t, "export FROM_SCRIPT=yes\nexport SEEN=\"$(env)\"\nexport DIRECT=\"$(sh -c 'echo \"$OF_THE_PROJECT/$FROM_SCRIPT\"')\"\n")
	s := newStage(t, append(environ, "OF_THE_PROJECT=passes")...)
	s.mustRun(v)
	if got := s.env("DIRECT"); got != "passes/yes" {
		t.Errorf("got %q, want the variables of project and script", got)
	}
	seen := s.env("SEEN")
	if strings.Contains(seen, canary) {
		t.Errorf("an identity, or the runner's own environment, reached a command: %s", seen)
	}
	contains(t, "the environment of a command", seen, "AWS_EC2_METADATA_DISABLED=true", "spa-runner-step-", "/aws-config-none")
}

func TestExternalCommands(t *testing.T) {
	v := withCommands(t, strings.Join([]string{
		`export PIPED=$(printf 'b\na\n' | sort | tr '\n' ' ')`,
		`export DIGEST=$(echo input | { cat; echo more; } | wc -l | tr -d ' ')`,
		`export STATUS=$(sh -c 'exit 3' || echo "was $?")`,
		`if ! grep -q nothing settings/environments/test/settings.yaml; then export GREP=no; fi`,
		`export READ=$(cat settings/environments/test/settings.yaml)`,
		`export HERE=$(sh -c 'echo "$0"' word)`,
		`sh -c 'echo printed'`,
	}, "\n"))
	s := newStage(t)
	s.mustRun(v)
	for name, want := range map[string]string{
		"PIPED": "a b ", "DIGEST": "2", "STATUS": "was 3", "GREP": "no", "READ": "environment: test", "HERE": "word",
	} {
		if got := s.env(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got := s.output(); got != "printed\n" {
		t.Errorf("printed %q", got)
	}
}

// Why a command failed must be in the log even though the script's own output
// is held back.
func TestStderrOfACommandIsLogged(t *testing.T) {
	v := withCommands(t, "export API_TOKEN=born-in-the-script\nA=$(sh -c 'echo no such parameter >&2; echo $API_TOKEN >&2; exit 1')\n")
	s := newStage(t)
	wantConfigError(t, s.run(v), "variables.sh:2", "`sh` failed")
	if got, want := s.output(), "no such parameter\n***\n"; got != want {
		t.Errorf("logged %q, want %q", got, want)
	}
	if len(s.streams) == 0 || s.streams[0] != "stderr" {
		t.Errorf("got streams %q", s.streams)
	}
	// A script that goes well has told all its secrets, and none of them shows.
	v = withCommands(t, "OWN_TOKEN=born-in-the-script\nexport A=$(sh -c 'echo \"> Authorization: $0\" >&2; echo a' $OWN_TOKEN)\n"+
		"export FETCHED_TOKEN=$(sh -c 'echo fetched-later; echo got fetched-later >&2')\n")
	s = newStage(t)
	s.mustRun(v)
	if got, want := s.output(), "> Authorization: ***\ngot ***\n"; got != want || s.env("FETCHED_TOKEN") != "fetched-later" {
		t.Errorf("logged %q, want %q", got, want)
	}
	// Unless the script says where else it goes.
	v = withCommands(t, "export A=\"$(sh -c 'echo both; echo streams >&2' 2>&1 | sort)\"\nexport B=$(sh -c 'echo lost >&2; echo b' 2>/dev/null)\n")
	s = newStage(t)
	s.mustRun(v)
	if s.env("A") != "both\nstreams" || s.env("B") != "b" || s.output() != "" {
		t.Errorf("A is %q, B is %q, logged %q", s.env("A"), s.env("B"), s.output())
	}
}

// Both streams of a command can be one place, which is a value in the making.
func TestBothStreamsInOneValueLoseNothing(t *testing.T) {
	v := withCommands(t, `export ALL="$(sh -c 'i=0; while [ $i -lt 300 ]; do echo out; echo err >&2; i=$((i+1)); done' 2>&1)"`)
	s := newStage(t)
	s.mustRun(v)
	if lines := strings.Fields(s.env("ALL")); len(lines) != 600 {
		t.Errorf("got %d lines, want 600", len(lines))
	}
}

func TestCommandsDoNotSeeWhatTheScriptUnset(t *testing.T) {
	v := withCommands(t, "unset OF_THE_PROJECT\nexport SEEN=$(sh -c 'echo ${OF_THE_PROJECT-nothing}')\nexport LOCAL=$(OTHER=changed sh -c 'echo $OTHER')\n")
	s := newStage(t, "OF_THE_PROJECT=there", "OTHER=before")
	s.mustRun(v)
	if s.env("SEEN") != "nothing" || s.env("LOCAL") != "changed" || s.env("OTHER") != "before" {
		t.Errorf("a command sees %q and %q, OTHER is %q", s.env("SEEN"), s.env("LOCAL"), s.env("OTHER"))
	}
}

func TestCommandsThatCannotRun(t *testing.T) {
	v := withCommands(t, "export A=1\nno-such-program --secret born-here\n")
	s := newStage(t)
	err := s.run(v)
	wantConfigError(t, err, "variables.sh:2", "no-such-program")
	if strings.Contains(err.Error(), "born-here") || s.env("A") != "(unset)" {
		t.Errorf("got %v", err)
	}
}

func TestWhatACommandLeftRunningIsGone(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "alive")
	v := withCommands(t, "sh -c '(setsid sh -c \"sleep 3600; touch "+mark+"\" >/dev/null 2>&1 &)'\n")
	newStage(t).mustRun(v)
	var nobody *exec.ExitError
	if out, err := exec.Command("pgrep", "-f", mark).Output(); !errors.As(err, &nobody) || nobody.ExitCode() != 1 {
		t.Errorf("left: %s, %v", out, err)
	}
}

func TestInterruptedCommandEndsTheScript(t *testing.T) {
	v := withCommands(t, "sleep 3600 || true\nexport A=1\n")
	s := newStage(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(150*time.Millisecond, func() { cancel(&pipeline.InterruptedError{Signal: 15}) })
	err := s.runIn(ctx, v)
	if pipeline.ExitCode(err) != 143 || s.env("A") != "(unset)" {
		t.Errorf("got %v", err)
	}
}

// Commands are refused unless the project allows them.
func TestCommandsCannotBeHadWithoutTheKnob(t *testing.T) {
	v := newVariables(t, "export A=$(cat /etc/passwd)\n")
	s := newStage(t)
	wantConfigError(t, s.run(v), "`cat` is not allowed")
	if strings.Contains(s.everything(), "root:") {
		t.Error("a file was read")
	}
}
