package shellvars

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCommandsAreRefused(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{"\naws ssm get-parameter --secret x", []string{":2: the external command `aws` is not allowed; ask the project"}},
		{"A=$(aws x) || true", []string{"`aws`"}},
		{"export A=$(aws x)", []string{"`aws`"}},
		{"A=$(aws x)\n\nB=`jq .`\nC=\"$(curl $A)\"", []string{":1: the external command `aws`", ":3: the external command `jq`", ":4: the external command `curl`"}},
		{"if aws x; then :; fi", []string{"`aws`"}},
		{"/bin/true", []string{"`/bin/true`"}},
		{"command aws x", []string{"`aws`"}},
		{"c=aws; $c x", []string{"`$c`"}},
		{"set -e\nfalse_command\n", []string{":2: the external command `false_command`"}},
		{"f() {\n A=$(aws);\n}\nf", []string{":2: the external command `aws`"}},
		{"eval 'aws x'", []string{":1: the external command `aws`"}},
		{"for i in 1 2 3; do aws; done", []string{"`aws`"}},
	}
	for _, tt := range tests {
		o := script(t, tt.text)
		o.ExecAdvice = "ask the project"
		for i, p := range mustFail(t, o, tt.want...) {
			if p.Fix != "ask the project" {
				t.Errorf("problem %d: got advice %q", i, p.Fix)
			}
		}
	}
	if p := mustFail(t, script(t, "aws"), "aws")[0]; p.Fix != DefaultExecAdvice {
		t.Errorf("got advice %q, want the default", p.Fix)
	}
}

type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }
func (e exitError) ExitCode() int { return int(e) }

// fake runs `say WORDS`, `fail N`, `env`, `broken` and `wait`.
func fake(ctx context.Context, c Command) error {
	switch c.Argv[0] {
	case "say":
		fmt.Fprintln(c.Stdout, strings.Join(c.Argv[1:], " "))
	case "env":
		fmt.Fprint(c.Stdout, strings.Join(c.Env, "|"))
	case "fail":
		var n int
		fmt.Sscan(c.Argv[1], &n)
		return fmt.Errorf("running it: %w", exitError(n))
	case "wait":
		<-ctx.Done()
		return ctx.Err()
	case "broken":
		return errors.New("no such program")
	}
	return nil
}

func TestCommandsRun(t *testing.T) {
	o := script(t, "export A=$(say one two)\nB=hidden\nif fail 3; then C=no; else C=$?; fi\nexport C\nexport D=\"$(env)\"\n"+
		"fail 7; export E=$?\nF=$(say x | say y)\nfail 2 2>/dev/null || export G=1\n")
	o.Env, o.Exec = []string{"FROM_ENV=1"}, fake
	got := mustSource(t, o)
	for name, want := range map[string]string{"A": "one two", "C": "3", "D": "A=one two|C=3|FROM_ENV=1", "E": "7", "F": "y", "G": "1"} {
		if got[name].Value != want {
			t.Errorf("%s: got %q, want %q", name, got[name].Value, want)
		}
	}
}

func TestCommandSeesItsStreamsAndFolder(t *testing.T) {
	var got Command
	o := script(t, "cd settings\nX=1 tool a 'b c' < variables.sh\n")
	o.Exec = func(_ context.Context, c Command) error { got = c; return nil }
	mustSource(t, o)
	if want := []string{"tool", "a", "b c"}; !slices.Equal(got.Argv, want) || got.Dir != o.Root || !slices.Contains(got.Env, "X=1") {
		t.Errorf("got argv %q, dir %q, env %q", got.Argv, got.Dir, got.Env)
	}
}

func TestLostFailures(t *testing.T) {
	for _, lost := range []string{
		"A=$(fail 1)", "export A=$(fail 1)", "export A=$(fail 1) || true", "A=x$(fail 1)y", "A=\"$(fail 1)\"", "declare A=$(fail 1)",
		"A=$(fail 1) true", "A=$(fail 1; say x)", "A=$(fail 1 | say x)", "A=($(fail 1))", "f() { fail 1; }\nA=$(f)", "f() { A=$(fail 1); }\nf",
		"eval 'A=$(fail 1)'", "A=$(say $(fail 1))x",
	} {
		o := script(t, lost)
		o.Exec = fake
		if lost == "A=$(say $(fail 1))x" {
			mustSource(t, o) // an argument of another command: as in a shell
			continue
		}
		mustFail(t, o, "the external command `fail` failed, and its output was about to become a value")
	}
	for _, tested := range []string{
		"A=$(fail 1) || A=default", "A=$(fail 1 || say x)", "A=$(fail 1 && say x; say y)", "if A=$(fail 1); then :; fi", "! A=$(fail 1)",
		"A=$(if fail 1; then say x; fi)", "while A=$(fail 1); do :; done", "fail 1", "f() { fail 1; }\nf", "f() { fail 1 || say x; }\nA=$(f)",
		"A=$(fail 141)", "say $(fail 1)",
	} {
		o := script(t, tested)
		o.Exec = fake
		t.Run(tested, func(t *testing.T) { mustSource(t, o) })
	}
}

func TestCommandThatCannotBeRun(t *testing.T) {
	o := script(t, "\nbroken secret || true")
	o.Exec = fake
	p := mustFail(t, o, ":2: the external command `broken` could not be run: no such program")[0]
	if strings.Contains(p.String(), "secret") {
		t.Errorf("the arguments are shown: %s", p)
	}
	ctx, cancel := context.WithCancel(context.Background())
	o = script(t, "A=$(wait_)")
	o.Exec = func(ctx context.Context, c Command) error { cancel(); <-ctx.Done(); return ctx.Err() }
	if _, err := Source(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the cancellation", err)
	}
}

func TestPipelinesLoseNothingSilently(t *testing.T) {
	o := script(t, "say x | read A")
	o.Exec = fake
	mustFail(t, o, "a pipeline sets `A`")
	o = script(t, "export A=$(say x | while read -r l; do echo \"[$l]\"; done)")
	o.Exec = fake
	if got := mustSource(t, o)["A"].Value; got != "[x]" {
		t.Errorf("got %q, want [x]", got)
	}
}
