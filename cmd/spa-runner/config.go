package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"spa-runner/internal/awsname"
	"spa-runner/internal/codecommit"
	"spa-runner/internal/gitclone"
	"spa-runner/internal/logs"
	"spa-runner/internal/shellvars"
	"spa-runner/pipeline"
	"spa-runner/steps"
)

// Config is the configuration of a run. The steps point into it, so that what
// variables.sh sets reaches those that come after.
type Config struct {
	SettingsRole  string
	Settings      steps.Source
	SettingsPin   string
	SettingsToken pipeline.Secret
	Trigger       string // the commit that started the build
	Environment   string
	Endpoint      string

	Code          steps.Source
	CodeToken     pipeline.Secret
	RequirePinned bool

	DeployRole   string
	Region       string
	DeployRegion string
	DeployOnly   []string

	SetupTargets, LintTargets, TestTargets, DeployTargets []string

	VariablesExec               bool
	Workdir                     string
	Timeout, StepTimeout, Grace time.Duration
	LogFormat                   logs.Format

	// CodeCommit is what Settings.URL means, nil if it is some other repository.
	CodeCommit *codecommit.Repository
	// Warnings are remarks on the configuration that stop nothing.
	Warnings []string
	// Resolved are the variables that have a value, with its source, in the
	// order of the table. Those of secrets are masked.
	Resolved []Resolved

	settingsRoleAlias string
	flags, environ    map[string]string
	script            map[string]shellvars.Var // nil before variables.sh
	client            *http.Client
}

// Resolved is one variable with its value and where it came from.
type Resolved struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
	Late   bool   `json:"variables_sh_may_set"`
}

// newConfig starts from the flags that were given and the build's environment.
func newConfig(flags map[string]string, environ []string) *Config {
	c := &Config{flags: flags, environ: map[string]string{}}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		c.environ[name] = value
	}
	return c
}

// lookup finds the value of a variable: flag, then variables.sh, then the
// environment, then the preset. Empty is unset, but where it counts.
func (c *Config) lookup(v variable) (value, source string) {
	if value, ok := c.flags[v.name]; ok && (value != "" || v.emptyCounts) {
		return value, "flag --" + v.flag()
	}
	if set, ok := c.script[v.name]; ok && v.late && set.Value != "" {
		if set.Line > 0 {
			return set.Value, fmt.Sprintf("%s:%d", set.File, set.Line)
		}
		return set.Value, set.File
	}
	if value, ok := c.environ[v.name]; ok && (value != "" || v.emptyCounts) {
		return value, "environment"
	}
	if v.preset != "" {
		return v.preset, "default"
	}
	return "", ""
}

// resolve computes the configuration from its sources and checks all of it.
// The error is a *pipeline.ConfigError with every problem there is.
func (c *Config) resolve() error {
	var problems []string
	c.Resolved, c.Warnings, c.CodeCommit = nil, nil, nil
	for _, v := range c.variables() {
		value, source := c.lookup(v)
		if value == "" && v.required && (!v.late || c.script != nil) {
			problems = append(problems, fmt.Sprintf("%s is required (%s): set it %s", v.name, v.usage, whereToSet(v)))
			continue
		}
		if err := v.parse(value); err != nil {
			problems = append(problems, fmt.Sprintf("%s (from %s) is %s: %v", v.name, source, shown(v, value), err))
			continue
		}
		if source != "" {
			c.Resolved = append(c.Resolved, Resolved{Name: v.name, Value: shownPlain(v, value), Source: source, Late: v.late})
		}
	}
	problems = append(problems, c.checkTogether()...)
	if len(problems) > 0 {
		return &pipeline.ConfigError{Problems: problems}
	}
	return nil
}

// checkTogether checks what depends on several variables, and fills in what
// one variable takes from another.
func (c *Config) checkTogether() []string {
	var problems []string
	switch {
	case c.settingsRoleAlias == "":
	case c.SettingsRole == "":
		c.SettingsRole = c.settingsRoleAlias
	case c.SettingsRole != c.settingsRoleAlias:
		problems = append(problems, fmt.Sprintf("READ_SETTINGS_ROLE is %q and SETTINGS_ROLE is %q: they are two names of one variable, unset one of them",
			c.SettingsRole, c.settingsRoleAlias))
	}
	if codecommit.Is(c.Settings.URL, codecommit.Defaults{Region: c.Region, Endpoint: c.Endpoint}) {
		problems = append(problems, c.resolveCodeCommit()...)
	} else if c.Endpoint != "" && c.Settings.URL != "" {
		c.Warnings = append(c.Warnings, "CODE_COMMIT_ENDPOINT is set, but SETTINGS_GIT_URL is not on CodeCommit")
	}
	if c.Region == "" && c.script != nil {
		problems = append(problems, "AWS_REGION is required: set it in the environment or in variables.sh (CodeBuild sets it by itself)")
	}
	if c.DeployRegion == "" {
		c.DeployRegion = c.Region
	}
	for name, arn := range map[string]string{"READ_SETTINGS_ROLE": c.SettingsRole, "DEPLOY_ENVIRONMENT_ROLE": c.DeployRole} {
		problems = append(problems, checkPartition(name, arn, c.Region)...)
	}
	if problem := c.checkToken(); problem != "" {
		problems = append(problems, problem)
	}
	if set, ok := c.script["CODE_GIT_COMMIT"]; ok && set.Value == "" && c.environ["CODE_GIT_COMMIT"] != "" {
		problems = append(problems, "CODE_GIT_COMMIT is emptied by variables.sh, but the project demands it: remove that line, or set the commit that is wanted")
	}
	slices.Sort(problems)
	return problems
}

// resolveCodeCommit works out what repository SETTINGS_GIT_URL means.
func (c *Config) resolveCodeCommit() []string {
	var problems []string
	repo, warnings, err := codecommit.Parse(c.Settings.URL, codecommit.Defaults{Region: c.Region, Endpoint: c.Endpoint})
	if err != nil {
		problems = append(problems, fmt.Sprintf("SETTINGS_GIT_URL is %q: %v", gitclone.DisplayURL(c.Settings.URL), err))
	} else {
		c.CodeCommit, c.Warnings = &repo, append(c.Warnings, warnings...)
		if c.Region == "" {
			c.Region = repo.Region
		}
	}
	if c.SettingsRole == "" && c.flags["READ_SETTINGS_ROLE"]+c.environ["READ_SETTINGS_ROLE"]+c.environ["SETTINGS_ROLE"] == "" {
		problems = append(problems, "READ_SETTINGS_ROLE is required, since the settings are on CodeCommit: set it to the ARN of the role that may read them")
	}
	return problems
}

// checkToken refuses to send the project's token where a commit to the settings
// says: it belongs to the server that the project named.
func (c *Config) checkToken() string {
	set, ok := c.script["CODE_GIT_URL"]
	if !ok || c.CodeToken.Reveal() == "" {
		return ""
	}
	project := *c
	project.script = nil
	for _, v := range project.variables() {
		if v.name != "CODE_GIT_URL" {
			continue
		}
		if ours, _ := project.lookup(v); serverOf(ours) != serverOf(c.Code.URL) {
			return fmt.Sprintf("CODE_GIT_URL (from %s:%d) is on %s, but CODE_GIT_TOKEN of the project is for %s: set CODE_GIT_URL in the project too, or remove the token",
				set.File, set.Line, serverOf(c.Code.URL), serverOf(ours))
		}
	}
	return ""
}

// checkPartition refuses a role that no region of that kind can assume.
func checkPartition(name, arn, region string) []string {
	role, err := awsname.ParseRole(arn)
	if err != nil || region == "" {
		return nil // missing, or reported already
	}
	if partition := awsname.PartitionOf(region); partition != role.Partition {
		return []string{fmt.Sprintf("%s is %q, in partition %s, but the region %s (AWS_REGION) is in partition %s",
			name, arn, role.Partition, region, partition)}
	}
	return nil
}

func whereToSet(v variable) string {
	if v.late {
		return "in the project's environment or in variables.sh"
	}
	return "in the project's environment, or by --" + v.flag()
}

// shown is a value for a message.
func shown(v variable, value string) string {
	if v.secret {
		return "a secret"
	}
	return fmt.Sprintf("%q", shownPlain(v, value))
}

func shownPlain(v variable, value string) string {
	switch {
	case v.secret:
		return pipeline.NewSecret(value).String()
	case strings.HasSuffix(v.name, "_URL"):
		return gitclone.DisplayURL(value)
	}
	return value
}
