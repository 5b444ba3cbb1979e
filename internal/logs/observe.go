package logs

import (
	"slices"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// observer is what [Observe] gives.
type observer struct {
	zapcore.LevelEnabler
	see  func(e zapcore.Entry, with, own []zapcore.Field) error
	with []zapcore.Field
}

// Observe is a core that hands each event to a function, with the fields of its logger
// and its own.
func Observe(see func(e zapcore.Entry, with, own []zapcore.Field) error) zapcore.Core {
	return &observer{LevelEnabler: zap.InfoLevel, see: see}
}

func (o *observer) With(fields []zapcore.Field) zapcore.Core {
	clone := *o
	clone.with = slices.Concat(o.with, fields)
	return &clone
}

func (o *observer) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if o.Enabled(e.Level) {
		return checked.AddCore(e, o)
	}
	return checked
}

func (o *observer) Write(e zapcore.Entry, fields []zapcore.Field) error {
	return o.see(e, o.with, fields)
}

// Sync is there for zap; nothing is held back.
func (o *observer) Sync() error { return nil }
