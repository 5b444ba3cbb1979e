package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	spa "spa-runner"
	"spa-runner/internal/config"
	"spa-runner/internal/environments"
	"spa-runner/internal/fault"
	"spa-runner/internal/gitclone"
	"spa-runner/pipeline"
	"spa-runner/steps"
)

const batchHelp = `Print the buildspec of a CodeBuild batch with one build an environment.

Environments are the folders directly below the folder "environments" of the
settings (--environments-folder, or ENVIRONMENTS_FOLDER), but for those whose
names begin with a dot. With --changed-since they are the ones that differ from
that commit. A file outside of all of them touches all, unless it is *.md.

The settings are read as a run reads them: by the same variables, as the
settings role and nobody else. --settings takes a repository on this disk in
place of that, work tree or bare, at its HEAD; what is not committed there no
build would see.

The buildspec goes to the standard output, everything else to the standard
error. If nothing was touched, nothing is printed and the exit code is 0: CodeBuild
knows no batch of nothing, so

  spec=$(spa-runner batch --changed-since "$before") &&
  if [ -n "$spec" ]; then
    aws codebuild start-build-batch --project-name NAME --buildspec-override "$spec"
  fi

SETTINGS_ENVIRONMENT_PATH must not be set in the project, nor by that command: it
would win over those of the builds.`

// ofABatch are the variables that say where the settings are, and how this is told.
var ofABatch = []string{
	"READ_SETTINGS_ROLE", "READ_SETTINGS_EXTERNAL_ID", "SPA_RUNNER_SETTINGS_SESSION_POLICY", "SETTINGS_GIT_URL", "SETTINGS_GIT_BRANCH",
	"SETTINGS_GIT_PIN", "CODE_COMMIT_ENDPOINT", "AWS_REGION", "SPA_RUNNER_STEP_TIMEOUT", "SPA_RUNNER_LOG_FORMAT",
}

// environmentsFolder is the variable that this command shares with the trigger. A
// run has no use for it, so that it is not in the table of variables.
const environmentsFolder = "ENVIRONMENTS_FOLDER"

func (p *program) batchCommand() *cobra.Command {
	var b batch
	cmd := &cobra.Command{
		Use:   "batch [flags]",
		Short: "Print a CodeBuild batch with one build an environment",
		Long:  batchHelp,
		RunE: func(cmd *cobra.Command, _ []string) error {
			quiet := *p
			quiet.stdout = p.stderr // the standard output is for the buildspec alone
			var text string
			err := pipeline.Within(cmd.Context(), func() (err error) { text, err = b.text(cmd, &quiet); return err })
			if err == nil {
				_, err = fmt.Fprint(p.stdout, text)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&b.settings, "settings", "", "root `DIR` of a repository of the settings on this disk, taken at its HEAD")
	cmd.Flags().StringVar(&b.since, "changed-since", "", "only the environments that are not as in this `COMMIT` of the settings")
	cmd.Flags().StringVar(&b.folder, "environments-folder", "", "`FOLDER` of the settings with the environments (default environments) ["+environmentsFolder+"]")
	cmd.Flags().StringVar(&b.buildspec, "buildspec", "", "`FILE` with the buildspec of a single build (default: buildspec.yml of this release)")
	p.addVariableFlags(cmd, ofABatch...)
	return cmd
}

// batch is what the command was asked for.
type batch struct{ settings, since, folder, buildspec string }

// text is the buildspec, "" if there is nothing to build.
func (b *batch) text(cmd *cobra.Command, p *program) (text string, err error) {
	temp, err := os.MkdirTemp("", "spa-runner-batch-")
	if err != nil {
		return "", fmt.Errorf("making a folder for the settings: %w", err)
	}
	defer func() {
		if left := os.RemoveAll(temp); left != nil {
			err = errors.Join(err, fmt.Errorf("the settings were not removed: %w", left))
		}
	}()
	c, err := b.config(cmd, p, temp)
	if err != nil {
		return "", err
	}
	buildspec := []byte(spa.Buildspec)
	if b.buildspec != "" {
		if buildspec, err = os.ReadFile(b.buildspec); err != nil {
			return "", usageError(fmt.Errorf("--buildspec: %w", err))
		}
	}
	found, err := b.find(cmd.Context(), p, c)
	if err != nil || len(found) == 0 {
		return "", err
	}
	if text, err = environments.Batch(string(buildspec), found); err != nil {
		return "", &fault.ConfigError{Problems: []string{err.Error()}}
	}
	if p.redactor.String(text) != text {
		return "", &fault.ConfigError{Problems: []string{"the buildspec would have the value of a secret variable in it, so it is not printed: " +
			"look at the names of the environments, and at --buildspec"}}
	}
	return text, nil
}

// config is that of a run in a temporary folder. All problems are told at once.
func (b *batch) config(cmd *cobra.Command, p *program, temp string) (*config.Config, error) {
	// No step of a batch looks at the environment; that of a run must be there.
	environ := append(slices.Clone(p.environ), "SPA_RUNNER_WORKDIR="+temp, "SETTINGS_ENVIRONMENT_PATH="+environments.Folder)
	if b.settings != "" {
		if cmd.Flags().Changed("settings-git-url") {
			return nil, usageError(errors.New("--settings and --settings-git-url are two ways to say where the settings are: give one"))
		}
		environ = append(environ, "SETTINGS_GIT_URL="+temp, "SETTINGS_GIT_PIN=") // until takeHead says what they are
	}
	c, err := p.config(cmd, environ)
	problems := config.ProblemsIn(err)
	if err := config.ParseCommit(&b.since)(b.since); err != nil {
		problems = append(problems, fmt.Sprintf("--changed-since is %q: %v", b.since, err))
	}
	folder := cmp.Or(b.folder, c.Environ[environmentsFolder], environments.Folder)
	if err := config.ParseRelativePath(&b.folder)(folder); err != nil {
		problems = append(problems, fmt.Sprintf("%s is %q: %v", environmentsFolder, folder, err))
	} else if b.folder == "." {
		problems = append(problems, environmentsFolder+" is the top of the settings: move the environments into a folder, beside what they share")
	}
	switch {
	case len(problems) > 0:
		return nil, &fault.ConfigError{Problems: problems}
	case b.settings != "":
		err = b.takeHead(cmd.Context(), c)
	}
	return c, err
}

// takeHead has the settings be those of a repository on this disk.
func (b *batch) takeHead(ctx context.Context, c *config.Config) error {
	dir, err := filepath.Abs(b.settings)
	if err == nil {
		_, err = os.Stat(dir) // or what is no folder would be taken for a URL
	}
	var head string
	if err == nil {
		head, err = gitclone.Head(ctx, gitclone.Request{URL: dir})
	}
	if err != nil {
		return usageError(fmt.Errorf("--settings: %w", err))
	}
	c.Settings, c.CodeCommit = steps.Source{URL: dir, Ref: head}, nil
	return nil
}
