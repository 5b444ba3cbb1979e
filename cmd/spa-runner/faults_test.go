package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"spa-runner/internal/loopback"
	"spa-runner/internal/record"
)

// faultRow is a fault, and what a run must make of it.
type faultRow struct {
	fault    string
	faults   map[string][]misbehaviour
	forever  string // the route whose last fault never passes
	options  loopback.Options
	env      map[string]string
	prepare  func(*world)
	step     string // the one that meets the fault
	attempts int    // of that step; 0: more than 5, until the budget is spent
	least    time.Duration
	most     time.Duration // of the first wait; 0: no matter
	reasons  []string      // in the log's account of the attempts
	code     int
	text     []string // in the error of the run
}

const (
	assumeSettings = "assume-settings-role"
	cloneSettings  = "clone-settings"
	cloneCode      = "clone-code"
	assumeDeploy   = "assume-deploy-role"
)

func on(route string, faults ...misbehaviour) map[string][]misbehaviour {
	return map[string][]misbehaviour{route: faults}
}

// faultsAtSTS are those that AssumeRole meets.
func faultsAtSTS() []faultRow {
	denied, unknown := refusedBySTS(403, "AccessDenied"), refusedBySTS(403, "InvalidClientTokenId")
	ahead := func(d time.Duration) loopback.Options {
		return loopback.Options{Clock: func() time.Time { return time.Now().Add(d) }}
	}
	soon := map[string]string{attemptFor: "6s"}
	return []faultRow{
		{fault: "STS: Throttling twice", faults: on(stsCall, refusedBySTS(400, "Throttling"), refusedBySTS(400, "ThrottlingException")), step: assumeSettings, attempts: 3, reasons: []string{"Throttling", "ThrottlingException"}},
		{fault: "STS: RequestLimitExceeded, TooManyRequestsException", faults: on(stsCall, nil, refusedBySTS(503, "RequestLimitExceeded"), refusedBySTS(429, "TooManyRequestsException")), step: assumeDeploy, attempts: 3},
		{fault: "STS: 500, 502, 503, 504", faults: on(stsCall, refusedBySTS(500, "InternalFailure"), status(502), refusedBySTS(503, "ServiceUnavailable"), status(504)), step: assumeSettings, attempts: 5, reasons: []string{"500", "502", "503", "504"}},
		{fault: "STS: 503 for ever", faults: on(stsCall, refusedBySTS(503, "ServiceUnavailable")), forever: stsCall, step: assumeSettings, code: 125, text: []string{"STS answered ServiceUnavailable: by script (given up after", "in 2m0"}},
		{fault: "STS: Retry-After 7", faults: on(stsCall, refusedBySTS(400, "Throttling", "Retry-After", "7")), step: assumeSettings, attempts: 2, least: 7 * time.Second, most: 7 * time.Second},
		{fault: "STS: connection reset", faults: on(stsCall, noAnswer), step: assumeSettings, attempts: 2},
		{fault: "STS: answer broken off", faults: on(stsCall, closed(), truncated()), step: assumeSettings, attempts: 3},
		{fault: "STS: never answers, once", faults: on(stsCall, silent), env: soon, step: assumeSettings, attempts: 2, reasons: []string{"longer than 6s"}},
		{fault: "STS: TLS closed early, twice", prepare: func(w *world) { behindTLS(w, "AWS_ENDPOINT_URL", 2) }, step: assumeSettings, attempts: 3},
		{fault: "STS: connection refused", env: map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, step: assumeSettings, code: 125, reasons: []string{"refused"}, text: []string{"no answer from STS", "(given up after", "in 20"}},
		{fault: "STS: certificate of nobody", prepare: func(w *world) { behindTLS(w, "AWS_ENDPOINT_URL", 0); delete(w.env, "AWS_CA_BUNDLE") }, step: assumeSettings, attempts: 1, code: 125, text: []string{"certificate"}},
		{fault: "STS: AccessDenied, then success", faults: on(stsCall, denied, denied, denied), step: assumeSettings, attempts: 4, reasons: []string{"AccessDenied"}},
		{fault: "STS: AccessDenied for ever", faults: on(stsCall, denied), forever: stsCall, step: assumeSettings, code: 125, text: []string{"STS answered AccessDenied: by script (given up after", "in 20"}},
		{fault: "STS: InvalidClientTokenId, then success", faults: on(stsCall, unknown), step: assumeSettings, attempts: 2, reasons: []string{"InvalidClientTokenId"}},
		{fault: "STS: InvalidClientTokenId after the tests", faults: on(stsCall, nil, unknown, refusedBySTS(403, "UnrecognizedClientException")), step: assumeDeploy, attempts: 3, reasons: []string{"InvalidClientTokenId", "UnrecognizedClientException"}},
		{fault: "STS: InvalidClientTokenId for ever", faults: on(stsCall, unknown), forever: stsCall, step: assumeSettings, code: 125, text: []string{"STS answered InvalidClientTokenId: by script (given up after", "in 20"}},
		{fault: "STS: PackedPolicyTooLarge", faults: on(stsCall, refusedBySTS(400, "PackedPolicyTooLarge")), forever: stsCall, step: assumeSettings, attempts: 1, code: 125, text: []string{"STS answered PackedPolicyTooLarge"}},
		{fault: "STS: ValidationError", faults: on(stsCall, refusedBySTS(400, "ValidationError")), forever: stsCall, step: assumeSettings, attempts: 1, code: 125, text: []string{"STS answered ValidationError"}},
		{fault: "STS: ExpiredToken", faults: on(stsCall, refusedBySTS(403, "ExpiredToken")), forever: stsCall, step: assumeSettings, attempts: 1, code: 125, text: []string{"STS answered ExpiredToken"}},
		{fault: "STS: SignatureDoesNotMatch, clock right", faults: on(stsCall, refusedBySTS(403, "SignatureDoesNotMatch")), forever: stsCall, step: assumeSettings, attempts: 1, code: 125, text: []string{"SignatureDoesNotMatch"}},
		{fault: "clock 10 minutes slow: STS", options: ahead(10 * time.Minute), step: assumeSettings, attempts: 2, reasons: []string{"SignatureDoesNotMatch"}},
		{fault: "clock 10 minutes fast: STS", options: ahead(-10 * time.Minute), step: assumeSettings, attempts: 2},
		{fault: "clock 20 minutes slow: CodeCommit", options: ahead(20 * time.Minute), step: cloneSettings, attempts: 2, reasons: []string{"signature expired"}},
		{fault: "clock 20 minutes fast: CodeCommit", options: ahead(-20 * time.Minute), step: cloneSettings, attempts: 2, reasons: []string{"signature expired"}},
	}
}

// faultsOfClones are those that the two clones meet.
func faultsOfClones() []faultRow {
	stall := map[string]string{nextByteIn: "5s"}
	tag := func(w *world) { w.env["CODE_GIT_BRANCH"] = "v9.9" }
	pin := map[string]string{"CODE_GIT_COMMIT": strings.Repeat("0", 40)}
	return []faultRow{
		{fault: "CodeCommit: 429 429 200", faults: on(settingsRefs, status(429), status(429)), step: cloneSettings, attempts: 3, reasons: []string{"429"}},
		{fault: "GitHub: 429 429 200", faults: on(codeRefs, status(429), status(429)), step: cloneCode, attempts: 3, reasons: []string{"429"}},
		{fault: "CodeCommit: 503 of the pack, then 200", faults: on(settingsPack, status(503)), step: cloneSettings, attempts: 2, reasons: []string{"503"}},
		{fault: "GitHub: 500 502 503 504 200", faults: on(codeRefs, status(500), status(502), status(503), status(504)), step: cloneCode, attempts: 5},
		{fault: "CodeCommit: Retry-After 9", faults: on(settingsRefs, status(429, "Retry-After", "9")), step: cloneSettings, attempts: 2, least: 9 * time.Second, most: 9 * time.Second},
		{fault: "GitHub: Retry-After a date", faults: on(codeRefs, inSeconds(40)), step: cloneCode, attempts: 2, least: 25 * time.Second, most: 41 * time.Second},
		{fault: "GitHub: Retry-After an hour", faults: on(codeRefs, status(429, "Retry-After", "3600")), forever: codeRefs, step: cloneCode, attempts: 1, code: 125, text: []string{"429", "the server asks to wait 1h0m0s"}},
		{fault: "CodeCommit: reset in mid-pack", faults: on(settingsPack, reset()), step: cloneSettings, attempts: 2, reasons: []string{"reset"}},
		{fault: "GitHub: reset in mid-pack, twice", faults: on(codePack, reset(), reset()), step: cloneCode, attempts: 3, reasons: []string{"reset"}},
		{fault: "GitHub: early EOF in mid-pack", faults: on(codePack, closed()), step: cloneCode, attempts: 2, reasons: []string{"EOF"}},
		{fault: "CodeCommit: truncated pack", faults: on(settingsPack, truncated()), step: cloneSettings, attempts: 2},
		{fault: "GitHub: truncated pack and refs", faults: map[string][]misbehaviour{codePack: {truncated()}, codeRefs: {truncated()}}, step: cloneCode, attempts: 3},
		{fault: "GitHub: no answer for the pack", faults: on(codePack, noAnswer), step: cloneCode, attempts: 2},
		{fault: "GitHub: stall in mid-pack", faults: on(codePack, stalled()), env: stall, step: cloneCode, attempts: 2, reasons: []string{"nothing came for 5s"}},
		{fault: "CodeCommit: stall in the refs", faults: on(settingsRefs, stalled()), env: stall, step: cloneSettings, attempts: 2, reasons: []string{"nothing came for 5s"}},
		{fault: "GitHub: slow, but alive", faults: on(codePack, slow(16, 300*time.Millisecond)), env: map[string]string{nextByteIn: "4s"}, step: cloneCode, attempts: 1},
		{fault: "GitHub: never answers, once", faults: on(codeRefs, silent), env: map[string]string{answerIn: "6s"}, step: cloneCode, attempts: 2, reasons: []string{"took too long"}},
		{fault: "GitHub: TLS closed early, twice", prepare: func(w *world) { behindTLS(w, "CODE_GIT_URL", 2) }, step: cloneCode, attempts: 3},
		{fault: "GitHub: certificate of nobody", prepare: func(w *world) { behindTLS(w, "CODE_GIT_URL", 0); delete(w.env, "AWS_CA_BUNDLE") }, step: cloneCode, attempts: 1, code: 125, text: []string{"certificate"}},
		{fault: "GitHub: 401 as anybody, twice", faults: on(codeRefs, status(401), status(401)), step: cloneCode, attempts: 3},
		{fault: "GitHub: 401 as anybody, for ever", faults: on(codeRefs, status(401)), forever: codeRefs, step: cloneCode, code: 125, text: []string{"401", "(given up after", "in 5"}},
		{fault: "GitHub: 401 with a token", faults: on(codeRefs, status(401)), forever: codeRefs, env: map[string]string{"CODE_GIT_TOKEN": "ghp_0123456789abcdef"}, step: cloneCode, attempts: 1, code: 125, text: []string{"401"}},
		{fault: "CodeCommit: 403, clock right", faults: on(settingsRefs, status(403)), forever: settingsRefs, step: cloneSettings, attempts: 1, code: 125, text: []string{"403"}},
		{fault: "CodeCommit: 403, clock wrong and not to blame", faults: on(settingsRefs, byItsClock(403, -time.Hour)), forever: settingsRefs, step: cloneSettings, attempts: 2, code: 125, text: []string{"403", "the clock of 127.0.0.1 is ahead of this machine's by -1h0m"}},
		{fault: "GitHub: 404", faults: on(codeRefs, status(404)), forever: codeRefs, step: cloneCode, attempts: 1, code: 125, text: []string{"404"}},
		{fault: "a tag that does not exist", prepare: tag, step: cloneCode, attempts: 1, code: 125, text: []string{"v9.9"}},
		{fault: "a commit that is not the demanded one", env: pin, step: cloneCode, attempts: 1, code: 125, text: []string{"was demanded"}},
		{fault: "CodeCommit: 503 for ever", faults: on(settingsRefs, status(503)), forever: settingsRefs, step: cloneSettings, code: 125, text: []string{"503", "(given up after", "in 5m0"}},
		{fault: "GitHub: reset in mid-pack, for ever", faults: on(codePack, reset()), forever: codePack, step: cloneCode, code: 125, text: []string{"broke off", "(given up after", "in 5m0"}},
	}
}

// Each fault, over the whole program: how often a step was tried, how the run
// ended, and what was left on disk.
func TestFaults(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var table []string
	t.Run("each", func(t *testing.T) {
		for _, row := range append(faultsAtSTS(), faultsOfClones()...) {
			if leftOut(row.fault) {
				continue
			}
			t.Run(row.fault, func(t *testing.T) {
				t.Parallel()
				line := row.play(t)
				mu.Lock()
				defer mu.Unlock()
				table = append(table, line)
			})
		}
	})
	slices.Sort(table)
	t.Logf("fault → attempts → outcome\n%s", strings.Join(table, ""))
}

// play runs the row and describes what came of it.
func (row faultRow) play(t *testing.T) string {
	t.Helper()
	proxy := play(row.faults, row.forever)
	row.options.Middleware = proxy.middleware
	w := newWorld(t, row.options)
	w.write("code", "Makefile", "setup lint all-tests:\n\t@true\ndeploy:\n\t@echo deployed\n")
	w.write("code", "large", string(bytes.Repeat([]byte("line\n"), 1000)))
	w.serve()
	w.env["SPA_RUNNER_SETUP_TARGETS"], w.env["SPA_RUNNER_LINT_TARGETS"] = "", "" // they have no part in it
	for name, value := range row.env {
		w.env[name] = value
	}
	if row.prepare != nil {
		row.prepare(w)
	}
	o := w.run("run")

	retries := o.find(t, "retrying", row.step)
	row.checkRetries(t, retries)
	if row.code != o.code {
		t.Errorf("exit code %d, want %d", o.code, row.code)
	}
	if row.code == 0 {
		row.checkSuccess(t, w, o)
	} else {
		row.checkFailure(t, w, o)
	}
	if t.Failed() {
		t.Log(o)
	}
	outcome := "deployed"
	if o.code != 0 {
		outcome = fmt.Sprintf("exit %d, nothing deployed, no %s/", o.code, strings.TrimPrefix(row.step, "clone-"))
		if !strings.HasPrefix(row.step, "clone-") {
			outcome = fmt.Sprintf("exit %d, nothing deployed", o.code)
		}
	}
	return fmt.Sprintf("  %-54s %-20s %3d  %s\n", row.fault, row.step, len(retries)+1, outcome)
}

func (row faultRow) checkRetries(t *testing.T, retries []event) {
	t.Helper()
	attempts := len(retries) + 1
	if row.attempts != 0 && attempts != row.attempts || row.attempts == 0 && attempts < 3 {
		t.Errorf("%d attempts, want %d (0: several)", attempts, row.attempts)
	}
	var reasons strings.Builder
	for i, e := range retries {
		delay, _ := e["delay_ms"].(float64)
		if e["attempt"] != float64(i+1) || delay <= 0 || e["level"] != "warn" || e["what"] == "" || e["scope"] == nil {
			t.Errorf("got event %v", e)
		}
		fmt.Fprintln(&reasons, e["error"])
	}
	for _, reason := range row.reasons {
		if !strings.Contains(reasons.String(), reason) {
			t.Errorf("the log gives the reasons %q, want %q", reasons.String(), reason)
		}
	}
	if row.most > 0 && len(retries) > 0 {
		first := time.Duration(retries[0]["delay_ms"].(float64)) * time.Millisecond
		if first < row.least || first > row.most {
			t.Errorf("the first wait is %s, want %s to %s", first, row.least, row.most)
		}
	}
}

// checkSuccess wants a deployment of what was served, and nothing else.
func (row faultRow) checkSuccess(t *testing.T, w *world, o outcome) {
	t.Helper()
	last := o.find(t, "run finished", "")
	if len(last) != 1 || last[0]["deployed"] != true || !strings.Contains(o.output(t, "make-deploy"), "deployed") {
		t.Fatalf("no deployment: %v", last)
	}
	w.checkDeployed(t)
}

// checkFailure wants nothing made, and nothing that a later run could take for
// its own.
func (row faultRow) checkFailure(t *testing.T, w *world, o outcome) {
	t.Helper()
	last := o.find(t, "run failed", "")
	if len(last) != 1 || last[0]["failed_step"] != row.step || last[0]["deployed"] != false {
		t.Fatalf("last event: %v", last)
	}
	for _, text := range row.text {
		if !strings.Contains(fmt.Sprint(last[0]["error"]), text) {
			t.Errorf("the error is %q, want %q in it", last[0]["error"], text)
		}
	}
	started := o.started(t)
	if started[len(started)-1] != row.step {
		t.Errorf("after %s there was %q", row.step, started)
	}
	if slices.Contains(w.assumed(), deployRole) {
		t.Error("the deploy role was assumed")
	}
	left, err := os.ReadDir(w.workdir)
	if err != nil {
		t.Fatal(err)
	}
	left = slices.DeleteFunc(left, func(e fs.DirEntry) bool { return e.Name() == record.Folder })
	want := map[string]int{assumeSettings: 0, cloneSettings: 0, cloneCode: 1}[row.step]
	if len(left) != want || want == 1 && left[0].Name() != "settings" {
		t.Errorf("left are %v", left)
	}
}

// A signal, or the time limit of the run, ends a wait at once, and there is no
// further attempt.
func TestAWaitEndsAtOnce(t *testing.T) {
	t.Parallel()
	long := []string{"Retry-After", "100"}
	for name, test := range map[string]struct {
		route string
		fault misbehaviour
		limit string
		want  int
	}{
		"signal during the wait for STS":     {stsCall, refusedBySTS(400, "Throttling", long...), "", 143},
		"signal during the wait for a clone": {codeRefs, status(503, long...), "", 143},
		"time limit during the wait":         {settingsRefs, status(503, long...), "9s", 124},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := play(on(test.route, test.fault), test.route)
			w := newWorld(t, loopback.Options{Middleware: proxy.middleware})
			w.serve()
			w.env[realWaits] = "1"
			w.env["SPA_RUNNER_TIMEOUT"] = cmp.Or(test.limit, "1h")
			cmd, lines := start(w)
			var log strings.Builder
			for lines.Scan() {
				log.WriteString(lines.Text() + "\n")
				if test.want == 143 && strings.Contains(lines.Text(), `"msg":"retrying"`) {
					if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
						t.Fatal(err)
					}
				}
			}
			_ = cmd.Wait()
			o := outcome{code: cmd.ProcessState.ExitCode(), stdout: log.String()}
			if o.code != test.want || len(o.find(t, "retrying", "")) != 1 {
				t.Errorf("got %v, want %d after one attempt", o, test.want)
			}
			if n := proxy.requests(test.route); n != 1 { // after the wait there would be another one
				t.Errorf("there were %d requests, want one", n)
			}
		})
	}
}

// What is retried is the network's fault. A target that failed has failed.
func TestAFailedTargetIsNotRetried(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.write("code", "Makefile", "setup lint:\n\t@true\nall-tests:\n\t@echo 503 connection reset >> ../tries; echo TooManyRequests; exit 1\n")
	w.serve()
	o := w.run("run")
	tries, err := os.ReadFile(filepath.Join(w.workdir, "tries"))
	if o.code != 2 || err != nil || strings.Count(string(tries), "\n") != 1 || len(o.find(t, "retrying", "")) != 0 {
		t.Errorf("tried %q (%v): %v", tries, err, o)
	}
}

// However many retries there were, the summary has one line for them.
func TestRetriesDoNotFloodTheSummary(t *testing.T) {
	t.Parallel()
	proxy := play(on(codeRefs, slices.Repeat([]misbehaviour{status(503)}, 9)...), "")
	w := newWorld(t, loopback.Options{Middleware: proxy.middleware})
	w.serve()
	w.env["SPA_RUNNER_LOG_FORMAT"] = "console"
	o := w.run("run")
	_, summary, _ := strings.Cut(o.stdout, "────")
	if o.code != 0 || strings.Count(summary, "answered 503 ") != 1 || !strings.Contains(summary, "warning: cloning the code was retried 9 times, the last time after: ") ||
		strings.Count(o.stdout, "warning: retrying") != 9 {
		t.Errorf("%v", o)
	}

	// And none where they came to nothing, which the cause says.
	w = newWorld(t, loopback.Options{Middleware: play(on(codeRefs, status(503)), codeRefs).middleware})
	w.serve()
	w.env["SPA_RUNNER_LOG_FORMAT"] = "console"
	o = w.run("run")
	_, summary, _ = strings.Cut(o.stdout, "────")
	if o.code != 125 || strings.Count(summary, "(given up after ") != 1 || strings.Contains(summary, "was retried") {
		t.Errorf("%v", o)
	}
}
