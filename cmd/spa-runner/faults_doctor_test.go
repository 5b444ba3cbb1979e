package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"spa-runner/internal/doctor"
)

// to answers the requests that have part in their URL, target or body.
func (p *patient) to(part string, answer func(http.ResponseWriter, *http.Request)) {
	p.answer = func(rw http.ResponseWriter, r *http.Request, body []byte) bool {
		if !strings.Contains(r.URL.String()+" "+r.Header.Get("X-Amz-Target")+" "+string(body), part) {
			return false
		}
		answer(rw, r)
		return true
	}
}

// Each server with each fault: the doctor names the check that met it and no other,
// soon, and leaves nothing. Without SPA_RUNNER_LONG each server has one of the faults.
func TestFaultsOfTheDoctor(t *testing.T) {
	t.Parallel()
	faults := []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request)
	}{
		{"hangs", func(rw http.ResponseWriter, _ *http.Request) { hold(rw, "") }},
		{"sends an answer without end, slowly", func(rw http.ResponseWriter, _ *http.Request) { hold(rw, "HTTP/1.1 200 OK\r\nX-Slow: ") }},
		{"redirects to itself", func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Location", r.URL.String())
			rw.WriteHeader(http.StatusTemporaryRedirect)
		}},
		{"sends 50 MB", func(rw http.ResponseWriter, _ *http.Request) {
			for piece := []byte(strings.Repeat("<a>", 1<<14)); ; {
				if _, err := rw.Write(piece); err != nil {
					return
				}
			}
		}},
		{"sends a page", func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(rw, "<html>please sign in</html>")
		}},
		{"answers with nothing", func(http.ResponseWriter, *http.Request) {}},
		{"hangs up", func(rw http.ResponseWriter, _ *http.Request) { hangUp(rw, true) }},
	}
	n := 0
	for _, server := range []struct{ part, check string }{
		{"GetCallerIdentity", "service identity"},
		{"Spa-ReadSettingsRole", "settings role"},
		{"/v1/repos/SpaSettings/info", "settings repository"},
		{"SpaSettings/git-upload-pack", "settings repository"},
		{"/git/code.git/info", "code repository"},
		{"code.git/git-upload-pack", "code repository"},
		{"Spa-DeployEnvironmentRole", "deploy role"},
		{"AmazonSSM.GetParameter", "CDK bootstrap"},
	} {
		for i, f := range faults {
			if n++; os.Getenv("SPA_RUNNER_LONG") != "1" && n%len(faults) != i {
				continue
			}
			t.Run(server.part+" "+f.name, func(t *testing.T) {
				t.Parallel()
				p := newPatient(t)
				p.serve()
				p.env[realWaits], p.env[attemptFor], p.env[answerIn], p.env[nextByteIn] = "1", "5s", "5s", "5s"
				p.to(server.part, f.answer)
				report, o := p.asked()
				if got := namesOf(report, doctor.Mend); o.code != 1 || !slices.Equal(got, []string{server.check}) {
					t.Errorf("it complains of %q, want %s: %v", got, server.check, o)
				}
			})
		}
	}
	if os.Getenv("SPA_RUNNER_LONG") != "1" {
		t.Log("all faults at all servers need SPA_RUNNER_LONG=1")
	}
}

// What the machine lacks: the doctor says so in its own words, or does without.
func TestTheDoctorOnAPoorMachine(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*testing.T, *patient)
		code    int
		says    []string
	}{
		"no HOME":             {func(_ *testing.T, p *patient) { delete(p.env, "HOME") }, 0, []string{"All is well"}},
		"no PATH":             {func(_ *testing.T, p *patient) { delete(p.env, "PATH") }, 1, []string{"✖ make", "✖ npm"}},
		"no TMPDIR":           {func(_ *testing.T, p *patient) { p.env["TMPDIR"] = filepath.Join(p.temp, "none") }, 125, []string{"making a temporary folder", "set TMPDIR to a folder that can be written to"}},
		"TMPDIR is read-only": {func(_ *testing.T, p *patient) { p.env["TMPDIR"] = "/proc" }, 125, []string{"making a temporary folder", "set TMPDIR"}},
		"TMPDIR is full": {func(t *testing.T, p *patient) {
			smallDisk(t, p.temp, "96k") // the settings fit, and the code does not
		}, 1, []string{"no space left on device (in code)", "✖ code repository", "make room there", "set TMPDIR to a", "not checked because of: code repository", "1 thing to mend"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPatient(t)
			p.write("code", "big", strings.Repeat("0123456789abcdef", 16<<10))
			p.serve()
			test.prepare(t, p)
			o := p.run("doctor")
			for _, text := range test.says {
				if o.code != test.code || !strings.Contains(o.stdout+o.stderr, text) {
					t.Errorf("want exit code %d and %q, got %v", test.code, text, o)
				}
			}
			p.changedNothing()
		})
	}
}

// Nobody reads what it says: it ends with an error, or at a signal.
func TestTheDoctorWithoutAReader(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.serve()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = read.Close()
	cmd := p.command("doctor")
	cmd.Stdout = write
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 125 {
		t.Errorf("nobody at the other end: got %v", err)
	}
	_ = write.Close()

	if read, write, err = os.Pipe(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = read.Close(), write.Close() }()
	if err := write.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = write.Write(make([]byte, 4096))
	}
	cmd = p.command("doctor")
	cmd.Stdout = write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// One that comes before it tells what it found ends the checks, and another one the telling.
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	for {
		select {
		case <-ended:
			if status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGTERM {
				t.Errorf("a full pipe, and SIGTERM: got %v", cmd.ProcessState)
			}
			p.changedNothing()
			return
		case <-time.After(500 * time.Millisecond):
			_ = cmd.Process.Signal(syscall.SIGTERM)
		}
	}
}
