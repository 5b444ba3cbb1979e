package main

import (
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"spa-runner/internal/record"
	"spa-runner/pipeline"
)

// logEnd writes the last event of a run, or of a pass that another follows: what
// was deployed where, why it was not, or which step ended it.
func (s summary) logEnd(log *zap.Logger, of string, took time.Duration) {
	c, f, err, hint := s.plan.config, s.plan.facts, s.err, s.hint()
	fields := []zap.Field{
		zap.String("what", s.execution.what), zap.Bool("deployed", !s.execution.rehearsal && !c.previews() && s.deployment() == record.Finished),
		zap.Int64("took_ms", took.Milliseconds()), zap.Int("exit_code", pipeline.ExitCode(err)),
		zap.String("settings_commit", f.settings.Commit), zap.String("code_commit", f.code.Commit),
		zap.String("settings_account", accountOf(c.SettingsRole)), zap.String("deploy_account", accountOf(c.DeployRole)),
		zap.String("region", c.DeployRegion), zap.String("ended_by", endedBy(err)),
	}
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
