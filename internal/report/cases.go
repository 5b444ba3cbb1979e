package report

import (
	"slices"
	"strings"
	"time"

	"spa-runner/internal/record"
)

// casesOf makes a case of each step of a pass. Of a run that ended well none is a failure:
// a build that succeeded has no failed report, whatever an earlier pass or the look at the
// settings met.
func casesOf(class string, p record.Pass, r record.Record) []testcase {
	cases := casesOfPass(class, p, r.Written)
	well := func(o record.Outcome) bool { return o == record.Finished || o == record.Held }
	if !well(r.Outcome) || !well(r.Last().Outcome) {
		return cases
	}
	for i := range cases {
		if c := &cases[i]; c.kind == failed || c.kind == broken {
			const first = "this failed, and did not fail the run:\n"
			c.kind, c.message, c.output = skipped, first+c.told(maxMessage-len(first)), ""
		}
	}
	return cases
}

func casesOfPass(class string, p record.Pass, at time.Time) []testcase {
	var cases []testcase
	told := false
	for _, s := range p.Steps {
		c := testcase{class: class, name: s.Name, took: s.TookMS}
		switch s.Outcome {
		case record.Failed:
			told = true
			c.kind, c.typ, c.message = failed, "failed", s.Error
			if p.EndedBy != "" {
				c.kind, c.typ = broken, "ended by "+p.EndedBy
			}
			if s.Hint != "" {
				c.message += "\nnext: " + s.Hint
			}
			c.output = strings.Join(s.LastLines, "\n")
		case record.Running:
			told = true
			c.kind, c.typ = broken, "interrupted"
			c.message = "was running when this was written, at " + clock(at) + ": it still does, or the run was killed"
			c.took = soFar(s, at).Milliseconds()
		case record.Skipped:
			c.kind, c.message = skipped, "skipped: "+s.Why
		case record.Held:
			c.kind, c.message = skipped, "held: "+s.Why
		case record.NotStarted:
			c.kind, c.message = skipped, "not started"
			if p.FailedStep != "" {
				c.message += ": " + p.FailedStep + " failed"
			}
		}
		cases = append(cases, c)
	}
	if told || p.Outcome != record.Failed && p.Outcome != record.Running {
		return cases
	}
	// No step tells of it, and a report without a failure would say that all is well.
	name := "before the steps"
	if slices.ContainsFunc(p.Steps, func(s record.Step) bool { return s.Outcome != record.NotStarted }) {
		name = "between the steps"
	}
	c := testcase{class: class, name: name, kind: broken, typ: "failed", message: p.Error}
	if p.Outcome == record.Running {
		c.typ, c.message = "interrupted", "no step was running when this was written, at "+clock(at)+": the run goes on, or it was killed"
	}
	if p.Hint != "" {
		c.message += "\nnext: " + p.Hint
	}
	return append([]testcase{c}, cases...)
}
