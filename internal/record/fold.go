package record

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"time"

	"go.uber.org/zap/zapcore"

	"spa-runner/internal/awsname"
	"spa-runner/internal/logs"
)

// fold is what an event adds to the record, and whether that is written then.
type fold struct {
	add  func(*state, *Pass, event)
	save saving
}

type saving int

const (
	never  saving = iota // with the next one that is
	always               // at once
	lastly               // at once, and no event may come after it
)

// folds are the events that the record is made of. Their messages and fields are
// those of "The log" in cmd/spa-runner/README.md.
var folds = map[string]fold{
	"run started":          {(*state).runStarted, always},
	"step started":         {(*state).stepStarted, always},
	"step finished":        {stepEnds(Finished), always},
	"step failed":          {stepEnds(Failed), always},
	"step skipped":         {stepEnds(Skipped), always},
	"step held":            {stepEnds(Held), always},
	"role assumed":         {(*state).roleAssumed, never},
	"settings cloned":      {func(_ *state, p *Pass, e event) { p.Settings = commitOf(e) }, never},
	"code cloned":          {func(_ *state, p *Pass, e event) { p.Code = commitOf(e) }, never},
	"variables set":        {(*state).variablesSet, never},
	"variables.sh decides": {(*state).decided, never},
	"settings file":        {(*state).laid, never},
	"versions":             {(*state).versions, never},
	"retrying":             {(*state).retrying, never},
	"pass finished":        {passEnds(Finished), always},
	"pass failed":          {passEnds(Failed), always},
	"pass held":            {passEnds(Held), always},
	"run finished":         {runEnds(Finished), lastly},
	"run failed":           {runEnds(Failed), lastly},
	"run held":             {runEnds(Held), lastly},
}

func (s *state) runStarted(p *Pass, e event) {
	r := &s.record
	r.Run, r.What, r.Rehearsal, r.Started = e.text("run"), e.text("what"), e.is("rehearsal"), e.at
	r.Runner = Runner{Version: e.text("version"), Commit: e.text("runner_commit"), Go: e.text("go"), OS: e.text("os"), Arch: e.text("arch")}
	r.Withheld = e.texts("withheld_from_children")
	values, sources := e.group("variables"), e.group("sources")
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v := Variable{Name: name, Value: values[name], Source: sources[name]}
		if slices.Contains(r.Withheld, name) { // every child can read the record
			v.Value = "(withheld)"
		}
		r.Variables = append(r.Variables, v)
	}
	r.Trigger = Trigger{Commit: values["SETTINGS_GIT_COMMIT"], Pusher: values["SETTINGS_GIT_PUSHER"], PushedAt: values["SETTINGS_GIT_PUSHED_AT"]}
	s.region = e.text("region")
	s.aim(p)
}

// aim works out from the variables where a pass deploys to.
func (s *state) aim(p *Pass) {
	value := func(name string) (value string) {
		for _, v := range slices.Concat(s.record.Variables, p.Decided) {
			if v.Name == name {
				value = v.Value
			}
		}
		return value
	}
	if p.Environment = value("SETTINGS_ENVIRONMENT_PATH"); p.Environment != "" {
		p.Environment = path.Clean(p.Environment)
	}
	p.Target = Target{
		Role:   value("DEPLOY_ENVIRONMENT_ROLE"),
		Region: cmp.Or(value("DEPLOY_ENVIRONMENT_REGION"), value("AWS_REGION"), s.region),
	}
	if role, err := awsname.ParseRole(p.Target.Role); err == nil {
		p.Target.Account = role.Account
	}
}

func (s *state) variablesSet(p *Pass, e event) {
	p.Exported, p.NotExported = e.texts("exported"), e.texts("not_exported")
}

func (s *state) decided(p *Pass, e event) {
	p.Decided = append(p.Decided, Variable{Name: e.text("variable"), Value: e.text("value"), Source: "variables.sh"})
	s.aim(p)
}

// step finds a step of a pass by its name. What was not in the plan comes after it.
func (p *Pass) step(name string) *Step {
	for i := range p.Steps {
		if p.Steps[i].Name == name {
			return &p.Steps[i]
		}
	}
	p.Steps = append(p.Steps, Step{Name: name})
	return &p.Steps[len(p.Steps)-1]
}

func (s *state) stepStarted(p *Pass, e event) {
	step := p.step(e.text("step"))
	*step = Step{Name: step.Name, Scope: e.text("scope"), Outcome: Running, Started: e.at, Params: e.group("params")}
}

func stepEnds(outcome Outcome) func(*state, *Pass, event) {
	return func(s *state, p *Pass, e event) {
		step := p.step(e.text("step"))
		step.Outcome, step.TookMS = outcome, int64(e.number("took_ms"))
		step.Why, step.Error, step.Hint = e.text("why"), e.text("error"), e.text("hint")
		if outcome == Failed && s.LastLines != nil {
			step.LastLines = s.LastLines(p.Number, step.Name)
		}
	}
}

func (s *state) roleAssumed(p *Pass, e event) {
	p.Roles = append(p.Roles, Role{
		Step: e.text("step"), Scope: e.text("scope"), Account: e.text("account"), Role: e.text("role"), Session: e.text("session"), At: e.at,
	})
}

func commitOf(e event) Commit {
	c := Commit{
		URL: e.text("url"), Commit: e.text("commit"), Ref: e.text("ref"), Pinned: e.text("pinned"),
		SignedBy: e.text("signed_by"), Author: e.text("author"),
	}
	if at, ok := e.value("committed").(time.Time); ok {
		c.Authored = at.UTC().Format(time.RFC3339)
	}
	return c
}

func (s *state) laid(p *Pass, e event) {
	p.Overlay = append(p.Overlay, Laid{
		Path: e.text("file"), Action: e.text("action"), SHA256: e.text("sha256"), Size: int64(e.number("size")), Target: e.text("target"),
	})
}

func (s *state) versions(p *Pass, e event) {
	p.Tools = make(map[string]string, len(e.own))
	for _, f := range e.own {
		p.Tools[f.Key] = e.text(f.Key)
	}
}

func (s *state) retrying(p *Pass, e event) {
	step, what, err := e.text("step"), e.text("what"), e.text("error")
	for i := range p.Retries {
		if known := &p.Retries[i]; known.Step == step && known.What == what {
			known.Times, known.Error = known.Times+1, err
			return
		}
	}
	p.Retries = append(p.Retries, Retry{Step: step, What: what, Times: 1, Error: err})
}

func (s *state) warn(p *Pass, message string, fields []zapcore.Field) {
	if text := s.Redact(message + logs.Data(fields)); !slices.Contains(p.Warnings, text) {
		p.Warnings = append(p.Warnings, text)
	}
}

func passEnds(outcome Outcome) func(*state, *Pass, event) {
	return func(_ *state, p *Pass, e event) {
		code := e.number("exit_code")
		p.End = End{
			Outcome: outcome, Deployed: e.is("deployed"), ExitCode: &code, FailedStep: e.text("failed_step"), EndedBy: e.text("ended_by"),
			Made: e.text("made"), Why: e.text("why"), Error: e.text("error"), Hint: e.text("hint"),
		}
		p.TookMS = e.at.Sub(p.Started).Milliseconds()
		p.Target.Account, p.Target.Region = cmp.Or(e.text("deploy_account"), p.Target.Account), cmp.Or(e.text("region"), p.Target.Region)
	}
}

func runEnds(outcome Outcome) func(*state, *Pass, event) {
	return func(s *state, p *Pass, e event) {
		passEnds(outcome)(s, p, e)
		s.record.End, s.record.Ended, s.record.TookMS = p.End, e.at, int64(e.number("took_ms"))
	}
}
