package main

import (
	"fmt"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"

	"spa-runner/internal/awsname"
	"spa-runner/internal/config"
	"spa-runner/internal/gitclone"
	"spa-runner/internal/identity"
	"spa-runner/internal/manifest"
	"spa-runner/internal/workfolder"
	"spa-runner/pipeline"
	"spa-runner/steps"
)

// facts are what the steps find out and the last event and the summary tell.
type facts struct {
	found    gitclone.Target // where the settings were when the pass asked for them
	settings gitclone.Result
	code     gitclone.Result
	written  []manifest.Entry // what the overlay made of the code
	hold     string           // why the environment must not be deployed
	head     gitclone.Target  // where the settings were after the pass
}

// planner makes the plan. What differs between a run and its rehearsals is here.
type planner struct {
	config *config.Config
	// assume gives the provider of an assumed role; the role is read when the
	// provider is first asked, since variables.sh may set it.
	assume   func(identity.Assumption) aws.CredentialsProvider
	secret   func(...string)
	patience patience
	// makeFlags go to the deploy targets, --dry-run in a rehearsal.
	makeFlags []string
	runID     string
	build     string // CODEBUILD_BUILD_NUMBER
	facts     *facts
	// settings are minted once: who looks again is who cloned.
	settings *pipeline.Credentials[pipeline.Settings]
}

// plan is the list of the steps: what is run, in which order, and as whom. It
// is the one registry of steps. Whoever holds a scope is visible here: by the
// type parameter, and by the credentials that are handed over.
func (p *planner) plan() []pipeline.Step {
	c := p.config
	deploySession := awsname.SessionName("TargetUpdateContext", p.build)
	packagesSession := awsname.SessionName("PackagesContext", p.build)
	settings, settingsSession, narrowed := p.asSettings()
	packages := pipeline.Mint[pipeline.Packages](p.assume(identity.Assumption{
		Role: &c.PackagesRole, Session: packagesSession, Policy: identity.ReadPackages().String(),
	}), p.secret)
	deploy := pipeline.Mint[pipeline.Deploy](p.assume(identity.Assumption{
		Role: &c.DeployRole, Session: deploySession, ExternalID: c.DeployExternalID,
	}), p.secret)
	nobody := pipeline.Credentials[pipeline.None]{}

	settingsDir := filepath.Join(c.Workdir, "settings")
	codeDir := filepath.Join(c.Workdir, "code")
	unneeded := ""
	if c.CodeCommit == nil {
		unneeded = "the settings are not on CodeCommit"
	}

	tools := []string{"python", "node", "npm", "cdk", "make"}

	return []pipeline.Step{
		// 1. Early, so that a wrong trust policy costs seconds and not a build.
		steps.AssumeRole[pipeline.Settings]{
			Credentials: settings,
			Role:        &c.SettingsRole, Session: settingsSession, Narrowed: narrowed, Unneeded: unneeded,
		},
		// 2. The private settings. The last step that acts as settings.
		steps.CloneSettings{
			Credentials: settings,
			From:        &c.Settings, CodeCommit: c.CodeCommit, Narrowed: narrowed != "", Pin: c.SettingsPin, Trigger: c.Trigger,
			Token: c.SettingsToken, Client: c.Client, Into: settingsDir, Mark: workfolder.Mark(p.runID), Found: &p.facts.found, Cloned: &p.facts.settings,
			Patience: p.patience.clone, Stall: p.patience.stall,
		},
		// 3. May pin the code and name the role that deploys, so it comes before both.
		steps.SourceVariables{
			Credentials: nobody,
			Settings:    settingsDir, Environment: c.Environment, Workdir: c.Workdir, By: c.VariablesBy, Shown: c.SettingsShown,
			Refuse: c.Refuse, Apply: c.ApplyScript, Secrets: c.SecretsIn,
		},
		// 4. The public code.
		steps.CloneCode{
			Credentials: nobody,
			From:        &c.Code, Token: c.CodeToken, RequirePinned: c.RequirePinned,
			VerifyKeys: c.VerifyKeys, Settings: settingsDir, ReachableFrom: c.ReachableFrom,
			Client: c.Client, Into: codeDir, Mark: workfolder.Mark(p.runID), Cloned: &p.facts.code,
			Patience: p.patience.clone, Stall: p.patience.stall,
		},
		// 5. Before any of the code is executed.
		steps.OverlaySettings{
			Credentials: nobody,
			Settings:    settingsDir, Environment: c.Environment, Code: codeDir,
			Protect: c.OverlayProtect, Require: c.OverlayRequire, RequireSettings: c.RequireSettings,
			Written: &p.facts.written, Hold: &p.facts.hold,
		},
		// 6. From here on other people's code is executed: as nobody, unless
		// READ_PACKAGES_ROLE is set. Then as one who may read packages and no more:
		// the step assumes that role itself, and no other step holds it.
		choose(
			c.PackagesRole == "",
			steps.Make[pipeline.None]{
				Credentials: nobody,
				Target:      "setup", Targets: c.SetupTargets, Dir: codeDir, Without: c.DeployOnly, Tools: tools,
			},
			steps.Make[pipeline.Packages]{
				Credentials: packages,
				Role:        c.PackagesRole, Session: packagesSession, Narrowed: identity.PackagesNarrowed,
				Target: "setup", Targets: c.SetupTargets, Dir: codeDir, Without: c.DeployOnly, Tools: tools,
			},
		),
		// 7.
		steps.Make[pipeline.None]{
			Credentials: nobody,
			Target:      "lint", Targets: c.LintTargets, Dir: codeDir, Without: c.DeployOnly,
		},
		// 8.
		steps.Make[pipeline.None]{
			Credentials: nobody,
			Target:      "all-tests", Targets: c.TestTargets, Dir: codeDir, Without: c.DeployOnly,
		},
		// 9. Only now, from the service role again, never from the settings role; and
		// only if the code is still what was cloned, and nobody holds the environment.
		steps.AssumeRole[pipeline.Deploy]{
			Credentials: deploy,
			Role:        &c.DeployRole, Session: deploySession, Before: p.beforeDeploy(codeDir), Checks: checksBeforeDeploy(c),
		},
		// 10. The one step that may change the target account.
		steps.Make[pipeline.Deploy]{
			Credentials: deploy,
			Target:      "deploy", Targets: c.DeployTargets, Flags: p.makeFlags, Dir: codeDir, Env: p.deployEnv, Shows: func() []pipeline.Param { return shownRegion(c) },
		},
	}
}

// lookAgain stands beside the list: what is done after each pass, failed or not,
// where there may be another one. It holds the settings' identity, as steps 1 and 2
// do, asks for the head of their branch, and starts no process. What follows from
// the answer is decided in decision.go. It is made with the list, so that it looks
// where that cloned: variables.sh may set AWS_REGION, which a URL may leave open.
func (p *planner) lookAgain() pipeline.Step {
	c := p.config
	settings, _, _ := p.asSettings()
	return steps.LookAgain{
		Credentials: settings,
		From:        &c.Settings, CodeCommit: c.CodeCommit, Token: c.SettingsToken, Client: c.Client,
		Patience: p.patience.look.Policy, Limit: p.patience.look.limit, Stall: p.patience.stall,
		Found: &p.facts.found, Passes: fmt.Sprintf("up to %d", c.MaxPasses), Head: &p.facts.head,
	}
}

// asSettings are the credentials of the settings, the name of their session, and
// what that is narrowed to.
func (p *planner) asSettings() (of pipeline.Credentials[pipeline.Settings], session, narrowed string) {
	c := p.config
	session = awsname.SessionName("SettingsContext", p.build)
	policy, narrowed := settingsPolicy(c)
	if p.settings == nil {
		minted := pipeline.Mint[pipeline.Settings](p.assume(identity.Assumption{
			Role: &c.SettingsRole, Session: session, ExternalID: c.SettingsExternalID, Policy: policy,
		}), p.secret)
		p.settings = &minted
	}
	return *p.settings, session, narrowed
}

// choose is the one step or, if usual is false, the other.
func choose(usual bool, one, other pipeline.Step) pipeline.Step {
	if usual {
		return one
	}
	return other
}

// deployEnv lets a stack say what it runs, and names one region alone, that of the
// target: AWS_DEFAULT_REGION may be another for the tests, and SPA v.24.06.18
// bootstraps the CDK in the region of that name.
func (p *planner) deployEnv() []string {
	env := []string{
		"SPA_RUN_ID=" + p.runID,
		"SPA_SETTINGS_COMMIT=" + p.facts.settings.Commit,
		"SPA_CODE_COMMIT=" + p.facts.code.Commit,
	}
	if region := p.config.DeployRegion; region != "" {
		env = append(env, "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region)
	}
	return env
}

// shownRegion says so where make-deploy gets another AWS_DEFAULT_REGION than the
// targets before it.
func shownRegion(c *config.Config) []pipeline.Param {
	if c.DeployRegion == "" || c.DefaultRegion == "" || c.DefaultRegion == c.DeployRegion {
		return nil
	}
	return []pipeline.Param{{Name: "AWS_DEFAULT_REGION", Value: c.DeployRegion + ", not " + c.DefaultRegion + " as in setup, lint and tests"}}
}

// settingsPolicy is the session policy of the settings role, "" where there is
// none, with what it leaves, for people.
func settingsPolicy(c *config.Config) (policy, narrowed string) {
	role, err := awsname.ParseRole(c.SettingsRole)
	if !c.SettingsPolicy || c.CodeCommit == nil || err != nil {
		return "", ""
	}
	return identity.ReadSettings(role, *c.CodeCommit).String(), "codecommit:GitPull on " + identity.SettingsRepository(role, *c.CodeCommit)
}
