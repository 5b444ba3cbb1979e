package logs

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// console writes events for a person: a head line where a step begins, and under it
// what it has to say, data as name=value.
type console struct {
	sink  *sink
	color bool
}

func newConsoleCore(s *sink, color bool) zapcore.Core {
	return Observe(console{sink: s, color: color}.write)
}

// Escape codes of a terminal (ECMA-48).
const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

func (c console) paint(code, text string) string {
	if !c.color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// silentFields are those that a person has seen above, will see below, or need not see.
var silentFields = []string{
	"run", "pass", "step", "scope", "params", "sources", "passes_before", "report",
	"runner_commit", "go", "os", "arch", "rehearsal", "url", "pinned", "sha256", "size",
}

func (c console) write(e zapcore.Entry, with, own []zapcore.Field) error {
	all := slices.Concat(with, own)
	values := fieldValues(all)
	var line strings.Builder
	switch {
	case e.Message == "step started":
		fmt.Fprintf(&line, "\n%s", c.paint(bold, fmt.Sprintf("%v", values["step"])))
		if scope := values["scope"]; scope != "none" {
			fmt.Fprintf(&line, "  as %v", scope)
		}
	case e.Level >= zap.ErrorLevel:
		fmt.Fprintf(&line, "  %s", c.paint(red, e.Message))
	case e.Level == zap.WarnLevel:
		fmt.Fprintf(&line, "  %s %s", c.paint(yellow, "warning:"), e.Message)
	default:
		fmt.Fprintf(&line, "  %s", e.Message)
	}
	line.WriteString(c.data(e.Message, all))
	line.WriteByte('\n')
	_, err := c.sink.Write([]byte(line.String()))
	return err
}

// data is that of an event. Why a step failed is long, and has lines of its own; why
// the run did, the summary says, which follows.
func (c console) data(message string, fields []zapcore.Field) string {
	paint := func(name string) string { return c.paint(faint, name) }
	if !slices.Contains([]string{"step failed", "run failed", "run held"}, message) {
		return dataText(fields, paint)
	}
	short, long, values := []zapcore.Field{}, "", fieldValues(fields)
	for _, f := range fields {
		if !slices.Contains([]string{"error", "hint", "why"}, f.Key) {
			short = append(short, f)
		} else if message == "step failed" {
			long += fmt.Sprintf("\n    %s%s", paint(f.Key+"="), printable(values[f.Key]))
		}
	}
	return dataText(short, paint) + long
}

// Data is the data of an event as a person reads it, each after two spaces: name=value.
func Data(fields []zapcore.Field) string {
	return dataText(fields, func(name string) string { return name })
}

func dataText(fields []zapcore.Field, paint func(string) string) string {
	var text strings.Builder
	values := fieldValues(fields)
	for _, f := range fields {
		if slices.Contains(silentFields, f.Key) || f.Type == zapcore.SkipType {
			continue
		}
		if group, ok := values[f.Key].(map[string]any); ok { // a line each
			for _, name := range slices.Sorted(maps.Keys(group)) {
				fmt.Fprintf(&text, "\n    %s%s", paint(name+"="), printable(group[name]))
			}
			continue
		}
		fmt.Fprintf(&text, "  %s%s", paint(f.Key+"="), printable(values[f.Key]))
	}
	return text.String()
}

// printable quotes a value that would do something to a terminal or begin a line
// of its own; the lines of an error stay lines.
func printable(value any) string {
	text := fmt.Sprint(value)
	odd := func(r rune) bool { return r != '\n' && !strconv.IsPrint(r) }
	if strings.IndexFunc(text, odd) >= 0 {
		return strconv.Quote(text)
	}
	return strings.ReplaceAll(text, "\n", "\n      ")
}

// Harmless is a text of our own for people, whatever the names in it: what would
// do something to a terminal is shown as Go writes it, \x1b. Lines stay lines.
func Harmless(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if r == '\n' || r == '\t' || strconv.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			b.WriteString(text[:size])
		} else {
			quoted := strconv.Quote(text[:size])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		text = text[size:]
	}
	return b.String()
}

// fieldValues decodes fields as zap would encode them.
func fieldValues(fields []zapcore.Field) map[string]any {
	enc := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(enc)
	}
	return enc.Fields
}
