// Package config has the variables of a run: the table of them, how each is checked, and what
// variables.sh may change.
package config

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
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

	RequireSettings   bool // in place of OverlayRequire: what SPA needs
	settingsRoleAlias string
	projectCodeURL    string // CODE_GIT_URL before variables.sh
	DefaultRegion     string // AWS_DEFAULT_REGION of setup, lint and tests, once exportTo has set it
	flags, Environ    map[string]string
	Script            map[string]shellvars.Var // nil before variables.sh
	Client            *http.Client
	SettingsShown     string // the folder of the settings in messages; "": their clone
}

// Resolved is one variable with its value and where it came from.
type Resolved struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
	Late   bool   `json:"variables_sh_may_set"`
}

// New starts from the flags that were given and the build's environment.
func New(flags map[string]string, environ []string) *Config {
	c := &Config{flags: flags, Environ: map[string]string{}}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		c.Environ[name] = value
	}
	return c
}

// Anew is the configuration as it was before variables.sh: that of the next pass.
func (c *Config) Anew() (*Config, error) {
	next := &Config{flags: c.flags, Environ: c.Environ, Client: c.Client, SettingsShown: c.SettingsShown}
	return next, next.Resolve()
}

// Lookup finds the value of a variable: flag, then variables.sh, then the
// environment, then the preset. Empty is unset, but where it counts.
func (c *Config) Lookup(v Variable) (value, source string) {
	if value, ok := c.flags[v.Name]; ok && (value != "" || v.emptyCounts) {
		return value, "flag --" + v.Flag()
	}
	if set, ok := c.Script[v.Name]; ok && v.late && set.Value != "" {
		return set.Value, PlaceOf(set)
	}
	if value, ok := c.Environ[v.Name]; ok && (value != "" || v.emptyCounts) {
		return value, "environment"
	}
	if v.Preset != "" {
		return v.Preset, "default"
	}
	return "", ""
}

// PlaceOf says where a script set a variable.
func PlaceOf(set shellvars.Var) string {
	if set.Line > 0 {
		return fmt.Sprintf("%s:%d", set.File, set.Line)
	}
	return set.File
}

// Resolve computes the configuration from its sources and checks all of it.
// The error is a *fault.ConfigError with every problem there is.
func (c *Config) Resolve() error {
	var problems []string
	c.Resolved, c.Warnings, c.CodeCommit = nil, nil, nil
	for _, v := range c.Variables() {
		value, source := c.Lookup(v)
		if value == "" && v.required && (!v.late || c.Script != nil) {
			problems = append(problems, fmt.Sprintf("%s is required (%s): set it %s", v.Name, v.Usage, whereToSet(v)))
			continue
		}
		if err := v.parse(value); err != nil {
			problems = append(problems, fmt.Sprintf("%s (from %s) is %s: %v", v.Name, source, shown(v, value), err))
			continue
		}
		if source != "" {
			c.Resolved = append(c.Resolved, Resolved{Name: v.Name, Value: shownPlain(v, value), Source: source, Late: v.late})
		}
	}
	if c.Script == nil {
		c.projectCodeURL = c.Code.URL
	}
	problems = append(problems, c.checkTogether()...)
	problems = append(problems, c.checkNames()...)
	if len(problems) > 0 {
		return &fault.ConfigError{Problems: problems}
	}
	return nil
}

// ProblemsIn are those of the configuration that an error tells, nil if it is another.
func ProblemsIn(err error) []string {
	var wrong *fault.ConfigError
	if !errors.As(err, &wrong) {
		return nil
	}
	return wrong.Problems
}

func whereToSet(v Variable) string {
	if v.late {
		return "in the project's environment or in variables.sh"
	}
	return "in the project's environment, or by --" + v.Flag()
}

// shown is a value for a message.
func shown(v Variable, value string) string {
	if v.Secret {
		return "a secret"
	}
	return fmt.Sprintf("%q", shownPlain(v, value))
}

func shownPlain(v Variable, value string) string {
	switch {
	case v.Secret:
		return pipeline.NewSecret(value).String()
	case strings.HasSuffix(v.Name, "_URL") && !strings.HasPrefix(value, "codecommit:"):
		return ShownURL(value)
	}
	return value
}

const (
	// DeployTarget is the one that deploys, in SPA and in the demo.
	DeployTarget = "deploy"
	// PreviewTarget is what SPA calls `cdk diff`.
	PreviewTarget = "diff"
)

// Deploys says that the target that deploys is among those of make-deploy. What other
// targets do to the account, such as bootstrap-cdk, is not called a deployment.
func (c *Config) Deploys() bool { return slices.Contains(c.DeployTargets, DeployTarget) }

// Previews says that all there is to make in place of a deployment shows what one
// would change, and changes nothing.
func (c *Config) Previews() bool {
	other := func(target string) bool { return target != PreviewTarget }
	return len(c.DeployTargets) > 0 && !slices.ContainsFunc(c.DeployTargets, other)
}
