package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spa-runner/internal/loopback"
)

// refused checks that the overlay ended the run, with 64 and before any of the
// code was executed, and gives what it said.
func refused(t *testing.T, w *world, o outcome) string {
	t.Helper()
	failed := o.find(t, "step failed", "overlay-settings")
	if o.code != 64 || len(failed) != 1 || slices.Contains(w.assumed(), deployRole) || len(o.find(t, "settings file", "")) != 0 {
		t.Errorf("got %v, want a refusal by overlay-settings", o)
		return ""
	}
	return fmt.Sprint(failed[0]["error"], failed[0]["hint"])
}

func TestSettingsMayNotReplaceWhatIsProtected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.env["SPA_RUNNER_OVERLAY_PROTECT"] = "Makefile, cdk/**"
	w.write("code", "src/app.py", "print()\n")
	if err := os.Symlink("src", filepath.Join(w.dirs["code"], "cdk")); err != nil {
		t.Fatal(err)
	}
	w.write("settings", environmentPath+"/GNUmakefile", "deploy:\n\techo seized\n")
	w.write("settings", environmentPath+"/src/app.py", "print('seized')\n")
	w.serve()
	o := w.run("run")
	text := refused(t, w, o)
	for _, want := range []string{"GNUmakefile, which stands for Makefile", "src/app.py, which stands for cdk/app.py", "2 places", "take these files out of the environment folder"} {
		if !strings.Contains(text, want) {
			t.Errorf("got %q, want %q in it", text, want)
		}
	}
	if _, err := os.Lstat(filepath.Join(w.workdir, "code", "GNUmakefile")); err == nil || strings.Contains(o.stdout, "seized\\n") {
		t.Error("something was laid")
	}
	// variables.sh may not switch it off, and without it settings may do as before.
	w = newWorld(t, loopback.Options{})
	w.env["SPA_RUNNER_OVERLAY_PROTECT"] = "Makefile"
	w.write("settings", environmentPath+"/variables.sh", "SPA_RUNNER_OVERLAY_PROTECT=none\n")
	w.serve()
	if o := w.run("run"); o.code != 64 || len(o.find(t, "step failed", "source-variables")) != 1 {
		t.Errorf("by variables.sh: got %v", o)
	}
	w = newWorld(t, loopback.Options{})
	w.write("settings", environmentPath+"/GNUmakefile", "setup lint all-tests deploy:\n\t@echo seized\n")
	w.serve()
	if o := w.run("run"); o.code != 0 || o.output(t, "make-deploy") != "seized\n" {
		t.Errorf("unprotected: got %v", o)
	}
}

func TestAnEnvironmentWithoutSettingsIsNotDeployed(t *testing.T) {
	t.Parallel()
	spa := func() *world {
		w := newWorld(t, loopback.Options{})
		w.write("code", "fixtures/settings/settings.yaml", "environment: the demo of the code\n")
		w.write("settings", environmentPath+"/config/x", "x\n")
		return w
	}
	remove := func(w *world) {
		if err := os.Rename(filepath.Join(w.dirs["settings"], environmentPath, "settings.yaml"), filepath.Join(w.dirs["settings"], environmentPath, "settings.yml")); err != nil {
			t.Fatal(err)
		}
	}
	w := spa()
	w.serve()
	if o := w.run("run"); o.code != 0 {
		t.Errorf("with settings.yaml: got %v", o)
	}
	w = spa()
	remove(w)
	w.serve()
	if text := refused(t, w, w.run("run")); !strings.Contains(text, `"settings.yaml" is missing`) || !strings.Contains(text, `there is "settings.yml"`) {
		t.Errorf("got %q", text)
	}

	// The file that make would read: SETTINGS, of the script or of the project.
	w = spa()
	w.write("settings", environmentPath+"/variables.sh", "export SETTINGS=production.yaml\n")
	w.serve()
	if text := refused(t, w, w.run("run")); !strings.Contains(text, `"production.yaml" is missing`) {
		t.Errorf("got %q", text)
	}
	w = spa()
	remove(w)
	w.env["SETTINGS"] = "settings.yml"
	w.serve()
	if o := w.run("run"); o.code != 0 {
		t.Errorf("SETTINGS of the project: got %v", o)
	}

	// Set and empty demands nothing, aloud; code that ships no settings needs none.
	w = spa()
	remove(w)
	w.env["SPA_RUNNER_OVERLAY_REQUIRE"] = ""
	w.write("code", "Makefile", "setup lint all-tests deploy:\n\t@echo $@\n")
	w.serve()
	if o := w.run("run"); o.code != 0 || !strings.Contains(o.stdout, "SPA_RUNNER_OVERLAY_REQUIRE is empty") {
		t.Errorf("demanding nothing: got %v", o)
	}
	w = newWorld(t, loopback.Options{})
	remove(w)
	w.write("code", "Makefile", "setup lint all-tests deploy:\n\t@echo $@\n")
	w.serve()
	if o := w.run("run"); o.code != 0 || strings.Contains(o.stdout, "OVERLAY_REQUIRE is empty") {
		t.Errorf("other code: got %v", o)
	}
	w = newWorld(t, loopback.Options{})
	w.env["SPA_RUNNER_OVERLAY_REQUIRE"] = "config/*.csv"
	w.serve()
	if text := refused(t, w, w.run("run")); !strings.Contains(text, `"config/*.csv" is missing`) {
		t.Errorf("got %q", text)
	}
}

func TestAHeldEnvironmentIsTestedAndNotDeployed(t *testing.T) {
	t.Parallel()
	const secret = "hush-hush-0123456789"
	w := newWorld(t, loopback.Options{})
	w.env["API_TOKEN"] = secret
	w.write("settings", environmentPath+"/HOLD", "release freeze\x1b[2J until Monday, says "+secret+"\nmore\n")
	// A test that takes it away, wherever it looks, changes nothing.
	w.write("code", "Makefile", "setup lint:\n\t@true\nall-tests:\n\t@rm -f HOLD ../settings/"+environmentPath+"/HOLD; echo tested; test ! -e HOLD\ndeploy:\n\t@echo DEPLOYED\n")
	w.serve()
	o := w.run("run")
	if o.code != 0 || o.output(t, "make-all-tests") != "tested\n" || slices.Contains(o.started(t), "make-deploy") {
		t.Fatalf("got %v", o)
	}
	if got := w.assumed(); !slices.Equal(got, []string{settingsRole}) {
		t.Errorf("assumed %q, want the settings role alone", got)
	}
	if held := o.find(t, "step held", "assume-deploy-role"); len(held) != 1 || !strings.HasPrefix(fmt.Sprint(held[0]["why"]), "release freeze [2J until Monday") {
		t.Errorf("got %v", held)
	}
	events := o.events(t)
	last := events[len(events)-1]
	if last["msg"] != "run held" || last["level"] != "warn" || last["deployed"] != false || last["exit_code"] != 0.0 ||
		!strings.HasPrefix(fmt.Sprint(last["why"]), "release freeze") || last["code_commit"] != w.commits["code"] || last["failed_step"] != nil {
		t.Errorf("last event: got %v", last)
	}
	if len(o.find(t, "step failed", "")) != 0 || strings.Contains(o.stdout, secret) {
		t.Errorf("a failure, or a secret, is in the log: %v", o)
	}

	// What a person reads, in a run and in a rehearsal.
	w.workdir = t.TempDir()
	w.env["SPA_RUNNER_WORKDIR"], w.env["SPA_RUNNER_LOG_FORMAT"] = w.workdir, "console"
	rehearsal := []string{
		"dry-run", "--workdir", t.TempDir(), "--code", w.dirs["code"], "--settings", w.dirs["settings"], "--settings-environment-path", environmentPath,
	}
	for what, args := range map[string][]string{"run": {"run"}, "dry run": rehearsal} {
		o := w.run(args...)
		for _, want := range []string{
			what + " HELD after ", ": release freeze", "(nothing was deployed)", "warning: the environment is on hold", "\n  next:    to deploy again, ",
			"remove the file HOLD from the folder " + environmentPath + " of the settings, by a pull request", "· make-deploy                      not started",
		} {
			if o.code != 0 || !strings.Contains(o.stdout, want) {
				t.Errorf("%s: want %q in %v", what, want, o)
			}
		}
		_, summary, _ := strings.Cut(o.stdout, "HELD after")
		if strings.Contains(o.stdout, secret) || strings.Contains(o.stdout, "FAILED") || strings.Contains(summary, "run held") || strings.Contains(summary, "cause:") {
			t.Errorf("%s: got %v", what, o)
		}
	}
}

// A failure before the hold is a failure, and so is changed code.
func TestAHoldHidesNoFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.write("settings", environmentPath+"/HOLD", "")
	w.write("code", "Makefile", "setup lint:\n\t@true\nall-tests:\n\t@exit 3\n")
	w.serve()
	if o := w.run("run"); o.code != 2 || len(o.find(t, "run held", "")) != 0 || len(o.find(t, "run failed", "")) != 1 {
		t.Errorf("got %v", o)
	}
	w = newWorld(t, loopback.Options{})
	w.write("settings", environmentPath+"/HOLD", "")
	w.write("code", "tracked", "x")
	w.write("code", "Makefile", "setup lint:\n\t@true\nall-tests:\n\t@rm tracked\n")
	w.serve()
	if o := w.run("run"); o.code != 125 || len(o.find(t, "step failed", "assume-deploy-role")) != 1 {
		t.Errorf("got %v", o)
	}
}

// Whatever setup, lint or tests do to what was cloned or laid over it: the run
// ends before the deploy role is assumed.
func TestChangedCodeIsNotDeployed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ setup, tests, want string }{
		"nothing":            {"mkdir -p venv; echo x >venv/x; echo x >cdk/new.py; touch cdk/app.py; cp cdk/app.py a; mv a cdk/app.py", "true", ""},
		"in the tests":       {"true", "echo x >>cdk/app.py", "cdk/app.py: its content was changed"},
		"in setup":           {"echo x >>cdk/app.py", "true", "cdk/app.py: its content was changed"},
		"the Makefile":       {"true", "echo '#' >>Makefile", "Makefile: its content was changed"},
		"settings":           {"true", "echo x >>settings.yaml", "settings.yaml: its content was changed"},
		"removed":            {"true", "rm cdk/app.py settings.yaml", "cdk/app.py: it was removed\n  - settings.yaml: it was removed"},
		"executable":         {"true", "chmod +x cdk/app.py", "cdk/app.py: it was made executable"},
		"a link to the same": {"true", "mv cdk/app.py x; ln -s ../x cdk/app.py", `cdk/app.py: it was replaced by a symlink to "../x"`},
		"a folder's link":    {"true", "mv cdk evil; ln -s evil cdk", `cdk: it was replaced by a symlink to "evil"`},
		"another link":       {"true", "ln -sfn Makefile link", `link: it leads to "Makefile" now, and not to "cdk/app.py"`},
		"all of it":          {"true", "cd ..; mv code evil; ln -s evil code", ".: it was replaced by a symlink"},
		"make's other name":  {"true", "printf 'deploy:\\n\\t@echo seized\\n' >GNUmakefile", "GNUmakefile: it is new, and make reads it in place of the tracked one"},
		"late":               {"true", "(setsid sh -c 'sleep 0.2; echo x >>cdk/app.py' &)", ""},
	} {
		if leftOut(name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, loopback.Options{})
			w.write("code", "cdk/app.py", "app\n")
			if err := os.Symlink("cdk/app.py", filepath.Join(w.dirs["code"], "link")); err != nil {
				t.Fatal(err)
			}
			w.write("code", "Makefile", "setup:\n\t@"+test.setup+"\nlint:\n\t@true\nall-tests:\n\t@"+test.tests+"\ndeploy:\n\t@cat cdk/app.py\n")
			w.serve()
			o := w.run("run")
			if test.want == "" {
				if o.code != 0 || o.output(t, "make-deploy") != "app\n" || len(o.find(t, "code unchanged", "assume-deploy-role")) != 1 {
					t.Errorf("got %v", o)
				}
				return
			}
			failed := o.find(t, "step failed", "assume-deploy-role")
			if o.code != 125 || len(failed) != 1 || !strings.Contains(fmt.Sprint(failed[0]["error"]), "\n  - "+test.want) ||
				!strings.Contains(fmt.Sprint(failed[0]["hint"]), "SPA_RUNNER_MAY_CHANGE") {
				t.Errorf("want %q, got %v", test.want, o)
			}
			if got := w.assumed(); !slices.Equal(got, []string{settingsRole}) {
				t.Errorf("assumed %q, want the settings role alone", got)
			}
		})
	}
}

func TestWhatMayChangeIsDeployed(t *testing.T) {
	t.Parallel()
	for may, want := range map[string]int{"package-lock.json gen/**": 0, "package-lock.json": 125, "gen/** *.yaml": 125} {
		w := newWorld(t, loopback.Options{})
		w.env["SPA_RUNNER_MAY_CHANGE"] = may
		w.write("code", "package-lock.json", "{}\n")
		w.write("code", "gen/a.py", "x\n")
		w.write("code", "Makefile", "setup:\n\t@echo x >>package-lock.json; rm -r gen\nlint all-tests deploy:\n\t@true\n")
		w.serve()
		if o := w.run("run"); o.code != want {
			t.Errorf("%s: got %v, want %d", may, o, want)
		}
	}
}

func TestPatternsAreChecked(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"SPA_RUNNER_OVERLAY_PROTECT", "SPA_RUNNER_OVERLAY_REQUIRE", "SPA_RUNNER_MAY_CHANGE"} {
		w := newWorld(t, loopback.Options{})
		w.env[name] = "a {b,c}"
		if o := w.run("plan"); o.code != 64 || !strings.Contains(o.stderr, name+" (from environment) is ") || !strings.Contains(o.stderr, "braces are not known") {
			t.Errorf("%s: got %v", name, o)
		}
		w.env[name] = "Makefile, cdk/**"
		if o := w.run("plan"); o.code != 0 || !strings.Contains(o.stdout, "Makefile, cdk/**") {
			t.Errorf("%s: got %v", name, o)
		}
	}
}
