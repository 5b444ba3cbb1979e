package logs

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Recorder is a core that folds the events of a run into what its summary
// shows, so that no step has to do anything for it.
type Recorder struct {
	zapcore.LevelEnabler
	state *recorded
	with  []zapcore.Field
}

// Outcome is what became of a step.
type Outcome string

// The outcomes.
const (
	Running  Outcome = "running"
	Finished Outcome = "finished"
	Failed   Outcome = "failed"
	Skipped  Outcome = "skipped"
	Held     Outcome = "held"
)

// StepRecord is what became of one step.
type StepRecord struct {
	Pass    int
	Name    string
	Scope   string
	Outcome Outcome
	Took    time.Duration
	Why     string // of a step that was skipped or held
	Error   string // of a failed one
	Hint    string
}

type recorded struct {
	mu       sync.Mutex
	steps    []StepRecord
	warnings []string
	retries  map[string]retried // by what is retried
}

// retried is where in the warnings the retries of something are, in which step
// they were, and how many.
type retried struct {
	step      string
	at, times int
}

// NewRecorder makes an empty recorder.
func NewRecorder() *Recorder {
	return &Recorder{LevelEnabler: zap.InfoLevel, state: &recorded{retries: map[string]retried{}}}
}

// Steps are the steps in the order in which they started.
func (r *Recorder) Steps() []StepRecord {
	r.state.mu.Lock()
	defer r.state.mu.Unlock()
	return slices.Clone(r.state.steps)
}

// Warnings are the warnings of the run, each once. All retries of one thing are
// one of them.
func (r *Recorder) Warnings() []string {
	r.state.mu.Lock()
	defer r.state.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.state.warnings), func(w string) bool { return w == "" })
}

func (r *recorded) retry(step, what, why string) {
	known, ok := r.retries[what]
	if !ok {
		known.step, known.at = step, len(r.warnings)
		r.warnings = append(r.warnings, "")
	}
	known.times++
	r.retries[what] = known
	times := "once"
	if known.times > 1 {
		times = fmt.Sprintf("%d times", known.times)
	}
	r.warnings[known.at] = fmt.Sprintf("%s was retried %s, the last time after: %s", what, times, why)
}

// failed takes out the warnings of retries that came to nothing, since the error
// of the step says the same, and how many there were.
func (r *recorded) failed(step, err string) {
	if !strings.Contains(err, "(given up after ") { // retry.Error
		return
	}
	for _, known := range r.retries {
		if known.step == step {
			r.warnings[known.at] = ""
		}
	}
}

// With is part of zapcore.Core.
func (r *Recorder) With(fields []zapcore.Field) zapcore.Core {
	clone := *r
	clone.with = slices.Concat(r.with, fields)
	return &clone
}

// Check is part of zapcore.Core.
func (r *Recorder) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if r.Enabled(e.Level) {
		return checked.AddCore(e, r)
	}
	return checked
}

// Sync is part of zapcore.Core.
func (r *Recorder) Sync() error { return nil }

// Write folds one event.
func (r *Recorder) Write(e zapcore.Entry, fields []zapcore.Field) error {
	all := slices.Concat(r.with, fields)
	values := fieldValues(all)
	text := func(key string) string { s, _ := values[key].(string); return s }
	r.state.mu.Lock()
	defer r.state.mu.Unlock()
	switch warning := e.Message + dataText(all, func(name string) string { return name }); {
	case e.Level != zap.WarnLevel:
	case e.Message == "run held", e.Message == "pass held": // its outcome, which the summary says
	case e.Message == "retrying":
		r.state.retry(text("step"), text("what"), text("error"))
	case !slices.Contains(r.state.warnings, warning):
		r.state.warnings = append(r.state.warnings, warning)
	}
	if e.Message == "step started" {
		pass, _ := values["pass"].(int64)
		r.state.steps = append(r.state.steps, StepRecord{
			Pass: int(pass), Name: text("step"), Scope: text("scope"), Outcome: Running,
		})
		return nil
	}
	outcome, ok := map[string]Outcome{
		"step finished": Finished, "step failed": Failed, "step skipped": Skipped, "step held": Held,
	}[e.Message]
	if !ok || len(r.state.steps) == 0 {
		return nil
	}
	if outcome == Failed {
		r.state.failed(text("step"), text("error"))
	}
	took, _ := values["took_ms"].(int64)
	last := &r.state.steps[len(r.state.steps)-1]
	last.Outcome, last.Took = outcome, time.Duration(took)*time.Millisecond
	last.Why, last.Error, last.Hint = text("why"), text("error"), text("hint")
	return nil
}
