package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"spa-runner/internal/config"
	"spa-runner/internal/doctor"
	"spa-runner/pipeline"
)

// diagnosis is one pass of the doctor. Up to the overlay it takes the very steps
// of a run, from the plan, in a temporary folder in the place of the work folder.
type diagnosis struct {
	*program
	temp     string
	checkout string // of --settings, without symlinks; "" if that is not given
	flags    map[string]string
	patience patience

	config *config.Config
	broken map[string]string // variables that something complains of, with the name of the check that says so
	user   *pipeline.User    // of SPA_RUNNER_UNTRUSTED_USER; nil is the user of the runner
	told   []string          // what was complained of
	facts  *facts
	steps  map[string]pipeline.Step
	rt     *pipeline.Runtime

	cfg         aws.Config // the identity of the build
	identity    error      // why there is none
	caller      caller
	skew        time.Duration // of STS's clock, if it told
	skewKnown   bool
	settingsErr error // of the clones
	codeErr     error
	settings    bool // they were cloned
	code        bool
	sourced     bool   // variables.sh was interpreted, or there is none
	region      bool   // that of the target is what the settings say
	full        bool   // the disk, as the step of this check found
	noRoom      string // the first check that found that
}

// check is one row of the table below.
type check struct {
	name  string
	needs string // names of checks, separated by ", "; after "unless ", see doctor.Check
	uses  string // names of variables; "*" begins those that begin so
	look  func(context.Context) doctor.Finding
}

// checks is the list of what is looked at, in its order.
func (d *diagnosis) checks(ctx context.Context) []doctor.Check {
	configuration := d.prepare(ctx)
	const (
		role = "AWS_REGION AWS_CA_BUNDLE "
		code = "CODE_GIT_* AWS_CA_BUNDLE"
	)
	settingsRole := check{"settings role", "service identity, clock", role + "READ_SETTINGS_* SETTINGS_ROLE SETTINGS_GIT_URL SPA_RUNNER_SETTINGS_SESSION_POLICY", d.lookAtSettingsRole}
	if d.config.CodeCommit == nil { // then nobody assumes it
		settingsRole.needs, settingsRole.uses = "", "SETTINGS_GIT_URL"
	}
	list := []check{
		{"configuration", "", "", func(context.Context) doctor.Finding { return configuration }},
		// The machine.
		{"work folder", "", "SPA_RUNNER_WORKDIR", d.lookAtWorkFolder},
		{"disk", "work folder", "SPA_RUNNER_WORKDIR", d.lookAtDisk},
		{"untrusted user", "", "SPA_RUNNER_UNTRUSTED_USER SPA_RUNNER_WORKDIR", d.lookAtUser},
		// Who this is, and what the time is.
		{"service identity", "", role, d.lookAtIdentity},
		{"clock", "service identity", role, d.lookAtClock},
		// The settings.
		settingsRole,
		{"settings repository", "settings role", "AWS_CA_BUNDLE SETTINGS_GIT_* CODE_COMMIT_ENDPOINT", d.lookAtSettings},
		{"settings branch", "settings repository", "", d.lookAtSettingsBranch},
		{"environment folder", "settings branch", "SETTINGS_ENVIRONMENT_PATH", d.lookAtEnvironment},
		{"variables.sh", "environment folder", "SPA_RUNNER_VARIABLES", d.lookAtVariables},
		// The code, which variables.sh may name.
		{"code repository", "", code, d.lookAtCode},
		{"code ref", "code repository", "", d.lookAtCodeRef},
		{"code pinned", "code ref, variables.sh", "SPA_RUNNER_REQUIRE_PINNED", d.lookAtPin},
		{"code proof", "code pinned, settings branch", "", d.lookAtProof},
		{"settings files", "environment folder, variables.sh", "SPA_RUNNER_OVERLAY_*", d.lookAtOverlay},
		// What make will find.
		{"make", "untrusted user", "", d.lookForProgram("make", "make")},
		{"python3", "untrusted user", "", d.lookForProgram("python3", "python3", "python", "pip", "pip3", "cdk")},
		{"node", "untrusted user", "", d.lookForProgram("node", "node", "npm", "npx", "cdk")},
		{"npm", "untrusted user", "", d.lookForProgram("npm", "npm", "npx")},
		{"packages role", "service identity, clock", role + "READ_PACKAGES_ROLE", d.lookAtPackagesRole},
		// The target.
		{"deploy role", "service identity, clock", role + "DEPLOY_ENVIRONMENT_ROLE DEPLOY_ENVIRONMENT_EXTERNAL_ID", d.lookAtDeployRole},
		{"target region", "settings files", "AWS_REGION DEPLOY_ENVIRONMENT_REGION", d.lookAtRegion},
		{"target account", "settings files, deploy role", "", d.lookAtAccount},
		{"CDK bootstrap", "deploy role, unless target region", "AWS_REGION DEPLOY_ENVIRONMENT_REGION", d.lookAtBootstrap},
	}
	return d.made(list)
}

// made has each check look at its variables before it looks itself: late, since
// variables.sh may have broken one.
func (d *diagnosis) made(list []check) []doctor.Check {
	var checks []doctor.Check
	for _, c := range list {
		var needs, unless []string
		for _, name := range strings.Split(c.needs, ", ") {
			if other, ok := strings.CutPrefix(name, "unless "); ok {
				unless = append(unless, other)
			} else {
				needs = append(needs, name)
			}
		}
		checks = append(checks, doctor.Check{
			Name: c.name, Needs: needs, Unless: unless,
			Look: func(ctx context.Context) doctor.Finding {
				if by := d.brokenBy(strings.Fields(c.uses)); by != "" {
					return doctor.Finding{State: doctor.Unchecked, Because: by}
				}
				d.full = false
				return d.blameRoom(c.name, c.look(ctx))
			},
		})
	}
	return checks
}

// brokenBy is the name of the check that complains of one of these variables: always
// the same one, where several do.
func (d *diagnosis) brokenBy(patterns []string) string {
	for _, pattern := range patterns {
		prefix, isPrefix := strings.CutSuffix(pattern, "*")
		for _, name := range slices.Sorted(maps.Keys(d.broken)) {
			if name == pattern || isPrefix && strings.HasPrefix(name, prefix) {
				return d.broken[name]
			}
		}
	}
	return ""
}

// prepare resolves the configuration, connects, and takes the steps from the plan.
func (d *diagnosis) prepare(ctx context.Context) doctor.Finding {
	d.config = config.New(d.flags, d.environ)
	c := d.config
	problems := config.ProblemsIn(c.Resolve())
	if c.Region == "" && !slices.ContainsFunc(problems, func(p string) bool { return strings.HasPrefix(p, "AWS_REGION ") }) {
		problems = append(problems, "AWS_REGION is not set, and the doctor asks STS before variables.sh could set it: set it in the environment, as CodeBuild does")
	}
	d.breaks("configuration", problems)
	d.identity = d.connectTo(ctx)
	if wrong := config.ProblemsIn(d.identity); wrong != nil {
		d.broken["AWS_CA_BUNDLE"] = "configuration"
		problems = append(problems, wrong...)
	}
	d.rt = d.runtime()
	d.takeSteps(ctx)
	looked := fmt.Sprintf("%d variables, from flags, the environment and defaults", len(c.Resolved))
	return configurationFinding(looked, problems, c.Warnings)
}

func configurationFinding(looked string, problems, warnings []string) doctor.Finding {
	switch {
	case len(problems) > 0:
		return doctor.Finding{
			State: doctor.Mend, Looked: looked, Cause: strings.Join(problems, "\n"),
			Fixes: []doctor.Fix{{Do: "set these variables as the lines above say, in the environment of the CodeBuild project; `spa-runner run --help` lists all of them"}},
		}
	case len(warnings) > 0:
		return doctor.Finding{State: doctor.Warn, Looked: looked, Cause: strings.Join(warnings, "\n")}
	}
	return doctor.Finding{State: doctor.OK, Looked: looked}
}

// breaks remembers which variables a list of problems is about: each begins with one.
func (d *diagnosis) breaks(by string, problems []string) {
	d.told = append(d.told, problems...)
	for _, problem := range problems {
		name, _, _ := strings.Cut(problem, " ")
		d.broken[name] = by
	}
}
