// Package doctor runs checks that look at what a run needs and change nothing,
// all in one pass, and tells what they found.
//
// One cause is one finding to mend: a check that depends on one that is broken
// is not made, and says because of which. Whoever mends everything that is to be
// mended has mended everything that was looked at.
package doctor

import (
	"context"
	"fmt"
	"time"

	"spa-runner/internal/guard"
)

// State is what a check came to. The words are those of the JSON.
type State string

// The states.
const (
	OK        State = "ok"
	Mend      State = "mend"        // a run would fail, or do what nobody wants
	Warn      State = "warn"        // a run goes on
	Unchecked State = "not checked" // because of another finding
	Unneeded  State = "not needed"  // this configuration does without
)

// Fix is one thing to do about a finding.
type Fix struct {
	Do string `json:"do"` // a sentence
	// Paste is the very statement or command, "" if there is none.
	Paste string `json:"paste,omitempty"`
}

// Finding is what a check tells.
type Finding struct {
	Name   string `json:"name"`
	State  State  `json:"state"`
	Looked string `json:"looked_at,omitempty"`
	Cause  string `json:"cause,omitempty"`
	Fixes  []Fix  `json:"fixes,omitempty"`
	// Because is the name of the check for which this one was not made, or a reason.
	Because string `json:"because,omitempty"`
	// Blame, if set, is the name of an earlier check that turned out to be what is
	// to be mended; Blamed is what it then says.
	Blame  string   `json:"-"`
	Blamed *Finding `json:"-"`
}

// Check is one check. Look may not change anything.
type Check struct {
	Name  string
	Needs []string // names of checks before it, without which it would say nothing new
	// Unless are names of checks before it that, where they found something to mend,
	// may be why this one would.
	Unless []string
	Look   func(context.Context) Finding
}

// Report is what all checks told, in their order.
type Report struct {
	Version   string    `json:"version"`
	Healthy   bool      `json:"healthy"` // there is nothing to mend, and the time was enough to see that
	Mend      int       `json:"mend"`
	Warn      int       `json:"warn"`
	Unchecked int       `json:"not_checked"`
	Checks    []Finding `json:"checks"`

	cut bool // the time for all ended before the last check
}

// grace is how long a check may take to notice that its time is over.
const grace = 5 * time.Second

// Run makes the checks one after the other. Each has so much time; one that takes
// longer is to be mended, whatever it looked at. When ctx ends, the others are
// not made.
func Run(ctx context.Context, checks []Check, each time.Duration) Report {
	var r Report
	for _, c := range checks {
		f := r.look(ctx, c, each)
		f.Name = c.Name
		if because := r.find(f.Because); f.State == Unchecked && because != nil && because.State == Unchecked {
			f.Because = because.Because // the cause, not the way to it
		}
		if f.Blamed != nil {
			r.blame(f.Blame, *f.Blamed)
		}
		r.Checks = append(r.Checks, f)
	}
	for _, f := range r.Checks {
		switch f.State {
		case Mend:
			r.Mend++
		case Warn:
			r.Warn++
		case Unchecked:
			r.Unchecked++
		}
	}
	r.Healthy = r.Mend == 0 && !r.cut
	return r
}

func (r *Report) find(name string) *Finding {
	for i := range r.Checks {
		if r.Checks[i].Name == name {
			return &r.Checks[i]
		}
	}
	return nil
}

// blame has an earlier finding say what a later check found out about it.
func (r *Report) blame(name string, with Finding) {
	f := r.find(name)
	if f == nil {
		return
	}
	if f.State == Mend {
		if with.Cause != f.Cause { // two roles may find out the same
			f.Cause += "\n" + with.Cause
			f.Fixes = append(f.Fixes, with.Fixes...)
		}
		return
	}
	f.State, f.Cause, f.Fixes = Mend, with.Cause, with.Fixes
}

func (r *Report) look(ctx context.Context, c Check, each time.Duration) Finding {
	for _, name := range c.Needs {
		switch need := r.find(name); {
		case need == nil:
		case need.State == Mend:
			return Finding{State: Unchecked, Because: name}
		case need.State == Unchecked:
			return Finding{State: Unchecked, Because: need.Because}
		}
	}
	for _, name := range c.Unless {
		if f := r.find(name); f != nil && f.State == Mend {
			return Finding{State: Unchecked, Because: name}
		}
	}
	if ctx.Err() != nil {
		r.cut = true
		return Finding{State: Unchecked, Because: context.Cause(ctx).Error()}
	}
	limit := fmt.Errorf("it took longer than %s", each)
	ctx, cancel := context.WithTimeoutCause(ctx, each, limit)
	defer cancel()
	done := make(chan Finding, 1)
	go func() {
		var f Finding
		if err := guard.Call(func() error { f = c.Look(ctx); return nil }); err != nil {
			f = Finding{State: Mend, Cause: "a fault in spa-runner itself: " + err.Error(), Fixes: []Fix{{Do: "report it, with this line"}}}
		}
		done <- f
	}()
	select {
	case f := <-done:
		return f
	case <-ctx.Done():
	}
	// Who asks a server notices by itself, and can say more. A file system need not.
	select {
	case f := <-done:
		return f
	case <-time.After(grace):
		return Finding{State: Mend, Cause: context.Cause(ctx).Error(), Fixes: []Fix{{Do: "look what does not answer: a file system, a server, a proxy"}}}
	}
}
