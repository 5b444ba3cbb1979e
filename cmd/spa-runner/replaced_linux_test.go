package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spa-runner/internal/loopback"
)

// replacements are ways in which setup, lint or tests try to decide what is deployed.
// Each is what `make all-tests` does, in the folder of the code. EVIL is a file that
// prints EVIL, as a makefile with all targets, as a shell script and as a program.
var replacements = map[string]struct {
	script  string
	path    string // PATH of the build, in front of the usual one; % is a folder that is open to all
	refused string // in the error; "" is a deployment of what was cloned
}{
	"nothing":                       {script: "true"},
	"Makefile.sh":                   {script: "cp $EVIL Makefile.sh", refused: "make could make Makefile from it"},
	"Makefile.c":                    {script: "cp $EVIL Makefile.c; mkdir -p venv/bin; cp $EVIL venv/bin/cc", refused: "make could make Makefile from it"},
	"Makefile of RCS":               {script: "mkdir -p RCS; cp $EVIL RCS/Makefile,v; mkdir -p ${npm_config_prefix:-venv}/bin; cp $EVIL ${npm_config_prefix:-venv}/bin/co", refused: "make could make Makefile from it"},
	"Makefile of SCCS":              {script: "mkdir -p SCCS; cp $EVIL SCCS/s.Makefile", refused: "make could make Makefile from it"},
	"Makefile below":                {script: "cp $EVIL sub/Makefile.sh", refused: "make could make sub/Makefile from it"},
	"GNUmakefile":                   {script: "cp $EVIL GNUmakefile", refused: "make reads it in place of the tracked one"},
	"a script":                      {script: "cp $EVIL build.sh", refused: "build.sh: its content was changed"},
	"a script, made anew":           {script: "cp $EVIL build.sh.sh", refused: "make could make build.sh from it"},
	"an included makefile":          {script: "cp $EVIL common.mk.sh", refused: "make could make common.mk from it"},
	"a file of the target's name":   {script: "touch deploy", refused: "nothing was deployed"},
	"the same, in another language": {script: "touch deploy", path: "LANGUAGE", refused: "nothing was deployed"},
	"make in the venv":              {script: "mkdir -p venv/bin; cp $EVIL venv/bin/make"},
	"make in the home":              {script: "mkdir -p ${npm_config_prefix:-venv}/bin; cp $EVIL ${npm_config_prefix:-venv}/bin/make"},
	"make in the current folder":    {script: "cp $EVIL make", path: ":"},
	"make in ., named":              {script: "cp $EVIL make", path: ".:"},
	"make in a relative folder":     {script: "mkdir -p tools; cp $EVIL tools/make", path: "tools:"},
	"make in the work folder":       {script: "cp $EVIL make", path: "WORK/code:"},
	"make in an open folder":        {script: "cp $EVIL $OPEN/make", path: "OPEN:"},
	"make in a sticky folder":       {script: "cp $EVIL $STICKY/make", path: "STICKY:"},
}

// Whatever hostile code does, as another user or as the same: what deploys is what was
// cloned, or nothing is deployed.
func TestHostileCodeDoesNotDecideWhatIsDeployed(t *testing.T) {
	t.Parallel()
	next := 500_000_000 + os.Getpid()*100 // one each, up to 98: the processes of a user are ended
	for name, way := range replacements {
		if leftOut(name) {
			continue
		}
		t.Run(name+" as the same user", func(t *testing.T) {
			t.Parallel()
			replace(t, way.script, way.path, way.refused, 0)
		})
		if os.Geteuid() != 0 {
			continue
		}
		next++
		uid := next
		t.Run(name+" as another user", func(t *testing.T) {
			t.Parallel()
			replace(t, way.script, way.path, way.refused, uid)
		})
	}
}

func replace(t *testing.T, script, path, refused string, uid int) {
	w := newWorld(t, loopback.Options{})
	openTo(t, w)
	base := filepath.Dir(w.workdir)
	evil := filepath.Join(base, "evil")
	const all = "#!/bin/sh\n: ; echo EVIL; exit 0\nsetup lint all-tests deploy second:\n\t@echo EVIL\n"
	err := os.WriteFile(evil, []byte(all), 0o755)
	for folder, mode := range map[string]os.FileMode{"open": 0o777, "sticky": 0o777 | os.ModeSticky} {
		err = errors.Join(err, os.Mkdir(filepath.Join(base, folder), 0o755), os.Chmod(filepath.Join(base, folder), mode))
	}
	if err != nil {
		t.Fatal(err)
	}
	w.env["EVIL"], w.env["OPEN"], w.env["STICKY"] = evil, filepath.Join(base, "open"), filepath.Join(base, "sticky")
	if path == "LANGUAGE" {
		path = ""
		w.env["LANGUAGE"], w.env["LC_ALL"] = "de", "de_DE.UTF-8"
	}
	for word, folder := range map[string]string{"WORK": w.workdir, "OPEN": w.env["OPEN"], "STICKY": w.env["STICKY"]} {
		path = strings.ReplaceAll(path, word, folder)
	}
	w.env["PATH"] = path + w.env["PATH"]
	w.write("code", "Makefile", "include common.mk\nsetup lint:\n\t@true\nall-tests:\n\t@"+strings.ReplaceAll(script, "$", "$$")+"\n"+
		"deploy: build.sh\n\t@$(MAKE) --no-print-directory second\nsecond:\n\t@sh build.sh; $(MAKE) --no-print-directory -C sub\n")
	w.write("code", "common.mk", "OF = cloned\n")
	w.write("code", "build.sh", "echo \"cloned as $(id -u)\"\n")
	w.write("code", "sub/Makefile", "all:\n\t@echo cloned below\n")
	if uid != 0 {
		w.env["SPA_RUNNER_UNTRUSTED_USER"] = fmt.Sprint(uid)
	}
	w.serve()
	o := w.run("run")
	deployed := o.output(t, "make-deploy")
	if strings.Contains(deployed, "EVIL") {
		t.Errorf("the code of tests was deployed: %s", deployed)
	}
	if refused != "" {
		if o.code != 125 || !strings.Contains(o.stdout, refused) {
			t.Errorf("got exit code %d, want 125 and %q: %v", o.code, refused, o)
		}
		return
	}
	if want := fmt.Sprintf("cloned as %d\ncloned below\n", os.Geteuid()); o.code != 0 || deployed != want {
		t.Errorf("got exit code %d and %q, want %q: %v", o.code, deployed, want, o)
	}
	if path != "" && strings.Contains(path, "ti") == (uid != 0) && !strings.Contains(o.stdout, "make is not searched for in these folders") {
		t.Errorf("no warning: %v", o)
	}
}
