package main

import (
	"fmt"
	"slices"
	"strings"

	"spa-runner/internal/awsname"
	"spa-runner/internal/shellvars"
	"spa-runner/pipeline"
)

// refuse says why variables.sh may not set a variable, or "" if it may: not
// what a child may not see, and nothing by which a commit to the settings would
// switch off a check that the project demanded.
func (c *Config) refuse(name string) string {
	if why := pipeline.Forbidden(name); why != "" {
		return why
	}
	if system := pipeline.Foreign(name); system != "" && !slices.Contains(c.KeepVariables, name) {
		return fmt.Sprintf("it is an identity of %s, which no child sees unless the project names it in SPA_RUNNER_KEEP_VARIABLES", system)
	}
	if strings.HasPrefix(name, knobPrefix) {
		return "it belongs to the CodeBuild project, not to the settings"
	}
	for _, v := range c.variables() {
		if v.name == name && !v.late {
			return "it belongs to the CodeBuild project, and a commit to the settings cannot decide it"
		}
	}
	return ""
}

// applyScript takes over what variables.sh set, checks the whole configuration
// again, and brings the environment of the children up to date. It tells the
// variables of the table whose value the script decided, and what there is to warn
// of that was not before.
func (c *Config) applyScript(set []shellvars.Var, env *pipeline.Environ) (decided []pipeline.Param, warnings []string, err error) {
	c.script = make(map[string]shellvars.Var, len(set))
	for _, v := range set {
		c.script[v.Name] = v
	}
	before := c.Warnings
	if err := c.resolve(); err != nil {
		return nil, nil, err
	}
	c.exportTo(env)
	warnings = slices.DeleteFunc(slices.Clone(c.Warnings), func(w string) bool { return slices.Contains(before, w) })
	for _, r := range c.Resolved {
		if v, ok := c.script[r.Name]; ok && strings.HasPrefix(r.Source, v.File) {
			decided = append(decided, pipeline.Param{Name: r.Name, Value: r.Value})
		}
	}
	return decided, warnings, nil
}

// childEnviron is the environment of the children at the start of a pass: that
// of the build. What the configuration derives is added after variables.sh, so
// that the script sees what the project set, and nothing that it might repeat.
func (c *Config) childEnviron(environ []string) *pipeline.Environ {
	env := pipeline.NewEnviron(environ, c.KeepVariables...)
	for _, v := range c.variables() {
		if v.secret || v.withheld {
			env.Withhold(v.name)
		}
		if value, ok := env.Lookup(v.name); ok && strings.HasSuffix(v.name, "_URL") {
			env.Set(v.name, withoutPassword(value))
		}
	}
	return env
}

// exportTo sets what the configuration decides in the environment of the
// children: the resolved values of the table and, unless the user set them,
// the region of the AWS CLI and boto3 and the target's account. make-deploy gets
// that region in any case (planner.deployEnv).
func (c *Config) exportTo(env *pipeline.Environ) {
	for _, v := range c.variables() {
		if v.secret || v.withheld || strings.HasPrefix(v.name, knobPrefix) {
			continue
		}
		if value, _ := c.lookup(v); value != "" {
			if strings.HasSuffix(v.name, "_URL") {
				value = withoutPassword(value)
			}
			env.Set(v.name, value)
		}
	}
	if c.DeployRegion != "" {
		env.Set("AWS_REGION", c.DeployRegion)
		env.Set("DEPLOY_ENVIRONMENT_REGION", c.DeployRegion)
		// boto3 and the AWS CLI read this name. CodeBuild sets both to its own
		// region; a user who sets them apart means it, for all but make-deploy.
		c.own(env, "AWS_DEFAULT_REGION", c.DeployRegion, c.environ["AWS_REGION"])
		c.defaultRegion, _ = env.Lookup("AWS_DEFAULT_REGION")
	}
	if role, err := awsname.ParseRole(c.DeployRole); err == nil {
		// SPA's Makefile otherwise asks STS for it on every target.
		c.own(env, "AWS_CURRENT_ACCOUNT", role.Account, "")
	}
}

// own sets a variable that the user may have set, and then keeps: in the script,
// or in the environment to something else than counts as unset.
func (c *Config) own(env *pipeline.Environ, name, value, unset string) {
	there, _ := env.Lookup(name)
	if _, ok := c.script[name]; !ok && (there == "" || there == unset) {
		env.Set(name, value)
	}
}
