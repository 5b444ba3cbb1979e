package pipeline

import (
	"context"

	"go.uber.org/zap"
)

type logKey struct{}

// withLog is a ctx that carries the log of who calls. Run gives each step such a
// one, since the code behind an interface of others, such as that of a provider
// of credentials, is handed a context and nothing else.
func withLog(ctx context.Context, log *zap.Logger) context.Context {
	return context.WithValue(ctx, logKey{}, log)
}

// LogOf is the log that ctx carries, or the one given.
func LogOf(ctx context.Context, otherwise *zap.Logger) *zap.Logger {
	if log, ok := ctx.Value(logKey{}).(*zap.Logger); ok {
		return log
	}
	return otherwise
}
