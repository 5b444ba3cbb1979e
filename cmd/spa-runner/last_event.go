package main

import (
	"errors"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"spa-runner/internal/config"
	"spa-runner/internal/fault"
	"spa-runner/internal/record"
)

// logEnd writes the last event of a run, or of a pass that another follows: what
// was deployed where, why it was not, or which step ended it.
func (s summary) logEnd(log *zap.Logger, of string, took time.Duration) {
	c, f, err, hint := s.plan.config, s.plan.facts, s.err, s.hint()
	deployed := !s.execution.rehearsal && c.Deploys() && s.deployment() == record.Finished
	fields := []zap.Field{
		zap.String("what", s.execution.what), zap.Bool("deployed", deployed),
		zap.Int64("took_ms", took.Milliseconds()), zap.Int("exit_code", fault.ExitCode(err)),
		zap.String("settings_commit", f.settings.Commit), zap.String("code_commit", f.code.Commit),
		zap.String("settings_account", config.AccountOf(c.SettingsRole)), zap.String("deploy_account", config.AccountOf(c.DeployRole)),
		zap.String("region", c.DeployRegion), zap.String("ended_by", endedBy(err)), zap.String("made", s.made()),
	}
	fields = append(fields, s.pushed(time.Now(), deployed)...)
	fields = slices.DeleteFunc(fields, func(f zap.Field) bool { return f.Type == zapcore.StringType && f.String == "" })
	if of == "run" && s.report != "" {
		fields = append(fields, zap.String("report", s.report))
	}
	if of == "run" && len(s.before) > 0 {
		fields = append(fields, zap.Objects("passes_before", s.before))
	}
	if err == nil {
		log.Info(of+" finished", fields...)
		return
	}
	if held := fault.Held(err); held != nil {
		log.Warn(of+" held", append(fields, zap.String("why", held.Why), zap.String("hint", hint))...)
		return
	}
	var failed *fault.StepError
	if errors.As(err, &failed) {
		fields, err = append(fields, zap.String("failed_step", failed.Step)), failed.Err
	}
	fields = append(fields, zap.String("error", err.Error()))
	if hint != "" {
		fields = append(fields, zap.String("hint", hint))
	}
	log.Error(of+" failed", fields...)
}

// made are the targets that make-deploy made to their end, "" if it did not.
func (s summary) made() string {
	if s.deployment() != record.Finished || len(s.execution.makeFlags) > 0 { // by which make only prints
		return ""
	}
	return strings.Join(s.plan.config.DeployTargets, " ")
}

// pushed tells who pushed the settings of this pass and when, and how long ago that
// was if they are deployed by now. It tells nothing of a commit that the build did
// not start for: one that a later push brought, or another pass took.
func (s summary) pushed(now time.Time, deployed bool) []zap.Field {
	c, took := s.plan.config, s.plan.facts.settings.Commit
	if s.number > 1 || c.Trigger == "" || took != "" && took != c.Trigger {
		return nil
	}
	fields := []zap.Field{zap.String("pusher", c.Pusher), zap.String("pushed_at", c.PushedAt)}
	at, err := time.Parse(time.RFC3339, c.PushedAt)                 // in whole seconds, as it comes
	if since := now.Sub(at); err == nil && deployed && since >= 0 { // or the clocks do not agree
		fields = append(fields, zap.Int64("since_push_ms", since.Milliseconds()))
	}
	return fields
}

// MarshalLogObject is how the last event tells of a pass before the last. It is
// part of zapcore.ObjectMarshaler.
func (p *pass) MarshalLogObject(e zapcore.ObjectEncoder) error {
	e.AddInt("pass", p.number)
	e.AddString("outcome", p.outcome())
	e.AddInt("exit_code", fault.ExitCode(p.err))
	e.AddInt64("took_ms", p.took.Milliseconds())
	if commit := p.plan.facts.settings.Commit; commit != "" {
		e.AddString("settings_commit", commit)
	}
	return nil
}
