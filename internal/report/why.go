package report

import (
	"cmp"
	"slices"
	"strings"

	"spa-runner/internal/record"
)

// why has the cause, what to do next, and the last lines of what failed.
func (w *writer) why(r record.Record, last record.Pass) {
	step := record.Step{}
	if i := endedIn(r, last); i >= 0 {
		step = last.Steps[i]
	}
	cause, next := cmp.Or(r.Error, last.Error, step.Error), cmp.Or(r.Hint, last.Hint, step.Hint)
	if r.Outcome == record.Finished || cause+next == "" && len(step.LastLines) == 0 {
		return
	}
	w.put("<div class=\"why\">\n")
	if cause != "" {
		w.put("<h2>Why</h2>\n<p class=\"cause\">").cut(cause, 6000).put("</p>\n")
	}
	if r.EndedBy != "" {
		w.put("<p class=\"note\">Ended by: ").text(r.EndedBy).put("</p>\n")
	}
	w.whatNext(next, step)
}

// failures tells of the steps of a pass that failed without ending the run: an
// earlier pass is not to be forgotten behind one that went well.
func (w *writer) failures(r record.Record, p record.Pass) {
	told := -1
	if last := r.Last(); p.Number == last.Number && r.Outcome != record.Finished {
		told = endedIn(r, last)
	}
	for i, s := range p.Steps {
		if w.full() || i == maxSteps {
			return
		}
		if s.Outcome != record.Failed || i == told {
			continue
		}
		w.put("<div class=\"why bad\">\n<h2>Why ").text(s.Name).put(" failed</h2>\n<p class=\"cause\">").cut(s.Error, 6000).put("</p>\n")
		w.whatNext(s.Hint, s)
	}
}

// whatNext ends what tells of a failure.
func (w *writer) whatNext(next string, s record.Step) {
	if next == "" && len(s.LastLines) > 0 {
		next = "All that it printed is in the log of the build, before \"step failed\"."
	}
	if next != "" {
		w.put("<h2>What next</h2>\n<p>").cut(next, 4000).put("</p>\n")
	}
	if len(s.LastLines) > 0 {
		w.put("<h2>Last lines of ").text(s.Name).put("</h2>\n<pre>")
		for _, line := range s.LastLines[max(0, len(s.LastLines)-maxRows):] {
			w.cut(line, 2000).put("\n")
		}
		w.put("</pre>\n")
	}
	w.put("</div>\n")
}

// endedIn is the step of the last pass that ended the run, -1 if there is none. It
// is not always the last that failed: the look at the settings comes after it.
func endedIn(r record.Record, last record.Pass) int {
	found := -1
	for i, s := range last.Steps {
		if s.Outcome != record.Failed && s.Outcome != record.Held {
			continue
		}
		if s.Name == r.FailedStep {
			return i
		}
		found = i
	}
	return found
}

// onlyCompares says whether targets were to compare, in a preview.
func onlyCompares(targets string) bool {
	list := strings.Fields(targets)
	return len(list) > 0 && !slices.ContainsFunc(list, func(target string) bool { return target != "diff" })
}

// madeOther are the targets that were made where the one that deploys is not among them,
// "" of a deployment, a preview, and what did not come to that.
func madeOther(e record.End) string {
	if deploys(e.Made) || onlyCompares(e.Made) {
		return ""
	}
	return e.Made
}

// deploys says whether the target that deploys is among some.
func deploys(targets string) bool { return slices.Contains(strings.Fields(targets), "deploy") }

const nothingDeployed = "Nothing was deployed."

// leftBehind says what a run that did not end well has done to the target. What its
// last pass did not touch is as the passes before it left it.
func leftBehind(r record.Record) string {
	switch deployedBy(r, r.Last()) {
	case record.Finished:
		return deploying + " had come to its end."
	case record.Failed, record.Running:
		return "Some of it may be " + deployedOrMade(r.Last()) + ": the events of the stacks in CloudFormation say what."
	case record.NotStarted, record.Skipped, record.Held:
	}
	for i := len(r.Passes) - 2; i >= 0; i-- {
		switch deployedBy(r, r.Passes[i]) {
		case record.Finished:
			return "What an earlier pass " + deployedOrMade(r.Passes[i]) + " is there, nothing since."
		case record.Failed, record.Running:
			return "Some of what an earlier pass " + deployedOrMade(r.Passes[i]) + " may be there: the events of the stacks in CloudFormation say what."
		case record.NotStarted, record.Skipped, record.Held:
		}
	}
	return nothingDeployed
}

// deployedBy is what became of the step of a pass that changes the target.
func deployedBy(r record.Record, p record.Pass) record.Outcome {
	for _, s := range p.Steps {
		if s.Name == deploying && !r.Rehearsal && !onlyCompares(s.Params["targets"]) {
			return s.Outcome
		}
	}
	return record.NotStarted
}

// deployedOrMade is what the step of a pass that changes the target does: it deploys, or
// its targets are others.
func deployedOrMade(p record.Pass) string {
	for _, s := range p.Steps {
		if targets := s.Params["targets"]; s.Name == deploying && targets != "" && !deploys(targets) {
			return "made"
		}
	}
	return "deployed"
}
