package report

import (
	"strings"
	"testing"
	"time"

	"spa-runner/internal/record"
)

// lookedAgain is a step that comes after the plan.
func lookedAgain(outcome record.Outcome, after record.Pass) record.Step {
	return record.Step{
		Name: "look-again", Scope: "settings", Outcome: outcome, Started: after.Started.Add(milliseconds(after.TookMS)), TookMS: 900,
	}
}

// A run that failed is followed by a look at the settings, which can fail too. The
// page tells of both, and of what ended the run first.
func TestTheLookDoesNotHideWhatFailed(t *testing.T) {
	r := failedRun()
	p := &r.Passes[0]
	look := lookedAgain(record.Failed, *p)
	look.Error, look.Hint = "no route to CodeCommit", "look at the network"
	p.Steps = append(p.Steps, look)
	page := string(HTML(r))
	first := between(page, `<div class="why">`, "</div>")
	for _, want := range []string{"`make all-tests` ended", "run the same here", "Last lines of make-all-tests", "AssertionError"} {
		if !strings.Contains(first, want) {
			t.Errorf("no %q in what ended the run: %.300s", want, first)
		}
	}
	second := between(page, `<div class="why bad">`, "</div>")
	for _, want := range []string{"Why look-again failed", "no route to CodeCommit", "look at the network"} {
		if !strings.Contains(second, want) {
			t.Errorf("no %q beside it: %.300s", want, second)
		}
	}
	if got := strings.Count(page, "Error 1"); got != 1 {
		t.Errorf("the last lines are there %d times, want once", got)
	}
}

// A pass that failed is told of where a later one went well, or goes on.
func TestAnEarlierPassIsNotForgotten(t *testing.T) {
	for _, outcome := range []record.Outcome{record.Finished, record.Running, record.Failed} {
		r := twoPasses()
		r.Passes[0] = failedRun().Passes[0]
		r.Outcome, r.Deployed = outcome, outcome == record.Finished
		if outcome != record.Finished {
			until(&r.Passes[1], "make-lint", outcome).Error = "the second one"
		}
		page := string(HTML(r))
		if err := pageErrors([]byte(page)); err != nil {
			t.Error(err)
		}
		told := between(page, `<div class="why bad">`, "</div>")
		for _, want := range []string{"Why make-all-tests failed", "`make all-tests` ended", "AssertionError"} {
			if !strings.Contains(told, want) {
				t.Errorf("%s: no %q of the first pass: %.300s", outcome, want, told)
			}
		}
		if got, want := strings.Count(page, `<div class="why`), map[record.Outcome]int{record.Finished: 1, record.Running: 1, record.Failed: 2}[outcome]; got != want {
			t.Errorf("%s: %d failures are told, want %d", outcome, got, want)
		}
	}
}

func TestWhatARunLeavesBehind(t *testing.T) {
	with := func(outcome record.Outcome, change func(*record.Record)) record.Record {
		r := goodRun()
		until(&r.Passes[0], "make-deploy", outcome)
		r.End = record.End{Outcome: record.Running}
		change(&r)
		return r
	}
	as := func(*record.Record) {}
	targets := func(r *record.Record) { r.Passes[0].Steps[9].Params = map[string]string{"targets": "diff"} }
	partly := func(r *record.Record) {
		r.Passes[0].Steps[9].Params = map[string]string{"targets": "bootstrap-cdk"}
	}
	afterPart := func(outcome record.Outcome) func(*record.Record) {
		return func(r *record.Record) {
			first := made("bootstrap-cdk", false)
			first.Passes[0].Steps[9].Outcome = outcome
			r.Passes = append(first.Passes, r.Passes...)
		}
	}
	again := func(r *record.Record) { r.Passes = append([]record.Pass{pass(1)}, r.Passes...) }
	after := func(outcome record.Outcome) func(*record.Record) {
		return func(r *record.Record) {
			first := pass(1)
			until(&first, "make-deploy", outcome)
			r.Passes = append([]record.Pass{first}, r.Passes...)
		}
	}
	for _, test := range []struct {
		of     string
		record record.Record
		want   string
	}{
		{"killed before it", with(record.NotStarted, as), "Nothing was deployed."},
		{"killed while it deployed", with(record.Running, as), "Some of it may be deployed: the events of the stacks in CloudFormation say what."},
		{"a deployment that failed", with(record.Failed, as), "Some of it may be deployed: the events of the stacks in CloudFormation say what."},
		{"killed after it", with(record.Finished, as), "make-deploy had come to its end."},
		{"it was skipped", with(record.Skipped, as), "Nothing was deployed."},
		{"a preview that failed", with(record.Failed, targets), "Nothing was deployed."},
		{"a preview that was over", with(record.Finished, targets), "Nothing was deployed."},
		{"a rehearsal", with(record.Failed, func(r *record.Record) { r.Rehearsal = true }), "Nothing was deployed."},
		{"in a second pass", with(record.NotStarted, again), "What an earlier pass deployed is there, nothing since."},
		{"after a pass that failed to deploy", with(record.NotStarted, after(record.Failed)), "Some of what an earlier pass deployed may be there: the events of the stacks in CloudFormation say what."},
		{"after a pass that was held", with(record.NotStarted, after(record.Held)), "Nothing was deployed."},
		{"killed while it made something else", with(record.Running, partly), "Some of it may be made: the events of the stacks in CloudFormation say what."},
		{"after a pass that made something else", with(record.NotStarted, afterPart(record.Finished)), "What an earlier pass made is there, nothing since."},
		{"after one that failed to", with(record.NotStarted, afterPart(record.Failed)), "Some of what an earlier pass made may be there: the events of the stacks in CloudFormation say what."},
		{"held after a pass that deployed", with(record.Held, again), "What an earlier pass deployed is there, nothing since."},
	} {
		if got := leftBehind(test.record); got != test.want {
			t.Errorf("%s: got %q, want %q", test.of, got, test.want)
		}
	}
}

// A run that was killed while no step was running, or failed where no step did,
// must not be shown as one that went well.
func TestJUnitNeverSaysThatAllIsWell(t *testing.T) {
	for _, outcome := range []record.Outcome{record.Running, record.Failed} {
		for started := range 11 {
			r := goodRun()
			p := &r.Passes[0]
			for i := started; i < len(p.Steps); i++ {
				p.Steps[i] = record.Step{Name: p.Steps[i].Name, Outcome: record.NotStarted}
			}
			r.End, r.Ended = record.End{Outcome: outcome, Error: "a cause"}, time.Time{}
			p.End = r.End
			want := map[record.Outcome]string{record.Running: "error interrupted|no step was running", record.Failed: "error failed|a cause"}[outcome]
			name := "pass 1/between the steps"
			if started == 0 {
				name = "pass 1/before the steps"
			}
			if got := cases(t, r)[name]; !strings.HasPrefix(got, want) {
				t.Errorf("%s after %d steps: got %q, want %q", outcome, started, got, want)
			}
			p.End = record.End{Outcome: record.Finished} // and nothing but the run knows
			if got := cases(t, r)[name]; !strings.HasPrefix(got, want) {
				t.Errorf("%s after a pass: got %q, want %q", outcome, got, want)
			}
			if err := junitErrors(JUnit(r)); err != nil {
				t.Error(err)
			}
		}
	}
}

// Each outcome is a word to those who hear the page.
func TestEachOutcomeIsAWord(t *testing.T) {
	page := string(HTML(failedRun()))
	for word, want := range map[string]int{`aria-label="finished"`: 6, `<span class="say">failed</span>`: 1, `<span class="say">skipped: `: 1, `<span class="say">not started</span>`: 2} {
		if got := strings.Count(page, word); got != want {
			t.Errorf("%s is there %d times, want %d", word, got, want)
		}
	}
}
