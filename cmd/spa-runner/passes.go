package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/zap"

	"spa-runner/internal/config"
	"spa-runner/internal/fault"
	"spa-runner/internal/hostfault"
	"spa-runner/internal/identity"
	"spa-runner/internal/logs"
	"spa-runner/internal/record"
	"spa-runner/internal/retry"
	"spa-runner/internal/workfolder"
	"spa-runner/pipeline"
	"spa-runner/steps"
)

// passes goes over the plan, and over it again for as long as the settings move
// while it does: nothing of one pass reaches the next but the configuration that
// the project gave, the identity of the build, the log and the time limit.
type passes struct {
	program   *program
	execution execution
	folder    *workfolder.Folder
	aws       aws.Config
	log       *logs.Log
	recorder  *record.Recorder
	files     *record.Dir // nil if there are none
	began     time.Time
	over      []*pass
	given     *pipeline.Given
}

// pass is one way over the plan.
type pass struct {
	number int
	config *config.Config
	plan   *planner
	steps  []pipeline.Step // all of the plan
	list   []pipeline.Step // those that are to be run
	look   pipeline.Step   // after them
	rt     *pipeline.Runtime
	took   time.Duration
	err    error
}

// outcome is what became of a pass, in words.
func (p *pass) outcome() string {
	var failed *fault.StepError
	switch {
	case p.err == nil && len(p.config.DeployTargets) == 0:
		return "finished, nothing deployed"
	case p.err == nil && p.config.Previews():
		return "a preview, nothing deployed"
	case p.err == nil && !p.config.Deploys():
		return "made " + strings.Join(p.config.DeployTargets, " ") + ", not " + config.DeployTarget
	case p.err == nil:
		return "deployed"
	case fault.Held(p.err) != nil:
		return "held"
	case errors.As(p.err, &failed):
		return "FAILED in " + failed.Step
	}
	return "FAILED before its first step"
}

// prepare makes what a pass works with, all of it new. With an error the pass
// cannot be run, but it can be told of.
func (r *passes) prepare(ctx context.Context, number int, c *config.Config) (_ *pass, err error) {
	log, p := r.log.Logger(number), r.program
	plan := &planner{
		config: c, assume: identity.Assumer(ctx, r.aws, &c.Region, identity.Patience{Policy: p.patience.sts, Log: logOf(log)}), secret: p.secret, patience: p.patience,
		makeFlags: r.execution.makeFlags, runID: r.log.Run(), build: c.Environ["CODEBUILD_BUILD_NUMBER"], facts: &facts{},
	}
	one := &pass{number: number, config: c, plan: plan, steps: plan.plan(), look: plan.lookAgain()}
	one.rt = &pipeline.Runtime{
		Log: log, Output: r.log.Output(number), Broken: r.log.Err, Redact: p.secret,
		Env: c.ChildEnviron(p.environ), Grace: c.Grace, Hurry: p.hurry, KeysInEnv: c.KeysInEnv,
		Given: r.given,
	}
	r.recorder.StartPass(number, recordedSteps(one.steps))
	if one.list, err = cut(one.steps, r.execution.until); err == nil {
		r.log.Plan(stepNames(one.list))
		one.rt.Untrusted, err = untrusted(c, r.execution)
	}
	return one, err
}

// run goes over the plan for the first time, and as often as there is a reason to.
// It returns the last pass.
func (r *passes) run(ctx context.Context, first *pass) (last *pass) {
	for last = first; ; {
		r.once(ctx, last)
		r.over = append(r.over, last)
		if fault.GaveUp(last.err) {
			return last
		}
		var next *pass
		if err := pipeline.Within(ctx, func() error { next = r.next(ctx, last); return nil }); err != nil || next == nil {
			return last
		}
		last = next
	}
}

// once goes over the plan.
func (r *passes) once(ctx context.Context, p *pass) {
	defer func(start time.Time) {
		r.removeHome(ctx, p)
		p.took = time.Since(start)
	}(time.Now())
	fresh := replaceFolders
	if p.number > 1 {
		fresh = clearFolders
	}
	if p.err == nil {
		p.err = pipeline.Within(ctx, func() error { return fresh(p.rt, r.folder) })
	}
	if p.err == nil {
		p.err = pipeline.Pipeline{Steps: p.list, StepTimeout: p.config.StepTimeout}.Run(ctx, p.rt)
	}
}

// removeHome removes the home of the untrusted user, which may have any number of files.
func (r *passes) removeHome(ctx context.Context, p *pass) {
	if p.rt.Untrusted == nil || fault.GaveUp(p.err) {
		return // what was given up may still work there
	}
	if err := pipeline.Within(ctx, p.rt.Untrusted.RemoveHome); err != nil {
		p.rt.Log.Warn("the home folder of the untrusted user is left", zap.String("folder", p.rt.Untrusted.Home), zap.Error(err))
	}
}

// next is the pass after one that is over, nil if there is none.
func (r *passes) next(ctx context.Context, p *pass) *pass {
	if r.execution.rehearsal || ctx.Err() != nil || r.log.Err() != nil {
		return nil // a rehearsal's settings are a snapshot, and do not move
	}
	state := r.state(ctx, p)
	what, why := state.decide()
	if what == giveUp {
		p.rt.Log.Warn("there is no further pass: if there was a push meanwhile, it is not deployed", zap.String("why", why), zap.String("next", steps.NextChance))
	}
	if what != lookFirst {
		return nil
	}
	look := pipeline.Pipeline{Steps: []pipeline.Step{p.look}, StepTimeout: p.config.StepTimeout}
	if err := look.Run(ctx, p.rt); err != nil {
		p.rt.Log.Warn("the look at the settings did not come to its end: if there was a push meanwhile, it is not deployed",
			zap.String("error", err.Error()), zap.String("next", steps.NextChance))
		return nil
	}
	if state = r.state(ctx, p); state.head == "" {
		return nil // the step has told why
	}
	what, why = state.decide()
	switch what {
	case leaveIt:
		left := "newer settings are not deployed"
		if state.took == "" {
			left = "the settings can be read again, and are not deployed"
		}
		p.rt.Log.Warn(left, zap.String("commit", state.head), zap.String("why", why), zap.String("next", steps.NextChance))
	case startOver:
		r.summary(p).logEnd(p.rt.Log, "pass", p.took)
		to, pass := zap.String("to", state.head), zap.Int("next_pass", p.number+1)
		if state.took == "" { // nobody knows whether they moved
			p.rt.Log.Info("settings can be read again", to, pass)
		} else {
			p.rt.Log.Info("settings moved", zap.String("from", state.took), to, pass)
		}
		return r.after(ctx, p)
	}
	return nil
}

// state is what is known after a pass.
func (r *passes) state(ctx context.Context, p *pass) afterPass {
	deadline, limited := ctx.Deadline()
	_, ofMachine := hostfault.Of(p.err)
	state := afterPass{
		pass: p.number, limit: p.config.MaxPasses, exitCode: fault.ExitCode(p.err), pinned: p.config.SettingsPin != "",
		ofMachine: ofMachine, mayPass: retry.MayPass(p.err),
		took: p.plan.facts.found.Commit, head: p.plan.facts.head.Commit, timeLimit: limited, left: time.Until(deadline),
	}
	for _, over := range r.over {
		state.longest = max(state.longest, over.took)
	}
	return state
}

// after prepares the pass after another. What is wrong with that is its failure.
func (r *passes) after(ctx context.Context, before *pass) *pass {
	c, err := before.config.Anew()
	r.program.register(c)
	next, prepared := r.prepare(ctx, before.number+1, c)
	if next.err = err; err == nil {
		next.err = prepared
	}
	told := r.recorder.Record().Told()
	for _, warning := range c.Warnings {
		if warning = "configuration: " + warning; !slices.Contains(told, warning) {
			next.rt.Log.Warn(warning)
		}
	}
	return next
}

// summary tells of a pass, and of those before it.
func (r *passes) summary(p *pass) summary {
	recorded := r.recorder.Record()
	return summary{
		execution: r.execution, plan: p.plan, steps: p.steps, recorded: passOf(recorded, p.number), warnings: recorded.Told(),
		number: p.number, took: time.Since(r.began), err: p.err, before: r.over[:p.number-1], report: r.report(p.config),
	}
}
