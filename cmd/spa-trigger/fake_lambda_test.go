package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// bootstrap is the program as Lambda runs it, built once.
var bootstrap = sync.OnceValues(func() (string, error) {
	dir, err := filepath.Abs(filepath.Join("..", "..", "bin", "test"))
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "bootstrap")
	out, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// invocation is an event that Lambda hands to the function.
type invocation struct {
	event string
	limit time.Duration // of the function, 0 for 30 s
}

// outcome is what the function posted.
type outcome struct {
	failed bool
	body   string
}

// runtimeAPI is Lambda's side of the function: it hands out the events in turn
// and takes what comes of them.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
type runtimeAPI struct {
	events   []invocation
	mu       sync.Mutex
	next     int
	outcomes []outcome
	done     chan struct{}
}

func (a *runtimeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/2018-06-01/runtime/invocation/")
	if !ok {
		http.Error(w, "not faked: "+r.URL.Path, http.StatusNotImplemented)
		return
	}
	if r.Method == http.MethodGet && path == "next" {
		a.mu.Lock()
		i := a.next
		a.next++
		a.mu.Unlock()
		if i >= len(a.events) {
			<-r.Context().Done() // frozen, as between two events
			return
		}
		limit := a.events[i].limit
		if limit == 0 {
			limit = 5 * time.Minute
		}
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", fmt.Sprintf("request-%d", i))
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(limit).UnixMilli()))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:111111111111:function:Spa-OnCodeCommitUpdate")
		_, _ = io.WriteString(w, a.events[i].event)
		return
	}
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.outcomes = append(a.outcomes, outcome{failed: strings.HasSuffix(path, "/error"), body: string(body)})
	w.WriteHeader(http.StatusAccepted)
	if len(a.outcomes) == len(a.events) {
		close(a.done)
	}
}

// lockedBuffer takes stdout and stderr, as CloudWatch does.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// runBootstrap has the program handle the events and gives what came of them, and
// the log. env is its whole environment.
func runBootstrap(t *testing.T, env []string, events ...invocation) (outcomes []outcome, log string) {
	t.Helper()
	path, err := bootstrap()
	if err != nil {
		t.Fatal(err)
	}
	api := &runtimeAPI{events: events, done: make(chan struct{})}
	server := httptest.NewServer(api)
	var out lockedBuffer
	child := exec.Command(path)
	child.Env = append([]string{"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(server.URL, "http://"), "HOME=" + t.TempDir()}, env...)
	child.Stdout, child.Stderr = &out, &out
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	select {
	case <-api.done:
		_ = child.Process.Kill()
		<-ended
	case err := <-ended:
		t.Errorf("the function ended: %v", err)
	case <-time.After(10 * time.Minute):
		t.Error("no outcome within ten minutes")
		_ = child.Process.Kill()
		<-ended
	}
	server.Close()
	if t.Failed() {
		t.Fatalf("its log:\n%s", out.b.String())
	}
	return api.outcomes, out.b.String()
}
