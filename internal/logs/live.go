package logs

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap/zapcore"

	"spa-runner/internal/guard"
)

// live is the line at the bottom of a terminal that tells of the step that runs.
// It is drawn by time and by nothing else, and gone before anything else is written,
// so that a child that prints much pays nothing for it.
//
// The cursor waits at its beginning, and what the child left of colours is put back
// (DECSC, DECRC): a line that wraps since the terminal became narrow is then erased
// whole, and what comes next begins where it would without it.
type live struct {
	width func() int // of the terminal, in columns; 0 if it is not known
	color bool

	// All of this is guarded by the sink.
	plan  []string // names of the steps of a pass
	step  string   // that runs, "" if none does
	pass  int
	began time.Time
	frame int
	shown bool
	open  bool          // what was written last has not ended its line
	done  chan struct{} // ends the goroutine of the step
}

const (
	liveEvery = 100 * time.Millisecond
	aside     = "\x1b7\x1b[0m\r\x1b[J" // remembers where and how, and erases to the end of the screen
	back      = "\x1b[0m\r\x1b8"       // where and how it was
)

// frames of a wheel that turns, each one column wide.
var frames = []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}

// text is the line: what fits of step, time, and where that is in the plan. One
// column stays empty, so that no terminal wraps.
func (v *live) text(now time.Time) string {
	width := v.width() - 1
	if width < 0 {
		width = 79
	}
	took := "  " + now.Sub(v.began).Truncate(time.Second).String()
	place := []string{}
	if v.pass > 1 {
		place = append(place, fmt.Sprintf("pass %d", v.pass))
	}
	if i := slices.Index(v.plan, v.step); i >= 0 {
		place = append(place, fmt.Sprintf("%d of %d", i+1, len(v.plan)))
	}
	name, where := []byte(v.step), ""
	for i, b := range name {
		if b < ' ' || b > '~' {
			name[i] = '?' // what else there is may be of any width
		}
	}
	if len(place) > 0 {
		where = "  (" + strings.Join(place, ", ") + ")"
	}
	left := width - len("* ") - len(took) // for the name
	switch {
	case left < 3:
		return ""
	case left < len(name):
		name, where = append(name[:left-1], '~'), ""
	case left < len(name)+len(where):
		where = ""
	}
	if v.color {
		where = "\x1b[" + faint + "m" + where
	}
	return frames[v.frame%len(frames)] + " " + string(name) + took + where
}

// before is what comes before something else that is written.
func (v *live) before(p []byte) []byte {
	if len(p) == 0 {
		return p
	}
	v.open = p[len(p)-1] != '\n'
	if v.shown {
		v.shown = false
		return slices.Concat([]byte(aside+back), p)
	}
	return p
}

// draw draws the line anew.
func (s *sink) draw(step chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.live
	if v.done != step || v.open {
		return // another runs by now, or none; or a line waits for its end
	}
	text := s.redactor.String(v.text(time.Now()))
	if text == "" && !v.shown {
		return
	}
	v.frame++
	v.shown = text != ""
	// An error is one of what is written next, too.
	_, _ = s.w.Write([]byte(aside + text + back))
}

// begin has the line tell of a step until end.
func (s *sink) begin(step string, pass int, began time.Time) {
	s.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	v, done := s.live, make(chan struct{})
	v.step, v.pass, v.began, v.done = step, pass, began, done
	go func() {
		err := guard.Call(func() error {
			ticker := time.NewTicker(liveEvery)
			defer ticker.Stop()
			for {
				select {
				case <-done:
					return nil
				case <-ticker.C:
					s.draw(done)
				}
			}
		})
		if err != nil {
			s.end() // the run does without it
		}
	}()
}

// end takes the line away.
func (s *sink) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.live
	if v.done != nil {
		close(v.done)
	}
	if v.done = nil; v.shown {
		v.shown = false
		_, _ = s.w.Write([]byte(aside + back))
	}
}

// Plan tells which steps are to be run in a pass.
func (l *Log) Plan(steps []string) {
	l.sink.mu.Lock()
	defer l.sink.mu.Unlock()
	if l.sink.live != nil {
		l.sink.live.plan = steps
	}
}

// Close leaves nothing on the terminal that belongs to a moment. The log can be
// written on.
func (l *Log) Close() {
	if l.sink.live != nil {
		l.sink.end()
	}
}

// follow hears from the events which step runs.
func (s *sink) follow(e zapcore.Entry, with, own []zapcore.Field) error {
	switch e.Message {
	case "step started":
		values := fieldValues(slices.Concat(with, own))
		step, _ := values["step"].(string)
		pass, _ := values["pass"].(int64)
		s.begin(step, int(pass), e.Time)
	case "step finished", "step failed", "step skipped", "step held":
		s.end()
	}
	return nil
}
