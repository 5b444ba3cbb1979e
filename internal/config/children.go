package config

import (
	"fmt"
	"slices"
	"strings"

	"spa-runner/internal/awsname"
	"spa-runner/internal/secretname"
	"spa-runner/internal/shellvars"
	"spa-runner/pipeline"
)

// Refuse says why variables.sh may not set a variable, or "" if it may: not
// what a child may not see, and nothing by which a commit to the settings would
// switch off a check that the project demanded.
func (c *Config) Refuse(name string) string {
	if why := pipeline.Forbidden(name); why != "" {
		return why
	}
	if system := pipeline.Foreign(name); system != "" && !slices.Contains(c.KeepVariables, name) {
		return fmt.Sprintf("it is an identity of %s, which no child sees unless the project names it in SPA_RUNNER_KEEP_VARIABLES", system)
	}
	if strings.HasPrefix(name, knobPrefix) {
		return "it belongs to the CodeBuild project, not to the settings"
	}
	for _, v := range c.Variables() {
		if v.Name == name && !v.late {
			return "it belongs to the CodeBuild project, and a commit to the settings cannot decide it"
		}
	}
	return ""
}

// ApplyScript takes over what variables.sh set, checks the whole configuration
// again, and brings the environment of the children up to date. It tells the
// Variables of the table whose value the script decided, and what there is to warn
// of that was not before.
func (c *Config) ApplyScript(set []shellvars.Var, env *pipeline.Environ) (decided []pipeline.Param, warnings []string, err error) {
	c.Script = make(map[string]shellvars.Var, len(set))
	for _, v := range set {
		c.Script[v.Name] = v
	}
	before := c.Warnings
	if err := c.Resolve(); err != nil {
		return nil, nil, err
	}
	c.ExportTo(env)
	warnings = slices.DeleteFunc(slices.Clone(c.Warnings), func(w string) bool { return slices.Contains(before, w) })
	for _, r := range c.Resolved {
		if v, ok := c.Script[r.Name]; ok && strings.HasPrefix(r.Source, v.File) {
			decided = append(decided, pipeline.Param{Name: r.Name, Value: r.Value})
		}
	}
	return decided, warnings, nil
}

// ChildEnviron is the environment of the children at the start of a pass: that
// of the build. What the configuration derives is added after variables.sh, so
// that the script sees what the project set, and nothing that it might repeat.
func (c *Config) ChildEnviron(environ []string) *pipeline.Environ {
	env := pipeline.NewEnviron(environ, c.KeepVariables...)
	for _, v := range c.Variables() {
		if v.Secret || v.withheld {
			env.Withhold(v.Name)
		}
		if value, ok := env.Lookup(v.Name); ok && strings.HasSuffix(v.Name, "_URL") {
			env.Set(v.Name, WithoutPassword(value))
		}
	}
	return env
}

// ExportTo sets what the configuration decides in the environment of the
// children: the resolved values of the table and, unless the user set them,
// the region of the AWS CLI and boto3 and the target's account. make-deploy gets
// that region in any case (planner.deployEnv).
func (c *Config) ExportTo(env *pipeline.Environ) {
	for _, v := range c.Variables() {
		if v.Secret || v.withheld || strings.HasPrefix(v.Name, knobPrefix) {
			continue
		}
		if value, _ := c.Lookup(v); value != "" {
			if strings.HasSuffix(v.Name, "_URL") {
				value = WithoutPassword(value)
			}
			env.Set(v.Name, value)
		}
	}
	if c.DeployRegion != "" {
		env.Set("AWS_REGION", c.DeployRegion)
		env.Set("DEPLOY_ENVIRONMENT_REGION", c.DeployRegion)
		// boto3 and the AWS CLI read this name. CodeBuild sets both to its own
		// region; a user who sets them apart means it, for all but make-deploy.
		c.own(env, "AWS_DEFAULT_REGION", c.DeployRegion, c.Environ["AWS_REGION"])
		c.DefaultRegion, _ = env.Lookup("AWS_DEFAULT_REGION")
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
	if _, ok := c.Script[name]; !ok && (there == "" || there == unset) {
		env.Set(name, value)
	}
}

// deployOnly is the variable that names those that setup, lint and tests do not see.
const deployOnly = knobPrefix + "DEPLOY_ONLY"

// SecretsIn are the values among NAME=value pairs that are secrets by their names, and
// those of the variables that only make-deploy sees.
func (c *Config) SecretsIn(pairs []string) []string {
	secrets := secretname.In(pairs)
	for _, pair := range pairs {
		if name, value, _ := strings.Cut(pair, "="); slices.Contains(c.DeployOnly, name) {
			secrets = append(secrets, value)
		}
	}
	return secrets
}

// SecretsOfDeploy are the values of the variables that SPA_RUNNER_DEPLOY_ONLY or its
// flag names. They are read before the configuration is, so that its errors and every
// subcommand mask what a run masks.
func SecretsOfDeploy(args, pairs []string) []string {
	c := &Config{}
	for _, pair := range pairs {
		if list, ok := strings.CutPrefix(pair, deployOnly+"="); ok {
			c.DeployOnly = append(c.DeployOnly, splitNames(list)...)
		}
	}
	flag := "--" + Variable{Name: deployOnly}.Flag()
	for i, arg := range args {
		if list, ok := strings.CutPrefix(arg, flag+"="); ok {
			c.DeployOnly = append(c.DeployOnly, splitNames(list)...)
		} else if arg == flag && i+1 < len(args) {
			c.DeployOnly = append(c.DeployOnly, splitNames(args[i+1])...)
		}
	}
	return c.SecretsIn(pairs)
}
