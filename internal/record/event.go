package record

import (
	"fmt"
	"time"

	"go.uber.org/zap/zapcore"
)

// event is what the fields of one hold. A field is looked for when it is asked for,
// since there are events by the ten thousands of which four fields are wanted.
type event struct {
	at        time.Time
	own, with []zapcore.Field
	redact    func(string) string
}

// value is that of a field as zap would encode it, nil if there is none.
func (e event) value(key string) any {
	for _, fields := range [][]zapcore.Field{e.own, e.with} {
		for _, f := range fields {
			switch {
			case f.Key != key:
				continue
			case f.Type == zapcore.StringType:
				return f.String
			case f.Type == zapcore.Int64Type:
				return f.Integer
			}
			enc := zapcore.NewMapObjectEncoder()
			f.AddTo(enc)
			return enc.Fields[key]
		}
	}
	return nil
}

func (e event) text(key string) string {
	text, _ := e.value(key).(string)
	return e.redact(text)
}

func (e event) number(key string) int {
	n, _ := e.value(key).(int64)
	return int(n)
}

func (e event) is(key string) bool {
	is, _ := e.value(key).(bool)
	return is
}

func (e event) texts(key string) []string {
	list, _ := e.value(key).([]any)
	var texts []string
	for _, item := range list {
		texts = append(texts, e.redact(fmt.Sprint(item)))
	}
	return texts
}

// group is a field that has fields of its own.
func (e event) group(key string) map[string]string {
	fields, _ := e.value(key).(map[string]any)
	if len(fields) == 0 {
		return nil
	}
	texts := make(map[string]string, len(fields))
	for name, value := range fields {
		texts[name] = e.redact(fmt.Sprint(value))
	}
	return texts
}
