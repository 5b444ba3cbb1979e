package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"go.uber.org/zap"

	"spa-runner/internal/config"
	"spa-runner/internal/environments"
	"spa-runner/internal/fault"
	"spa-runner/internal/gitclone"
	"spa-runner/internal/identity"
	"spa-runner/pipeline"
	"spa-runner/steps"
)

// find clones the settings, once or twice, and says which environments are to be
// built; none is no error.
func (b *batch) find(ctx context.Context, p *program, c *config.Config) ([]string, error) {
	cfg, err := p.connect(ctx, c, execution{identity: func(ctx context.Context, client *awshttp.BuildableClient) (aws.Config, error) {
		if c.CodeCommit == nil {
			return aws.Config{}, dropIdentity() // nobody is asked
		}
		return ambientIdentity(ctx, client, c.Region, p.secret)
	}})
	if err != nil {
		return nil, err
	}
	log := p.newLog(c)
	defer log.Close()
	plan := &planner{
		config: c, assume: identity.Assumer(ctx, cfg, &c.Region, identity.Patience{Policy: p.patience.sts, Log: logOf(log.Logger(1))}), secret: p.secret, patience: p.patience,
		runID: log.Run(), build: c.Environ["CODEBUILD_BUILD_NUMBER"], facts: &facts{},
	}
	rt := &pipeline.Runtime{
		Log: log.Logger(1), Output: log.Output(1), Broken: log.Err, Redact: plan.secret, Env: c.ChildEnviron(p.environ), Hurry: p.hurry,
	}
	for _, warning := range c.Warnings {
		rt.Log.Warn("configuration: " + warning)
	}
	before, err := b.clone(ctx, rt, plan)
	if err != nil {
		return nil, err
	}
	head := plan.facts.settings
	all := environments.Below(b.folder, head.Paths())
	if len(all) == 0 {
		return nil, &fault.ConfigError{Problems: []string{fmt.Sprintf(
			"the settings have no environment at %s, since there is no folder below %q: say where they are by %s", head.Commit, b.folder, environmentsFolder)}}
	}
	found := all
	if b.since != "" {
		found = environments.TouchedBelow(b.folder, all, gitclone.Differences(before, head))
	}
	rt.Log.Info("environments to build", zap.Strings("environments", found), zap.Int("of", len(all)),
		zap.String("commit", head.Commit), zap.String("changed_since", b.since))
	if len(found) == 0 {
		p.tell("no environment differs from " + b.since + ": there is nothing to build, and nothing is printed")
	}
	return found, checkEnvironments(found)
}

// clone runs the first two steps of the plan, and the second once more for the
// ParseCommit to compare with.
func (b *batch) clone(ctx context.Context, rt *pipeline.Runtime, plan *planner) (before gitclone.Result, err error) {
	list, err := cut(plan.plan(), steps.CloneSettings{}.Name())
	if err != nil {
		return before, err
	}
	if again, ok := list[len(list)-1].(steps.CloneSettings); ok && b.since != "" {
		again.From, again.Pin, again.Trigger = &steps.Source{URL: plan.config.Settings.URL, Ref: b.since}, "", ""
		again.Into, again.Cloned = filepath.Join(plan.config.Workdir, "before"), &before
		list = append(list, again)
	}
	err = pipeline.Pipeline{Steps: list, StepTimeout: plan.config.StepTimeout}.Run(ctx, rt)
	if err != nil && plan.facts.settings.Commit != "" && fault.Hint(err) == "" {
		err = fault.WithHint(err, "--changed-since takes a commit that the repository of the settings still gives out, such as the one that the branch was at "+
			"before; without it all environments are built")
	}
	return before, err
}

// checkEnvironments refuses what the run of its own would refuse.
func checkEnvironments(found []string) error {
	var problems []string
	for _, folder := range found {
		if err := config.ParseRelativePath(new(string))(folder); err != nil {
			problems = append(problems, fmt.Sprintf("the environment %q cannot be built: %v", folder, err))
		}
	}
	if len(problems) > 0 {
		return &fault.ConfigError{Problems: problems}
	}
	return nil
}
