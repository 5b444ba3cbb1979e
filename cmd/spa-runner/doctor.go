package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"spa-runner/internal/config"
	"spa-runner/internal/doctor"
	"spa-runner/internal/fault"
	"spa-runner/internal/logs"
	"spa-runner/internal/retry"
	"spa-runner/pipeline"
)

const doctorHelp = `Look at everything that a run needs, all in one pass, and say what mends what is
wrong. Nothing is changed, nothing is deployed and no program is started.

It asks STS who this is, assumes both roles (narrowed by a session policy: the
deploy role may then read /cdk-bootstrap/* of Systems Manager and nothing else),
clones settings and code into a temporary folder, evaluates variables.sh as data,
whatever SPA_RUNNER_VARIABLES says, lays the settings over the code there, and
removes that folder.

The variables and flags are those of run. On a laptop neither role trusts you, so
start it as one build of the project:

  aws codebuild start-build --project-name Spa-DeployAutomationEnvironment \
    --environment-variables-override name=SPA_RUNNER_COMMAND,value=doctor,type=PLAINTEXT

With --settings DIR it checks a checkout of the settings and asks no server, as a
pull request to them wants it: the environment of SETTINGS_ENVIRONMENT_PATH, or
all folders in environments/ (ENVIRONMENTS_FOLDER). What only the project knows is
not demanded then.

  ✔ fine   ✖ to be mended   ! a run goes on, but look at it   – not checked, or not needed

What depends on something broken is not checked: one cause is one ✖.
With --json: {"version", "healthy", "mend", "warn", "not_checked", "checks": [{"name",
"state": "ok" | "mend" | "warn" | "not checked" | "not needed", "looked_at", "cause",
"fixes": [{"do", "paste"}], "because"}]}.

Exit codes: 0 nothing to mend; 1 something to mend, a wrong configuration included,
or four minutes were too little to look at all; 64 the command line is wrong; 128+n
interrupted by signal n.`

// How long the doctor has: for each check, and for all.
const (
	checkLimit  = time.Minute
	doctorLimit = 4 * time.Minute
)

func (p *program) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor [flags]",
		Short: "Check everything that a run needs, and say what mends it",
		Long:  doctorHelp,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), doctorLimit, fmt.Errorf("the doctor took longer than %s", doctorLimit))
			defer cancel()
			var report doctor.Report
			err := pipeline.Within(ctx, func() (err error) { report, err = p.diagnose(ctx, cmd); return err })
			if err != nil {
				return err
			}
			return errors.Join(context.Cause(cmd.Context()), p.tellReport(cmd, report))
		},
	}
	cmd.Flags().String("settings", "", "check this checkout `DIR` of the settings, and ask no server")
	cmd.Flags().Bool("json", false, "print it as JSON")
	p.addVariableFlags(cmd)
	return cmd
}

// unhealthyError says that the report, which is told, has something to mend.
type unhealthyError struct{ things int }

func (e *unhealthyError) Error() string { return fmt.Sprintf("%d things are to be mended", e.things) }

// exitUnhealthy is the exit code of a doctor who found something.
const exitUnhealthy = 1

func (p *program) tellReport(cmd *cobra.Command, report doctor.Report) error {
	p.unguard() // all is done and removed, and perhaps nobody reads what it says
	var err error
	if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
		err = p.printJSON(report)
	} else {
		_, err = fmt.Fprint(p.stdout, p.redactor.String(report.Text(p.colours())))
	}
	if err == nil && !report.Healthy {
		err = &reported{&unhealthyError{report.Mend}}
	}
	return err
}

func (p *program) colours() bool {
	f, ok := p.stdout.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && config.New(nil, p.environ).Environ["NO_COLOR"] == ""
}

// diagnose makes the checks. An error is one of the command line, or of the
// temporary folder.
func (p *program) diagnose(ctx context.Context, cmd *cobra.Command) (report doctor.Report, err error) {
	folder, _ := cmd.Flags().GetString("settings")
	if cmd.Flags().Changed("settings") {
		if folder, err = folderOfSettings(folder); err != nil {
			return report, err
		}
	}
	temp, err := os.MkdirTemp("", "spa-runner-doctor-")
	if err == nil {
		temp, err = filepath.EvalSymlinks(temp) // as the steps name it
	}
	if err != nil {
		return report, fault.WithHint(fmt.Errorf("making a temporary folder: %w", err), "make room there, or set TMPDIR to a folder that can be written to")
	}
	defer func() {
		if rerr := os.RemoveAll(temp); rerr != nil {
			err = errors.Join(err, fmt.Errorf("removing the temporary folder of the doctor: %w", rerr))
		}
	}()
	d := &diagnosis{program: p, temp: temp, broken: map[string]string{}, flags: flagsOf(cmd), patience: p.patience.ofTheDoctor()}
	checks := d.checks
	if folder != "" {
		checks = func(ctx context.Context) []doctor.Check { return d.checksOfFolder(ctx, folder) }
	}
	report = doctor.Run(ctx, checks(ctx), checkLimit)
	report.Version = version
	for i := range report.Checks {
		d.forPeople(&report.Checks[i])
	}
	return report, nil
}

// forPeople takes out of a finding what names in a repository could do to a terminal,
// and calls files as seen from the top of the settings: the temporary folder is gone
// when somebody reads that.
func (d *diagnosis) forPeople(f *doctor.Finding) {
	shown := func(text string) string {
		for _, folder := range []string{d.inTemp("settings"), d.temp, d.checkout} {
			if folder != "" {
				text = strings.ReplaceAll(text, folder+"/", "")
			}
		}
		return logs.Harmless(text)
	}
	for _, text := range []*string{&f.Name, &f.Looked, &f.Cause, &f.Because} {
		*text = shown(*text)
	}
	for _, text := range []*string{&f.Name, &f.Looked, &f.Because} { // a line each, or a name makes up another finding
		*text = strings.ReplaceAll(*text, "\n", `\n`)
	}
	for i := range f.Fixes {
		f.Fixes[i] = doctor.Fix{Do: shown(f.Fixes[i].Do), Paste: shown(f.Fixes[i].Paste)}
	}
}

// ofTheDoctor is for somebody who waits for an answer.
func (p patience) ofTheDoctor() patience {
	for _, policy := range []*retry.Policy{&p.sts, &p.clone} {
		policy.Budget = min(policy.Budget, 5*time.Second)
	}
	p.sts.Attempt = min(p.sts.Attempt, 15*time.Second)
	p.answer = min(p.answer, 30*time.Second)
	return p
}
