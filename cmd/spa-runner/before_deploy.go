package main

import (
	"context"
	"fmt"
	"path"

	"spa-runner/internal/config"
	"spa-runner/internal/fault"
	"spa-runner/internal/manifest"
	"spa-runner/pipeline"
	"spa-runner/steps"
)

// beforeDeploy is asked when the tests have passed and nothing of them runs any
// more, before the deploy role is assumed: is the code what it was, and may it
// be deployed today? What it compares with was never where a target could reach it.
func (p *planner) beforeDeploy(code string) func(context.Context, *pipeline.Runtime) error {
	return func(ctx context.Context, rt *pipeline.Runtime) error {
		files := manifest.Lay(p.facts.code.Files, p.facts.written)
		if err := steps.Unchanged(ctx, rt, code, files, p.config.MayChange); err != nil {
			return err
		}
		warnOfUser(rt)
		if p.facts.hold == "" || p.config.Previews() { // to look is not to deploy
			return nil
		}
		return fault.WithHint(fault.Hold(p.facts.hold), fmt.Sprintf(
			"to deploy again, remove the file %s from the folder %s of the settings, by a pull request, and start a build",
			steps.HoldFile, p.config.Environment))
	}
}

// checksBeforeDeploy tells of that, for people.
func checksBeforeDeploy(c *config.Config) []pipeline.Param {
	compared := "code with what was cloned and laid over it"
	if len(c.MayChange) > 0 {
		compared += ", but for " + c.MayChange.String()
	}
	checks := []pipeline.Param{{Name: "compare", Value: compared}}
	if c.Previews() {
		return checks
	}
	return append(checks, pipeline.Param{Name: "held_by", Value: path.Join("settings", c.Environment, steps.HoldFile)})
}
