package report

import (
	"fmt"
	"strings"
	"time"

	"spa-runner/internal/record"
)

// began is when each run of these tests began.
func began() time.Time { return time.Date(2026, 3, 14, 2, 41, 7, 0, time.UTC) }

// planned are the steps of the plan, with their scope and how many seconds they take.
func planned() []record.Step {
	at := began().Add(200 * time.Millisecond)
	steps := []record.Step{
		{Name: "assume-settings-role", Scope: "settings", TookMS: 412},
		{Name: "clone-settings", Scope: "settings", TookMS: 1840},
		{Name: "source-variables", Scope: "none", TookMS: 21},
		{Name: "clone-code", Scope: "none", TookMS: 2304},
		{Name: "overlay-settings", Scope: "none", TookMS: 96},
		{Name: "make-setup", Scope: "none", TookMS: 84_211},
		{Name: "make-lint", Scope: "none", TookMS: 22_480},
		{Name: "make-all-tests", Scope: "none", TookMS: 131_970},
		{Name: "assume-deploy-role", Scope: "deploy", TookMS: 388},
		{Name: "make-deploy", Scope: "deploy", TookMS: 402_113},
	}
	for i := range steps {
		steps[i].Outcome, steps[i].Started = record.Finished, at
		at = at.Add(milliseconds(steps[i].TookMS + 15))
	}
	return steps
}

// until lets the steps end at one, and takes what is not known by then away.
func until(p *record.Pass, step string, outcome record.Outcome) *record.Step {
	var at *record.Step
	for i := range p.Steps {
		s := &p.Steps[i]
		switch {
		case at != nil:
			*s = record.Step{Name: s.Name, Scope: s.Scope, Outcome: record.NotStarted}
		case s.Name == step:
			at, s.Outcome = s, outcome
		}
	}
	p.Outcome, p.Deployed = outcome, false
	return at
}

func exit(code int) *int { return &code }

func pass(number int) record.Pass {
	return record.Pass{
		Number: number, Started: began(), TookMS: 646_500,
		End: record.End{Outcome: record.Finished, Deployed: true, ExitCode: exit(0)},
		Settings: record.Commit{
			URL: "codecommit::eu-west-3://SpaSettings", Commit: "8f14e45fceea167a5a36dedd4bea2543f1c0a9d7", Ref: "main",
			Author: "Ada Lovelace <ada@example.com>", Authored: "2026-03-14T02:39:58Z",
		},
		Code: record.Commit{
			URL: "https://github.com/reply-fr/sustainable-personal-accounts", Commit: "c81e728d9d4c2f636f067f89cc14862c65990f21",
			Ref: "v.24.06.18", Pinned: "tag and commit", SignedBy: "B5690EEEBB952194", Author: "Bernard Paques <bernard@example.com>", Authored: "2024-06-18T16:20:11+02:00",
		},
		Environment: "environments/production",
		Target:      record.Target{Account: "111122223333", Region: "eu-west-3", Role: "arn:aws:iam::111122223333:role/SpaDeployment"},
		Roles: []record.Role{
			{Step: "assume-settings-role", Scope: "settings", Account: "444455556666", Role: "arn:aws:iam::444455556666:role/SpaReadSettings", Session: "SettingsContext-842", At: began().Add(time.Second)},
			{Step: "assume-deploy-role", Scope: "deploy", Account: "111122223333", Role: "arn:aws:iam::111122223333:role/SpaDeployment", Session: "TargetUpdateContext-842", At: began().Add(244 * time.Second)},
		},
		Decided:     []record.Variable{{Name: "CODE_GIT_BRANCH", Value: "v.24.06.18", Source: "variables.sh"}, {Name: "DEPLOY_ENVIRONMENT_REGION", Value: "eu-west-3", Source: "variables.sh"}},
		Exported:    []string{"STACK_PREFIX", "FEATURE_EMAIL_ON_EXCEPTIONS", "ENVIRONMENT_IDENTIFIER"},
		NotExported: []string{"SHORT_NAME"},
		Overlay: []record.Laid{
			{Path: "fixtures/settings/accounts.csv", Action: "added", SHA256: strings.Repeat("1fa0", 16), Size: 18_204},
			{Path: "fixtures/settings/organizational_units.csv", Action: "added", SHA256: strings.Repeat("77c2", 16), Size: 1_312},
			{Path: "fixtures/settings/settings.yaml", Action: "replaced", SHA256: strings.Repeat("b4d1", 16), Size: 5_480},
			{Path: "media/logo.png", Action: "replaced", SHA256: strings.Repeat("09ce", 16), Size: 44_120},
			{Path: "settings.yaml", Action: "added", Target: "fixtures/settings/settings.yaml"},
		},
		Tools: map[string]string{"python": "3.12.3", "node": "v20.11.1", "npm": "10.2.4", "cdk": "2.147.0", "make": "4.3"},
		Steps: planned(),
	}
}

func goodRun() record.Record {
	return record.Record{
		Schema: record.Schema, Run: "spa-deploy:3f0a51c2-8f6e-4a6b-9f55-0f2f5a1b7c9d", What: "run",
		Runner:  record.Runner{Version: "v1.4.0", Commit: "5cda24a1f0b3", Go: "go1.26.0", OS: "linux", Arch: "amd64"},
		Started: began(), Written: began().Add(646_500 * time.Millisecond), Ended: began().Add(646_500 * time.Millisecond), TookMS: 646_500,
		End:     record.End{Outcome: record.Finished, Deployed: true, ExitCode: exit(0)},
		Trigger: record.Trigger{Commit: "8f14e45fceea167a5a36dedd4bea2543f1c0a9d7", Pusher: "ada", PushedAt: "2026-03-14T02:40:12Z"},
		Variables: []record.Variable{
			{Name: "SETTINGS_GIT_URL", Value: "codecommit::eu-west-3://SpaSettings", Source: "environment"},
			{Name: "SETTINGS_ENVIRONMENT_PATH", Value: "environments/production", Source: "environment"},
			{Name: "READ_SETTINGS_ROLE", Value: "arn:aws:iam::444455556666:role/SpaReadSettings", Source: "environment"},
			{Name: "DEPLOY_ENVIRONMENT_ROLE", Value: "arn:aws:iam::111122223333:role/SpaDeployment", Source: "environment"},
			{Name: "SPA_RUNNER_STEP_TIMEOUT", Value: "45m", Source: "flag"},
		},
		Withheld: []string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "CODE_GIT_TOKEN"},
		Passes:   []record.Pass{pass(1)},
	}
}

// twoPasses is a good run whose settings moved meanwhile.
func twoPasses() record.Record {
	r := goodRun()
	second := pass(2)
	gap := 647 * time.Second
	second.Started = second.Started.Add(gap)
	for i := range second.Steps {
		second.Steps[i].Started = second.Steps[i].Started.Add(gap)
	}
	second.Settings.Commit = "45c48cce2e2d7fbdea1afc51c7c6ad26d0d9ef01"
	r.Passes = append(r.Passes, second)
	r.TookMS, r.Ended, r.Written = 1_293_500, r.Ended.Add(gap), r.Written.Add(gap)
	return r
}

// recoveredRun is a good run whose first pass failed.
func recoveredRun() record.Record {
	r := twoPasses()
	r.Passes[0] = failedRun().Passes[0]
	return r
}

func failedRun() record.Record {
	r := goodRun()
	p := &r.Passes[0]
	s := until(p, "make-all-tests", record.Failed)
	s.TookMS = 61_440
	s.Error = "`make all-tests` ended with exit code 2"
	for i := range 24 {
		s.LastLines = append(s.LastLines, fmt.Sprintf("tests/test_lambdas.py::test_account_is_purged[%02d] PASSED                 [ %2d%%]", i+1, 70+i))
	}
	s.LastLines = append(s.LastLines,
		"tests/test_settings.py::test_budget_is_a_number FAILED                  [100%]",
		"E       AssertionError: assert 'a lot' == 500.0",
		"E        +  where 'a lot' = <Settings environments/production>.budget_cost",
		"fixtures/settings/settings.yaml:41: AssertionError",
		"========= 1 failed, 412 passed, 3 skipped in 58.11s =========",
		"make: *** [Makefile:97: all-tests] Error 1")
	r.End = record.End{
		Outcome: record.Failed, ExitCode: exit(2), FailedStep: s.Name, Error: s.Error,
		Hint: "run the same here: spa-runner dry-run --settings DIR --until make-all-tests",
	}
	r.TookMS = s.Started.Sub(began()).Milliseconds() + s.TookMS
	r.Ended = began().Add(milliseconds(r.TookMS))
	r.Written = r.Ended
	p.End, p.TookMS = r.End, r.TookMS
	p.Roles, p.Warnings = p.Roles[:1], []string{
		"CODE_GIT_BRANCH is a tag that nothing keeps where it is: set CODE_GIT_COMMIT",
		"SPA_RUNNER_LINT_TARGETS is empty, make-lint is skipped",
	}
	p.Retries = []record.Retry{{Step: "clone-code", What: "clone of https://github.com/reply-fr/sustainable-personal-accounts", Times: 2, Error: "read tcp 10.0.3.12:41822->140.82.121.4:443: connection reset by peer"}}
	lint := &p.Steps[6]
	lint.Outcome, lint.Why, lint.TookMS = record.Skipped, "SPA_RUNNER_LINT_TARGETS is empty", 0
	return r
}

func heldRun() record.Record {
	r := goodRun()
	s := until(&r.Passes[0], "overlay-settings", record.Held)
	s.Why = "environments/production/HOLD is there: \"freeze until Monday\""
	r.End = record.End{Outcome: record.Held, ExitCode: exit(0), Why: s.Why, Hint: "remove the file from the settings and push"}
	r.Passes[0].End = r.End
	return r
}

func previewRun() record.Record { return made("diff", false) }

// made is a run that went well, by what it made.
func made(targets string, deployed bool) record.Record {
	r := goodRun()
	r.Deployed, r.Made = deployed, targets
	r.Passes[0].End = r.End
	r.Passes[0].Steps[9].Params = map[string]string{"targets": targets}
	return r
}

func dryRun() record.Record {
	r := made("deploy", false)
	r.What, r.Rehearsal = "dry run", true
	return r
}

// killedRun is what is left of a run that was killed in make-deploy.
func killedRun() record.Record {
	r := goodRun()
	s := until(&r.Passes[0], "make-deploy", record.Running)
	s.TookMS = 0
	r.Written, r.Ended = s.Started.Add(95*time.Second), time.Time{}
	r.End = record.End{Outcome: record.Running}
	r.Passes[0].End = r.End
	r.TookMS = r.Written.Sub(began()).Milliseconds()
	r.Passes[0].TookMS = r.TookMS
	return r
}

func failedEarly() record.Record {
	r := goodRun()
	r.Passes = nil
	r.End = record.End{Outcome: record.Failed, ExitCode: exit(64), Error: "SETTINGS_ENVIRONMENT_PATH is not set", Hint: "set it in the project's environment"}
	return r
}

func manyFiles() record.Record {
	r := goodRun()
	laid := make([]record.Laid, 20_000)
	for i := range laid {
		laid[i] = record.Laid{Path: fmt.Sprintf("fixtures/generated/%03d/file-%05d.json", i%400, i), Action: "added", SHA256: strings.Repeat("ab12", 16), Size: int64(i)}
		if i%3 == 0 {
			laid[i].Action = "replaced"
		}
	}
	r.Passes[0].Overlay = laid
	return r
}

// hostile is text that tries all that text can do to a page.
func hostile() string {
	return "<script>document.title='owned';alert(1)</script><img src=http://127.0.0.1:1/x onerror=alert(1)>" +
		"</style></pre></title><b>\"'onload=\"alert(1)\" ]]> &lt; \x1b[31mred\x1b[0m \x00\x01\x08\x7f\u202egpj.exe\u2066 \u0085\ufffe\uffff\xff\xfe\xc0 \U000e0041 end"
}

// everywhere is a failed run with the same text in every field that holds any.
func everywhere(text string) record.Record {
	r := failedRun()
	r.Run, r.What, r.Runner = text, text, record.Runner{Version: text, Commit: text, Go: text, OS: text, Arch: text}
	r.Trigger = record.Trigger{Commit: text, Pusher: text, PushedAt: text}
	r.Variables, r.Withheld = []record.Variable{{Name: text, Value: text, Source: text}}, []string{text}
	r.FailedStep, r.EndedBy, r.Why, r.Error, r.Hint = text, text, text, text, text
	p := &r.Passes[0]
	p.End = r.End
	c := record.Commit{URL: text, Commit: text, Ref: text, Pinned: text, SignedBy: text, Author: text, Authored: text}
	p.Settings, p.Code, p.Environment, p.Target = c, c, text, record.Target{Account: text, Region: text, Role: text}
	p.Roles = []record.Role{{Step: text, Scope: text, Account: text, Role: text, Session: text}}
	p.Decided, p.Exported, p.NotExported = r.Variables, r.Withheld, r.Withheld
	p.Overlay = []record.Laid{{Path: text, Action: text, SHA256: text, Target: text}, {Path: text, Action: "replaced", SHA256: text}}
	p.Tools, p.Warnings = map[string]string{text: text}, []string{text}
	p.Retries = []record.Retry{{Step: text, What: text, Error: text}}
	for i := range p.Steps {
		s := &p.Steps[i]
		s.Name, s.Scope, s.Why, s.Error, s.Hint, s.LastLines = text, text, text, text, text, []string{text, text}
	}
	return r
}

// runs are all of them, by name.
func runs() map[string]record.Record {
	return map[string]record.Record{
		"good": goodRun(), "two-passes": twoPasses(), "recovered": recoveredRun(), "failed": failedRun(), "held": heldRun(), "preview": previewRun(), "partial": made("bootstrap-cdk", false), "dry-run": dryRun(),
		"killed": killedRun(), "early": failedEarly(), "many-files": manyFiles(), "hostile": everywhere(hostile()),
		"empty": {}, "long": everywhere(strings.Repeat("x", 1<<20)), "long-unseen": everywhere(strings.Repeat("\u202e", 1<<18)),
	}
}
