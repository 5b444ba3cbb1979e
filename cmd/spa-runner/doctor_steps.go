package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"go.uber.org/zap"

	"spa-runner/internal/doctor"
	"spa-runner/internal/fault"
	"spa-runner/internal/record"
	"spa-runner/pipeline"
)

// runtime is what the steps are given. They start no child, and what variables.sh
// prints is dropped: it may be secret.
func (d *diagnosis) runtime() *pipeline.Runtime {
	return &pipeline.Runtime{
		Log: zap.NewNop(), Redact: d.secret, Env: d.config.ChildEnviron(d.environ), Broken: func() error { return nil },
		Output: func(_, _, _ string) io.WriteCloser { return dropped{} },
	}
}

type dropped struct{ io.Writer }

func (dropped) Write(b []byte) (int, error) { return len(b), nil }
func (dropped) Close() error                { return nil }

// run runs a step and gives its warnings.
func (d *diagnosis) run(ctx context.Context, step pipeline.Step) (warnings []string, err error) {
	recorder := record.NewRecorder(record.Options{})
	rt := *d.rt
	rt.Log = zap.New(recorder)
	err = step.Run(ctx, &rt)
	d.full = errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
	return recorder.Record().Told(), err
}

// blameRoom has a full disk under the temporary folder be one finding, with what mends
// that: what a check says otherwise is about what it was to look at.
func (d *diagnosis) blameRoom(name string, f doctor.Finding) doctor.Finding {
	switch {
	case !d.full || f.State != doctor.Mend:
		return f
	case d.noRoom != "":
		return doctor.Finding{State: doctor.Unchecked, Because: d.noRoom}
	}
	d.noRoom = name
	f.Fixes = []doctor.Fix{{Do: "the doctor clones into a temporary folder, and a run into its work folder: make room there, or set TMPDIR to a folder with more of it:", Paste: command("df -h --", d.temp)}}
	return f
}

// finding is the finding that a warning or an error of a step is.
func finding(looked string, warnings []string, err error) doctor.Finding {
	f := doctor.Finding{State: doctor.OK, Looked: looked}
	switch {
	case err != nil:
		f.State, f.Cause = doctor.Mend, strings.TrimPrefix(err.Error(), "the configuration is wrong: ") // it may be that of the settings
		if hint := fault.Hint(err); hint != "" {
			f.Fixes = []doctor.Fix{{Do: hint}}
		}
	case len(warnings) > 0:
		f.State, f.Cause = doctor.Warn, strings.Join(warnings, "\n")
	}
	return f
}

// inTemp is a folder of the diagnosis.
func (d *diagnosis) inTemp(name string) string { return filepath.Join(d.temp, name) }

// step is one of those of the plan that the doctor takes.
func step[S pipeline.Step](d *diagnosis) S {
	for _, s := range d.steps {
		if own, ok := s.(S); ok {
			return own
		}
	}
	panic(fmt.Sprintf("the plan has no %T", *new(S)))
}

// takeSteps takes from the plan what reads, and leaves what executes and deploys.
// Of make-setup nothing is used but its credentials, which read packages.
func (d *diagnosis) takeSteps(ctx context.Context) {
	c, workdir := d.config, d.config.Workdir
	c.Workdir, d.facts = d.temp, &facts{}
	planned := (&planner{
		config: c, assume: d.assumer(ctx), secret: d.secret, patience: d.patience, runID: "of the doctor",
		build: c.Environ["CODEBUILD_BUILD_NUMBER"], facts: d.facts,
	}).plan()
	c.Workdir, d.steps = workdir, map[string]pipeline.Step{}
	for _, s := range planned {
		if slices.Contains([]string{"assume-settings-role", "clone-settings", "source-variables", "clone-code", "overlay-settings", "make-setup"}, s.Name()) {
			d.steps[s.Name()] = s
		}
	}
}

// sourceOf says who set a variable of the table, "" if nobody did.
func (d *diagnosis) sourceOf(name string) string {
	_, source := d.valueOf(name)
	return source
}

// valueOf is the value of a variable of the table, and who set it.
func (d *diagnosis) valueOf(name string) (value, source string) {
	for _, v := range d.config.Variables() {
		if v.Name == name {
			return d.config.Lookup(v)
		}
	}
	return "", ""
}
