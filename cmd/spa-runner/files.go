package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"go.uber.org/zap"

	"spa-runner/internal/config"
	"spa-runner/internal/fault"
	"spa-runner/internal/logs"
	"spa-runner/internal/record"
	"spa-runner/internal/report"
	"spa-runner/pipeline"
)

// shownFile is the one of the files of a run that its last line names.
const shownFile = record.Report

// newRecordedLog starts the log of a run and the record that is made of its events.
func (p *program) newRecordedLog(c *config.Config) (*logs.Log, *record.Recorder) {
	var log *logs.Log
	recorder := record.NewRecorder(record.Options{
		Redact:    p.redactor.String,
		LastLines: func(pass int, step string) []string { return log.LastLines(pass, step) },
		Warn:      func(pass int, err error) { warnOfRecord(log, pass, err) },
	})
	log = p.newLog(c, recorder)
	return log, recorder
}

// refuseForeignRecord refuses a work folder in which something else has the name of
// the folder of the record.
func refuseForeignRecord(workdir string) error {
	err := record.Look(workdir)
	if !errors.Is(err, record.ErrForeign) {
		return nil // what else is in the way is warned about, see keepFiles
	}
	return fault.WithHint(
		&fault.ConfigError{Problems: []string{err.Error() + ": a run writes its record there, and nowhere else"}},
		useAnotherFolder)
}

// keepFiles opens the folder of the files of the run, before a child could put another
// in its place, and has them written from the first event on. That they cannot be is no
// reason not to deploy.
func (r *passes) keepFiles(workdir string) error {
	files, err := record.Open(workdir)
	if err != nil {
		return err
	}
	r.files = files
	r.recorder.Keep(files,
		record.Derived{Name: record.JUnit, Render: report.JUnit},
		record.Derived{Name: record.Report, Render: report.HTML},
	)
	return nil
}

const recordLost = "the record of the run cannot be written"

func warnOfRecord(log *logs.Log, pass int, err error) {
	log.Logger(pass).Warn(recordLost, zap.String("error", err.Error()))
}

// end writes the last event, the summary, and where the files are.
func (r *passes) end(last *pass) {
	s := r.summary(last)
	lost := r.recorder.Err()
	s.logEnd(last.rt.Log, "run", s.took)
	if err := r.recorder.Err(); err != nil && lost == nil { // the last event is the last
		r.program.tell("spa-runner: warning: " + recordLost + ": " + err.Error())
	}
	_ = r.log.Text(s.text() + r.lastLine(last.config)) // log.Err tells
}

// lastLine says where the report of the run is.
func (r *passes) lastLine(c *config.Config) string {
	switch where := r.report(c); {
	case where != "":
		return fmt.Sprintf("report: %s\n", where)
	case r.execution.temporary:
		return "report: none is left of this rehearsal; --workdir DIR keeps it\n"
	}
	return "report: none that is whole, since it could not be written\n"
}

// report is where the report of the run can be found when it is over, "" if nowhere.
func (r *passes) report(c *config.Config) string {
	if r.files == nil || r.recorder.Err() != nil || r.execution.temporary {
		return ""
	}
	_, build, inCodeBuild := strings.Cut(c.Environ["CODEBUILD_BUILD_ID"], ":")
	if c.ArtifactsURL != "" && inCodeBuild && !r.execution.rehearsal && isBuildFolder(c) {
		return strings.Join([]string{c.ArtifactsURL, build, record.Folder, shownFile}, "/")
	}
	path, err := filepath.Abs(r.files.Path(shownFile))
	if err != nil {
		return r.files.Path(shownFile)
	}
	return path
}

// isBuildFolder says whether CodeBuild looks for artifacts where the run works.
func isBuildFolder(c *config.Config) bool {
	folder := c.Environ["CODEBUILD_SRC_DIR"]
	return folder == "" || isWithin(c.Workdir, folder) && isWithin(folder, c.Workdir)
}

// recordedSteps are the steps of a plan, of which nothing is known yet.
func recordedSteps(plan []pipeline.Step) []record.Step {
	list := make([]record.Step, len(plan))
	for i, step := range plan {
		list[i] = record.Step{Name: step.Name(), Scope: pipeline.ScopeOf(step)}
	}
	return list
}

// passOf is the record of a pass.
func passOf(r record.Record, number int) record.Pass {
	for _, p := range r.Passes {
		if p.Number == number {
			return p
		}
	}
	return record.Pass{Number: number}
}
