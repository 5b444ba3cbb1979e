package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	spa "spa-runner"
	"spa-runner/internal/environments"
)

var oneBatch = append(slices.Clone(oneProject), "START_BATCH=true")

// batchWorld is a repository with environments, and a project that makes batches.
func batchWorld(t *testing.T, now []string, diff ...map[string]any) *fakeAWS {
	t.Helper()
	f := newFakeAWS(t)
	f.answers["GetFolder"] = func(c awsCall) any {
		folder := c.text("folderPath")
		if now == nil {
			return fault{400, "FolderDoesNotExistException", "no such folder"}
		}
		folders := []any{}
		for _, name := range append([]string{".tools"}, now...) {
			folders = append(folders, map[string]any{"absolutePath": folder + "/" + name, "relativePath": name, "treeId": strings.Repeat("1", 40)})
		}
		return map[string]any{
			"commitId": c.text("commitSpecifier"), "folderPath": folder, "subFolders": folders,
			"files": []any{map[string]any{"absolutePath": folder + "/README.md"}},
		}
	}
	f.answers["GetDifferences"] = differences(diff...)
	f.answers["BatchGetProjects"] = func(awsCall) any {
		return map[string]any{"projects": []any{map[string]any{
			"name": "Spa-DeployAutomationEnvironment", "source": map[string]any{"type": "NO_SOURCE", "buildspec": spa.Buildspec},
			"buildBatchConfig": map[string]any{"serviceRole": "arn:aws:iam::222222222222:role/Spa-BatchRole", "restrictions": map[string]any{"maximumBuildsAllowed": 3}},
		}}}
	}
	f.answers["ListBuildBatchesForProject"] = func(awsCall) any { return map[string]any{"ids": []any{}} }
	f.answers["StartBuildBatch"] = func(c awsCall) any {
		return map[string]any{"buildBatch": map[string]any{"id": c.text("projectName") + ":batch-1"}}
	}
	return f
}

// runs makes the project busy with a batch of the commit and the environments; ended are those whose build is over.
func (f *fakeAWS) runs(commit string, folders []string, ended ...string) {
	text, err := environments.Batch(spa.Buildspec, folders)
	if err != nil {
		f.t.Fatal(err)
	}
	groups := []any{}
	for identifier, folder := range environments.Batched(text) {
		status := "IN_PROGRESS"
		if slices.Contains(ended, folder) {
			status = "SUCCEEDED"
		}
		groups = append(groups, map[string]any{"identifier": identifier, "currentBuildSummary": map[string]any{"buildStatus": status}})
	}
	if len(ended) == 0 {
		groups = nil // it was just submitted
	}
	f.answers["ListBuildBatchesForProject"] = func(c awsCall) any {
		if filter, _ := c.body["filter"].(map[string]any); filter["status"] != "IN_PROGRESS" {
			f.t.Errorf("asked for batches %v", c.body)
		}
		return map[string]any{"ids": []any{"p:batch-0"}}
	}
	f.answers["BatchGetBuildBatches"] = func(awsCall) any {
		return map[string]any{"buildBatches": []any{map[string]any{
			"id": "p:batch-0", "buildBatchStatus": "IN_PROGRESS", "buildGroups": groups,
			"source":      map[string]any{"type": "NO_SOURCE", "buildspec": text},
			"environment": map[string]any{"type": "LINUX_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_SMALL", "environmentVariables": []any{map[string]any{"name": "SETTINGS_GIT_COMMIT", "value": commit}}},
		}}}
	}
}

// batchedIn gives the environments of each batch that was started.
func batchedIn(f *fakeAWS) (all [][]string) {
	for _, c := range f.of("StartBuildBatch") {
		folders := slices.Collect(maps.Values(environments.Batched(c.text("buildspecOverride"))))
		slices.Sort(folders)
		all = append(all, folders)
	}
	return all
}

func TestBatchIsOfTheTouchedEnvironments(t *testing.T) {
	t.Parallel()
	three := []string{"a", "b", "c"}
	for name, c := range map[string]struct {
		event, want string
		now         []string
		diff        map[string]any
	}{
		"one":               {"eventbridge-updated", "a", three, same("environments/a/x")},
		"shared":            {"eventbridge-updated", "a b c", three, same("x")},
		"documentation":     {"eventbridge-updated", "", three, same("environments/README.md")},
		"one is new":        {"eventbridge-updated", "c", three, difference("", "environments/c/x")},
		"the first are new": {"eventbridge-updated", "a", three[:1], difference("", "environments/a/x")},
		"one is removed":    {"eventbridge-updated", "", three[:2], difference("environments/c/x", "")},
		"one is renamed":    {"eventbridge-updated", "c", []string{"a", "c"}, difference("environments/b/x", "environments/c/x")},
		"all are removed":   {"eventbridge-updated", "", nil, difference("environments/c/x", "")},
		"created":           {"eventbridge-created", "a b", three[:2], nil},
		"no commit before":  {"trigger", "a b c", three, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := batchWorld(t, c.now, c.diff)
			outcomes, log := runBootstrap(t, f.env(oneBatch...), invocation{event: fixture(t, c.event)})
			a := answerOf(t, outcomes, log)
			var want [][]string
			if c.want != "" {
				want = [][]string{{}}
				for one := range strings.FieldsSeq(c.want) {
					want[0] = append(want[0], "environments/"+one)
				}
			}
			if got := batchedIn(f); !slices.EqualFunc(got, want, slices.Equal) || len(a.Started) != len(want) {
				t.Errorf("batches of %v, want %v; the answer is %+v, the log\n%s", got, want, a, log)
			}
			for _, s := range f.of("StartBuildBatch") {
				if !strings.HasPrefix(s.text("buildspecOverride"), strings.TrimRight(spa.Buildspec, "\n")) || environmentOf(t, s)["SETTINGS_GIT_COMMIT"] == "" || len(s.text("idempotencyToken")) != 64 {
					t.Errorf("started with %v", s.body)
				}
			}
			if len(f.of("StartBuild")) != 0 {
				t.Error("a build was started besides")
			}
		})
	}
}

// A dot hides a folder that is among the environments, not all of them below one.
func TestTheFolderOfABatchMayBeginWithADot(t *testing.T) {
	t.Parallel()
	f := batchWorld(t, []string{"a", "b"}, same("deploy/.envs/b/x"))
	outcomes, log := runBootstrap(t, f.env(append(oneBatch, "ENVIRONMENTS_FOLDER=deploy/.envs")...), invocation{event: fixture(t, "eventbridge-updated")})
	answerOf(t, outcomes, log)
	if got, want := batchedIn(f), [][]string{{"deploy/.envs/b"}}; !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("batches of %v, want %v; the log\n%s", got, want, log)
	}
	if asked := f.of("GetFolder"); len(asked) == 0 || asked[0].text("folderPath") != "deploy/.envs" {
		t.Errorf("asked for the folders of %v", asked)
	}
}

func TestBatchLeavesARunningOneItsEnvironments(t *testing.T) {
	t.Parallel()
	const other, ours = "1111111111111111111111111111111111111111", "7f0103f1049f1d27deadbeeff313e0730018be18"
	three := []string{"a", "b", "c"}
	full := []string{"environments/a", "environments/b", "environments/c"}
	for name, c := range map[string]struct {
		busy   func(*fakeAWS)
		want   []string
		failed bool
	}{
		"another environment":            {func(f *fakeAWS) { f.runs(other, full[2:]) }, full[:2], false},
		"one of both":                    {func(f *fakeAWS) { f.runs(other, full[1:]) }, full[:1], true},
		"both":                           {func(f *fakeAWS) { f.runs(other, full) }, nil, true},
		"both, but one build is over":    {func(f *fakeAWS) { f.runs(other, full, "environments/b") }, full[1:2], true},
		"this commit, of both":           {func(f *fakeAWS) { f.runs(ours, full[:2]) }, nil, false},
		"this commit, of one: the retry": {func(f *fakeAWS) { f.runs(ours, full[:1]) }, full[1:2], false},
		"a batch of other making": {func(f *fakeAWS) {
			f.runs(other, full)
			f.answers["BatchGetBuildBatches"] = func(awsCall) any {
				return map[string]any{"buildBatches": []any{map[string]any{"id": "p:batch-0", "buildBatchStatus": "IN_PROGRESS"}}}
			}
		}, nil, true},
		"it ended since it was listed": {func(f *fakeAWS) {
			f.runs(other, full)
			f.answers["BatchGetBuildBatches"] = func(awsCall) any {
				return map[string]any{"buildBatches": []any{map[string]any{"id": "p:batch-0", "buildBatchStatus": "FAILED"}}}
			}
		}, full[:2], false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := batchWorld(t, three, same("environments/a/x"), same("environments/b/x"))
			c.busy(f)
			outcomes, log := runBootstrap(t, f.env(oneBatch...), invocation{event: fixture(t, "eventbridge-updated")})
			var want [][]string
			if c.want != nil {
				want = [][]string{c.want}
			}
			if got := batchedIn(f); !slices.EqualFunc(got, want, slices.Equal) || outcomes[0].failed != c.failed {
				t.Errorf("batches of %v, want %v; the outcome is %+v", got, want, outcomes)
			}
			if c.failed {
				if kind, text := failureOf(t, outcomes, log); kind != "BuildRunning" || !strings.Contains(text, "a batch is busy with environments/") {
					t.Errorf("%s: %s", kind, text)
				}
			}
		})
	}
}

func TestBatchThatCannotBeMade(t *testing.T) {
	t.Parallel()
	project := func(buildspec string, config any) func(awsCall) any {
		return func(awsCall) any {
			return map[string]any{"projects": []any{map[string]any{"name": "p", "source": map[string]any{"type": "NO_SOURCE", "buildspec": buildspec}, "buildBatchConfig": config}}}
		}
	}
	config := map[string]any{"serviceRole": "arn:aws:iam::222222222222:role/Spa-BatchRole"}
	four := []string{"a", "b", "c", "d"}
	for name, c := range map[string]struct {
		op         string
		answer     func(awsCall) any
		kind, want string
	}{
		"more than a batch takes": {"", nil, "ConfigurationError", "touches 4 environments, and a batch of it has at most 3"},
		"buildspec in a file":     {"BatchGetProjects", project("ci/buildspec.yml", config), "ConfigurationError", "not written in the project itself"},
		"a batch of its own":      {"BatchGetProjects", project(spa.Buildspec+"batch:\n  fast-fail: true\n", config), "ConfigurationError", "batch of its own"},
		"no batch configuration":  {"BatchGetProjects", project(spa.Buildspec, nil), "ConfigurationError", "no batch configuration"},
		"no project":              {"BatchGetProjects", func(awsCall) any { return map[string]any{"projectsNotFound": []any{"p"}} }, "NotFound", "there must be a project"},
		"buildspec not readable":  {"BatchGetProjects", func(awsCall) any { return fault{400, "AccessDeniedException", "no"} }, "AccessDenied", "codebuild:BatchGetProjects"},
		"batches not listed":      {"ListBuildBatchesForProject", func(awsCall) any { return fault{400, "AccessDeniedException", "no"} }, "AccessDenied", "codebuild:ListBuildBatchesForProject"},
		"no build allowed": {"StartBuildBatch", func(awsCall) any {
			return fault{400, "AccountLimitExceededException", "Cannot have more than 0 builds in queue for the account"}
		}, "NoBuildsAllowed", "ask AWS Support"},
		"start refused":            {"StartBuildBatch", func(awsCall) any { return fault{400, "AccessDeniedException", "no"} }, "AccessDenied", "codebuild:StartBuildBatch"},
		"folders not readable":     {"GetFolder", func(awsCall) any { return fault{400, "AccessDeniedException", "no"} }, "AccessDenied", "codecommit:GetFolder"},
		"differences not readable": {"GetDifferences", func(awsCall) any { return fault{400, "EncryptionKeyAccessDeniedException", "no"} }, "RequestFailed", "EncryptionKeyAccessDeniedException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environments := four
			if c.op != "" {
				environments = four[:2]
			}
			f := batchWorld(t, environments, same("shared"))
			if c.op != "" {
				f.answers[c.op] = c.answer
			}
			outcomes, log := runBootstrap(t, f.env(oneBatch...), invocation{event: fixture(t, "eventbridge-updated")})
			if kind, text := failureOf(t, outcomes, log); kind != c.kind || !strings.Contains(text, c.want) {
				t.Errorf("%s: %s, want %s with %q", kind, text, c.kind, c.want)
			}
		})
	}
}
