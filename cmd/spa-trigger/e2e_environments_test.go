package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

const otherRole = "arn:aws:iam::444444444444:role/Sandbox-DeploymentTriggerRole"

// manyProjects are three environments, one of another account and region.
var manyProjects = []string{
	"ARN_OF_ROLE_TO_ASSUME=" + triggerRole,
	"ENVIRONMENTS=environments/production=Spa-Production,environments/test=Spa-Test\n" +
		"sandbox=arn:aws:codebuild:us-east-1:444444444444:project/Sandbox@" + otherRole,
}

// difference is one as GetDifferences answers it: before or after may be "".
func difference(before, after string) map[string]any {
	d := map[string]any{"changeType": "M"}
	if before == "" {
		d["changeType"] = "A"
	} else {
		d["beforeBlob"] = map[string]any{"blobId": strings.Repeat("1", 40), "path": before, "mode": "100644"}
	}
	if after == "" {
		d["changeType"] = "D"
	} else {
		d["afterBlob"] = map[string]any{"blobId": strings.Repeat("2", 40), "path": after, "mode": "100644"}
	}
	return d
}

// differences answers one difference a page.
func differences(list ...map[string]any) func(awsCall) any {
	return func(c awsCall) any {
		i := 0
		if token := c.text("NextToken"); token != "" {
			_, _ = fmt.Sscanf(token, "page-%d", &i)
		}
		answer := map[string]any{"differences": []any{}}
		if i < len(list) {
			answer["differences"] = []any{list[i]}
		}
		if i+1 < len(list) {
			answer["NextToken"] = fmt.Sprintf("page-%d", i+1)
		}
		return answer
	}
}

func same(path string) map[string]any { return difference(path, path) }

// projectsOf gives the projects that were started, in order of their names.
func projectsOf(calls []awsCall) (list []string) {
	for _, c := range calls {
		list = append(list, c.text("projectName"))
	}
	slices.Sort(list)
	return list
}

func TestOnlyTouchedEnvironmentsAreStarted(t *testing.T) {
	t.Parallel()
	all := []string{"Sandbox", "Spa-Production", "Spa-Test"}
	bridge := fixture(t, "eventbridge-updated")
	for name, c := range map[string]struct {
		event string
		diff  func(awsCall) any // nil: it is not asked for
		want  []string
		log   string
	}{
		"one":                           {bridge, differences(same("environments/test/settings.yaml")), all[2:], ""},
		"none: documentation":           {bridge, differences(same("README.md"), same("docs/x.md")), nil, "touches no environment"},
		"none: nothing changed":         {bridge, differences(), nil, "touches no environment"},
		"shared":                        {bridge, differences(same("common/accounts.csv")), all, ""},
		"two, on two pages":             {bridge, differences(same("sandbox/a"), same("environments/test/b")), []string{"Sandbox", "Spa-Test"}, ""},
		"added":                         {bridge, differences(difference("", "sandbox/new")), all[:1], ""},
		"deleted":                       {bridge, differences(difference("environments/test/old", "")), all[2:], ""},
		"renamed from one to another":   {bridge, differences(difference("environments/test/a", "sandbox/a")), []string{"Sandbox", "Spa-Test"}, ""},
		"renamed, as two":               {bridge, differences(difference("environments/test/a", ""), difference("", "sandbox/a")), []string{"Sandbox", "Spa-Test"}, ""},
		"renamed to documentation":      {bridge, differences(difference("common/x", "x.md")), all, ""},
		"created":                       {fixture(t, "eventbridge-created"), nil, all, "the branch is new"},
		"no commit before":              {fixture(t, "trigger"), nil, all, "does not tell the commit before"},
		"the commit before is zero":     {strings.Replace(bridge, "3e5983f1049f1d27deadbeeff313e0730018be18", strings.Repeat("0", 40), 1), nil, all, "does not tell"},
		"the commit before is gone":     {bridge, func(awsCall) any { return fault{400, "CommitDoesNotExistException", "no such commit"} }, all, `"level":"warn"`},
		"more files than are looked at": {bridge, differences(slices.Repeat([]map[string]any{same("sandbox/a")}, maxPages+1)...), all, "more files"},
		"as many as are looked at":      {bridge, differences(slices.Repeat([]map[string]any{same("sandbox/a")}, maxPages)...), all[:1], ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeAWS(t)
			if c.diff != nil {
				f.answers["GetDifferences"] = c.diff
			}
			outcomes, log := runBootstrap(t, f.env(manyProjects...), invocation{event: c.event})
			a := answerOf(t, outcomes, log)
			starts := f.of("StartBuild")
			if got := projectsOf(starts); !slices.Equal(got, c.want) || len(a.Started) != len(c.want) || !strings.Contains(log, c.log) {
				t.Errorf("started %v, want %v; the answer is %+v, the log\n%s", got, c.want, a, log)
			}
			for _, d := range f.of("GetDifferences") {
				if d.who != "function" || d.region != "eu-west-1" || d.text("repositoryName") != "SpaSettings" ||
					d.text("beforeCommitSpecifier") != "3e5983f1049f1d27deadbeeff313e0730018be18" || d.text("afterCommitSpecifier") != "7f0103f1049f1d27deadbeeff313e0730018be18" {
					t.Errorf("asked for differences: %+v", d)
				}
			}
			for _, s := range starts {
				account, region := "222222222222", "eu-west-1"
				if s.text("projectName") == "Sandbox" {
					account, region = "444444444444", "us-east-1"
				}
				if !strings.HasPrefix(s.who, "arn:aws:sts::"+account+":") || s.region != region {
					t.Errorf("%s was started by %s in %s", s.text("projectName"), s.who, s.region)
				}
			}
			if got := len(f.sts.Calls()); got > 2 {
				t.Errorf("%d roles were assumed, want each once", got)
			}
		})
	}
}

// A refusal that tells nothing of what changed is no reason to start all, or none.
func TestDifferencesThatCannotBeReadAreAnError(t *testing.T) {
	t.Parallel()
	f := newFakeAWS(t)
	f.answers["GetDifferences"] = func(awsCall) any { return fault{400, "AccessDeniedException", "not you"} }
	outcomes, log := runBootstrap(t, f.env(manyProjects...), invocation{event: fixture(t, "eventbridge-updated")})
	kind, text := failureOf(t, outcomes, log)
	if kind != "AccessDenied" || !strings.Contains(text, "codecommit:GetDifferences on arn:aws:codecommit:eu-west-1:111111111111:SpaSettings") || len(f.of("StartBuild")) != 0 {
		t.Errorf("%s: %s, %d starts", kind, text, len(f.of("StartBuild")))
	}
}

// One environment that cannot be started keeps no other from it, and the retry
// starts what was started with the token that it was started with.
func TestOneFailureLeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	f := newFakeAWS(t)
	f.answers["StartBuild"] = func(c awsCall) any {
		if c.text("projectName") == "Spa-Production" {
			return fault{400, "AccountLimitExceededException", "1 build"}
		}
		return map[string]any{"build": map[string]any{"id": "x:1"}}
	}
	retry := invocation{event: fixture(t, "trigger")}
	outcomes, log := runBootstrap(t, f.env(manyProjects...), retry, retry)
	kind, text := failureOf(t, outcomes[:1], log)
	if kind != "BuildRunning" || !strings.HasPrefix(text, "environments/production: starting a build of") {
		t.Errorf("%s: %s", kind, text)
	}
	tokens := map[string]string{}
	for _, s := range f.of("StartBuild") {
		name, token := s.text("projectName"), s.text("idempotencyToken")
		if tokens[name] != "" && tokens[name] != token {
			t.Errorf("%s has another token in the retry", name)
		}
		tokens[name] = token
	}
	if len(f.of("StartBuild")) != 6 || len(tokens) != 3 || tokens["Sandbox"] == tokens["Spa-Test"] {
		t.Errorf("%d starts, tokens %v, want three projects twice, each with a token of its own", len(f.of("StartBuild")), tokens)
	}
	if strings.Count(log, `"msg":"build started"`) != 4 {
		t.Errorf("the log tells of other starts than four:\n%s", log)
	}
}

// Errors of several kinds are told together.
func TestSeveralFailuresAreToldTogether(t *testing.T) {
	t.Parallel()
	f := newFakeAWS(t)
	f.answers["StartBuild"] = func(c awsCall) any {
		return map[string]any{
			"Spa-Production": fault{400, "AccountLimitExceededException", "1 build"},
			"Spa-Test":       fault{400, "ResourceNotFoundException", "where"},
			"Sandbox":        map[string]any{"build": map[string]any{"id": "x:1"}},
		}[c.text("projectName")]
	}
	outcomes, log := runBootstrap(t, f.env(manyProjects...), invocation{event: fixture(t, "trigger")})
	kind, text := failureOf(t, outcomes, log)
	if kind != "SeveralErrors" || !strings.Contains(text, "a build is running") || !strings.Contains(text, "ENVIRONMENTS; a project of another region") {
		t.Errorf("%s: %s", kind, text)
	}
	var line struct{ Started []started }
	for l := range strings.SplitSeq(log, "\n") {
		if strings.Contains(l, `"the event failed"`) {
			_ = json.Unmarshal([]byte(l), &line)
		}
	}
	if len(line.Started) != 1 || line.Started[0].Project != "Sandbox" {
		t.Errorf("the log says that %+v was started all the same", line.Started)
	}
}
