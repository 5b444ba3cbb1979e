package main

import (
	"strings"

	"spa-runner/internal/logs"
	"spa-runner/steps"
)

// variable is one row of the table of variables: what the README lists, what
// --help shows as flags, what is checked, and what variables.sh may set.
type variable struct {
	name  string
	usage string
	// preset is the value where nobody sets one.
	preset string
	// late says that variables.sh may set it, so that it may be missing at the start.
	late bool
	// required says that there must be a value, at the latest after variables.sh.
	required bool
	// secret values have no flag (a command line can be read by everybody on
	// the machine), are shown nowhere and reach no child.
	secret bool
	// withheld values are no secrets, but nobody needs them but the runner: no
	// child sees them.
	withheld bool
	// emptyCounts says that set and empty is not the same as unset.
	emptyCounts bool
	// parse checks the value and stores it in the configuration.
	parse func(value string) error
}

// knobPrefix begins the names of the runner's own variables.
const knobPrefix = "SPA_RUNNER_"

// flag is the name of the variable as a flag: CODE_GIT_URL is --code-git-url,
// SPA_RUNNER_TIMEOUT is --timeout.
func (v variable) flag() string {
	name := strings.TrimPrefix(v.name, knobPrefix)
	return strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

// variables is the one table of them, bound to the fields that they fill.
func (c *Config) variables() []variable {
	return []variable{
		// The settings.
		{
			name: "READ_SETTINGS_ROLE", parse: role(&c.SettingsRole),
			usage: "ARN of the role that may read the settings; required where they are on CodeCommit",
		},
		{
			name: "SETTINGS_ROLE", parse: role(&c.settingsRoleAlias),
			usage: "another name of READ_SETTINGS_ROLE",
		},
		{
			name: "READ_SETTINGS_EXTERNAL_ID", withheld: true, parse: externalID(&c.SettingsExternalID),
			usage: "external id that the trust policy of READ_SETTINGS_ROLE demands",
		},
		{
			name: "SPA_RUNNER_SETTINGS_SESSION_POLICY", preset: "on", parse: either(&c.SettingsPolicy, "on", "off"),
			usage: "narrow READ_SETTINGS_ROLE to pulling the one repository: on or off",
		},
		{
			name: "SETTINGS_GIT_URL", required: true, parse: settingsURL(&c.Settings.URL),
			usage: "repository of the settings: codecommit::REGION://NAME, or any git URL or folder",
		},
		{
			name: "SETTINGS_GIT_BRANCH", preset: "main", parse: ref(&c.Settings.Ref),
			usage: "branch of the settings",
		},
		{
			name: "SETTINGS_GIT_COMMIT", parse: commit(&c.Trigger),
			usage: "commit that triggered the build; logged, not checked out",
		},
		{
			name: "SETTINGS_GIT_PUSHER", parse: pusher(&c.Pusher),
			usage: "ARN of who pushed SETTINGS_GIT_COMMIT; logged",
		},
		{
			name: "SETTINGS_GIT_PUSHED_AT", parse: moment(&c.PushedAt),
			usage: "when that was, such as 2026-03-01T12:00:00Z; logged",
		},
		{
			name: "SETTINGS_GIT_PIN", parse: commit(&c.SettingsPin),
			usage: "deploy this very commit of the settings, for a rollback",
		},
		{
			name: "SETTINGS_GIT_TOKEN", secret: true, parse: secret(&c.SettingsToken),
			usage: "token for private settings over HTTPS",
		},
		{
			name: "SETTINGS_ENVIRONMENT_PATH", required: true, parse: relativePath(&c.Environment),
			usage: "folder of this environment in the settings",
		},
		{
			name: "CODE_COMMIT_ENDPOINT", parse: endpoint(&c.Endpoint),
			usage: "host of CodeCommit in place of the region's: a FIPS or VPC endpoint, or the URL of a test server",
		},

		// The code.
		{
			name: "CODE_GIT_URL", late: true, preset: "https://github.com/reply-fr/sustainable-personal-accounts.git", parse: codeURL(&c.Code.URL),
			usage: "repository of the code: an HTTPS URL, or a folder",
		},
		{
			name: "CODE_GIT_BRANCH", late: true, preset: "main", parse: ref(&c.Code.Ref),
			usage: "branch, tag or full commit of the code; a branch is no pin",
		},
		{
			name: "CODE_GIT_COMMIT", late: true, parse: commit(&c.Code.Commit),
			usage: "commit that CODE_GIT_BRANCH must be at",
		},
		{
			name: "CODE_GIT_REACHABLE_FROM", parse: branch(&c.ReachableFrom),
			usage: "branch of the code whose history the deployed commit must be in",
		},
		{
			name: "CODE_GIT_VERIFY_KEYS", parse: relativePath(&c.VerifyKeys),
			usage: "file in the settings, of SSH's allowed_signers or of PGP keys: one of them must have signed the code",
		},
		{
			name: "CODE_GIT_TOKEN", secret: true, parse: secret(&c.CodeToken),
			usage: "token for private code over HTTPS",
		},
		{
			name: "SPA_RUNNER_REQUIRE_PINNED", preset: "false", parse: boolean(&c.RequirePinned),
			usage: "refuse code at a branch that CODE_GIT_COMMIT does not pin",
		},

		// The target.
		{
			name: "DEPLOY_ENVIRONMENT_ROLE", late: true, required: true, parse: role(&c.DeployRole),
			usage: "ARN of the role that deploys",
		},
		{
			name: "DEPLOY_ENVIRONMENT_EXTERNAL_ID", withheld: true, parse: externalID(&c.DeployExternalID),
			usage: "external id that the trust policy of DEPLOY_ENVIRONMENT_ROLE demands",
		},
		{
			name: "SPA_RUNNER_DEPLOY_CREDENTIALS", preset: "endpoint", parse: either(&c.KeysInEnv, "env", "endpoint"),
			usage: "how children find their credentials: endpoint, which renews them, or env, three variables that end after an hour",
		},
		{
			name: "AWS_REGION", late: true, parse: region(&c.Region),
			usage: "region of the calls to STS; default: that of the CodeCommit URL",
		},
		{
			name: "DEPLOY_ENVIRONMENT_REGION", late: true, parse: region(&c.DeployRegion),
			usage: "region of the target: make sees it as AWS_REGION, make-deploy as AWS_DEFAULT_REGION too; default: AWS_REGION",
		},

		// The packages of a company.
		{
			name: "READ_PACKAGES_ROLE", parse: role(&c.PackagesRole),
			usage: "ARN of a role that make-setup acts as, narrowed to reading CodeArtifact and ECR; unset, it acts as nobody",
		},

		// What the settings may do to the code, and the targets to either.
		{
			name: "SPA_RUNNER_OVERLAY_PROTECT", parse: patterns(&c.OverlayProtect),
			usage: "files of the code that settings may not replace or add: patterns such as Makefile, cdk/**",
		},
		{
			name: "SPA_RUNNER_OVERLAY_REQUIRE", preset: steps.RequireSettings, emptyCounts: true, parse: required(&c.OverlayRequire, &c.requireSettings),
			usage: "files that the environment folder must have; the default counts where the code ships fixtures/settings/",
		},
		{
			name: "SPA_RUNNER_MAY_CHANGE", parse: patterns(&c.MayChange),
			usage: "files of code and settings that setup, lint and tests may change before a deployment",
		},

		// What is run.
		{
			name: "SPA_RUNNER_SETUP_TARGETS", preset: "setup", emptyCounts: true, parse: targets(&c.SetupTargets),
			usage: "make targets of make-setup; set and empty skips the step",
		},
		{
			name: "SPA_RUNNER_LINT_TARGETS", preset: "lint", emptyCounts: true, parse: targets(&c.LintTargets),
			usage: "make targets of make-lint",
		},
		{
			name: "SPA_RUNNER_TEST_TARGETS", preset: "all-tests", emptyCounts: true, parse: targets(&c.TestTargets),
			usage: "make targets of make-all-tests",
		},
		{
			name: "SPA_RUNNER_DEPLOY_TARGETS", preset: "deploy", emptyCounts: true, parse: targets(&c.DeployTargets),
			usage: "make targets of make-deploy; without deploy among them a run says what it made, and diff and nothing else is a preview",
		},
		{
			name: deployOnly, parse: names(&c.DeployOnly),
			usage: "names of variables that setup, lint and tests do not see",
		},
		{
			name: "SPA_RUNNER_KEEP_VARIABLES", parse: names(&c.KeepVariables),
			usage: "names of variables with an identity of another system, such as GITHUB_TOKEN, that children see all the same",
		},
		{
			name: "SPA_RUNNER_VARIABLES", preset: steps.Data, parse: oneOf(&c.VariablesBy, steps.Data, "bash", "sh"),
			usage: "who evaluates variables.sh: data is the runner, which takes a fixed list of constructs; bash or sh run it, and its programs, without any identity",
		},
		{
			name: "SPA_RUNNER_UNTRUSTED_USER", parse: untrustedUser(&c.Untrusted),
			usage: "name or number of the user that all children run as that do not deploy, where the runner is root",
		},

		// How it is run.
		{
			name: "SPA_RUNNER_WORKDIR", preset: ".", parse: folder(&c.Workdir),
			usage: "folder in which settings/ and code/ are made",
		},
		{
			name: "SPA_RUNNER_TIMEOUT", parse: duration(&c.Timeout),
			usage: "time limit of the run, such as 50m; set it below the timeout of the build",
		},
		{
			name: "SPA_RUNNER_STEP_TIMEOUT", parse: duration(&c.StepTimeout),
			usage: "time limit of each step",
		},
		{
			name: "SPA_RUNNER_MAX_PASSES", parse: passLimit(&c.MaxPasses, c.environ["CODEBUILD_BUILD_ID"] != ""),
			usage: "how often a run may start over, itself included, because the settings moved meanwhile; default: 3 in CodeBuild, 1 elsewhere, which is never",
		},
		{
			name: "SPA_RUNNER_GRACE_PERIOD", parse: duration(&c.Grace),
			usage: "time between a signal to a child and its end by force; default: 60s for make-deploy, 10s elsewhere",
		},
		{
			name: "SPA_RUNNER_LOG_FORMAT", preset: string(logs.Auto), parse: logFormat(&c.LogFormat),
			usage: "console, json, mixed (events as JSON, children's lines as they are) or auto",
		},
		{
			name: "SPA_RUNNER_ARTIFACTS_URL", parse: artifactsURL(&c.ArtifactsURL),
			usage: "where CodeBuild keeps the artifacts of builds, such as s3://BUCKET/runs; named in the last line of a run",
		},
	}
}
