// Package logs is everything that spa-runner writes while it runs: events of
// its own through zap, the lines of child processes, and the text for people,
// in one of three formats, through one sink that redacts.
//
// One event a line, constant messages, data in fields. A child's bytes are
// redacted as a stream before they are cut into lines, and the sink redacts
// what is written once more, so that no field of an event can carry a secret.
package logs

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"spa-runner/internal/redact"
)

// Format is how a log looks.
type Format string

// The formats. Auto is resolved by [Format.Resolve].
const (
	Auto    Format = "auto"
	Console Format = "console" // for a person at a terminal
	JSON    Format = "json"    // every line an object
	Mixed   Format = "mixed"   // events as JSON, children's lines as they are
)

// Formats are the values a user may set.
var Formats = []Format{Auto, Console, JSON, Mixed}

// Resolve turns Auto into console on a terminal, mixed in CodeBuild, whose
// console shows lines of JSON badly, and JSON elsewhere.
func (f Format) Resolve(terminal, codeBuild bool) Format {
	switch {
	case f != Auto && f != "":
		return f
	case terminal:
		return Console
	case codeBuild:
		return Mixed
	}
	return JSON
}

// TimeLayout is that of the field ts: RFC 3339 in UTC with milliseconds.
const TimeLayout = "2006-01-02T15:04:05.000Z07:00"

// Log is the log of one run.
type Log struct {
	sink   *sink
	format Format
	run    string
	core   zapcore.Core
	tail   tail
}

// Options of a log.
type Options struct {
	Writer   io.Writer
	Format   Format // not Auto
	Redactor *redact.Redactor
	Run      string // identifies the run in every event
	Color    bool   // for Console
	// Width, if set, gives the columns of the terminal that is written to, and has a
	// line there that tells of the step that runs. For Console alone.
	Width func() int
	// Also get every event, such as the recorder of the run.
	Also []zapcore.Core
}

// New starts a log.
func New(o Options) *Log {
	l := &Log{sink: &sink{w: o.Writer, redactor: o.Redactor}, format: o.Format, run: o.Run}
	if o.Format == Console {
		l.core = newConsoleCore(l.sink, o.Color)
	} else {
		l.core = zapcore.NewCore(zapcore.NewJSONEncoder(encoderConfig()), l.sink, zap.InfoLevel)
	}
	cores := append(slices.Clone(o.Also), l.core) // these first: it may be that nobody reads what is written
	if o.Format == Console && o.Width != nil {
		l.sink.live = &live{width: o.Width, color: o.Color}
		cores = append(cores, Observe(l.sink.follow))
	}
	l.core = zapcore.NewTee(cores...)
	return l
}

// Run identifies the run.
func (l *Log) Run() string { return l.run }

// Logger gives the logger of one pass over the steps.
func (l *Log) Logger(pass int) *zap.Logger {
	// Err tells what zap would repeat on stderr for each event.
	return zap.New(l.core, zap.ErrorOutput(zapcore.AddSync(io.Discard))).With(zap.String("run", l.run), zap.Int("pass", pass))
}

// Text writes a text for people, where the format is one that people read; in
// JSON the last event says the same.
func (l *Log) Text(text string) error {
	if l.format == JSON {
		return nil
	}
	lines := []byte(Harmless(l.sink.redactor.String(text)))
	if l.format == Mixed {
		lines = blockEncoder(Mixed)(nil, lines) // a name in it may be anything
	}
	_, err := l.sink.Write(lines)
	return err
}

// Err is the first error that the log could not be written with, if any.
func (l *Log) Err() error {
	l.sink.mu.Lock()
	defer l.sink.mu.Unlock()
	return l.sink.err
}

// Output takes the bytes of one stream of one child. They come out as whole
// lines; Close flushes what is left.
func (l *Log) Output(pass int) func(step, scope, stream string) io.WriteCloser {
	return func(step, scope, stream string) io.WriteCloser {
		lines := &lineWriter{w: redacted{l.sink}, encode: l.lineEncoder(pass, step, scope, stream)}
		if l.format != JSON {
			lines.block = blockEncoder(l.format)
		}
		if l.format == Mixed {
			lines.asTheyAre = nothingToMark
		}
		watched := l.tail.watch(pass, step, stream, lines)
		return &childStream{redacted: l.sink.redactor.Writer(watched), lines: watched}
	}
}

// childStream closes the redactor's stream before the lines behind it.
type childStream struct {
	redacted *redact.Writer
	lines    io.WriteCloser
}

func (c *childStream) Write(p []byte) (int, error) { return c.redacted.Write(p) }

func (c *childStream) Close() error {
	if err := c.redacted.Close(); err != nil {
		return fmt.Errorf("writing the output of a child: %w", err)
	}
	return c.lines.Close()
}

// sink is the one way to the outside.
type sink struct {
	mu       sync.Mutex
	w        io.Writer
	redactor *redact.Redactor
	err      error // the first
	live     *live // nil where there is none
}

func (s *sink) Write(p []byte) (int, error) {
	return s.writeClean(s.redactor.Bytes(p), len(p))
}

func (s *sink) writeClean(clean []byte, n int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live != nil {
		clean = s.live.before(clean)
	}
	if _, err := s.w.Write(clean); err != nil {
		err = fmt.Errorf("writing the log: %w", err)
		if s.err == nil {
			s.err = err
		}
		return 0, err
	}
	return n, nil
}

// redacted is a way to the sink for what has been redacted already.
type redacted struct{ *sink }

func (r redacted) Write(p []byte) (int, error) { return r.writeClean(p, len(p)) }

// Sync is there for zap; nothing is held back.
func (s *sink) Sync() error { return nil }

func encoderConfig() zapcore.EncoderConfig {
	return zapcore.EncoderConfig{
		TimeKey:     "ts",
		LevelKey:    "level",
		MessageKey:  "msg",
		EncodeLevel: zapcore.LowercaseLevelEncoder,
		EncodeTime: func(t time.Time, e zapcore.PrimitiveArrayEncoder) {
			e.AppendString(t.UTC().Format(TimeLayout))
		},
		EncodeDuration: zapcore.StringDurationEncoder,
	}
}
