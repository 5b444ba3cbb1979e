package steps

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spa-runner/internal/fault"
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
		"deploy of two":              {makefile: "boot:\n\t@echo booted\ndeploy:\n", targets: []string{"boot", "deploy"}, idle: 1, fails: true},
		"none is called deploy":      {makefile: "boot:\n\t@echo booted\nother:\n", targets: []string{"boot", "other"}, idle: 1},
		"both of two":                {makefile: "boot deploy:\n", targets: []string{"boot", "deploy"}, idle: 2, fails: true},
		"only what it depends on":    {makefile: "deploy: below\nbelow:\n\t@echo deployed\n"},
		"the last line has no end":   {makefile: "deploy:\n\t@printf deployed\n"},
		"nothing printed, but done":  {makefile: "deploy:\n\t@touch done\n"},
		"a name that is no word":     {makefile: "deploy+all:\n", targets: []string{"deploy+all"}, idle: 1, fails: true},
		"what depends is up to date": {makefile: "deploy: Makefile\n", idle: 1, fails: true},
		"silent":                     {makefile: "MAKEFLAGS += -s\n" + real, there: "deploy", idle: 1, fails: true},
		"silent, but done":           {makefile: "MAKEFLAGS += -s\n" + real},
		"made silent by a target":    {makefile: ".SILENT:\n" + real, there: "deploy", idle: 1, fails: true},
		"in a file of its own":       {makefile: "include deploy.mk\ndeploy.mk:\n\t@printf 'deploy:\\n' >$@\n", idle: 1, fails: true},
		"a pattern":                  {makefile: "deploy-%:\n\t@echo deployed $*\n", targets: []string{"deploy-prod"}},
		"a pattern that is shadowed": {makefile: "deploy-%:\n\t@echo deployed $*\n", there: "deploy-prod", targets: []string{"deploy-prod"}, idle: 1, fails: true},
		"all variables exported":     {makefile: ".EXPORT_ALL_VARIABLES:\nA ?= $(shell echo a)\n" + real},
		"nothing exported":           {makefile: "unexport\n" + real},
		"another shell":              {makefile: "SHELL := /bin/bash\n.ONESHELL:\n.SHELLFLAGS := -euc\n" + real},
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
			if (err != nil) != c.fails || c.fails && (fault.ExitCode(err) != 125 || !strings.Contains(fault.Hint(err), ".PHONY")) {
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

// A file beside the Makefile is no deployment, though make has a rule to make another
// file of it. The Makefile's own rules for such files hold, and so do the built-in ones
// for other files.
func TestABuiltInRuleIsNoDeployment(t *testing.T) {
	const sh = "#!/bin/sh\necho from $0\n"
	for name, c := range map[string]struct {
		makefile, file, target string
		want                   string // in the output; "" for no rule
	}{
		"a script":                 {"setup:\n", "deploy.sh", "deploy", ""},
		"a program":                {"setup:\n", "deploy.c", "deploy", ""},
		"by two rules":             {"setup:\n", "deploy.y", "deploy", ""},
		"by RCS":                   {"setup:\n", "RCS/deploy,v", "deploy", ""},
		"by SCCS":                  {"setup:\n", "SCCS/s.deploy", "deploy", ""},
		"in a folder":              {"setup:\n", "sub/deploy.sh", "sub/deploy", ""},
		"by another name":          {"setup:\n", "deploy.sh", "./deploy", ""},
		"the recipe of all others": {".DEFAULT:\n\t@echo deployed $@\n", "deploy.sh", "deploy", "deployed deploy\n"},
		"named":                    {"deploy: deploy.sh\n\t@sh $<\n", "deploy.sh", "deploy", "from deploy.sh\n"},
		"a pattern":                {"%: %.sh\n\t@sh $<\n", "deploy.sh", "deploy", "from deploy.sh\n"},
		"a static pattern":         {"deploy: %: %.sh\n\t@sh $<\n", "deploy.sh", "deploy", "from deploy.sh\n"},
		"of a make below":          {"deploy:\n\t@$(MAKE) -s tool; ./tool\n", "deploy.sh", "deploy", "from ./tool\n"},
		"of what it depends on":    {"deploy: tool\n\t@./tool\n", "tool.sh", "deploy", "from ./tool\n"},
	} {
		for _, program := range makes(t) {
			t.Run(name+" "+filepath.Base(filepath.Dir(program)), func(t *testing.T) {
				dir, bin := codeWith(t, c.makefile), t.TempDir()
				write(t, dir, map[string]string{"tool.sh": sh, c.file: sh})
				const tool = "#!/bin/sh\ntouch deploy y.tab.c\n"
				write(t, bin, map[string]string{"cc*": tool, "yacc*": tool, "co*": tool, "get*": tool})
				link(t, program, filepath.Join(bin, "make"))
				server, s := startAWS(t, loopback.Options{}), newStage(t)
				s.rt.Env.Set("PATH", bin+":"+os.Getenv("PATH"))
				err := s.run(Make[pipeline.Deploy]{
					Credentials: assumed[pipeline.Deploy](server, deployRole, s.redact), Target: "deploy", Targets: []string{c.target}, Dir: dir,
				})
				if c.want == "" && err == nil || c.want != "" && (err != nil || !strings.HasSuffix(s.output(), c.want)) {
					t.Errorf("got %v, want %q; it printed %s", err, c.want, s.output())
				}
			})
		}
	}
}

// A make that was told to print, touch or ask instead of deploying has not deployed,
// and one that ignores errors does not know: whatever its status is, and in any language.
func TestMakeflagsOfTheMakefile(t *testing.T) {
	for name, c := range map[string]struct{ makefile, want string }{
		"only prints":                  {"MAKEFLAGS += -n\ndeploy:\n\t@echo deployed\n", "nothing was deployed"},
		"only prints, but starts make": {"MAKEFLAGS += -n\ndeploy:\n\t@$(MAKE) below\nbelow:\n\t@echo deployed\n", "nothing was deployed"},
		"only touches":                 {"MAKEFLAGS += --touch\ndeploy:\n\t@echo deployed\n", "nothing was deployed"},
		"only asks":                    {"MAKEFLAGS += -q\ndeploy:\n\t@echo deployed\n", "exit status 1"},
		"ignores errors":               {"MAKEFLAGS += --ignore-errors\ndeploy:\n\t@false\n\t@true\n", "nobody knows whether it deployed"},
		"ignores errors among others":  {"MAKEFLAGS += -ki --no-print-directory\ndeploy:\n\t@true\n", "nobody knows whether it deployed"},
		"keeps going":                  {"MAKEFLAGS += -k\ndeploy:\n\t@echo deployed\n", ""},
		"has long options alone":       {"MAKEFLAGS += --no-print-directory --warn-undefined-variables\ndeploy:\n\t@echo deployed\n", ""},
		"works side by side":           {"MAKEFLAGS += -j4\ndeploy: one two\none two:\n\t@echo deployed\n", ""},
		"one line may fail":            {"deploy:\n\t-@false\n\t@echo deployed\n", ""},
		"prints below":                 {"deploy:\n\t@$(MAKE) -n below; echo deployed\nbelow:\n\t@true\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			server, s := startAWS(t, loopback.Options{}), newStage(t, "LANGUAGE=de", "LANG=de_DE.UTF-8", "LC_ALL=de_DE.UTF-8")
			err := s.run(Make[pipeline.Deploy]{
				Credentials: assumed[pipeline.Deploy](server, deployRole, s.redact), Target: "deploy", Dir: codeWith(t, c.makefile),
			})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q; it printed %s", err, c.want, s.output())
			}
		})
	}
}

// A make that is not GNU's does not read the rules: then its words are all that is known.
func TestMakeThatIsNotGNUMake(t *testing.T) {
	bin := t.TempDir()
	write(t, bin, map[string]string{"make*": "#!/bin/sh\necho deployed\n"})
	s := newStage(t)
	s.rt.Env.Set("PATH", bin+":"+os.Getenv("PATH"))
	server := startAWS(t, loopback.Options{})
	s.mustRun(Make[pipeline.Deploy]{Credentials: assumed[pipeline.Deploy](server, deployRole, s.redact), Target: "deploy", Dir: t.TempDir()})
	if s.count("make had nothing to do") != 0 || !strings.Contains(s.everything(), "it is not GNU make") {
		t.Errorf("got %s", s.everything())
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
