package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"spa-runner/internal/logs"
	"spa-runner/pipeline"
)

// logEnd writes the last event of a run, or of a pass that another follows: what
// was deployed where, why it was not, or which step ended it.
func (s summary) logEnd(log *zap.Logger, of string, took time.Duration) {
	c, f, err, hint := s.plan.config, s.plan.facts, s.err, s.hint()
	fields := []zap.Field{
		zap.String("what", s.execution.what), zap.Bool("deployed", !s.execution.rehearsal && !c.previews() && s.deployment() == logs.Finished),
		zap.Int64("took_ms", took.Milliseconds()), zap.Int("exit_code", pipeline.ExitCode(err)),
		zap.String("settings_commit", f.settings.Commit), zap.String("code_commit", f.code.Commit),
		zap.String("settings_account", accountOf(c.SettingsRole)), zap.String("deploy_account", accountOf(c.DeployRole)),
		zap.String("region", c.DeployRegion), zap.String("ended_by", endedBy(err)),
	}
	fields = slices.DeleteFunc(fields, func(f zap.Field) bool { return f.Type == zapcore.StringType && f.String == "" })
	if of == "run" && len(s.before) > 0 {
		fields = append(fields, zap.Objects("passes_before", s.before))
	}
	if err == nil {
		log.Info(of+" finished", fields...)
		return
	}
	if held := pipeline.Held(err); held != nil {
		log.Warn(of+" held", append(fields, zap.String("why", held.Why), zap.String("hint", hint))...)
		return
	}
	var failed *pipeline.StepError
	if errors.As(err, &failed) {
		fields, err = append(fields, zap.String("failed_step", failed.Step)), failed.Err
	}
	fields = append(fields, zap.String("error", err.Error()))
	if hint != "" {
		fields = append(fields, zap.String("hint", hint))
	}
	log.Error(of+" failed", fields...)
}

// MarshalLogObject is how the last event tells of a pass before the last. It is
// part of zapcore.ObjectMarshaler.
func (p *pass) MarshalLogObject(e zapcore.ObjectEncoder) error {
	e.AddInt("pass", p.number)
	e.AddString("outcome", p.outcome())
	e.AddInt("exit_code", pipeline.ExitCode(p.err))
	e.AddInt64("took_ms", p.took.Milliseconds())
	if commit := p.plan.facts.settings.Commit; commit != "" {
		e.AddString("settings_commit", commit)
	}
	return nil
}

// outcome is what became of a pass, in words.
func (p *pass) outcome() string {
	var failed *pipeline.StepError
	switch {
	case p.err == nil && len(p.config.DeployTargets) == 0:
		return "finished, nothing deployed"
	case p.err == nil && p.config.previews():
		return "a preview, nothing deployed"
	case p.err == nil:
		return "deployed"
	case pipeline.Held(p.err) != nil:
		return "held"
	case errors.As(p.err, &failed):
		return "FAILED in " + failed.Step
	}
	return "FAILED before its first step"
}

// writePasses has a line for each pass before the last, so that one that failed
// is not forgotten behind one that did not.
func (s summary) writePasses(b *strings.Builder) {
	for _, p := range s.before {
		commit := "settings " + p.plan.facts.settings.Commit
		if p.plan.facts.settings.Commit == "" {
			commit = "no commit of the settings"
		}
		fmt.Fprintf(b, "  pass %d: %s, exit code %d, after %s, %s\n", p.number, p.outcome(), pipeline.ExitCode(p.err), rounded(p.took), commit)
	}
	if len(s.before) > 0 {
		fmt.Fprintf(b, "  pass %d, since the settings had moved:\n\n", s.number)
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
