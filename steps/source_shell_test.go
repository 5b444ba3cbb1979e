package steps

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spa-runner/internal/fault"
)

// shells that run a variables.sh, of which each is there wherever the tests run.
var shells = []string{"bash", "sh"}

func TestAShellRunsTheScript(t *testing.T) {
	for _, shell := range shells {
		v := newVariables(t, strings.Join([]string{
			"export EXPORTED=$(printf 'a  b\\nc' | tr a A)",
			"OWN=two",
			"INHERITED=changed",
			"unset GONE",
			"PATH=/nowhere; export PATH",
			"export HERE=$(pwd) AGAIN=same",
			". settings/shared.sh",
			"echo printed; echo on stderr >&2",
			"[ -n \"$NOPE\" ] && export NOPE=1",
		}, "\n"))
		v.By = shell
		write(t, v.Settings, map[string]string{"shared.sh": "export SHARED=yes"})
		s := newStage(t, "INHERITED=before", "GONE=there", "KEPT=kept", "AGAIN=same")
		s.mustRun(v)
		dir, _ := filepath.EvalSymlinks(v.Workdir)
		for name, want := range map[string]string{
			"EXPORTED": "A  b\nc", "OWN": "(unset)", "INHERITED": "changed", "GONE": "(unset)", "KEPT": "kept", "HERE": dir, "SHARED": "yes", "PATH": "/nowhere",
		} {
			if got := s.env(name); got != want {
				t.Errorf("%s, %s: children see %q, want %q", shell, name, got, want)
			}
		}
		if got := s.output(); got != "printed\non stderr\n" {
			t.Errorf("%s: printed %q", shell, got)
		}
		var names []string
		for _, set := range v.applied {
			names = append(names, set.Name)
		}
		if got, want := fmt.Sprint(names), "[EXPORTED HERE INHERITED PATH SHARED]"; got != want {
			t.Errorf("%s: set are %s, want %s", shell, got, want)
		}
	}
}

func TestAShellThatDoesNotComeToTheEnd(t *testing.T) {
	for script, code := range map[string]int{
		"export A=1\nexit 0\n":                         fault.ExitConfig,
		"export A=1\nexit 3\n":                         3,
		"set -e\nexport A=1\nfalse\n":                  1,
		"export A=1 FORBIDDEN=1\n":                     fault.ExitConfig,
		"export A=1\nyes | head -c 2000000\n":          fault.ExitRunner,
		"export A=1\nhead -c 5000000 </dev/zero >&3\n": fault.ExitRunner,
	} {
		for _, shell := range shells {
			v := newVariables(t, script)
			v.By = shell
			s := newStage(t)
			err := s.run(v)
			if got := fault.ExitCode(err); err == nil || got != code || v.calls != 0 || s.env("A") != "(unset)" {
				t.Errorf("%s, %q: got %v, exit code %d, want %d, and nothing taken over", shell, script, err, got, code)
			}
			if (code == 1 || code == 3) && !strings.Contains(err.Error(), shell+" ended at or before the end of settings/") {
				t.Errorf("%s, %q: %v does not say where it ended", shell, script, err)
			}
		}
	}
}

// Reading what the shell tells ends with the shell, whoever else holds the pipe.
func TestTheResultsEndWithTheShell(t *testing.T) {
	v := newVariables(t, "export A=1\nsleep 3600 &\n")
	v.By = "sh"
	s := newStage(t)
	s.mustRun(v)
	if s.env("A") != "1" {
		t.Errorf("A is %q", s.env("A"))
	}
}

// The secrets of a script are known before anything that it printed is shown.
func TestAShellPrintsNoSecret(t *testing.T) {
	v := newVariables(t, "export API_TOKEN=born-in-the-script\necho $API_TOKEN\n")
	v.By = "sh"
	s := newStage(t)
	s.mustRun(v)
	if got := s.output(); got != "***\n" {
		t.Errorf("printed %q", got)
	}
	s.wantSilence("born-in-the-script")
}

func TestAnInterruptedShellIsAnInterruption(t *testing.T) {
	v := newVariables(t, "touch settings/there; sleep 3600\n")
	v.By = "sh"
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for _, err := os.Stat(filepath.Join(v.Settings, "there")); errors.Is(err, os.ErrNotExist) && ctx.Err() == nil; {
			_, err = os.Stat(filepath.Join(v.Settings, "there"))
		}
		cancel(&fault.InterruptedError{Signal: 15})
	}()
	if err := newStage(t).runIn(ctx, v); fault.ExitCode(err) != 143 || v.calls != 0 {
		t.Errorf("got %v, exit code %d, want 143", err, fault.ExitCode(err))
	}
}
