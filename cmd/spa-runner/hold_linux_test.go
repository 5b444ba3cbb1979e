package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"spa-runner/internal/loopback"
)

// holdScript is what a held target runs, and variables.sh too: it says that it
// is there by making the file $HELD, and stays. If it is to be stubborn, it takes
// SIGTERM and goes on, and a grandchild in a session of its own, which ignores
// it, holds the output open.
const holdScript = `#!/bin/sh
test "$HOLD" = "$1" || exit 0
if test -n "$STUBBORN"; then
	trap 'echo asked to stop' TERM
	setsid sh -c 'trap "" TERM; while :; do sleep 0.1; done' &
fi
echo holding
echo >"$HELD"
while :; do sleep 0.1; done
`

// held is a world in which a run stays in one step until it is ended.
type held struct {
	*world
	step    string
	mark    string        // in the environment of the run and of all that it starts
	armed   atomic.Bool   // only one run is to be held
	reached chan struct{} // the run is in the middle of the step
	release chan struct{} // what holds it lets go
	once    sync.Once
}

// newHeld makes each step stay in a way of its own:
//   - assume: STS does not answer
//   - clone: the server sends half of the pack
//   - source-variables, make: a child stays (holdScript)
//   - overlay: a lease on a file of the settings keeps the runner in open(2)
func newHeld(t *testing.T, step string) *held {
	h := &held{step: step, reached: make(chan struct{}), release: make(chan struct{})}
	h.armed.Store(true)
	h.world = newWorld(t, loopback.Options{Middleware: h.middleware})
	t.Cleanup(func() { // what is left is a failure, and is not to stay
		h.letGo()
		for pid := range h.left() {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	})
	h.mark = fmt.Sprintf("TEST_MARK=%d%s", os.Getpid(), t.Name()) // also beside another run of these tests
	name, value, _ := strings.Cut(h.mark, "=")
	h.env[name], h.env["HOLD"], h.env["HELD"] = value, step, filepath.Join(t.TempDir(), "held")
	h.env["SPA_RUNNER_VARIABLES"] = "sh"
	h.write("settings", environmentPath+"/variables.sh", "test \"$HOLD\" != source-variables || exec sh settings/hold.sh source-variables\n")
	h.write("settings", "hold.sh", holdScript)
	h.write("settings", environmentPath+"/a/leased", "x")
	for i := range 50 { // so that there is something left when the lease is given back
		h.write("settings", fmt.Sprintf("%s/z/%d", environmentPath, i), "x")
	}
	h.write("code", "hold.sh", holdScript)
	h.write("code", "Makefile", "setup lint all-tests:\n\t@sh hold.sh make-$@\ndeploy:\n\t@sh hold.sh make-$@\n\t@echo deployed; cat settings.yaml\n")
	h.serve()
	return h
}

// reach waits until the run is in the middle of the step.
func (h *held) reach(t *testing.T) {
	t.Helper()
	for limit := time.Now().Add(hangs); time.Now().Before(limit); time.Sleep(10 * time.Millisecond) {
		select {
		case <-h.reached:
			return
		default:
		}
		if _, err := os.Stat(h.env["HELD"]); err == nil {
			return
		}
	}
	t.Fatalf("the run does not come to %s", h.step)
}

// disarm lets the next run through.
func (h *held) disarm() {
	h.armed.Store(false)
	h.letGo()
	delete(h.env, "HOLD")
}

func (h *held) letGo() { h.once.Do(func() { close(h.release) }) }

func (h *held) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		role := map[string]string{"assume-settings-role": settingsRole, "assume-deploy-role": deployRole}[h.step]
		pack := map[string]string{
			"clone-settings": "/v1/repos/SpaSettings/git-upload-pack", "clone-code": "/git/code.git/git-upload-pack",
		}[h.step]
		body := readAndRestore(r)
		switch {
		case !h.armed.Load():
		case role != "" && r.URL.Path == "/" && strings.Contains(body, urlEncoded(role)):
			h.stay(r)
		case pack == r.URL.Path:
			answer := &recorded{header: http.Header{}}
			next.ServeHTTP(answer, r)
			for name := range answer.header {
				rw.Header().Set(name, answer.header.Get(name))
			}
			_, _ = rw.Write(answer.body.Bytes()[:answer.body.Len()/2])
			_ = http.NewResponseController(rw).Flush()
			h.stay(r)
			return
		case h.step == "overlay-settings" && r.URL.Path == "/git/code.git/git-upload-pack":
			h.lease()
		}
		next.ServeHTTP(rw, r)
	})
}

func (h *held) stay(r *http.Request) {
	close(h.reached)
	select {
	case <-r.Context().Done():
	case <-h.release:
	}
}

// lease takes a lease on a file of the cloned settings: whoever opens it for
// reading waits until it is given back (fcntl(2), F_SETLEASE).
func (h *held) lease() {
	file, err := os.OpenFile(filepath.Join(h.workdir, "settings", environmentPath, "a", "leased"), os.O_RDWR, 0)
	if err == nil {
		_, err = unix.FcntlInt(file.Fd(), unix.F_SETLEASE, unix.F_WRLCK)
	}
	if err != nil {
		h.t.Errorf("taking a lease, which not every file system has: %v", err)
		return
	}
	go func() {
		defer file.Close()
		for {
			// While somebody waits, the lease is shown as what it is to become.
			if kind, err := unix.FcntlInt(file.Fd(), unix.F_GETLEASE, 0); err != nil || kind != unix.F_WRLCK {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		close(h.reached)
		<-h.release
	}()
}

// begin starts a run. Its end is told by the channel, with all that it wrote.
func (h *held) begin(t *testing.T) (*exec.Cmd, <-chan outcome) {
	t.Helper()
	cmd := h.command("run")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	end := make(chan outcome, 1)
	go func() {
		log, _ := io.ReadAll(stdout) // until nobody holds it any more
		_ = cmd.Wait()
		end <- outcome{code: cmd.ProcessState.ExitCode(), stdout: string(log), stderr: stderr.String()}
	}()
	return cmd, end
}

// hangs is after what time a run that must go on is taken to hang. No busy machine needs it.
const hangs = 5 * time.Minute

// wait waits for a run that must end soon.
func (h *held) wait(t *testing.T, end <-chan outcome) outcome {
	t.Helper()
	select {
	case o := <-end:
		return o
	case <-time.After(hangs):
		t.Fatalf("the run hangs, or something holds its output; left are %q", h.processes())
		return outcome{}
	}
}

// processes are the command lines of what is left of a run.
func (h *held) processes() []string { return slices.Sorted(maps.Values(h.left())) }

// left is what is left of a run, by process id.
func (h *held) left() map[int]string {
	list := map[int]string{}
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		environ, _ := os.ReadFile(file)
		if bytes.Contains(environ, []byte(h.mark+"\x00")) {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			list[pid] = string(bytes.ReplaceAll(line, []byte{0}, []byte(" ")))
		}
	}
	return list
}
