package steps

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"spa-runner/internal/loopback"
	"spa-runner/pipeline"
)

// makes are the programs to try: that of the PATH, and others that
// SPA_RUNNER_MAKES names, such as GNU make 3.82 and 4.4.
func makes(t *testing.T) []string {
	t.Helper()
	path, err := exec.LookPath("make")
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{path}, filepath.SplitList(os.Getenv("SPA_RUNNER_MAKES"))...)
}

// The table of built-in rules has each one that make itself lists.
func TestBuiltInRulesOfMake(t *testing.T) {
	rule := regexp.MustCompile(`(?m)^([^\s:]*%[^\s:]*)::? *(.*)$`)
	for _, program := range makes(t) {
		cmd := exec.Command(program, "-p", "-f", os.DevNull)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
		out, _ := cmd.Output() // 2, since there is no target
		found := 0
		for _, match := range rule.FindAllStringSubmatch(string(out), -1) {
			target := strings.ReplaceAll(match[1], "%", "Makefile")
			if match[2] == "" || strings.HasPrefix(target, "(") { // a suffix alone, or a member of an archive
				continue
			}
			found++
			source := strings.ReplaceAll(strings.Fields(match[2])[0], "%", "Makefile")
			if !slices.Contains(remakes(source), target) {
				t.Errorf("%s: %s can be made from %s, and the table does not know that", program, target, source)
			}
		}
		if found < 50 {
			t.Errorf("%s lists %d rules: %s", program, found, out)
		}
	}
}

// make does not make its Makefile anew by a built-in rule, nor does any make that
// a recipe starts. What a user's Makefile says of itself holds.
func TestNoBuiltInRuleReplacesTheMakefile(t *testing.T) {
	const evil = "deploy all second:\n\t@echo EVIL\n"
	self := "deploy:\n\t@echo $(V)\nMakefile: Makefile.in\n\t@echo remaking; cp $< $@; echo V=new >>$@\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  string // in the output; there is never EVIL in it
	}{
		"of the target":      {map[string]string{"Makefile": "deploy:\n\t@echo GOOD\n", "Makefile.sh": evil}, "GOOD"},
		"makefile":           {map[string]string{"makefile": "deploy:\n\t@echo GOOD\n", "makefile.sh": evil}, "GOOD"},
		"GNUmakefile":        {map[string]string{"GNUmakefile": "deploy:\n\t@echo GOOD\n", "GNUmakefile.sh": evil}, "GOOD"},
		"by the same make":   {map[string]string{"Makefile": "deploy:\n\t@$(MAKE) second\nsecond:\n\t@echo GOOD\n", "Makefile.sh": evil}, "GOOD"},
		"in a folder":        {map[string]string{"Makefile": "deploy:\n\t@$(MAKE) -C sub\n", "sub/Makefile": "all:\n\t@echo GOOD\n", "sub/Makefile.sh": evil}, "GOOD"},
		"by name":            {map[string]string{"Makefile": "deploy:\n\t@cd sub && make\n", "sub/Makefile": "all:\n\t@echo GOOD\n", "sub/Makefile.sh": evil}, "GOOD"},
		"by RCS":             {map[string]string{"Makefile": "deploy:\n\t@echo GOOD\n", "RCS/Makefile,v": evil, "bin/co*": "#!/bin/sh\nprintf 'deploy:\\n\\t@echo EVIL\\n' >Makefile\n"}, "GOOD"},
		"the first target":   {map[string]string{"Makefile": "deploy:\n\t@$(MAKE) --no-print-directory\n", "GNUmakefile": "first:\n\t@echo GOOD $(MAKEFILE_LIST) $(firstword $(MAKEFILE_LIST)) $(.DEFAULT_GOAL)\ninclude Makefile\n"}, "GOOD GNUmakefile Makefile GNUmakefile first"},
		"a rule for itself":  {map[string]string{"Makefile": self, "Makefile.in": self}, "new"},
		"an included file":   {map[string]string{"Makefile": "include gen.mk\ndeploy:\n\t@echo $(V)\ngen.mk: Makefile\n\t@echo V=GOOD >$@\n"}, "GOOD"},
		"one by a pattern":   {map[string]string{"Makefile": "include gen.mk\ndeploy:\n\t@echo $(V)\n%.mk: %.mk.in\n\t@cp $< $@\n", "gen.mk.in": "V=GOOD\n"}, "GOOD"},
		"one by a built-in":  {map[string]string{"Makefile": "include gen.mk\ndeploy:\n\t@echo $(V)\n", "gen.mk.sh": "V=GOOD\n"}, "GOOD"},
		"built-in rules":     {map[string]string{"Makefile": "deploy: tool\n\t@./tool\n", "tool.sh": "echo GOOD\n"}, "GOOD"},
		"flags of a submake": {map[string]string{"Makefile": "deploy:\n\t@$(MAKE) --no-print-directory second\nsecond:\n\t@echo GOOD '[$(MAKEFLAGS)]'\n"}, "GOOD ["},
	} {
		for _, program := range makes(t) {
			t.Run(name+" "+filepath.Base(filepath.Dir(program)), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "code")
				write(t, dir, c.files)
				for _, folder := range []string{".", "sub"} { // what replaces is newer
					for _, makefile := range makefiles() {
						old := filepath.Join(dir, folder, makefile)
						if info, err := os.Stat(old); err == nil {
							past := info.ModTime().Add(-10 * time.Second)
							if err := os.Chtimes(old, past, past); err != nil {
								t.Fatal(err)
							}
						}
					}
				}
				bin := t.TempDir()
				link(t, program, filepath.Join(bin, "make"))
				server, s := startAWS(t, loopback.Options{}), newStage(t)
				s.rt.Env.Set("PATH", bin+":"+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
				s.mustRun(Make[pipeline.Deploy]{Credentials: assumed[pipeline.Deploy](server, deployRole, s.redact), Target: "deploy", Dir: dir})
				if out := s.output(); strings.Contains(out, "EVIL") || !strings.Contains(out, c.want) {
					t.Errorf("got %s, want %q", out, c.want)
				}
			})
		}
	}
}
