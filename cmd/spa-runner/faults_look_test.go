package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hold keeps the client waiting until it goes, and sends something now and then if
// it is given that.
func hold(rw http.ResponseWriter, now string) {
	conn, _, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		panic(err)
	}
	defer func() { _ = conn.Close() }()
	for now != "" {
		if _, err := io.WriteString(conn, now); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	_, _ = io.Copy(io.Discard, conn)
}

const (
	gitAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n\r\n"
	gitHead   = "001e# service=git-upload-pack\n0000"
)

// Whatever the server does while the runner looks: the run ends soon, with the exit code
// of its pass, and says that it does not know.
func TestFaultsOfTheLook(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s was followed, with the header %v", r.URL, r.Header)
	}))
	t.Cleanup(elsewhere.Close)
	sends := func(text string) func(http.ResponseWriter) {
		return func(rw http.ResponseWriter) { _, _ = io.WriteString(rw, text) }
	}
	of := func(code int, header ...string) func(http.ResponseWriter) {
		return func(rw http.ResponseWriter) { status(code, header...)(rw, nil, nil) }
	}
	asGit := func(then func(http.ResponseWriter)) func(http.ResponseWriter) {
		return func(rw http.ResponseWriter) {
			rw.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			_, _ = io.WriteString(rw, gitHead)
			_ = http.NewResponseController(rw).Flush()
			then(rw)
		}
	}
	for name, test := range map[string]struct {
		answer func(http.ResponseWriter)
		says   string
	}{
		"429, for ever":                {of(429), "429"},
		"429, and to wait for an hour": {of(429, "Retry-After", "3600"), "the server asks to wait 1h0m0s"},
		"reset":                        {func(rw http.ResponseWriter) { hangUp(rw, true) }, "reset"},
		"no answer":                    {func(rw http.ResponseWriter) { hold(rw, "") }, "longer than 4s"},
		"an answer that never ends":    {func(rw http.ResponseWriter) { hold(rw, "HTTP/1.1 200 OK\r\nX: ") }, "longer than 4s"},
		"a byte now and then":          {asGit(func(rw http.ResponseWriter) { hold(rw, "0") }), ""},
		"silence in mid-list":          {asGit(func(rw http.ResponseWriter) { hold(rw, "") }), "longer than 4s"},
		"reset in mid-list":            {asGit(func(rw http.ResponseWriter) { hangUp(rw, true) }), "reset"},
		"half a list":                  {asGit(sends("003f" + strings.Repeat("a", 40) + " refs/heads/ma")), "broken"},
		"garbage":                      {asGit(sends("\x00\xff\x1b[31m" + strings.Repeat("zzzz", 1000))), "broken"},
		"a page of a proxy":            {sends("<html>please sign in</html>"), "answered with a web page"},
		"a redirect":                   {of(302, "Location", elsewhere.URL+"/v1/repos/SpaSettings/info/refs?service=git-upload-pack"), "redirects are not followed"},
		"a redirect to itself":         {of(307, "Location", "/v1/repos/SpaSettings/info/refs?service=git-upload-pack"), "redirects are not followed"},
		"an error in git's own words":  {asGit(sends("0013ERR go away now")), "go away"},
	} {
		if leftOut(name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMoving(t)
			m.env[lookFor] = "4s"
			m.serve()
			m.during[1] = func() { m.answer = test.answer }
			o := m.run("run")
			last, warned := o.find(t, "run finished", ""), o.find(t, "the settings could not be looked at again: if there was a push meanwhile, it is not deployed", "look-again")
			if o.code != 0 || len(last) != 1 || len(m.deployed()) != 1 {
				t.Fatalf("%v, want one deployment", o)
			}
			if len(warned) != 1 || warned[0]["next"] == nil {
				t.Fatalf("%v, want one warning that says what is next", o)
			}
			if said := fmt.Sprint(warned[0]["error"]); !strings.Contains(said, test.says) || strings.ContainsAny(said, "\x00\x1b\n") || len(said) > 2000 {
				t.Errorf("it says %q, want %q", said, test.says)
			}
		})
	}
}

// A server that tells the look of another commit each time, whatever a clone gets,
// has the run go over the plan as often as it may, and no more.
func TestALookThatIsToldOfAnotherRepository(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.serve()
	n := 0
	m.looking = func() {
		m.answer = func(rw http.ResponseWriter) {
			n++
			m.answer = nil // who asks next is the clone of the next pass
			rw.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			line := fmt.Sprintf("%040x refs/heads/main\x00shallow\n", n)
			_, _ = fmt.Fprintf(rw, "%s%04x%s0000", gitHead, len(line)+4, line)
		}
	}
	o := m.run("run")
	if got := m.deployed(); o.code != 0 || len(got) != 3 || len(slices.Compact(got)) != 1 || n != 3 {
		t.Errorf("deployed %q after %d looks: %v", got, n, o)
	}
	if len(o.find(t, "newer settings are not deployed", "")) != 1 {
		t.Errorf("nothing says that the last look was not followed: %v", o)
	}
}

// The time limit of the run ends a look as well, which changes nothing of the pass.
func TestTheTimeLimitEndsTheLook(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.env["SPA_RUNNER_TIMEOUT"] = "15s"
	m.serve()
	m.during[1] = func() { m.answer = func(rw http.ResponseWriter) { hold(rw, "") } }
	o := m.run("run")
	warned := o.find(t, "the look at the settings did not come to its end: if there was a push meanwhile, it is not deployed", "")
	if o.code != 0 || len(warned) != 1 || !strings.Contains(fmt.Sprint(warned[0]["error"]), "SPA_RUNNER_TIMEOUT") && !strings.Contains(fmt.Sprint(warned[0]["error"]), "15s") {
		t.Errorf("got %v", o)
	}
	if last := o.find(t, "run finished", ""); len(last) != 1 || last[0]["deployed"] != true || last[0]["exit_code"] != 0.0 {
		t.Errorf("last event: %v", last)
	}
}

// Who reads the log goes away while the runner looks: there is no other pass.
func TestTheReaderOfTheLogGoesDuringTheLook(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.serve()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = read.Close() }()
	m.looking = func() {
		m.push("settings.yaml", "1\n")
		_ = read.Close()
	}
	var stderr strings.Builder
	cmd := m.command("run")
	cmd.Stdout, cmd.Stderr = write, &stderr
	m.sync()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	_ = cmd.Wait()
	if m.sync(); cmd.ProcessState.ExitCode() != 125 || len(m.deployed()) != 1 || m.asked != 2 || !strings.Contains(stderr.String(), "the log is lost") {
		t.Errorf("exit code %d, deployed %q, %d passes, %s", cmd.ProcessState.ExitCode(), m.deployed(), m.passes, stderr.String())
	}
}

// SIGTERM and SIGKILL between the passes and in the second one: the exit code says
// so, and the next run has nothing of it.
func TestEndedAfterTheFirstPass(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		signal syscall.Signal
		at     string // look, settings or code: what the server is asked for by then
		want   []int
	}{
		"KILL in the look":                  {syscall.SIGKILL, "look", []int{-1}},
		"KILL in the clone of the settings": {syscall.SIGKILL, "settings", []int{-1}},
		"KILL in the clone of the code":     {syscall.SIGKILL, "code", []int{-1}},
		"TERM in the clone of the settings": {syscall.SIGTERM, "settings", []int{143}},
		"TERM in the clone of the code":     {syscall.SIGTERM, "code", []int{143}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMoving(t)
			m.env["TMPDIR"] = t.TempDir()
			m.serve()
			m.during[1] = func() { m.push("settings.yaml", "1\n") }
			cmd := m.command("run")
			var stdout strings.Builder
			cmd.Stdout = &stdout
			end := func(rw http.ResponseWriter) {
				_ = cmd.Process.Signal(test.signal)
				hold(rw, "")
			}
			switch test.at {
			case "look":
				m.looking = func() { m.answer = end }
			case "settings":
				m.settingsOf = map[int]func(http.ResponseWriter){1: end}
			case "code":
				m.codeOf = map[int]func(http.ResponseWriter){2: end}
			}
			m.mu.Lock() // the server is not to look at what begins before it has begun
			err := cmd.Start()
			m.mu.Unlock()
			if err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			m.sync()
			if got := cmd.ProcessState.ExitCode(); !slices.Contains(test.want, got) || len(m.deployed()) != 1 {
				t.Fatalf("exit code %d, deployed %q: %s", got, m.deployed(), stdout.String())
			}
			m.looking, m.answer, m.settingsOf, m.codeOf, m.during = nil, nil, nil, nil, map[int]func(){}
			o := m.run("run")
			if got := m.deployed(); o.code != 0 || len(got) != 2 || !strings.HasSuffix(got[1], " 1") {
				t.Errorf("the next run deployed %q: %v", got, o)
			}
			if left, err := filepath.Glob(filepath.Join(m.env["TMPDIR"], "*")); err != nil || len(left) != 0 {
				t.Errorf("left are %q, %v", left, err)
			}
		})
	}
}

// What a pass leaves running as the untrusted user is gone when the next begins.
func TestNoProcessOfTheUntrustedUserOutlivesItsPass(t *testing.T) {
	t.Parallel()
	needRoot(t)
	m := newMoving(t)
	openTo(t, m.world)
	uid := freeUID(9)
	m.env["SPA_RUNNER_UNTRUSTED_USER"] = fmt.Sprint(uid)
	m.write("code", "Makefile", "setup lint all-tests:\n\t@for i in 1 2 3; do setsid sh -c 'trap \"\" TERM HUP; while :; do sleep 1; done' & done; echo started\ndeploy:\n\t@echo deployed\n")
	m.serve()
	var alive []string
	m.looking = func() {
		entries, _ := filepath.Glob("/proc/[0-9]*")
		for _, entry := range entries {
			info, err := os.Stat(entry)
			if err != nil {
				continue
			}
			if of, ok := info.Sys().(*syscall.Stat_t); ok && int(of.Uid) == uid {
				alive = append(alive, entry)
			}
		}
	}
	m.during[1] = func() { m.push("settings.yaml", "1\n") }
	m.during[2] = m.looking
	o := m.run("run")
	if m.looking(); o.code != 0 || len(m.looked(o)) != 2 || len(alive) != 0 {
		t.Errorf("alive %q: %v", alive, o)
	}
}

// The disk is full when the second pass begins.
func TestTheDiskIsFullAfterTheFirstPass(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	smallDisk(t, m.workdir, "4m")
	m.serve()
	full := filepath.Join(m.workdir, "full")
	m.during[1] = func() { m.push("settings.yaml", "1\n") }
	m.during[2] = func() {
		file, err := os.Create(full)
		for err == nil {
			_, err = file.Write(make([]byte, 4096))
		}
		_ = file.Close()
	}
	o := m.run("run")
	_ = os.Remove(full)
	last := o.find(t, "run failed", "")
	if o.code != 125 || len(last) != 1 || last[0]["failed_step"] != cloneCode || last[0]["pass"] != 2.0 || len(m.deployed()) != 1 {
		t.Fatalf("want the second pass to fail in %s: %v", cloneCode, o)
	}
	if said := fmt.Sprint(last[0]["error"], last[0]["hint"]); !strings.Contains(said, "no space left") || !strings.Contains(said, "make room") {
		t.Errorf("it says %s", said)
	}
}
