package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"spa-runner/internal/config"
	"spa-runner/internal/fault"
	"spa-runner/internal/record"
	"spa-runner/pipeline"
)

// summary is what a person reads at the end: each step with its outcome, what
// went where, and, if it failed, why and what to do.
type summary struct {
	execution execution
	plan      *planner
	steps     []pipeline.Step // all of the plan
	recorded  record.Pass     // the last one
	warnings  []string
	number    int           // of the last pass
	before    []*pass       // those before it
	took      time.Duration // all passes together
	err       error         // of the last pass
	report    string        // where the files of the run are, "" if nowhere
}

const rule = "────────────────────────────────────────────────────────────────────────\n"

func (s summary) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s%s\n%s", rule, s.headline(), rule)
	s.writePasses(&b)
	for _, step := range s.recorded.Steps {
		writeStep(&b, step)
	}
	b.WriteString("\n")
	s.writeFacts(&b)
	if len(s.warnings) > 0 {
		b.WriteString("\n")
	}
	shown, left := some(s.warnings, maxWarnings)
	for _, w := range shown {
		fmt.Fprintf(&b, "  warning: %s\n", w)
	}
	if left > 0 {
		fmt.Fprintf(&b, "  warning: and %d more, see the log above\n", left)
	}
	if s.err != nil {
		b.WriteString("\n")
		if fault.Held(s.err) == nil { // else the headline says why
			fmt.Fprintf(&b, "  cause:   %s\n", indent(shortCause(s.err)))
		}
		s.writeLastLines(&b)
		if next := s.next(); next != "" {
			fmt.Fprintf(&b, "  next:    %s\n", indent(next))
		}
	}
	b.WriteString(rule)
	return b.String()
}

func writeStep(b *strings.Builder, step record.Step) {
	took := ""
	if step.Outcome != record.NotStarted {
		took = rounded(time.Duration(step.TookMS) * time.Millisecond)
	}
	line := fmt.Sprintf("  %s %-22s %8s  %s", mark(step.Outcome), step.Name, took, remark(step))
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}

func (s summary) headline() string {
	what, took, c := s.execution.what, rounded(s.took), s.plan.config
	var failed *fault.StepError
	deploy := s.deployment()
	held := fault.Held(s.err)
	switch {
	case held != nil && len(s.before) > 0: // those before it may have deployed
		return fmt.Sprintf("%s HELD after %s: %s (nothing was deployed by its last pass)", what, took, held.Why)
	case held != nil:
		return fmt.Sprintf("%s HELD after %s: %s (nothing was deployed)", what, took, held.Why)
	case errors.As(s.err, &failed):
		return fmt.Sprintf("%s FAILED in %s after %s (exit code %d)", what, failed.Step, took, fault.ExitCode(s.err))
	case s.err != nil:
		return fmt.Sprintf("%s FAILED before its first step (exit code %d)", what, fault.ExitCode(s.err))
	case deploy == record.Skipped:
		return fmt.Sprintf("%s finished in %s: nothing was deployed, SPA_RUNNER_DEPLOY_TARGETS is empty", what, took)
	case deploy != record.Finished:
		return fmt.Sprintf("%s ended after %s, as asked, in %s: nothing was deployed", what, s.execution.until, took)
	case len(s.execution.makeFlags) > 0:
		return fmt.Sprintf("%s finished in %s: what `make %s` would do is printed above, nothing was deployed", what, took, strings.Join(c.DeployTargets, " "))
	case s.execution.rehearsal && !c.Deploys():
		return fmt.Sprintf("%s finished in %s: all steps ran, with credentials that no AWS account knows; made %s, not %s", what, took, s.made(), config.DeployTarget)
	case s.execution.rehearsal:
		return fmt.Sprintf("%s finished in %s: all steps ran, with credentials that no AWS account knows", what, took)
	case c.Previews():
		return fmt.Sprintf("%s finished in %s: a preview, nothing was deployed", what, took)
	case !c.Deploys():
		return fmt.Sprintf("%s finished in %s: made %s, not %s (SPA_RUNNER_DEPLOY_TARGETS)", what, took, s.made(), config.DeployTarget)
	}
	return fmt.Sprintf("%s finished in %s: deployed", what, took)
}

// next says what to do about the failure.
func (s summary) next() string {
	var failed *fault.StepError
	var child *fault.ChildError
	hint := s.hint()
	if errors.As(s.err, &failed) && errors.As(s.err, &child) && hint == "" {
		above := "what it printed is above, up to \"step failed\""
		if c := s.plan.config; failed.Step == s.steps[len(s.steps)-1].Name() && !s.execution.rehearsal && !c.Previews() {
			return fmt.Sprintf("%s; what it changed before that is in the events\nof the stacks, in CloudFormation of account %s, region %s", above, config.AccountOf(c.DeployRole), c.DeployRegion)
		}
		return above
	}
	return hint
}

// deployment is what became of the last step, "" if it was not started.
func (s summary) deployment() record.Outcome {
	for _, step := range s.recorded.Steps {
		if step.Name == s.steps[len(s.steps)-1].Name() {
			return step.Outcome
		}
	}
	return ""
}

// writeFacts says what was, or would have been, deployed where.
func (s summary) writeFacts(b *strings.Builder) {
	p := s.recorded
	line := func(name, format string, args ...any) {
		fmt.Fprintf(b, "  %-9s"+format+"\n", append([]any{name}, args...)...)
	}
	if p.Settings.Commit != "" {
		line("settings", "%s  %s, folder %s", p.Settings.Commit, p.Settings.Ref, p.Environment)
	}
	if push := s.push(); push != "" {
		line("trigger", "%s", push)
	}
	if p.Code.Commit != "" {
		line("code", "%s  %s", p.Code.Commit, p.Code.Ref)
	}
	if len(p.Overlay) > 0 {
		replaced := 0
		for _, file := range p.Overlay {
			if file.Action == "replaced" {
				replaced++
			}
		}
		line("overlay", "files: %d added, %d replaced", len(p.Overlay)-replaced, replaced)
	}
	if p.Target.Role != "" {
		line("target", "account %s, region %s, as %s", p.Target.Account, p.Target.Region, p.Target.Role)
	}
	line("run", "%s", s.plan.runID)
	if s.execution.rehearsal {
		line("note", "commits made of folders are of snapshots, as the files are on disk: no other repository knows them")
	}
}

// writePasses has a line for each pass before the last, so that one that failed
// is not forgotten behind one that did not.
func (s summary) writePasses(b *strings.Builder) {
	for _, p := range s.before {
		commit := "settings " + p.plan.facts.settings.Commit
		if p.plan.facts.settings.Commit == "" {
			commit = "no commit of the settings"
		}
		fmt.Fprintf(b, "  pass %d: %s, exit code %d, after %s, %s\n", p.number, p.outcome(), fault.ExitCode(p.err), rounded(p.took), commit)
	}
	if len(s.before) > 0 {
		since := "the settings had moved"
		if s.before[len(s.before)-1].plan.facts.found.Commit == "" {
			since = "the settings could be read again"
		}
		fmt.Fprintf(b, "  pass %d, since %s:\n\n", s.number, since)
	}
}

// push tells of the push that started the build, "" if nothing is known of it. Only
// in the first pass, and only if that took this very commit, is it the push of what
// the summary is about.
func (s summary) push() string {
	c, took := s.plan.config, s.plan.facts.settings.Commit
	text := "the push"
	switch {
	case c.Trigger+c.Pusher+c.PushedAt == "":
		return ""
	case s.number > 1:
		text = "an earlier push"
	case took != "" && c.Trigger != "" && c.Trigger != took:
		text = "another push"
	}
	for _, word := range []struct{ before, text string }{{" of ", c.Trigger}, {" by ", c.Pusher}, {" at ", c.PushedAt}} {
		if word.text != "" {
			text += word.before + word.text
		}
	}
	return text
}

func mark(outcome record.Outcome) string {
	switch outcome {
	case record.Finished:
		return "✔"
	case record.Failed:
		return "✖"
	case record.Skipped, record.Held:
		return "–"
	}
	return "·"
}

func remark(step record.Step) string {
	switch {
	case step.Outcome == record.Skipped:
		return "skipped: " + step.Why
	case step.Outcome == record.Held:
		return "held: " + step.Why
	case step.Outcome == record.Failed, step.Outcome == record.NotStarted:
		return string(step.Outcome)
	case step.Scope != "none":
		return "as " + step.Scope
	}
	return ""
}

// rounded is a time as people say it.
func rounded(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func indent(text string) string { return strings.ReplaceAll(text, "\n", "\n           ") }
