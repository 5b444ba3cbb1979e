package report

import "spa-runner/internal/record"

// What CodeBuild takes of a report:
// https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html. It says
// characters; these count bytes, which are never fewer.
const (
	maxCases   = 500
	maxMessage = 5000
	maxName    = 1000
)

// testcase is a step, as JUnit has it.
type testcase struct {
	class, name string
	took        int64
	kind        kind
	typ         string // of a failure or an error
	message     string // the cause
	output      string // the last lines
}

type kind int

const (
	passed kind = iota
	skipped
	failed
	broken // an error, as JUnit calls what ended otherwise than by a check that failed
)

type suite struct {
	pass  record.Pass
	name  string
	cases []testcase
}

// JUnit is the record as XML of JUnit, as CodeBuild, Jenkins and GitLab read it: a
// suite a pass, a case a step. It is well-formed whatever the text in the record is.
func JUnit(r record.Record) []byte {
	suites := suitesOf(r)
	w := &writer{}
	w.put(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	total := tally{}
	for _, s := range suites {
		total.add(s.cases)
	}
	w.put(`<testsuites name="spa-runner"`)
	total.write(w)
	w.seconds(r.TookMS).put(">\n")
	for _, s := range suites {
		s.write(w, r)
	}
	return w.put("</testsuites>\n").b
}

// suitesOf makes a suite of each pass, and one of a run that came to none. What is
// over the limit is left out from the front: the last pass is what counts.
func suitesOf(r record.Record) []suite {
	var suites []suite
	for i, p := range r.Passes {
		if over := p.Outcome != record.Failed && p.Outcome != record.Running; over && i == len(r.Passes)-1 && (r.Outcome == record.Failed || r.Outcome == record.Running) {
			p.End = r.End // which came after all passes, or has yet to
		}
		// GitLab takes the first of two cases with the same class and name.
		name := "pass " + written(p.Number)
		suites = append(suites, suite{pass: p, name: name, cases: casesOf(name, p, r)})
	}
	if len(suites) == 0 {
		all := record.Pass{Number: 1, Started: r.Started, TookMS: r.TookMS, End: r.End}
		suites = []suite{{pass: all, name: "pass 1", cases: casesOf("pass 1", all, r)}}
	}
	left := maxCases - 1 // one says what is not there
	for i := len(suites) - 1; i >= 0; i-- {
		cases := suites[i].cases
		if len(cases) <= left || i == 0 && len(cases) == left+1 {
			left -= len(cases)
			continue
		}
		gone := len(cases) - left
		for _, s := range suites[:i] {
			gone += len(s.cases)
		}
		note := testcase{
			class: suites[i].name, name: "left out", kind: skipped,
			message: written(gone) + " steps before are left out, a report takes " + written(maxCases) + ": they are in " + record.File,
		}
		suites[i].cases = append([]testcase{note}, cases[len(cases)-left:]...)
		return suites[i:]
	}
	return suites
}

type tally struct{ tests, failures, errors, skipped int }

func (t *tally) add(cases []testcase) {
	for _, c := range cases {
		t.tests++
		switch c.kind {
		case failed:
			t.failures++
		case broken:
			t.errors++
		case skipped:
			t.skipped++
		}
	}
}

func (t *tally) write(w *writer) {
	w.put(` tests="`).number(t.tests).put(`" failures="`).number(t.failures).put(`" errors="`).number(t.errors).put(`"`)
}

func (s suite) write(w *writer, r record.Record) {
	t := tally{}
	t.add(s.cases)
	w.put(`  <testsuite name="spa-runner `).xml(s.name, maxName).put(`"`)
	t.write(w)
	w.put(` skipped="`).number(t.skipped).put(`"`).seconds(s.pass.TookMS)
	if !s.pass.Started.IsZero() { // without a zone, as the schema of Jenkins has it
		w.put(` timestamp="`).xml(s.pass.Started.UTC().Format("2006-01-02T15:04:05"), maxName).put(`"`)
	}
	w.put(">\n    <properties>\n")
	for _, p := range []struct{ name, value string }{
		{"run", r.Run},
		{"outcome", string(s.pass.Outcome)},
		{"made", s.pass.Made},
		{"settings commit", s.pass.Settings.Commit},
		{"code commit", s.pass.Code.Commit},
		{"environment", s.pass.Environment},
		{"account", s.pass.Target.Account},
		{"region", s.pass.Target.Region},
		{"spa-runner", r.Runner.Version},
	} {
		if p.value != "" {
			w.put(`      <property name="`).xml(p.name, maxName).put(`" value="`).xml(p.value, maxName).put(`"/>` + "\n")
		}
	}
	w.put("    </properties>\n")
	for _, c := range s.cases {
		c.write(w)
	}
	w.put("  </testsuite>\n")
}

func (c testcase) write(w *writer) {
	w.put(`    <testcase classname="`).xml(c.class, maxName).put(`" name="`).xml(c.name, maxName).put(`"`).seconds(c.took)
	tag := markup("failure")
	switch c.kind {
	case passed:
		w.put("/>\n")
		return
	case skipped:
		w.put(">\n"+`      <skipped message="`).xml(c.message, maxMessage).put(`"/>` + "\n    </testcase>\n")
		return
	case broken:
		tag = "error"
	case failed:
	}
	w.put(">\n      <").put(tag).put(` type="`).xml(c.typ, maxName).put(`" message="`).xml(c.told(maxMessage), maxMessage).put(`">`)
	// GitLab shows this and nothing of the message.
	w.xml(c.told(maxMessage), maxMessage).put("</").put(tag).put(">\n    </testcase>\n")
}

// told is the cause and as many of the last lines as there is room for.
func (c testcase) told(most int) string {
	cause := clipped(visible(clipped(c.message, most/2)), most/2)
	if c.output == "" {
		return cause
	}
	const before, cut = "\n\nIts last lines:\n", "…"
	left := most - len(cause) - len(before)
	lines := visible(ending(c.output, left))
	if len(lines) > left || len(c.output) > left {
		lines = cut + ending(lines, left-len(cut))
	}
	return cause + before + lines
}

// seconds is the attribute of a time.
func (w *writer) seconds(ms int64) *writer {
	return w.put(` time="`).decimal(float64(ms)/1000, 3).put(`"`)
}
