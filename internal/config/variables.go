package config

import (
	"strings"

	"spa-runner/internal/logs"
	"spa-runner/steps"
)

// Variable is one row of the table of variables: what the README lists, what
// --help shows as flags, what is checked, and what variables.sh may set.
type Variable struct {
	Name  string
	Usage string
	// Preset is the value where nobody sets one.
	Preset string
	// late says that variables.sh may set it, so that it may be missing at the start.
	late bool
	// required says that there must be a value, at the latest after variables.sh.
	required bool
	// Secret values have no flag (a command line can be read by everybody on
	// the machine), are shown nowhere and reach no child.
	Secret bool
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

// Flag is the name of the variable as a flag: CODE_GIT_URL is --code-git-url,
// SPA_RUNNER_TIMEOUT is --timeout.
func (v Variable) Flag() string {
	name := strings.TrimPrefix(v.Name, knobPrefix)
	return strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

// Variables is the one table of them, bound to the fields that they fill.
func (c *Config) Variables() []Variable {
	return []Variable{
		// The settings.
		{
			Name: "READ_SETTINGS_ROLE", parse: role(&c.SettingsRole),
			Usage: "ARN of the role that may read the settings; required where they are on CodeCommit",
		},
		{
			Name: "SETTINGS_ROLE", parse: role(&c.settingsRoleAlias),
			Usage: "another name of READ_SETTINGS_ROLE",
		},
		{
			Name: "READ_SETTINGS_EXTERNAL_ID", withheld: true, parse: externalID(&c.SettingsExternalID),
			Usage: "external id that the trust policy of READ_SETTINGS_ROLE demands",
		},
		{
			Name: "SPA_RUNNER_SETTINGS_SESSION_POLICY", Preset: "on", parse: either(&c.SettingsPolicy, "on", "off"),
			Usage: "narrow READ_SETTINGS_ROLE to pulling the one repository: on or off",
		},
		{
			Name: "SETTINGS_GIT_URL", required: true, parse: settingsURL(&c.Settings.URL),
			Usage: "repository of the settings: codecommit::REGION://NAME, or any git URL or folder",
		},
		{
			Name: "SETTINGS_GIT_BRANCH", Preset: "main", parse: ref(&c.Settings.Ref),
			Usage: "branch of the settings",
		},
		{
			Name: "SETTINGS_GIT_COMMIT", parse: ParseCommit(&c.Trigger),
			Usage: "commit that triggered the build; logged, not checked out",
		},
		{
			Name: "SETTINGS_GIT_PUSHER", parse: pusher(&c.Pusher),
			Usage: "ARN of who pushed SETTINGS_GIT_COMMIT; logged",
		},
		{
			Name: "SETTINGS_GIT_PUSHED_AT", parse: moment(&c.PushedAt),
			Usage: "when that was, such as 2026-03-01T12:00:00Z; logged",
		},
		{
			Name: "SETTINGS_GIT_PIN", parse: ParseCommit(&c.SettingsPin),
			Usage: "deploy this very commit of the settings, for a rollback",
		},
		{
			Name: "SETTINGS_GIT_TOKEN", Secret: true, parse: secret(&c.SettingsToken),
			Usage: "token for private settings over HTTPS",
		},
		{
			Name: "SETTINGS_ENVIRONMENT_PATH", required: true, parse: ParseRelativePath(&c.Environment),
			Usage: "folder of this environment in the settings",
		},
		{
			Name: "CODE_COMMIT_ENDPOINT", parse: endpoint(&c.Endpoint),
			Usage: "host of CodeCommit in place of the region's: a FIPS or VPC endpoint, or the URL of a test server",
		},

		// The code.
		{
			Name: "CODE_GIT_URL", late: true, Preset: "https://github.com/reply-fr/sustainable-personal-accounts.git", parse: codeURL(&c.Code.URL),
			Usage: "repository of the code: an HTTPS URL, or a folder",
		},
		{
			Name: "CODE_GIT_BRANCH", late: true, Preset: "main", parse: ref(&c.Code.Ref),
			Usage: "branch, tag or full commit of the code; a branch is no pin",
		},
		{
			Name: "CODE_GIT_COMMIT", late: true, parse: ParseCommit(&c.Code.Commit),
			Usage: "commit that CODE_GIT_BRANCH must be at",
		},
		{
			Name: "CODE_GIT_REACHABLE_FROM", parse: branch(&c.ReachableFrom),
			Usage: "branch of the code whose history the deployed commit must be in",
		},
		{
			Name: "CODE_GIT_VERIFY_KEYS", parse: ParseRelativePath(&c.VerifyKeys),
			Usage: "file in the settings, of SSH's allowed_signers or of PGP keys: one of them must have signed the code",
		},
		{
			Name: "CODE_GIT_TOKEN", Secret: true, parse: secret(&c.CodeToken),
			Usage: "token for private code over HTTPS",
		},
		{
			Name: "SPA_RUNNER_REQUIRE_PINNED", Preset: "false", parse: boolean(&c.RequirePinned),
			Usage: "refuse code at a branch that CODE_GIT_COMMIT does not pin",
		},

		// The target.
		{
			Name: "DEPLOY_ENVIRONMENT_ROLE", late: true, required: true, parse: role(&c.DeployRole),
			Usage: "ARN of the role that deploys",
		},
		{
			Name: "DEPLOY_ENVIRONMENT_EXTERNAL_ID", withheld: true, parse: externalID(&c.DeployExternalID),
			Usage: "external id that the trust policy of DEPLOY_ENVIRONMENT_ROLE demands",
		},
		{
			Name: "SPA_RUNNER_DEPLOY_CREDENTIALS", Preset: "endpoint", parse: either(&c.KeysInEnv, "env", "endpoint"),
			Usage: "how children find their credentials: endpoint, which renews them, or env, three variables that end after an hour",
		},
		{
			Name: "AWS_REGION", late: true, parse: region(&c.Region),
			Usage: "region of the calls to STS; default: that of the CodeCommit URL",
		},
		{
			Name: "DEPLOY_ENVIRONMENT_REGION", late: true, parse: region(&c.DeployRegion),
			Usage: "region of the target: make sees it as AWS_REGION, make-deploy as AWS_DEFAULT_REGION too; default: AWS_REGION",
		},

		// The packages of a company.
		{
			Name: "READ_PACKAGES_ROLE", parse: role(&c.PackagesRole),
			Usage: "ARN of a role that make-setup acts as, narrowed to reading CodeArtifact and ECR; unset, it acts as nobody",
		},

		// What the settings may do to the code, and the targets to either.
		{
			Name: "SPA_RUNNER_OVERLAY_PROTECT", parse: patterns(&c.OverlayProtect),
			Usage: "files of the code that settings may not replace or add: patterns such as Makefile, cdk/**",
		},
		{
			Name: "SPA_RUNNER_OVERLAY_REQUIRE", Preset: steps.RequireSettings, emptyCounts: true, parse: required(&c.OverlayRequire, &c.RequireSettings),
			Usage: "files that the environment folder must have; the default counts where the code ships fixtures/settings/",
		},
		{
			Name: "SPA_RUNNER_MAY_CHANGE", parse: patterns(&c.MayChange),
			Usage: "files of code and settings that setup, lint and tests may change before a deployment",
		},

		// What is run.
		{
			Name: "SPA_RUNNER_SETUP_TARGETS", Preset: "setup", emptyCounts: true, parse: targets(&c.SetupTargets),
			Usage: "make targets of make-setup; set and empty skips the step",
		},
		{
			Name: "SPA_RUNNER_LINT_TARGETS", Preset: "lint", emptyCounts: true, parse: targets(&c.LintTargets),
			Usage: "make targets of make-lint",
		},
		{
			Name: "SPA_RUNNER_TEST_TARGETS", Preset: "all-tests", emptyCounts: true, parse: targets(&c.TestTargets),
			Usage: "make targets of make-all-tests",
		},
		{
			Name: "SPA_RUNNER_DEPLOY_TARGETS", Preset: "deploy", emptyCounts: true, parse: targets(&c.DeployTargets),
			Usage: "make targets of make-deploy; without deploy among them a run says what it made, and diff and nothing else is a preview",
		},
		{
			Name: deployOnly, parse: names(&c.DeployOnly),
			Usage: "names of variables that setup, lint and tests do not see",
		},
		{
			Name: "SPA_RUNNER_KEEP_VARIABLES", parse: names(&c.KeepVariables),
			Usage: "names of variables with an identity of another system, such as GITHUB_TOKEN, that children see all the same",
		},
		{
			Name: "SPA_RUNNER_VARIABLES", Preset: steps.Data, parse: oneOf(&c.VariablesBy, steps.Data, "bash", "sh"),
			Usage: "who evaluates variables.sh: data is the runner, which takes a fixed list of constructs; bash or sh run it, and its programs, without any identity",
		},
		{
			Name: "SPA_RUNNER_UNTRUSTED_USER", parse: untrustedUser(&c.Untrusted),
			Usage: "name or number of the user that all children run as that do not deploy, where the runner is root",
		},

		// How it is run.
		{
			Name: "SPA_RUNNER_WORKDIR", Preset: ".", parse: folder(&c.Workdir),
			Usage: "folder in which settings/ and code/ are made",
		},
		{
			Name: "SPA_RUNNER_TIMEOUT", parse: duration(&c.Timeout),
			Usage: "time limit of the run, such as 50m; set it below the timeout of the build",
		},
		{
			Name: "SPA_RUNNER_STEP_TIMEOUT", parse: duration(&c.StepTimeout),
			Usage: "time limit of each step",
		},
		{
			Name: "SPA_RUNNER_MAX_PASSES", parse: passLimit(&c.MaxPasses, c.Environ["CODEBUILD_BUILD_ID"] != ""),
			Usage: "how often a run may start over, itself included, because the settings moved meanwhile; default: 3 in CodeBuild, 1 elsewhere, which is never",
		},
		{
			Name: "SPA_RUNNER_GRACE_PERIOD", parse: duration(&c.Grace),
			Usage: "time between a signal to a child and its end by force; default: 60s for make-deploy, 10s elsewhere",
		},
		{
			Name: "SPA_RUNNER_LOG_FORMAT", Preset: string(logs.Auto), parse: logFormat(&c.LogFormat),
			Usage: "console, json, mixed (events as JSON, children's lines as they are) or auto",
		},
		{
			Name: "SPA_RUNNER_ARTIFACTS_URL", parse: artifactsURL(&c.ArtifactsURL),
			Usage: "where CodeBuild keeps the artifacts of builds, such as s3://BUCKET/runs; named in the last line of a run",
		},
	}
}
