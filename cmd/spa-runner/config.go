package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"spa-runner/internal/codecommit"
	"spa-runner/internal/fault"
	"spa-runner/internal/globs"
	"spa-runner/internal/logs"
	"spa-runner/internal/shellvars"
	"spa-runner/pipeline"
	"spa-runner/steps"
)

// Config is the configuration of a run. The steps point into it, so that what
// variables.sh sets reaches those that come after.
type Config struct {
	SettingsRole       string
	SettingsExternalID string
	// SettingsPolicy says that a session policy narrows the settings role.
	SettingsPolicy bool

	Settings      steps.Source
	SettingsPin   string
	SettingsToken pipeline.Secret
	Trigger       string // the commit that started the build
	Pusher        string // who pushed that
	PushedAt      string // and when, RFC 3339 in UTC
	Environment   string
	Endpoint      string

	Code          steps.Source
	CodeToken     pipeline.Secret
	RequirePinned bool
	VerifyKeys    string // file of keys in the settings
	ReachableFrom string // branch

	// PackagesRole, if set, is who make-setup acts as.
	PackagesRole string

	DeployRole       string
	DeployExternalID string
	// KeysInEnv gives children their keys in variables in place of the endpoint.
	KeysInEnv    bool
	Region       string
	DeployRegion string
	DeployOnly   []string
	// KeepVariables are identities of other systems that children may see.
	KeepVariables []string

	// OverlayProtect are files that the settings may not touch, OverlayRequire those
	// that an environment must have, MayChange those that setup, lint and tests may change.
	OverlayProtect, OverlayRequire, MayChange globs.List

	SetupTargets, LintTargets, TestTargets, DeployTargets []string

	VariablesBy                 string
	Untrusted                   string // name or number of a user
	Workdir                     string
	Timeout, StepTimeout, Grace time.Duration
	MaxPasses                   int // at least 1
	LogFormat                   logs.Format
	ArtifactsURL                string // without a slash at its end

	// CodeCommit is what Settings.URL means, nil if it is some other repository.
	CodeCommit *codecommit.Repository
	// Warnings are remarks on the configuration that stop nothing.
	Warnings []string
	// Resolved are the variables that have a value, with its source, in the
	// order of the table. Those of secrets are masked.
	Resolved []Resolved

	requireSettings   bool // in place of OverlayRequire: what SPA needs
	settingsRoleAlias string
	projectCodeURL    string // CODE_GIT_URL before variables.sh
	defaultRegion     string // AWS_DEFAULT_REGION of setup, lint and tests, once exportTo has set it
	flags, environ    map[string]string
	script            map[string]shellvars.Var // nil before variables.sh
	client            *http.Client
	settingsShown     string // the folder of the settings in messages; "": their clone
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

// anew is the configuration as it was before variables.sh: that of the next pass.
func (c *Config) anew() (*Config, error) {
	next := &Config{flags: c.flags, environ: c.environ, client: c.client, settingsShown: c.settingsShown}
	return next, next.resolve()
}

// lookup finds the value of a variable: flag, then variables.sh, then the
// environment, then the preset. Empty is unset, but where it counts.
func (c *Config) lookup(v variable) (value, source string) {
	if value, ok := c.flags[v.name]; ok && (value != "" || v.emptyCounts) {
		return value, "flag --" + v.flag()
	}
	if set, ok := c.script[v.name]; ok && v.late && set.Value != "" {
		return set.Value, placeOf(set)
	}
	if value, ok := c.environ[v.name]; ok && (value != "" || v.emptyCounts) {
		return value, "environment"
	}
	if v.preset != "" {
		return v.preset, "default"
	}
	return "", ""
}

// placeOf says where a script set a variable.
func placeOf(set shellvars.Var) string {
	if set.Line > 0 {
		return fmt.Sprintf("%s:%d", set.File, set.Line)
	}
	return set.File
}

// resolve computes the configuration from its sources and checks all of it.
// The error is a *fault.ConfigError with every problem there is.
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
	if c.script == nil {
		c.projectCodeURL = c.Code.URL
	}
	problems = append(problems, c.checkTogether()...)
	problems = append(problems, c.checkNames()...)
	if len(problems) > 0 {
		return &fault.ConfigError{Problems: problems}
	}
	return nil
}

// problemsIn are those of the configuration that an error tells, nil if it is another.
func problemsIn(err error) []string {
	var wrong *fault.ConfigError
	if !errors.As(err, &wrong) {
		return nil
	}
	return wrong.Problems
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
	case strings.HasSuffix(v.name, "_URL") && !strings.HasPrefix(value, "codecommit:"):
		return shownURL(value)
	}
	return value
}
