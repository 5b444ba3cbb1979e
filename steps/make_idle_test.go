package steps

import (
	"strings"
	"testing"

	"spa-runner/internal/loopback"
	"spa-runner/pipeline"
)

// A deployment of which make says that there is nothing to do is none, whatever
// make's status is; elsewhere it is a warning.
func TestMakeThatDoesNothing(t *testing.T) {
	const real = "deploy:\n\t@echo deployed\n"
	for name, c := range map[string]struct {
		makefile string
		there    string // a file in the code
		targets  []string
		flags    []string
		idle     int
		fails    bool
	}{
		"no recipe":                  {makefile: "deploy:\n", idle: 1, fails: true},
		"a file in the way":          {makefile: real, there: "deploy", idle: 1, fails: true},
		"a folder in the way":        {makefile: real, there: "deploy/x", idle: 1, fails: true},
		"declared .PHONY":            {makefile: ".PHONY: deploy\n" + real, there: "deploy"},
		"after much else":            {makefile: "$(info $(shell seq 100000))\ndeploy:\n", idle: 1, fails: true},
		"rehearsed":                  {makefile: "deploy:\n", flags: []string{"--dry-run"}, idle: 1, fails: true},
		"what a target prints":       {makefile: "deploy:\n\t@echo \"make: Nothing to be done for 'deploy'.\"; echo deployed\n"},
		"of another target":          {makefile: "deploy:\n\t@echo \"make: Nothing to be done for 'other'.\"\n"},
		"of a make below":            {makefile: "deploy:\n\t@$(MAKE) below\nbelow:\n"},
		"one of two":                 {makefile: "boot:\n" + real, targets: []string{"boot", "deploy"}, idle: 1},
		"both of two":                {makefile: "boot deploy:\n", targets: []string{"boot", "deploy"}, idle: 2, fails: true},
		"only what it depends on":    {makefile: "deploy: below\nbelow:\n\t@echo deployed\n"},
		"the last line has no end":   {makefile: "deploy:\n\t@printf deployed\n"},
		"nothing printed, but done":  {makefile: "deploy:\n\t@touch done\n"},
		"a name that is no word":     {makefile: "deploy+all:\n", targets: []string{"deploy+all"}, idle: 1, fails: true},
		"what depends is up to date": {makefile: "deploy: Makefile\n", idle: 1, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := codeWith(t, c.makefile)
			if c.there != "" {
				write(t, dir, map[string]string{c.there: "x"})
			}
			server, s := startAWS(t, loopback.Options{}), newStage(t)
			err := s.run(Make[pipeline.Deploy]{
				Credentials: assumed[pipeline.Deploy](server, deployRole, s.redact),
				Target:      "deploy", Targets: c.targets, Flags: c.flags, Dir: dir,
			})
			if (err != nil) != c.fails || c.fails && (pipeline.ExitCode(err) != 125 || !strings.Contains(pipeline.Hint(err), ".PHONY")) {
				t.Errorf("got %v", err)
			}
			if got := s.count("make had nothing to do"); got != c.idle {
				t.Errorf("%d warnings, want %d: %s", got, c.idle, s.output())
			}
			tests := newStage(t)
			tests.mustRun(Make[pipeline.None]{Target: "deploy", Targets: c.targets, Flags: c.flags, Dir: dir})
			if got := tests.count("make had nothing to do"); got != c.idle {
				t.Errorf("as nobody: %d warnings, want %d", got, c.idle)
			}
		})
	}
}

// What make says of itself may come in pieces of any size.
func TestTailInPieces(t *testing.T) {
	t.Parallel()
	text := []byte(strings.Repeat("a line before\n", 100) + "make: Nothing to be done for 'deploy'.\n")
	for size := 1; size <= len(text); size += 7 {
		var last tail
		for rest := text; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			last.add(rest[:min(size, len(rest))])
		}
		if !last.isIdle("deploy") || last.isIdle("other") || len(last.text) > tailLength {
			t.Errorf("in pieces of %d: got %q", size, last.text)
		}
	}
	if old := (tail{text: []byte("make: `deploy' is up to date.\n")}); !old.isIdle("deploy") {
		t.Error("the quotes of make 3 are not known")
	}
}
