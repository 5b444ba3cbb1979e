package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/spf13/cobra"

	"spa-runner/internal/awsname"
	"spa-runner/internal/config"
	"spa-runner/internal/demo"
	"spa-runner/internal/fault"
	"spa-runner/internal/loopback"
	"spa-runner/pipeline"
)

const dryRunHelp = `Run the whole pipeline here, with fake credentials.

The program starts an STS and a CodeCommit of its own on 127.0.0.1 and runs the
ten steps against them: roles are assumed, requests signed, repositories cloned,
settings laid over and make targets made for real, with keys that no AWS
account knows. Real credentials are never used, and children get the address of
the loopback server as AWS_ENDPOINT_URL; it answers 501 to what it does not fake.

  what             real                            not real
  roles            requests, answers, expiry       who trusts whom
  settings         signature, clone, overlay       the repository: a snapshot of --settings
  code             clone                           the repository: a snapshot of --code
  make             setup, lint, all-tests          deploy: printed by make --dry-run, which still
                                                   executes $(shell …) and lines that begin with +

Without arguments it runs a demo that is built in. --settings and --code take
the root of a repository as it is on disk, uncommitted edits included. With
--settings alone, the code is what variables.sh, the environment or
--code-git-url say, and is fetched from there.

The files are made in a temporary folder and removed at the end; with --workdir
they stay, the record of the run in spa-run/ among them. That folder must be
outside of those of --settings and --code, must not hold them, and must not be the
top of a repository of yours; a new folder in another checkout is good.`

// What a rehearsal uses where the user says nothing. The accounts are those of
// the workbook: CloudOps, DevOps (the loopback service role), Automation.
const (
	fakeRegion       = "eu-west-1"
	fakeSettingsRole = ":iam::111111111111:role/Spa-ReadSettingsRole"
	fakeDeployRole   = ":iam::333333333333:role/Spa-DeployEnvironmentRole"
	settingsName     = "settings"
)

func (p *program) dryRunCommand() *cobra.Command {
	var r rehearsal
	cmd := &cobra.Command{
		Use:   "dry-run [flags]",
		Short: "Rehearse the pipeline here, with fake credentials",
		Long:  dryRunHelp,
		RunE:  func(cmd *cobra.Command, _ []string) error { return r.run(cmd, p) },
	}
	cmd.Flags().StringVar(&r.settings, "settings", "", "root `DIR` of the repository of the settings, as it is on disk")
	cmd.Flags().StringVar(&r.code, "code", "", "root `DIR` of the repository of the code, as it is on disk")
	cmd.Flags().StringVar(&r.until, "until", "", "last `STEP` to run, such as overlay-settings")
	cmd.Flags().BoolVar(&r.executeDeploy, "execute-deploy", false, "make deploy for real, with fake credentials, in place of make --dry-run deploy")
	p.addVariableFlags(cmd)
	for _, name := range []string{"settings-git-url", "settings-git-branch", "settings-git-pin", "code-commit-endpoint"} {
		_ = cmd.Flags().MarkHidden(name) // they are what the rehearsal stands in for
	}
	return cmd
}

// rehearsal is a dry run.
type rehearsal struct {
	settings, code, until string
	executeDeploy         bool

	server *loopback.Server
	temp   string
	unmade []string // checks that a snapshot of the code cannot pass
}

func (r *rehearsal) run(cmd *cobra.Command, p *program) (err error) {
	ctx := cmd.Context()
	if err := r.refuseWorkdir(cmd.Flags().Lookup("workdir").Value.String(), config.New(nil, p.environ).Environ["HOME"]); err != nil {
		return err
	}
	if r.temp, err = os.MkdirTemp("", "spa-runner-dry-run-"); err != nil {
		return fmt.Errorf("making a folder for the dry run: %w", err)
	}
	defer func() {
		if !fault.GaveUp(err) { // or what was given up may still work there
			_ = pipeline.Within(ctx, func() error { return os.RemoveAll(r.temp) })
		}
	}()
	if r.server, err = loopback.Start(ctx, loopback.Options{}); err != nil {
		return err
	}
	defer func() {
		if !fault.GaveUp(err) {
			r.server.Close()
		}
	}()
	var c *config.Config
	rehearsed := *p
	err = pipeline.Within(ctx, func() (err error) { c, err = r.prepare(cmd, &rehearsed); return err })
	if err != nil {
		return err
	}
	c.SettingsShown = r.settings
	e := execution{what: "dry run", rehearsal: true, identity: r.identity, until: r.until, sources: []string{r.settings, r.code}}
	e.temporary = filepath.Dir(c.Workdir) == r.temp
	if !r.executeDeploy {
		e.makeFlags = []string{"--dry-run"}
	}
	return rehearsed.execute(ctx, c, e)
}

// identity is that of the loopback server. The one of this machine is taken out
// of the environment as in a run, and is never asked for.
func (r *rehearsal) identity(_ context.Context, client *awshttp.BuildableClient) (aws.Config, error) {
	service := r.server.ServiceCredentials()
	return aws.Config{
		BaseEndpoint: aws.String(r.server.URL()),
		HTTPClient:   client,
		Credentials: credentials.NewStaticCredentialsProvider(
			service.AccessKeyID, service.SecretAccessKey, service.SessionToken),
	}, dropIdentity()
}

// environ is the environment as the project would have it in CodeBuild: that of
// the user, with the loopback server in place of AWS. What the rehearsal decides
// is set as a flag, which wins over variables.sh.
func (r *rehearsal) environ(ctx context.Context, cmd *cobra.Command, environ []string) ([]string, error) {
	vars := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "AWS_ENDPOINT_URL") { // AWS_ENDPOINT_URL_STS would win
			vars[name] = value
		}
	}
	vars["AWS_ENDPOINT_URL"] = r.server.URL()
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		vars[name] = strings.TrimPrefix(vars[name]+",127.0.0.1", ",")
	}
	if f := cmd.Flags().Lookup("aws-region"); f.Changed {
		vars["AWS_REGION"] = f.Value.String()
	}
	if vars["AWS_REGION"] == "" {
		vars["AWS_REGION"] = fakeRegion
	}
	partition := awsname.PartitionOf(vars["AWS_REGION"])
	for name, role := range map[string]string{"READ_SETTINGS_ROLE": fakeSettingsRole, "DEPLOY_ENVIRONMENT_ROLE": fakeDeployRole} {
		if vars[name] == "" {
			vars[name] = "arn:" + partition + role
		}
	}
	for _, name := range []string{"SETTINGS_ROLE", "SETTINGS_GIT_PIN", "SETTINGS_GIT_TOKEN"} {
		delete(vars, name)
	}
	if r.settings == "" {
		vars["SETTINGS_ENVIRONMENT_PATH"] = demo.Environment // whatever the user's own is
	}
	forced := map[string]string{
		"settings-git-url":     "codecommit::" + fakeRegion + "://" + settingsName,
		"settings-git-branch":  "main",
		"code-commit-endpoint": r.server.URL(),
	}
	if cmd.Flags().Lookup("workdir").Value.String() == "" { // SPA_RUNNER_WORKDIR is that of runs
		forced["workdir"] = filepath.Join(r.temp, "work")
		if err := os.Mkdir(forced["workdir"], 0o755); err != nil {
			return nil, fmt.Errorf("making the work folder of the dry run: %w", err)
		}
	}
	if err := r.serveCode(ctx, cmd, forced, vars); err != nil {
		return nil, err
	}
	for name, value := range forced {
		if err := cmd.Flags().Set(name, value); err != nil {
			return nil, usageError(err)
		}
	}
	pairs := make([]string, 0, len(vars))
	for name, value := range vars {
		pairs = append(pairs, name+"="+value)
	}
	return pairs, nil
}

func (r *rehearsal) serveSettings(ctx context.Context, account string) error {
	repository, _, err := r.snapshot(ctx, "settings", r.settings)
	if err != nil {
		return err
	}
	return r.server.ServeCodeCommit(settingsName, loopback.CodeCommitRepository{Dir: repository, Account: account, Region: fakeRegion})
}

// snapshot makes a repository of a folder, or of the demo's where there is none.
func (r *rehearsal) snapshot(ctx context.Context, name, dir string) (repository, commit string, err error) {
	if dir == "" {
		dir = filepath.Join(r.temp, "demo-"+name)
		if err := demo.Write(name, dir); err != nil {
			return "", "", err
		}
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", "", usageError(fmt.Errorf("--%s is %q, which is no folder: name the top of a repository as it is on disk", name, dir))
	}
	repository = filepath.Join(r.temp, name+".git")
	commit, err = loopback.Snapshot(ctx, dir, repository)
	return repository, commit, err
}
