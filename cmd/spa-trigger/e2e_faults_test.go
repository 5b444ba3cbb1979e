package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"spa-runner/internal/guard"
)

const (
	startBuild     = "CodeBuild_20161006.StartBuild"
	getDifferences = "CodeCommit_20150413.GetDifferences"
	assumeRole     = "" // STS has no target
)

// sends answers with a text of that type.
func sends(status int, contentType, text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// cuts the connection after a part of the answer.
func cuts(text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, text)
		if tcp, ok := conn.(*net.TCPConn); ok && text == "" {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
}

// Whatever AWS, or what answers in its place, says: one error with its type, within
// the time of the function, and no panic.
func TestFaultsOfServers(t *testing.T) {
	t.Parallel()
	const jsonType, page = "application/x-amz-json-1.1", "<html>please sign in</html>"
	const emptied = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId></AccessKeyId><SecretAccessKey></SecretAccessKey><SessionToken></SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`
	for name, c := range map[string]struct {
		target string
		answer func(http.ResponseWriter)
		kind   string
		want   []string
	}{
		"CodeBuild: a page":         {startBuild, sends(200, "text/html", page), "RequestFailed", []string{"no answer of CodeBuild"}},
		"CodeBuild: a page, 503":    {startBuild, sends(503, "text/html", page), "RequestFailed", []string{"no answer of CodeBuild", "503"}},
		"CodeBuild: no build in it": {startBuild, sends(200, jsonType, "{}"), "RequestFailed", []string{"CodeBuild", "no build"}},
		"CodeBuild: nothing":        {startBuild, sends(200, jsonType, ""), "RequestFailed", []string{"CodeBuild", "no build"}},
		"CodeBuild: null":           {startBuild, sends(200, jsonType, "null"), "RequestFailed", []string{"CodeBuild", "no build"}},
		"CodeBuild: cut":            {startBuild, cuts("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"build\": {\"id\": \"x"), "RequestFailed", []string{"no answer of CodeBuild"}},
		"CodeBuild: reset":          {startBuild, cuts(""), "RequestFailed", []string{"no answer from CodeBuild"}},
		"STS: empty credentials":    {assumeRole, sends(200, "text/xml", emptied), "RequestFailed", []string{"STS", triggerRole}},
		"STS: no credentials":       {assumeRole, sends(200, "text/xml", "<AssumeRoleResponse><AssumeRoleResult></AssumeRoleResult></AssumeRoleResponse>"), "RequestFailed", []string{"STS", triggerRole}},
		"STS: a page":               {assumeRole, sends(200, "text/html", page), "RequestFailed", []string{"STS", triggerRole}},
		"STS: nothing":              {assumeRole, sends(200, "text/xml", ""), "RequestFailed", []string{"STS", triggerRole}},
		"CodeCommit: a page":        {getDifferences, sends(200, "text/html", page), "RequestFailed", []string{"CodeCommit"}},
		"CodeCommit: cut":           {getDifferences, cuts("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"diff"), "RequestFailed", []string{"CodeCommit"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeAWS(t)
			f.answers["GetDifferences"] = differences(same("a/x"))
			f.raw = func(w http.ResponseWriter, target string) bool {
				if target == c.target {
					c.answer(w)
				}
				return target == c.target
			}
			outcomes, log := runBootstrap(t, f.env(append(oneProject, "ENVIRONMENTS=a=P1")...), invocation{event: fixture(t, "eventbridge-updated")})
			kind, text := failureOf(t, outcomes, log)
			for _, want := range c.want {
				if kind != c.kind || !strings.Contains(text, want) || strings.Contains(text, "panic") {
					t.Errorf("%s: %s, want %s with %q", kind, text, c.kind, want)
				}
			}
		})
	}
}

// A function whose time is too short says that, and has started nothing.
func TestTooLittleTime(t *testing.T) {
	t.Parallel()
	for _, limit := range []time.Duration{time.Second, time.Millisecond, -time.Minute} {
		t.Run(limit.String(), func(t *testing.T) {
			t.Parallel()
			f := newFakeAWS(t)
			outcomes, log := runBootstrap(t, f.env(oneProject...), invocation{event: fixture(t, "trigger"), limit: limit})
			if kind, text := failureOf(t, outcomes, log); kind != "TimeRanOut" || !strings.Contains(text, "give it a timeout of 30 s") {
				t.Errorf("%s: %s", kind, text)
			}
			if len(f.calls) != 0 {
				t.Errorf("AWS was called: %v", f.calls)
			}
		})
	}
}

// The clock of the function is wrong: AWS tells its own, and the next attempt is signed by it.
func TestAWrongClock(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		t.Run(ahead.String(), func(t *testing.T) {
			t.Parallel()
			f := newFakeAWS(t)
			f.ahead = ahead
			outcomes, log := runBootstrap(t, f.env(oneProject...), invocation{event: fixture(t, "trigger")})
			if a := answerOf(t, outcomes, log); len(a.Started) != 1 {
				t.Errorf("the answer is %+v, the log\n%s", a, log)
			}
		})
	}
}

// An event of 5 MB, and one of a thousand records: the log and the answer stay short.
func TestLargeEvents(t *testing.T) {
	t.Parallel()
	record := func(ref string, n int) string {
		return fmt.Sprintf(`{"eventSource":"aws:codecommit","eventId":"e-%d","eventTime":"2024-03-12T20:58:25.400+0000","userIdentityARN":"$(x)","eventSourceARN":"arn:aws:codecommit:eu-west-1:111111111111:SpaSettings","codecommit":{"references":[{"ref":%q,"commit":"%040x"}]}}`, n, ref, n)
	}
	many := func(ref string) string {
		var list []string
		for n := range 1000 {
			list = append(list, record(ref, n+1))
		}
		return `{"Records":[` + strings.Join(list, ",") + `]}`
	}
	for name, c := range map[string]struct {
		event  string
		builds int
	}{
		"a thousand updates":           {many("refs/heads/main"), 1},
		"a thousand of other branches": {many("refs/heads/" + strings.Repeat("x", 150)), 0},
		"5 MB of something":            {`{"x":"` + strings.Repeat("y", 5<<20) + `"}`, 0},
		"5 MB beside an update":        {strings.Replace(record("refs/heads/main", 1), `{"eventSource"`, `{"Records":[{"x":"`+strings.Repeat("y", 5<<20)+`","eventSource"`, 1) + "]}", 1},
		"a deep one":                   {strings.Repeat(`{"x":`, 5000) + "1" + strings.Repeat("}", 5000), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeAWS(t)
			outcomes, log := runBootstrap(t, f.env(oneProject...), invocation{event: c.event})
			if a := answerOf(t, outcomes, log); len(a.Started) != c.builds || len(f.of("StartBuild")) != c.builds {
				t.Errorf("started %v", a.Started)
			}
			if len(log) > 20_000 || len(outcomes[0].body) > 5_000 {
				t.Errorf("the log has %d bytes and the answer %d", len(log), len(outcomes[0].body))
			}
		})
	}
}

// Pages without end are not read without end.
func TestEndlessPages(t *testing.T) {
	t.Parallel()
	t.Run("differences", func(t *testing.T) {
		t.Parallel()
		f := newFakeAWS(t)
		f.answers["GetDifferences"] = func(awsCall) any {
			return map[string]any{"differences": []any{same("a/x")}, "NextToken": "the same"}
		}
		outcomes, log := runBootstrap(t, f.env(append(oneProject, "ENVIRONMENTS=a=P1 b=P2")...), invocation{event: fixture(t, "eventbridge-updated")})
		if a := answerOf(t, outcomes, log); len(a.Started) != 2 || len(f.of("GetDifferences")) != maxPages {
			t.Errorf("started %v after %d pages", a.Started, len(f.of("GetDifferences")))
		}
	})
	t.Run("running batches", func(t *testing.T) {
		t.Parallel()
		f := batchWorld(t, []string{"a"}, same("environments/a/x"))
		f.answers["ListBuildBatchesForProject"] = func(awsCall) any { return map[string]any{"ids": []any{}, "nextToken": "the same"} }
		outcomes, log := runBootstrap(t, f.env(oneBatch...), invocation{event: fixture(t, "eventbridge-updated")})
		kind, text := failureOf(t, outcomes, log)
		if kind != "BuildRunning" || len(f.of("StartBuildBatch")) != 0 || len(f.of("ListBuildBatchesForProject")) != maxPages {
			t.Errorf("%s: %s, after %d pages", kind, text, len(f.of("ListBuildBatchesForProject")))
		}
	})
}

// The Runtime API breaks off: the process ends, as Lambda wants it, and shows no key.
func TestTheRuntimeAPIBreaksOff(t *testing.T) {
	t.Parallel()
	path, err := bootstrap()
	if err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string]func(http.ResponseWriter){
		"cut":  cuts("HTTP/1.1 200 OK\r\nContent-Length: 100\r\nLambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: 1\r\n\r\n{\"Rec"),
		"500":  sends(500, "text/plain", "no"),
		"page": sends(200, "text/html", "<html>"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeAWS(t)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
			defer server.Close()
			child := exec.CommandContext(t.Context(), path)
			child.Env = append(f.env(oneProject...), "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(server.URL, "http://"))
			kill := time.AfterFunc(5*time.Minute, func() { _ = child.Process.Kill() })
			defer kill.Stop()
			out, err := child.CombinedOutput()
			if err == nil || child.ProcessState.ExitCode() < 1 || strings.Contains(string(out), f.sts.ServiceCredentials().SecretAccessKey) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What was not foreseen has a type of its own, also among the errors of several projects.
func TestAPanicAmongOtherFailuresIsADefect(t *testing.T) {
	t.Parallel()
	err := guard.Call(func() error { panic("a bug") })
	if got := kindOf(err); got != kindDefect {
		t.Errorf("got %s", got)
	}
	if got := kindOf(errors.Join(fail(kindOf(err), "environments/a", err))); got != kindDefect {
		t.Errorf("of one among several: got %s", got)
	}
}
