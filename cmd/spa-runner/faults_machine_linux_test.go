package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"spa-runner/internal/loopback"
)

// noise is what no compression makes smaller.
func noise(size int) string {
	random := rand.NewChaCha8([32]byte{})
	text := make([]byte, size)
	_, _ = random.Read(text)
	return string(text)
}

// fill takes all the room of a file system.
func fill(name string) error {
	file, err := os.Create(name)
	for err == nil {
		_, err = file.Write(make([]byte, 4096))
	}
	return file.Close()
}

// What this machine is the cause of is tried once, is told as it is, and has no
// further pass, whether the settings moved meanwhile or not.
func TestAFaultOfThisMachineIsFinal(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*moving)
		step    string
		asked   int // for the branch of the settings
		says    []string
		hint    string
	}{
		"no room for the settings": {func(m *moving) {
			smallDisk(m.t, m.workdir, "2m")
			m.push("large", noise(3<<20))
		}, cloneSettings, 1, []string{"no space left on device", "/settings"}, "make room"},
		"no room for the code, and a push": {func(m *moving) {
			smallDisk(m.t, m.workdir, "2m")
			m.during[1] = func() {
				m.push("settings.yaml", "1\n")
				if err := fill(filepath.Join(m.workdir, "full")); err != nil {
					m.t.Error(err)
				}
			}
		}, cloneCode, 1, []string{"no space left on device", "/code"}, "make room"},
		"read-only, and a push": {func(m *moving) {
			smallDisk(m.t, m.workdir, "2m")
			m.during[1] = func() {
				m.push("settings.yaml", "1\n")
				if err := syscall.Mount("tmpfs", m.workdir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
					m.t.Error(err)
				}
			}
		}, cloneCode, 1, []string{"read-only file system", "/code"}, "SPA_RUNNER_WORKDIR"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMoving(t)
			m.serve()
			test.prepare(m)
			o := m.run("run")
			last, warned := o.find(t, "run failed", ""), o.find(t, "there is no further pass: if there was a push meanwhile, it is not deployed", "")
			if o.code != 125 || len(last) != 1 || last[0]["failed_step"] != test.step || len(o.find(t, "retrying", "")) != 0 || m.asked != test.asked || len(warned) != 1 ||
				len(o.find(t, "settings moved", "")) != 0 || !strings.Contains(fmt.Sprint(warned[0]["why"]), "this machine is the cause") {
				t.Fatalf("asked %d times: %v", m.asked, o)
			}
			for _, text := range test.says {
				if said := fmt.Sprint(last[0]["error"]); !strings.Contains(said, text) || strings.Contains(said, "broke off") || strings.Contains(said, "network") {
					t.Errorf("it says %q, want %q", said, text)
				}
			}
			if hint := fmt.Sprint(last[0]["hint"]); !strings.Contains(hint, test.hint) {
				t.Errorf("the hint is %q, want %q", hint, test.hint)
			}
		})
	}
}

// However few files the runner may have open, it never takes that for a fault of a server.
func TestTooFewOpenFilesAreNoFaultOfAServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.env["CODEBUILD_BUILD_ID"] = "project:1a-2b"
	w.serve()
	told := 0
	for limit := 10; limit <= 22; limit++ {
		cmd := w.command("run")
		cmd.Args = []string{"sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$0" run`, limit), cmd.Path}
		cmd.Path = "/bin/sh"
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run()
		o := outcome{code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
		if o.code != 0 && o.code != 125 || strings.Contains(o.stdout, `"msg":"retrying"`) || strings.Contains(o.stdout, `"msg":"settings moved"`) {
			t.Errorf("with %d open files: %v", limit, o)
		}
		for _, e := range o.find(t, "run failed", "") {
			told++
			if said := fmt.Sprint(e["error"]); !strings.Contains(said, "too many open files") || strings.Contains(said, "broke off") || !strings.Contains(fmt.Sprint(e["hint"]), "ulimit -n") {
				t.Errorf("with %d open files: %v", limit, e)
			}
		}
	}
	if told == 0 {
		t.Error("nothing failed: nothing was tried")
	}
}
