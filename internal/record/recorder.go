package record

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"spa-runner/internal/guard"
	"spa-runner/internal/logs"
)

// Recorder is a core that folds the events of a run into its record, so that no
// step does anything for it. It takes facts from events alone, never from what a
// child prints; that is what LastLines quotes, and nothing else.
type Recorder struct {
	zapcore.Core
	state *state
}

// Options of a Recorder. Each may be nil.
type Options struct {
	// Redact is applied to each text on its own, and not to a file as a whole: a
	// secret may read like the syntax of a file.
	Redact func(string) string
	// LastLines gives what the children of a step printed last, redacted.
	LastLines func(pass int, step string) []string
	// Warn is told once that the files cannot be written, and in which pass that was.
	Warn func(pass int, err error)
}

// Derived is a file that is made of the record.
type Derived struct {
	Name   string
	Render func(Record) []byte
}

type state struct {
	Options
	saving  sync.Mutex // held while files are written
	mu      sync.Mutex // held while the record is looked at
	record  Record
	region  string // where it is deployed to, if no variable says
	encoded []overlayText
	dir     *Dir
	derived []Derived
	err     error // of writing, the last time
	warned  bool
}

// NewRecorder starts a record of which nothing is known yet.
func NewRecorder(o Options) *Recorder {
	if o.Redact == nil {
		o.Redact = func(text string) string { return text }
	}
	s := &state{Options: o, record: Record{
		Schema: Schema, End: End{Outcome: Running}, Variables: []Variable{}, Passes: []Pass{},
	}}
	return &Recorder{Core: logs.Observe(s.take), state: s}
}

// Keep has the record written from now on, and what is derived from it.
func (r *Recorder) Keep(dir *Dir, derived ...Derived) {
	r.state.mu.Lock()
	defer r.state.mu.Unlock()
	r.state.dir, r.state.derived = dir, derived
}

// Err is the error of the last time that the files were written, if any.
func (r *Recorder) Err() error {
	r.state.mu.Lock()
	defer r.state.mu.Unlock()
	return r.state.err
}

// StartPass tells what the steps of a pass will be, by name and scope.
func (r *Recorder) StartPass(number int, plan []Step) {
	r.state.mu.Lock()
	defer r.state.mu.Unlock()
	p := r.state.pass(number)
	p.Steps = slices.Clone(plan)
	for i := range p.Steps {
		p.Steps[i].Outcome = NotStarted
	}
	r.state.aim(p)
}

// Record is the record as it is now.
func (r *Recorder) Record() Record {
	r.state.mu.Lock()
	defer r.state.mu.Unlock()
	now := r.state.record
	now.Passes = slices.Clone(now.Passes)
	for i := range now.Passes {
		p := &now.Passes[i]
		p.Steps, p.Retries = slices.Clone(p.Steps), slices.Clone(p.Retries) // the rest is only added to
	}
	return now
}

// take folds one event. It never fails: a record that cannot be kept is no reason
// to end a deployment.
func (s *state) take(e zapcore.Entry, with, own []zapcore.Field) error {
	fold, known := folds[e.Message]
	if !known && e.Level != zap.WarnLevel {
		return nil
	}
	ev := event{at: e.Time.UTC(), own: own, with: with, redact: s.Redact}
	number := ev.number("pass")
	if !known {
		fold.add = func(s *state, p *Pass, _ event) { s.warn(p, e.Message, slices.Concat(with, own)) }
	}
	defect := s.fold(number, fold.add, ev)
	if !known || fold.save == never {
		return nil
	}
	if err := cmp.Or(defect, s.save(ev.at, fold.save == lastly)); err != nil && fold.save != lastly && s.Warn != nil && !s.warned {
		s.warned = true // before, since that is an event too
		s.Warn(number, err)
	}
	return nil
}

// fold adds an event to a pass. A defect in that leaves the record unlocked, or the run
// would wait for it at its next event, and for ever.
func (s *state) fold(number int, add func(*state, *Pass, event), ev event) error {
	return guard.Call(func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		p := s.pass(number)
		if p.Started.IsZero() {
			p.Started = ev.at
		}
		add(s, p, ev)
		return nil
	})
}

// save writes the files. If that is the last time and one cannot be written, there is
// none: the one before says that the run goes on.
func (s *state) save(now time.Time, last bool) error {
	s.saving.Lock()
	defer s.saving.Unlock()
	if s.dir == nil {
		return nil
	}
	files := s.files(now)
	err := writeAll(&files)
	// What is removed makes room, so that the first one need not go before it is written.
	for kept := 1; last && err != nil && kept >= 0; kept-- {
		var removed error
		for _, f := range files[min(kept, len(files)):] {
			removed = errors.Join(removed, s.dir.Remove(f.name))
		}
		err = errors.Join(writeAll(&files), removed)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	return err
}

// file is one of a run, and what writes it.
type file struct {
	name  string
	write func() error
}

// files are those of a run, in the order in which they are missed.
func (s *state) files(now time.Time) []file {
	files := []file{{File, func() error {
		text, err := s.encode(now)
		if err != nil {
			return err
		}
		return s.dir.Write(File, text...)
	}}}
	for _, d := range s.derived {
		files = append(files, file{d.Name, func() error { return s.dir.Write(d.Name, s.render(d)) }})
	}
	return files
}

// writeAll writes files, and leaves those of the list that it could not write. A defect of
// one, such as in what is derived, must not end a deployment.
func writeAll(files *[]file) (first error) {
	var left []file
	for _, f := range *files {
		if err := guard.Call(f.write); err != nil {
			first, left = cmp.Or(first, err), append(left, f)
		}
	}
	*files = left
	return first
}

// render makes a derived file of the record. Nothing is added to that meanwhile.
func (s *state) render(d Derived) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return d.Render(s.record)
}

// pass finds a pass by its number.
func (s *state) pass(number int) *Pass {
	for i := range s.record.Passes {
		if s.record.Passes[i].Number == number {
			return &s.record.Passes[i]
		}
	}
	s.record.Passes = append(s.record.Passes, Pass{
		Number: number, End: End{Outcome: Running}, Roles: []Role{}, Overlay: []Laid{}, Steps: []Step{},
	})
	return &s.record.Passes[len(s.record.Passes)-1]
}
