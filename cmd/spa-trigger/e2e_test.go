package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"spa-runner/internal/loopback"
)

const (
	triggerRole = "arn:aws:iam::222222222222:role/Spa-DeploymentTriggerRole"
	projectARNs = "arn:aws:codebuild:eu-west-3:222222222222:project/Spa-DeployAutomationEnvironment"
)

// oneProject are the variables of the workbook.
var oneProject = []string{"ARN_OF_ROLE_TO_ASSUME=" + triggerRole, "NAME_OF_PROJECT_TO_START=Spa-DeployAutomationEnvironment"}

func fixture(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// answerOf is what the one event came to, which must not have failed.
func answerOf(t *testing.T, outcomes []outcome, log string) answer {
	t.Helper()
	var a answer
	if len(outcomes) != 1 || outcomes[0].failed || json.Unmarshal([]byte(outcomes[0].body), &a) != nil {
		t.Fatalf("outcome %+v, want one answer; the log:\n%s", outcomes, log)
	}
	return a
}

// failureOf is the error of the one event, as Lambda and its destination show it.
func failureOf(t *testing.T, outcomes []outcome, log string) (kind, text string) {
	t.Helper()
	var e struct{ ErrorType, ErrorMessage string }
	if len(outcomes) != 1 || !outcomes[0].failed || json.Unmarshal([]byte(outcomes[0].body), &e) != nil {
		t.Fatalf("outcome %+v, want one error; the log:\n%s", outcomes, log)
	}
	if !strings.Contains(log, `"level":"error"`) || !strings.Contains(log, `"type":"`+e.ErrorType+`"`) {
		t.Errorf("the error is not in the log:\n%s", log)
	}
	return e.ErrorType, e.ErrorMessage
}

func TestPushStartsABuild(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, fixture, project, region string
		want                           map[string]string
	}{
		{"repository trigger", "trigger", "Spa-DeployAutomationEnvironment", "eu-west-1", map[string]string{
			"SETTINGS_GIT_COMMIT":    "5c4ef1049f1d27deadbeeff313e0730018be182b",
			"SETTINGS_GIT_PUSHER":    "arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_CloudOps_0123456789abcdef/mary.major@example.com",
			"SETTINGS_GIT_PUSHED_AT": "2024-03-12T20:58:25.400Z",
		}},
		{"EventBridge, project in another region", "eventbridge-updated", projectARNs, "eu-west-3", map[string]string{
			"SETTINGS_GIT_COMMIT":    "7f0103f1049f1d27deadbeeff313e0730018be18",
			"SETTINGS_GIT_PUSHER":    "arn:aws:iam::111111111111:user/mary",
			"SETTINGS_GIT_PUSHED_AT": "2024-06-12T10:23:43.000Z",
		}},
		{"branch created, pusher not told", "eventbridge-created", "Spa-DeployAutomationEnvironment", "eu-west-1", map[string]string{
			"SETTINGS_GIT_COMMIT":    "3e5983f1049f1d27deadbeeff313e0730018be18",
			"SETTINGS_GIT_PUSHED_AT": "2024-06-12T10:23:43.000Z",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeAWS(t)
			outcomes, log := runBootstrap(t, f.env("ARN_OF_ROLE_TO_ASSUME="+triggerRole, "NAME_OF_PROJECT_TO_START="+c.project), invocation{event: fixture(t, c.fixture)})
			a := answerOf(t, outcomes, log)
			starts, assumed := f.of("StartBuild"), f.sts.Calls()
			if len(starts) != 1 || len(assumed) != 1 || len(f.calls) != 1 {
				t.Fatalf("%d AssumeRole and %d calls, %d of them StartBuild; want one of each", len(assumed), len(f.calls), len(starts))
			}
			session := "Spa-OnCodeCommitUpdate-" + c.want["SETTINGS_GIT_COMMIT"][:12]
			if got := assumed[0]; got.RoleARN != triggerRole || got.SessionName != session || got.CallerKey != f.sts.ServiceCredentials().AccessKeyID {
				t.Errorf("assumed %+v, want %s as %s by the function", got, triggerRole, session)
			}
			start := starts[0]
			if want := "arn:aws:sts::222222222222:assumed-role/Spa-DeploymentTriggerRole/" + session; start.who != want || start.region != c.region {
				t.Errorf("started by %s in %s, want %s in %s", start.who, start.region, want, c.region)
			}
			if got := environmentOf(t, start); start.text("projectName") != "Spa-DeployAutomationEnvironment" || !maps.Equal(got, c.want) {
				t.Errorf("started %s with %v, want %v", start.text("projectName"), got, c.want)
			}
			if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(start.text("idempotencyToken")) || len(start.body) != 3 {
				t.Errorf("the request is %v", start.body)
			}
			if len(a.Started) != 1 || a.Started[0].Build != "Spa-DeployAutomationEnvironment:build-1" || !strings.Contains(log, `"msg":"build started"`) {
				t.Errorf("the answer is %+v, the log\n%s", a, log)
			}
		})
	}
}

func TestDuplicateHasTheSameTokenAndATestAnother(t *testing.T) {
	t.Parallel()
	f := newFakeAWS(t)
	push := fixture(t, "trigger")
	event := func(old, replacement string) invocation {
		return invocation{event: strings.Replace(push, old, replacement, 1)}
	}
	outcomes, log := runBootstrap(t, f.env(oneProject...), event("", ""), event("", ""),
		event("31ade2c7", "41ade2c7"), event("5c4ef104", "6c4ef104"), event(":SpaSettings", ":OtherSettings"))
	starts := f.of("StartBuild")
	if len(outcomes) != 5 || len(starts) != 5 {
		t.Fatalf("%d outcomes, %d starts; the log:\n%s", len(outcomes), len(starts), log)
	}
	tokens := map[string]int{}
	for _, s := range starts {
		tokens[s.text("idempotencyToken")]++
	}
	if len(tokens) != 4 || tokens[starts[0].text("idempotencyToken")] != 2 || starts[0].text("idempotencyToken") != starts[1].text("idempotencyToken") {
		t.Errorf("tokens %v, want the duplicate's twice, and others for another event, commit and repository", tokens)
	}
	if got := len(f.sts.Calls()); got != 5 {
		t.Errorf("the role was assumed %d times, want once an event: it is not kept", got)
	}
}

func TestNoUpdateOfTheTrunkStartsNothing(t *testing.T) {
	t.Parallel()
	push, bridge := fixture(t, "trigger"), fixture(t, "eventbridge-updated")
	other := strings.NewReplacer(`"branch"`, `"tag"`, "refs/heads/main", "refs/tags/main")
	for name, c := range map[string]struct{ event, why string }{
		"another branch":               {strings.ReplaceAll(push, "refs/heads/main", "refs/heads/feature"), "refs/heads/feature"},
		"a branch that ends in it":     {strings.ReplaceAll(push, "refs/heads/main", "refs/heads/feature/main"), "refs/heads/feature/main"},
		"a tag of that name":           {strings.ReplaceAll(push, "refs/heads/main", "refs/tags/main"), "refs/tags/main"},
		"a tag of that name, rule":     {other.Replace(bridge), "refs/tags/main"},
		"deletion":                     {fixture(t, "trigger-deleted"), "was deleted"},
		"deletion, rule":               {fixture(t, "eventbridge-deleted"), "referenceDeleted"},
		"pull request":                 {fixture(t, "eventbridge-pull-request"), "Pull Request"},
		"merge that no branch has":     {strings.Replace(bridge, "referenceUpdated", "unreferencedMergeCommitCreated", 1), "unreferencedMergeCommitCreated"},
		"the console's hello":          {fixture(t, "hello-world"), "Test trigger"},
		"an empty object":              {"{}", "Test trigger"},
		"a record without a reference": {`{"Records":[{"eventSource":"aws:codecommit","codecommit":{"references":[]}}]}`, "no references"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeAWS(t)
			outcomes, log := runBootstrap(t, f.env(oneProject...), invocation{event: c.event})
			if a := answerOf(t, outcomes, log); len(a.Started) != 0 || !strings.Contains(a.Why, c.why) {
				t.Errorf("the answer is %+v, want a why with %q", a, c.why)
			}
			if len(f.calls)+len(f.sts.Calls()) != 0 {
				t.Errorf("AWS was called: %v %v", f.calls, f.sts.Calls())
			}
		})
	}
}

func TestTheTrunkIsWhatSettingsGitBranchSays(t *testing.T) {
	t.Parallel()
	f := newFakeAWS(t)
	outcomes, log := runBootstrap(t, f.env(append(oneProject, "SETTINGS_GIT_BRANCH=release/2")...),
		invocation{event: fixture(t, "trigger")}, invocation{event: strings.ReplaceAll(fixture(t, "trigger"), "heads/main", "heads/release/2")})
	if len(outcomes) != 2 || len(f.of("StartBuild")) != 1 || !strings.Contains(outcomes[0].body, "no update of refs/heads/release/2") {
		t.Errorf("outcomes %+v, log\n%s", outcomes, log)
	}
}

func TestMalformedEventIsAnError(t *testing.T) {
	t.Parallel()
	push, bridge := fixture(t, "trigger"), fixture(t, "eventbridge-updated")
	for name, c := range map[string]struct{ event, want string }{
		"no JSON":              {`{"Records": [`, "no JSON"},
		"a list":               {`[]`, "no JSON as CodeCommit sends it"},
		"records of no kind":   {`{"Records": "x"}`, "no JSON as CodeCommit sends it"},
		"no record":            {`{"Records": []}`, "no record in it"},
		"another service":      {strings.Replace(push, "aws:codecommit", "aws:s3", 1), "aws:s3"},
		"another source":       {strings.Replace(bridge, "aws.codecommit", "aws.events", 1), "a rule must have the source aws.codecommit"},
		"the console's sample": {fixture(t, "lambda-console-sample"), "want 40 hexadecimal digits"},
		"a command as commit":  {strings.Replace(push, "5c4ef1049f1d27deadbeeff313e0730018be182b", "$(id)", 1), "want 40 hexadecimal digits"},
		"no id":                {strings.Replace(push, "eventId", "otherId", 1), "its id is"},
		"no repository":        {strings.Replace(push, "arn:aws:codecommit", "arn:aws:sns", 1), "is not the ARN of a repository"},
		"an old commit of odd": {strings.Replace(bridge, `"oldCommitId": "3e5983`, `"oldCommitId": "HEAD~1`, 1), "oldCommitId"},
		"no detail":            {`{"source":"aws.codecommit","detail-type":"CodeCommit Repository State Change"}`, "its detail"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeAWS(t)
			outcomes, log := runBootstrap(t, f.env(oneProject...), invocation{event: c.event})
			if kind, text := failureOf(t, outcomes, log); kind != "MalformedEvent" || !strings.Contains(text, c.want) {
				t.Errorf("%s: %s, want MalformedEvent with %q", kind, text, c.want)
			}
			if len(f.calls)+len(f.sts.Calls()) != 0 {
				t.Errorf("AWS was called: %v %v", f.calls, f.sts.Calls())
			}
		})
	}
}

// Several updates of the trunk in one event start one build, of the newest.
func TestSeveralRecordsStartOneBuild(t *testing.T) {
	t.Parallel()
	record := func(ref, commit, at string) string {
		return `{"eventSource":"aws:codecommit","eventId":"e-` + commit[:4] + `","eventTime":"` + at + `","eventSourceARN":"arn:aws:codecommit:eu-west-1:111111111111:SpaSettings",` +
			`"codecommit":{"references":[{"ref":"refs/heads/other","commit":"` + strings.Repeat("9", 40) + `"},{"ref":"` + ref + `","commit":"` + commit + `"}]}}`
	}
	a, b, c := strings.Repeat("a", 40), strings.Repeat("b", 40), strings.Repeat("c", 40)
	f := newFakeAWS(t)
	outcomes, log := runBootstrap(t, f.env(oneProject...), invocation{event: `{"Records":[` + strings.Join([]string{
		record("refs/heads/main", a, "2024-03-12T20:58:25.400+0000"),
		record("refs/heads/main", b, "2024-03-12T22:58:27.400+0200"),
		record("refs/heads/main", c, "2024-03-12T20:58:26.400+0000"),
		record("refs/heads/feature", strings.Repeat("d", 40), "2024-03-13T20:58:26.400+0000"),
	}, ",") + `]}`})
	answerOf(t, outcomes, log)
	starts := f.of("StartBuild")
	if len(starts) != 1 || environmentOf(t, starts[0])["SETTINGS_GIT_COMMIT"] != b {
		t.Errorf("starts %v, want one, of %s", starts, b)
	}
	if !strings.Contains(log, `"updates":3`) {
		t.Errorf("the log does not tell of three updates:\n%s", log)
	}
}

// Who pushed and when are for the record: odd ones are not passed on, and the push counts.
func TestOddPusherAndTimeAreNotPassedOn(t *testing.T) {
	t.Parallel()
	f := newFakeAWS(t)
	event := strings.NewReplacer("arn:aws:sts::111111111111:assumed-role", "$(reboot) ", "2024-03-12T20:58:25.400+0000", "yesterday").Replace(fixture(t, "trigger"))
	outcomes, log := runBootstrap(t, f.env(oneProject...), invocation{event: event})
	answerOf(t, outcomes, log)
	if got := environmentOf(t, f.of("StartBuild")[0]); len(got) != 1 || strings.Count(log, `"level":"warn"`) != 2 {
		t.Errorf("passed on %v, with the log\n%s", got, log)
	}
	// The runner takes 1,024 bytes at the most, and a build of more would deploy nothing.
	for n := 800; n < 1100; n++ {
		if arn := "arn:aws-us-gov:iam::111111111111:user/" + strings.Repeat("x", n); len(arn) > 1024 && identityARN.MatchString(arn) {
			t.Fatalf("a pusher of %d bytes is passed on", len(arn))
		}
	}
}

func TestRefusalsAreErrorsThatSayWhatToDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sts      error
		build    any
		limit    time.Duration
		kind     string
		want     []string
		not      string // "" if nothing is kept out of the text
		attempts int    // of StartBuild
	}{
		"STS: AccessDenied": {
			sts:  &loopback.Fault{Status: 403, Code: "AccessDenied", Message: "User: x is not authorized to perform: sts:AssumeRole"},
			kind: "AccessDenied", want: []string{triggerRole, "trust policy of the role (in account 222222222222)", "sts:AssumeRole"},
		},
		"STS: throttling":   {sts: &loopback.Fault{Status: 400, Code: "Throttling", Message: "Rate exceeded"}, kind: "Throttled", want: []string{"STS answered Throttling: Rate exceeded"}},
		"STS: out of order": {sts: &loopback.Fault{Status: 503, Code: "ServiceUnavailable", Message: "later"}, kind: "RequestFailed", want: []string{"STS answered ServiceUnavailable"}},
		"CodeBuild: AccessDenied": {
			build: fault{400, "AccessDeniedException", "User: x is not authorized to perform: codebuild:StartBuild"}, attempts: 1,
			kind: "AccessDenied", want: []string{"must allow codebuild:StartBuild", "arn:aws:codebuild:eu-west-1:222222222222:project/Spa-DeployAutomationEnvironment"},
		},
		"CodeBuild: no such project": {
			build: fault{400, "ResourceNotFoundException", "Project cannot be found"}, attempts: 1,
			kind: "NotFound", want: []string{"region eu-west-1 of account 222222222222", "NAME_OF_PROJECT_TO_START"},
		},
		"CodeBuild: throttling": {build: fault{400, "ThrottlingException", "Rate exceeded"}, attempts: 3, kind: "Throttled", want: []string{"CodeBuild answered ThrottlingException"}},
		"a build is running": {
			build: fault{400, "AccountLimitExceededException", "Cannot have more than 1 builds in queue for the account"}, attempts: 1, kind: "BuildRunning",
			want: []string{"a build is running", "after one and two minutes", "SPA_RUNNER_MAX_PASSES", "Cannot have more than 1 builds"},
		},
		"this account may run no build": {
			build: fault{400, "AccountLimitExceededException", "Cannot have more than 0 builds in queue for the account"}, attempts: 1, kind: "NoBuildsAllowed",
			want: []string{"ask AWS Support to raise the quota", "Cannot have more than 0 builds in queue"}, not: "is running",
		},
		"no active build": {
			build: fault{400, "AccountLimitExceededException", "Cannot have more than 0 active builds for the account"}, attempts: 1, kind: "NoBuildsAllowed",
			want: []string{"ask AWS Support to raise the quota"}, not: "is running",
		},
		"ten builds are running": {
			build: fault{400, "AccountLimitExceededException", "Cannot have more than 10 builds in queue for the account"}, attempts: 1, kind: "BuildRunning",
			want: []string{"a build is running"}, not: "AWS Support",
		},
		"CodeBuild is silent": {build: nil, limit: 6 * time.Second, attempts: 1, kind: "TimeRanOut", want: []string{"timeout of 30 s"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeAWS(t)
			over := make(chan struct{})
			t.Cleanup(func() { close(over) })
			f.assume = func(loopback.Call) error { return c.sts }
			f.answers["StartBuild"] = func(awsCall) any {
				if c.build == nil {
					<-over
				}
				return c.build
			}
			outcomes, log := runBootstrap(t, f.env(oneProject...), invocation{event: fixture(t, "trigger"), limit: c.limit})
			kind, text := failureOf(t, outcomes, log)
			if kind != c.kind {
				t.Errorf("the type is %s, want %s", kind, c.kind)
			}
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not in: %s", want, text)
				}
			}
			if c.not != "" && strings.Contains(text, c.not) {
				t.Errorf("%q is in: %s", c.not, text)
			}
			if got := len(f.of("StartBuild")); got != c.attempts {
				t.Errorf("StartBuild was called %d times, want %d", got, c.attempts)
			}
			if got := len(f.sts.Calls()); got > maxAttempts || c.attempts > 0 && got != 1 {
				t.Errorf("AssumeRole was called %d times: the retries nest", got)
			}
		})
	}
}

func TestEveryLineOfTheLogIsAnEvent(t *testing.T) {
	t.Parallel()
	f := newFakeAWS(t)
	f.answers["StartBuild"] = func(awsCall) any { return fault{400, "AccountLimitExceededException", "1 build"} }
	_, log := runBootstrap(t, f.env(oneProject...), invocation{event: fixture(t, "trigger")}, invocation{event: fixture(t, "hello-world")}, invocation{event: "{"})
	lines := strings.Split(strings.TrimSpace(log), "\n")
	for _, line := range lines {
		var e struct{ TS, Level, Msg string }
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Msg == "" || e.Level != strings.ToLower(e.Level) {
			t.Errorf("%q is no event: %v", line, err)
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000Z", e.TS); err != nil {
			t.Errorf("%q has no time: %v", line, err)
		}
	}
	if len(lines) < 4 {
		t.Errorf("there are %d lines:\n%s", len(lines), log)
	}
}

// Whatever AWS quotes in an answer: no key of the function or of the role is in
// the log, or in what goes to the destination.
func TestNoKeyIsEverShown(t *testing.T) {
	t.Parallel()
	f := newFakeAWS(t)
	var quoted []string
	quote := func() string {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, c := range f.identity {
			quoted = append(quoted, c.AccessKeyID, c.SecretAccessKey, c.SessionToken)
		}
		return "you sent " + strings.Join(quoted, " and ")
	}
	// One answer becomes a warning of the log, the other the error.
	f.answers["GetDifferences"] = func(awsCall) any { return fault{400, "CommitDoesNotExistException", quote()} }
	f.answers["StartBuild"] = func(awsCall) any { return fault{400, "InvalidInputException", quote()} }
	outcomes, log := runBootstrap(t, f.env(append(oneProject, "ENVIRONMENTS=a=P1")...), invocation{event: fixture(t, "eventbridge-updated")})
	if len(quoted) != 9 || !strings.Contains(outcomes[0].body, "you sent") || !strings.Contains(log, `"level":"warn"`) {
		t.Fatalf("%d values were quoted, and the outcome is %+v", len(quoted), outcomes)
	}
	for _, secret := range quoted {
		if strings.Contains(log, secret) || strings.Contains(outcomes[0].body, secret) {
			t.Errorf("%s is shown in\n%s\n%s", secret, log, outcomes[0].body)
		}
	}
}

func TestWrongConfigurationIsToldWhole(t *testing.T) {
	t.Parallel()
	f := newFakeAWS(t)
	outcomes, log := runBootstrap(t, f.env("ARN_OF_ROLE_TO_ASSUME=Spa-DeploymentTriggerRole", "NAME_OF_PROJECT_TO_START=x y", "SETTINGS_GIT_BRANCH=a b", "START_BATCH=yes"),
		invocation{event: fixture(t, "hello-world")})
	kind, text := failureOf(t, outcomes, log)
	for _, want := range []string{"ARN_OF_ROLE_TO_ASSUME: ", "NAME_OF_PROJECT_TO_START: ", "SETTINGS_GIT_BRANCH: ", "START_BATCH: "} {
		if kind != "ConfigurationError" || !strings.Contains(text, want) {
			t.Errorf("%s: %s, want ConfigurationError with %q", kind, text, want)
		}
	}
}
