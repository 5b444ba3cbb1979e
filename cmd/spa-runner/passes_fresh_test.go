package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"spa-runner/internal/config"
	"spa-runner/internal/fault"
	"spa-runner/pipeline"
)

// Nothing of a pass reaches the next: no variable of its variables.sh, no file of
// its folders, whatever its targets made of those, and no key of the settings.
func TestAPassStartsFresh(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.env["OF_THE_PROJECT"] = "project"
	m.env["SPA_RUNNER_DEPLOY_CREDENTIALS"] = "env" // keys of the endpoint would be in no variable
	m.write("settings", environmentPath+"/variables.sh",
		"export OF_THE_FIRST=1 OF_THE_PROJECT=first PASS=1\nDEPLOY_ENVIRONMENT_REGION=eu-west-3\nDEPLOY_ENVIRONMENT_ROLE=arn:aws:iam::444444444444:role/First\n")
	m.write("code", "Makefile", `setup lint all-tests deploy:
	@env >$(HOME)/env-$@-$(PASS); echo "$@ $(PASS) $(OF_THE_PROJECT) $(AWS_REGION) $(OF_THE_FIRST)"
	@test $@ != setup || test ! -e left-over
	@touch left-over ../settings/left-over
	@test $@ != deploy || rm -rf .git ../settings/.git
`)
	m.serve()
	m.during[1] = func() { m.push("variables.sh", "export PASS=2\n") }
	o := m.run("run")
	want := "deploy 1 first eu-west-3 1\ndeploy 2 project eu-west-1 \n"
	if got := o.output(t, "make-deploy"); o.code != 0 || got != want {
		t.Fatalf("deploy printed %q, want %q, %v", got, want, o)
	}
	if got := m.assumed(); !slices.Equal(got, []string{settingsRole, "arn:aws:iam::444444444444:role/First", settingsRole, deployRole}) {
		t.Errorf("assumed %q", got)
	}
	wantKeysInDeployAlone(t, m)
	if _, err := os.Stat(filepath.Join(m.workdir, "settings", "left-over")); err != nil {
		t.Errorf("the folders of the last pass are to stay: %v", err)
	}
}

// wantKeysInDeployAlone looks at what the targets of two passes saw.
func wantKeysInDeployAlone(t *testing.T, m *moving) {
	t.Helper()
	var keys []string
	for pass := 1; pass <= 2; pass++ {
		for _, target := range []string{"setup", "lint", "all-tests", "deploy"} {
			file := filepath.Join(m.home, fmt.Sprintf("env-%s-%d", target, pass))
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if found := strings.Contains(string(text), "ASIAFAKE"); found != (target == "deploy") {
				t.Errorf("%s of pass %d sees keys: %v", target, pass, found)
			}
			if target == "deploy" {
				_, key, _ := strings.Cut(string(text), "AWS_ACCESS_KEY_ID=")
				key, _, _ = strings.Cut(key, "\n")
				keys = append(keys, key)
			}
		}
	}
	if len(keys) != 2 || keys[0] == keys[1] {
		t.Errorf("deploy had the keys %q, want new ones", keys)
	}
}

// The region of a settings URL that names none is the project's, also after
// variables.sh has decided another one: for the look, and for the next pass.
func TestTheNextPassLooksWhereTheFirstDid(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.env["SETTINGS_GIT_URL"] = "codecommit://SpaSettings"
	m.write("settings", environmentPath+"/variables.sh", "AWS_REGION=eu-west-3\n")
	m.serve() // signatures are to be for eu-west-1
	m.during[1] = func() { m.push("settings.yaml", "1\n") }
	o := m.run("run")
	if o.code != 0 || len(m.deployed()) != 2 || !slices.Equal(m.looked(o), []string{"1", "2"}) || strings.Contains(o.stdout, `"level":"warn","msg":"the settings`) {
		t.Errorf("got %v", o)
	}
}

// A variables.sh that is gone decides nothing any more.
func TestAPassForgetsTheVariablesOfTheOneBefore(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.write("settings", environmentPath+"/variables.sh", "export OF_THE_FIRST=1\nDEPLOY_ENVIRONMENT_ROLE=arn:aws:iam::444444444444:role/First\n")
	m.write("code", "Makefile", "setup lint all-tests:\n\t@true\ndeploy:\n\t@echo \"$(AWS_CURRENT_ACCOUNT) $(OF_THE_FIRST)\"\n")
	m.serve()
	m.during[1] = func() { m.push("variables.sh", "") }
	o := m.run("run")
	if got := o.output(t, "make-deploy"); o.code != 0 || got != "444444444444 1\n333333333333 \n" {
		t.Errorf("deploy printed %q, %v", got, o)
	}
	if got := m.assumed(); got[len(got)-1] != deployRole {
		t.Errorf("assumed %q", got)
	}
}

// While the runner looks, as settings, nothing runs that a pass has started.
func TestNoChildIsThereWhenTheRunnerLooks(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	survivor := fmt.Sprintf("4217.%d", os.Getpid()) // seconds: not those of another run of these tests
	m.write("code", "Makefile", "setup lint all-tests deploy:\n\t@setsid sleep "+survivor+" & echo started\n")
	m.serve()
	looks, alive := 0, []string{}
	m.looking = func() {
		looks++
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range files {
			if line, _ := os.ReadFile(file); strings.Contains(string(line), "sleep\x00"+survivor) {
				alive = append(alive, file)
			}
		}
	}
	m.during[1] = func() { m.push("settings.yaml", "1\n") }
	if o := m.run("run"); o.code != 0 || looks != 2 || len(alive) != 0 {
		t.Errorf("%d looks, alive %q, %v", looks, alive, o)
	}
}

// Each pass has a home of its own for the untrusted user, and leaves none.
func TestAPassHasAHomeOfItsOwn(t *testing.T) {
	t.Parallel()
	needRoot(t)
	m := newMoving(t)
	openTo(t, m.world)
	m.env["SPA_RUNNER_UNTRUSTED_USER"] = fmt.Sprint(freeUID(8))
	m.write("code", "Makefile", "setup:\n\t@echo $(HOME)\nlint all-tests deploy:\n\t@true\n")
	m.serve()
	m.during[1] = func() { m.push("settings.yaml", "1\n") }
	o := m.run("run")
	homes := strings.Fields(o.output(t, "make-setup"))
	if o.code != 0 || len(homes) != 2 || homes[0] == homes[1] {
		t.Fatalf("homes %q, %v", homes, o)
	}
	for _, home := range homes {
		if _, err := os.Stat(home); !strings.Contains(home, "spa-runner-home-") || !os.IsNotExist(err) {
			t.Errorf("the home %q is left: %v", home, err)
		}
	}
}

// Who stops a run does not want another pass.
func TestNobodyLooksAfterASignal(t *testing.T) {
	t.Parallel()
	for signal, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		m := newMoving(t)
		m.write("code", "Makefile", "setup lint all-tests:\n\t@true\ndeploy:\n\t@trap 'exit 0' INT TERM HUP; echo deploying; while :; do sleep 0.1; done\n")
		m.serve()
		m.during[1] = func() { m.push("settings.yaml", "1\n") }
		m.sync()
		cmd, lines := start(m.world)
		var log strings.Builder
		for lines.Scan() {
			log.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), `"line":"deploying"`) {
				_ = cmd.Process.Signal(signal)
			}
		}
		var exit *exec.ExitError
		err := cmd.Wait()
		if m.sync(); !errors.As(err, &exit) || exit.ExitCode() != want || m.asked != 1 {
			t.Errorf("%v: got %v, asked %d times for the settings, want exit code %d and once\n%s", signal, err, m.asked, want, log.String())
		}
	}
}

// A signal during the look comes too late to change what the pass was: the exit
// code is the one in the last event.
func TestASignalDuringTheLook(t *testing.T) {
	t.Parallel()
	for want, broken := range map[int]string{0: "", 2: "x\n"} {
		m := newMoving(t)
		if broken != "" {
			m.write("settings", environmentPath+"/broken", broken)
		}
		m.serve()
		cmd, lines := start(m.world)
		m.mu.Lock()
		m.looking = func() {
			m.push("settings.yaml", "1\n")
			_ = cmd.Process.Signal(syscall.SIGTERM)
		}
		m.mu.Unlock()
		var log strings.Builder
		for lines.Scan() {
			log.WriteString(lines.Text() + "\n")
		}
		_ = cmd.Wait()
		o := outcome{code: cmd.ProcessState.ExitCode(), stdout: log.String()}
		last := slices.Concat(o.find(t, "run finished", ""), o.find(t, "run failed", ""))
		if len(last) != 1 || last[0]["exit_code"] != float64(o.code) {
			t.Errorf("exit code %d, last event %v", o.code, last)
		}
		// The answer may be faster than the signal. Then the next pass is interrupted.
		if o.code != want && (o.code != 143 || len(o.find(t, "settings moved", "")) != 1) {
			t.Errorf("want %d, or an interrupted second pass: %v", want, o)
		}
	}
}

// Nobody could read of another pass.
func TestNobodyLooksWhenTheLogIsLost(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	gone := filepath.Join(t.TempDir(), "gone")
	m.env["GONE"] = gone
	m.write("code", "Makefile", "setup lint all-tests:\n\t@true\ndeploy:\n\t@echo deploying; while ! test -e $(GONE); do sleep 0.05; done\n")
	m.serve()
	m.during[1] = func() { m.push("settings.yaml", "1\n") }
	m.sync()
	cmd := m.command("run")
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	seen := make([]byte, 0, 1<<20)
	for !strings.Contains(string(seen), `"line":"deploying"`) {
		part := make([]byte, 1<<16)
		n, err := stdout.Read(part)
		if seen = append(seen, part[:n]...); err != nil {
			t.Fatalf("%v after %s", err, seen)
		}
	}
	if err := errors.Join(stdout.Close(), os.WriteFile(gone, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	if m.sync(); cmd.ProcessState.ExitCode() != 125 || m.asked != 1 {
		t.Errorf("got %v, asked %d times for the settings, want 125 and once", err, m.asked)
	}
}

// A file system that does not answer does not keep a run beyond its end.
func TestFoldersThatCannotBeRemovedAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		answer := make(chan struct{})
		defer close(answer)
		p := &pass{number: 2, config: &config.Config{}, rt: &pipeline.Runtime{Broken: func() error {
			stop()
			<-answer
			return errors.New("too late")
		}}}
		(&passes{}).once(ctx, p)
		if !fault.GaveUp(p.err) {
			t.Errorf("got %v, want that it was given up", p.err)
		}
	})
}
