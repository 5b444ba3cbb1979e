package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"spa-runner/internal/config"
	"spa-runner/internal/fault"
	"spa-runner/internal/identity"
	"spa-runner/internal/logs"
	"spa-runner/pipeline"
)

func (p *program) runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run [flags]",
		Short: "Run the pipeline: clone, overlay, test, deploy",
		Long: `Run the ten steps in the work folder, where settings/ and code/ are made. In
CodeBuild the settings are looked at again after that: if somebody pushed
meanwhile, the run starts over (--max-passes).

Each flag stands for the variable in brackets, which is how CodeBuild sets it.
A flag wins over variables.sh, variables.sh over the environment.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.config(cmd, p.environ)
			if err != nil {
				return err
			}
			return p.execute(cmd.Context(), c, execution{
				what: "run",
				identity: func(ctx context.Context, client *awshttp.BuildableClient) (aws.Config, error) {
					return ambientIdentity(ctx, client, c.Region, p.secret)
				},
			})
		},
	}
	p.addVariableFlags(cmd)
	return cmd
}

// execution is what differs between a run and its rehearsal.
type execution struct {
	what      string // "run" or "dry run", for people
	rehearsal bool   // nothing is real
	temporary bool   // so is the work folder, which is gone at the end
	identity  func(context.Context, *awshttp.BuildableClient) (aws.Config, error)
	makeFlags []string // of the deploy targets
	until     string   // the last step; "" is all of them
	sources   []string // folders that are read
}

// execute runs the plan, with everything around it: folders, identity, log,
// signals, time limit, summary. When work was given up, the error says so, nothing is
// closed or removed, and the process must end.
func (p *program) execute(ctx context.Context, c *config.Config, e execution) (err error) {
	folder, err := openWorkFolder(c, e.sources...)
	if err != nil {
		return err
	}
	closing := func(closeIt func()) {
		if !fault.GaveUp(err) {
			closeIt()
		}
	}
	defer closing(folder.Close)
	cfg, err := p.connect(ctx, c, e)
	if err != nil {
		return err
	}
	log, recorder := p.newRecordedLog(c)
	defer closing(log.Close)
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.Timeout, &fault.TimeLimitError{Of: "run", Limit: c.Timeout})
		defer cancel()
	}
	r := &passes{program: p, execution: e, folder: folder, aws: cfg, log: log, recorder: recorder, began: time.Now(), given: &pipeline.Given{Workdir: c.Workdir}}
	first, err := r.prepare(ctx, 1, c)
	if err != nil {
		return err
	}
	lost := r.keepFiles(c.Workdir)
	if lost == nil {
		defer closing(r.files.Close)
	}
	err = pipeline.Within(ctx, func() error { // perhaps nobody reads the log
		logStart(first.rt, c, e)
		if lost != nil {
			warnOfRecord(log, 1, lost)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.ended(ctx, r.run(ctx, first))
}

// ended writes the end of the run, and gives its error.
func (r *passes) ended(ctx context.Context, last *pass) error {
	ending, cancel := context.WithCancel(ctx)
	defer cancel()
	if fault.GaveUp(last.err) { // perhaps by the limit of a step, when ctx has not ended
		cancel()
	}
	err := pipeline.Within(ending, func() error { r.end(last); return nil })
	switch {
	case err != nil && fault.GaveUp(last.err):
		return last.err
	case err != nil:
		return errors.Join(last.err, err) // nobody reads the log, or its file system does not answer
	case r.log.Err() != nil && last.err == nil:
		return fmt.Errorf("%w (the run went to its end)", r.log.Err())
	case r.log.Err() != nil:
		return fmt.Errorf("%w (%w)", r.log.Err(), last.err)
	case last.err != nil:
		return &reported{last.err}
	}
	return nil
}

// connect finds the way out of this machine and the identity that goes with it,
// and has that identity and all else that is secret known to the redactor.
func (p *program) connect(ctx context.Context, c *config.Config, e execution) (aws.Config, error) {
	client, err := identity.NewHTTPClient(c.Environ["AWS_CA_BUNDLE"], p.patience.answer)
	if err != nil {
		return aws.Config{}, err
	}
	c.Client = identity.NewGitClient(client)
	cfg, err := e.identity(ctx, client)
	if err != nil {
		return aws.Config{}, err
	}
	p.register(c)
	return cfg, pipeline.AdoptStrays()
}

// ambientIdentity is the identity that the build was started with. No variable of this
// process leads to it any more.
func ambientIdentity(ctx context.Context, client *awshttp.BuildableClient, region string, secret func(...string)) (aws.Config, error) {
	cfg, err := identity.Ambient(ctx, client, region, secret)
	if err != nil {
		return aws.Config{}, err
	}
	return cfg, dropIdentity()
}

// dropIdentity takes what no child may see out of this process's environment.
func dropIdentity() error { return identity.Drop(pipeline.NewEnviron(os.Environ()).Withheld()) }

// logOf gives the log of the step that asks for credentials, or another one.
func logOf(otherwise *zap.Logger) func(context.Context) *zap.Logger {
	return func(ctx context.Context) *zap.Logger { return pipeline.LogOf(ctx, otherwise) }
}

// secret tells the redactor of secrets that are born in a run.
func (p *program) secret(secrets ...string) { p.redactor.Add(secrets...) }

// register tells the redactor of the secrets that the run starts with.
func (p *program) register(c *config.Config) {
	p.redactor.Add(c.SecretsIn(p.environ)...)
	for name, token := range map[string]pipeline.Secret{"SETTINGS_GIT_TOKEN": c.SettingsToken, "CODE_GIT_TOKEN": c.CodeToken} {
		if value := token.Reveal(); value != "" && p.redactor.Add(value) == 0 {
			c.Warnings = append(c.Warnings, name+" is too short, or too common a word, to be masked in the log")
		}
	}
}

func (p *program) newLog(c *config.Config, also ...zapcore.Core) *logs.Log {
	terminal := false
	var width func() int
	if f, ok := p.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		terminal = true
		if moves(c) {
			width = func() int { columns, _, _ := term.GetSize(int(f.Fd())); return columns }
		}
	}
	id := c.Environ["CODEBUILD_BUILD_ID"]
	if id == "" {
		random := make([]byte, 6)
		_, _ = rand.Read(random) // never fails (crypto/rand)
		id = hex.EncodeToString(random)
	}
	return logs.New(logs.Options{
		Writer: p.stdout, Format: c.LogFormat.Resolve(terminal, c.Environ["CODEBUILD_BUILD_ID"] != ""),
		Redactor: p.redactor, Run: id, Color: terminal && c.Environ["NO_COLOR"] == "", Also: also, Width: width,
	})
}

// moves says whether what is written to the terminal may be taken back. What records a
// terminal for later, as build systems do, would keep each of its states. NO_COLOR is
// about colours alone: https://no-color.org
func moves(c *config.Config) bool {
	return c.Environ["TERM"] != "" && c.Environ["TERM"] != "dumb" && c.Environ["CI"] == "" && c.Environ["CODEBUILD_BUILD_ID"] == ""
}

// cut ends a list of steps with the one that is named.
func cut(list []pipeline.Step, until string) ([]pipeline.Step, error) {
	if until == "" {
		return list, nil
	}
	names := stepNames(list)
	if i := slices.Index(names, until); i >= 0 {
		return list[:i+1], nil
	}
	return nil, usageError(fmt.Errorf("there is no step %q; the steps are %v", until, names))
}

func stepNames(list []pipeline.Step) (names []string) {
	for _, step := range list {
		names = append(names, step.Name())
	}
	return names
}

func logStart(rt *pipeline.Runtime, c *config.Config, e execution) {
	values := make([]zap.Field, 0, len(c.Resolved))
	sources := make([]zap.Field, 0, len(c.Resolved))
	for _, r := range c.Resolved {
		values = append(values, zap.String(r.Name, r.Value))
		sources = append(sources, zap.String(r.Name, r.Source))
	}
	b := ownDetails()
	rt.Log.Info("run started", zap.String("what", e.what), zap.Bool("rehearsal", e.rehearsal), zap.String("version", b.Version),
		zap.String("runner_commit", b.commit()), zap.String("go", b.Go), zap.String("os", b.OS), zap.String("arch", b.Arch),
		zap.String("region", c.DeployRegion), zap.Strings("withheld_from_children", rt.Env.Withheld()),
		zap.Dict("variables", values...), zap.Dict("sources", sources...))
	for _, warning := range c.Warnings {
		rt.Log.Warn("configuration: " + warning)
	}
}
