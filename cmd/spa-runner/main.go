// Command spa-runner deploys a public code base with private settings, from
// inside AWS CodeBuild, as ten typed steps. See README.md; the list of the
// steps is in plan.go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"spa-runner/internal/config"
	"spa-runner/internal/fault"
	"spa-runner/internal/guard"
	"spa-runner/internal/logs"
	"spa-runner/internal/redact"
	"spa-runner/internal/secretname"
	"spa-runner/pipeline"
)

func main() {
	if err := pipeline.Conceal(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "spa-runner: "+err.Error())
		os.Exit(fault.ExitRunner)
	}
	os.Exit(pipeline.Supervise(os.Environ(), os.Stderr, func(environ []string, signals <-chan syscall.Signal) int {
		return run(os.Args[1:], environ, os.Stdout, os.Stderr, signals)
	}))
}

// program is what the subcommands share: the world as main found it.
type program struct {
	environ        []string
	stdout, stderr io.Writer
	passedOn       <-chan syscall.Signal // signals that another process of this program got; may be nil
	redactor       *redact.Redactor
	hurry          <-chan struct{} // closed by a second signal
	unguard        func()          // lets signals end the process again
	patience       patience
	disk           func(folder string) (free uint64, err error) // nil asks the file system
}

// run is main without the process: it returns the exit code.
func run(args, environ []string, stdout, stderr io.Writer, passedOn <-chan syscall.Signal) int {
	p := &program{environ: environ, stdout: stdout, stderr: stderr, passedOn: passedOn, redactor: redact.New(), patience: usualPatience()}
	return p.run(args)
}

// run runs the subcommand that args name. What Go prints of a panic would show
// its value, and the exit code would be make's.
func (p *program) run(args []string) (code int) {
	if err := guard.Call(func() error { code = p.main(args); return nil }); err != nil {
		p.complain(err)
		var panicked *guard.PanicError
		if errors.As(err, &panicked) {
			p.tell(panicked.Stack)
		}
		return fault.ExitRunner
	}
	return code
}

// main is run without its guard.
func (p *program) main(args []string) int {
	p.redactor.Add(config.SecretsOfDeploy(args, p.environ)...)
	p.redactor.Add(secretname.OnCommandLine(args)...)
	ctx, hurry, unguard, stop := interruptible(p.passedOn)
	defer stop()
	p.hurry, p.unguard = hurry, unguard
	root := p.rootCommand()
	root.SetArgs(args)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	err := root.ExecuteContext(ctx)
	var unhealthy *unhealthyError
	var done *reported
	switch {
	case errors.As(err, &unhealthy) && context.Cause(ctx) == nil:
		return exitUnhealthy
	case err == nil || errors.As(err, &done):
		return fault.ExitCode(err) // that of the last event, whatever came after it
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w (%w)", cause, err)
	}
	complain := func() error { p.complain(err); return nil }
	if fault.GaveUp(err) {
		pipeline.Tell(complain)
	} else {
		_ = pipeline.Within(ctx, complain)
	}
	return fault.ExitCode(err)
}

// complain writes an error that no log tells.
func (p *program) complain(err error) {
	p.tell("spa-runner: " + err.Error())
	if hint := fault.Hint(err); hint != "" {
		p.tell("  " + hint)
	}
}

func (p *program) tell(text string) {
	_, _ = fmt.Fprintln(p.stderr, logs.Harmless(p.redactor.String(text)))
}

// reported is an error that the log and the summary have told already.
type reported struct{ err error }

func (r *reported) Error() string { return r.err.Error() }
func (r *reported) Unwrap() error { return r.err }

const rootHelp = `spa-runner deploys a public code base with private settings from AWS CodeBuild.

It does what the shell buildspec of the workbook does, as ten typed steps:

   1 assume-settings-role   to read the private settings
   2 clone-settings         from CodeCommit
   3 source-variables       variables.sh of the environment, which may pin the code
   4 clone-code             the public code, at a branch, a tag or a commit
   5 overlay-settings       the environment's files over the code
   6 make-setup
   7 make-lint
   8 make-all-tests
   9 assume-deploy-role     in the target account, when all of the above went well
  10 make-deploy

The first failure ends the run. Steps 3 to 8 hold no AWS identity at all, but for
make-setup where READ_PACKAGES_ROLE lets it read packages.

All settings are environment variables, with the names of the workbook; each
has a flag too (spa-runner run --help). Start with:

  spa-runner dry-run        the whole pipeline here, with fake credentials
  spa-runner plan           what a run would do with the variables as they are
  spa-runner doctor         what a run needs and is not there, with what mends it
  spa-runner run            do it
  spa-runner batch          a CodeBuild batch, for many environments

Exit codes: 0 deployed, made other targets, previewed, or held by a file HOLD; 2
(that of make) a target failed; 64 the configuration is wrong; 124 a time limit ran
out; 125 the runner itself failed, or the code was changed by setup, lint or tests;
128+n signal n interrupted it (130, 143) or killed the target.
`

func (p *program) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "spa-runner",
		Short:         "Deploy public code with private settings from AWS CodeBuild",
		Long:          rootHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asked, _ := cmd.Flags().GetBool("version"); asked {
				return p.printVersion()
			}
			return cmd.Help()
		},
	}
	root.Flags().BoolP("version", "v", false, "what spa-runner version prints")
	root.CompletionOptions.DisableDefaultCmd = true
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		p.unguard() // perhaps nobody reads it
		help(cmd, args)
	})
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError(err) })
	root.AddCommand(p.runCommand(), p.planCommand(), p.doctorCommand(), p.dryRunCommand(), p.batchCommand(), p.versionCommand())
	for _, c := range root.Commands() {
		c.Args = noArguments
		c.DisableFlagsInUseLine = true
		c.Flags().SortFlags = false // in the order of the table, which belongs together
		c.SetUsageFunc(usageOf)
	}
	return root
}

// helpWidth is where --help breaks the lines of the flags, in columns.
const helpWidth = 110

// usageOf prints the flags of a command as cobra does, but in lines that fit.
func usageOf(cmd *cobra.Command) error {
	_, err := fmt.Fprintf(cmd.OutOrStderr(), "Usage:\n  %s\n\nFlags:\n%s", cmd.UseLine(), cmd.LocalFlags().FlagUsagesWrapped(helpWidth))
	return err
}

func noSuchCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var known []string
	for _, c := range root.Commands() {
		known = append(known, c.Name())
	}
	return usageError(fmt.Errorf("unknown command %q; there are %s", args[0], strings.Join(known, ", ")))
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError(fmt.Errorf("%s takes no arguments, but got %q", cmd.Name(), config.WithoutUserInfo(strings.Join(args, " "))))
	}
	return nil
}

// usageError is a mistake on the command line, which is configuration too.
func usageError(err error) error {
	return &fault.ConfigError{Problems: []string{err.Error() + " (see spa-runner --help)"}}
}

// printJSON prints a value for a program, through the redactor.
func (p *program) printJSON(v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	_, err = fmt.Fprintln(p.stdout, p.redactor.String(string(text)))
	return err
}
