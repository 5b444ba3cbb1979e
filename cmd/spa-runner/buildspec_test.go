package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"go.yaml.in/yaml/v3"
)

// buildspecCommands are the commands of buildspec.yml, all in one phase.
func buildspecCommands(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "buildspec.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Version string
		Phases  map[string]struct{ Commands []string }
	}
	if err := yaml.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	commands := spec.Phases["build"].Commands
	if spec.Version != "0.2" || len(spec.Phases) != 1 || len(commands) != 3 {
		t.Fatalf("want version 0.2 with three commands in the one phase build, got %+v", spec)
	}
	return commands
}

// codeBuild runs the commands as CodeBuild does: each in turn, in one folder,
// until the first whose status is not zero.
func codeBuild(t *testing.T, shell, dir string, env []string, commands []string) (output string, err error) {
	t.Helper()
	var out bytes.Buffer
	for _, command := range commands {
		cmd := exec.CommandContext(t.Context(), shell, "-c", command)
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, &out, &out
		if err := cmd.Run(); err != nil {
			return out.String(), err
		}
	}
	return out.String(), nil
}

func TestBuildspecRunsTheRightBinaryAndNoOther(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not here: the buildspec cannot be tried")
	}
	binary := []byte("#!/bin/sh\necho \"RAN with $*\"\nexit ${STATUS:-0}\n")
	digest := sha256.Sum256(binary)
	var served atomic.Pointer[[]byte]
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/spa-runner-linux-" + runtime.GOARCH:
			_, _ = w.Write(*served.Load())
		case "/plain/spa-runner-linux-" + runtime.GOARCH:
			http.Redirect(w, r, "http://"+r.Host, http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o644); err != nil {
		t.Fatal(err)
	}
	commands := buildspecCommands(t)
	good := hex.EncodeToString(digest[:])

	for _, shell := range []string{"dash", "bash"} {
		if _, err := exec.LookPath(shell); err != nil {
			t.Logf("%s is not here: not tried", shell)
			continue
		}
		for name, test := range map[string]struct {
			served   string
			sum, url string
			more     []string
			want     string // "" means that nothing may run
		}{
			"as released":             {sum: good, url: "/v1", want: "RAN with run\n"},
			"another command":         {sum: good, url: "/v1", more: []string{"SPA_RUNNER_COMMAND=plan --json"}, want: "RAN with plan --json\n"},
			"tampered":                {served: "#!/bin/sh\necho RAN anyway\n", sum: good, url: "/v1"},
			"no digest":               {sum: "", url: "/v1"},
			"another digest":          {sum: strings.Repeat("0", 64), url: "/v1"},
			"not there":               {sum: good, url: "/v2"},
			"redirected to plain":     {sum: good, url: "/plain"},
			"an error page, with 404": {served: "", sum: good, url: "/nowhere"},
		} {
			served.Store(&binary)
			if test.served != "" {
				tampered := []byte(test.served)
				served.Store(&tampered)
			}
			env := append([]string{
				"PATH=" + os.Getenv("PATH"), "CURL_CA_BUNDLE=" + ca, "SPA_RUNNER_URL=" + server.URL + test.url,
				"SPA_RUNNER_SHA256_AMD64=" + test.sum, "SPA_RUNNER_SHA256_ARM64=" + test.sum,
			}, test.more...)
			out, err := codeBuild(t, shell, t.TempDir(), env, commands)
			if test.want != "" && (err != nil || !strings.HasSuffix(out, test.want)) {
				t.Errorf("%s, %s: got %v and %s", shell, name, err, out)
			}
			if test.want == "" && (err == nil || strings.Contains(out, "RAN")) {
				t.Errorf("%s, %s: it was run: %s", shell, name, out)
			}
		}
		env := []string{
			"PATH=" + os.Getenv("PATH"), "CURL_CA_BUNDLE=" + ca, "SPA_RUNNER_URL=" + server.URL + "/v1",
			"SPA_RUNNER_SHA256_AMD64=" + good, "SPA_RUNNER_SHA256_ARM64=" + good, "STATUS=64",
		}
		served.Store(&binary)
		if out, err := codeBuild(t, shell, t.TempDir(), env, commands); err == nil || !strings.Contains(err.Error(), "64") {
			t.Errorf("%s: the status of the runner is lost: %v, %s", shell, err, out)
		}
	}
}

// An s3:// URL goes through the AWS CLI; here a stand-in of it.
func TestBuildspecFetchesFromABucket(t *testing.T) {
	binary := []byte("#!/bin/sh\necho RAN\n")
	digest := sha256.Sum256(binary)
	bin := t.TempDir()
	cli := "#!/bin/sh\n[ \"$1 $2 $3 $4 $5\" = \"s3 cp --only-show-errors s3://bucket/v1/spa-runner-linux-" + runtime.GOARCH + " spa-runner\" ] || exit 1\n" +
		"printf '#!/bin/sh\\necho RAN\\n' >spa-runner\n"
	if err := os.WriteFile(filepath.Join(bin, "aws"), []byte(cli), 0o755); err != nil {
		t.Fatal(err)
	}
	sum := hex.EncodeToString(digest[:])
	out, err := codeBuild(t, "sh", t.TempDir(), []string{
		"PATH=" + bin + ":" + os.Getenv("PATH"), "SPA_RUNNER_URL=s3://bucket/v1",
		"SPA_RUNNER_SHA256_AMD64=" + sum, "SPA_RUNNER_SHA256_ARM64=" + sum,
	}, buildspecCommands(t))
	if err != nil || !strings.HasSuffix(out, "RAN\n") {
		t.Errorf("got %v and %s", err, out)
	}
}
