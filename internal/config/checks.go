package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"spa-runner/internal/awsname"
	"spa-runner/internal/codecommit"
	"spa-runner/internal/gitclone"
	"spa-runner/internal/typos"
	"spa-runner/pipeline"
)

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
	if c.Region == "" && c.Script != nil {
		problems = append(problems, "AWS_REGION is required: set it in the environment or in variables.sh (CodeBuild sets it by itself)")
	}
	if c.DeployRegion == "" {
		c.DeployRegion = c.Region
	}
	for name, arn := range map[string]string{
		"READ_SETTINGS_ROLE": c.SettingsRole, "READ_PACKAGES_ROLE": c.PackagesRole, "DEPLOY_ENVIRONMENT_ROLE": c.DeployRole,
	} {
		problems = append(problems, checkPartition(name, arn, c.Region)...)
	}
	if problem := c.checkToken(); problem != "" {
		problems = append(problems, problem)
	}
	if problem := c.checkBranch(); problem != "" {
		problems = append(problems, problem)
	}
	for name, way := range map[string]struct {
		token pipeline.Secret
		url   string
	}{"CODE_GIT_TOKEN": {c.CodeToken, c.Code.URL}, "SETTINGS_GIT_TOKEN": {c.SettingsToken, c.Settings.URL}} {
		if way.token.Reveal() != "" && inClearText(way.url) {
			problems = append(problems, name+" would pass in clear text to "+serverOf(way.url)+": write https://")
		}
	}
	if !c.RequireSettings && len(c.OverlayRequire) == 0 {
		c.Warnings = append(c.Warnings, "SPA_RUNNER_OVERLAY_REQUIRE is empty: an environment without settings is deployed with those that the code ships")
	}
	if set, ok := c.Script["CODE_GIT_COMMIT"]; ok && set.Value == "" && c.Environ["CODE_GIT_COMMIT"] != "" {
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
	if c.SettingsRole == "" && c.flags["READ_SETTINGS_ROLE"]+c.Environ["READ_SETTINGS_ROLE"]+c.Environ["SETTINGS_ROLE"] == "" {
		problems = append(problems, "READ_SETTINGS_ROLE is required, since the settings are on CodeCommit: set it to the ARN of the role that may read them")
	}
	return problems
}

// ofTheBuildspec are the knobs that buildspec.yml reads.
var ofTheBuildspec = []string{"SPA_RUNNER_URL", "SPA_RUNNER_SHA256_AMD64", "SPA_RUNNER_SHA256_ARM64", "SPA_RUNNER_COMMAND"}

// pins are the variables without which another version of the code is deployed.
var pins = []string{"CODE_GIT_BRANCH", "CODE_GIT_COMMIT", "CODE_GIT_REACHABLE_FROM", "CODE_GIT_VERIFY_KEYS"}

// checkNearNames finds names that are one or two letters away from a variable of the
// runner, in the project and in variables.sh. That is a warning, and an error where the
// project demands a pin and one is missed.
func (c *Config) checkNearNames(known []string) (problems []string) {
	places := map[string]string{}
	for name := range c.Environ {
		places[name] = "of the project"
	}
	for name, set := range c.Script {
		places[name] = "of " + PlaceOf(set)
	}
	for _, name := range slices.Sorted(maps.Keys(places)) {
		if slices.Contains(known, name) || strings.HasPrefix(name, knobPrefix) {
			continue
		}
		for _, meant := range known {
			if typos.Distance(strings.ToUpper(name), meant, 2) > 2 {
				continue
			}
			text := fmt.Sprintf("%s %s is no variable of spa-runner: is %s meant?", name, places[name], meant)
			if c.RequirePinned && slices.Contains(pins, meant) {
				problems = append(problems, text+" SPA_RUNNER_REQUIRE_PINNED demands that no pin is missed: rename it or unset it")
			} else {
				c.Warnings = append(c.Warnings, text)
			}
		}
	}
	return problems
}

// checkNames finds names that were misspelt: a check that the project demanded
// would silently not be made, a secret not be withheld.
func (c *Config) checkNames() []string {
	known := slices.Clone(ofTheBuildspec)
	for _, v := range c.Variables() {
		known = append(known, v.Name)
	}
	var problems []string
	for name := range c.Environ {
		if name == "SPA_RUNNER_VARIABLES_EXEC" {
			problems = append(problems, name+" is no variable of spa-runner any more: set SPA_RUNNER_VARIABLES=bash where variables.sh runs commands, and unset it")
			continue
		}
		if strings.HasPrefix(name, knobPrefix) && !slices.Contains(known, name) {
			problems = append(problems, name+" is no variable of spa-runner: compare its name with `spa-runner run --help`, or unset it")
		}
	}
	problems = append(problems, c.checkNearNames(known)...)
	for _, name := range c.DeployOnly {
		_, ofProject := c.Environ[name]
		if _, ofScript := c.Script[name]; !ofProject && !ofScript {
			c.Warnings = append(c.Warnings, name+" is named by SPA_RUNNER_DEPLOY_ONLY but not set, unless variables.sh sets it")
		}
	}
	for _, name := range c.KeepVariables {
		switch {
		case pipeline.Forbidden(name) != "":
			problems = append(problems, fmt.Sprintf("%s is named by SPA_RUNNER_KEEP_VARIABLES, but no child may see it: %s", name, pipeline.Forbidden(name)))
		case pipeline.Foreign(name) == "":
			c.Warnings = append(c.Warnings, name+" is named by SPA_RUNNER_KEEP_VARIABLES, but nothing keeps it from children: is it misspelt?")
		}
	}
	account, where := c.Environ["AWS_CURRENT_ACCOUNT"], "the environment"
	if set, ok := c.Script["AWS_CURRENT_ACCOUNT"]; ok {
		account, where = set.Value, PlaceOf(set)
	}
	if account != "" && c.DeployRole != "" && account != AccountOf(c.DeployRole) {
		c.Warnings = append(c.Warnings, fmt.Sprintf("AWS_CURRENT_ACCOUNT is %s in %s, and make sees that, but DEPLOY_ENVIRONMENT_ROLE is in account %s",
			account, where, AccountOf(c.DeployRole)))
	}
	slices.Sort(problems)
	return problems
}

// checkToken refuses to send the project's token where a commit to the settings
// says: it belongs to the server that the project named.
func (c *Config) checkToken() string {
	set, ok := c.Script["CODE_GIT_URL"]
	if !ok || c.CodeToken.Reveal() == "" {
		return ""
	}
	ours, theirs := serverOf(c.projectCodeURL), serverOf(c.Code.URL)
	if ours == theirs {
		return ""
	}
	return fmt.Sprintf("CODE_GIT_URL (from %s:%d) is on %s, but CODE_GIT_TOKEN of the project is for %s: set CODE_GIT_URL in the project too, or remove the token",
		set.File, set.Line, theirs, ours)
}

// checkBranch refuses a commit to the settings that names another repository,
// whose branches are not those that the project meant.
func (c *Config) checkBranch() string {
	set, ok := c.Script["CODE_GIT_URL"]
	if !ok || c.ReachableFrom == "" || c.Code.URL == c.projectCodeURL {
		return ""
	}
	ours, theirs := ShownURL(c.projectCodeURL), ShownURL(c.Code.URL)
	return fmt.Sprintf("CODE_GIT_URL (from %s:%d) is %q, but CODE_GIT_REACHABLE_FROM of the project is about a branch of %q: set CODE_GIT_URL in the project too, or remove that line",
		set.File, set.Line, theirs, ours)
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

// AccountOf is the account in the ARN of a role, for logs.
func AccountOf(arn string) string {
	role, err := awsname.ParseRole(arn)
	if err != nil {
		return ""
	}
	return role.Account
}
