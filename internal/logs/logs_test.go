package logs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"spa-runner/internal/redact"
)

const secret = "kLmN0pQrStUvWxYz0123"

func newTestLog(f Format) (*Log, *bytes.Buffer) {
	out := &bytes.Buffer{}
	r := redact.New()
	r.Add(secret)
	return New(Options{Writer: out, Format: f, Redactor: r, Run: "run-1"}), out
}

// child writes through the output of a step and closes it.
func child(t *testing.T, l *Log, writes ...string) {
	t.Helper()
	w := l.Output(1)("make-lint", "none", "stdout")
	for _, text := range writes {
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestResolve(t *testing.T) {
	for _, test := range []struct {
		format              Format
		terminal, codeBuild bool
		want                Format
	}{
		{Auto, true, false, Console},
		{Auto, false, true, Mixed},
		{Auto, false, false, JSON},
		{"", false, false, JSON},
		{Console, false, true, Console},
	} {
		if got := test.format.Resolve(test.terminal, test.codeBuild); got != test.want {
			t.Errorf("%+v: got %s", test, got)
		}
	}
}

func TestEveryLineOfJSONIsAnEventOfTheSchema(t *testing.T) {
	l, out := newTestLog(JSON)
	began := time.Now().Truncate(time.Second) // for what a time in the log leaves out
	l.Logger(1).With(zap.String("step", "make-lint"), zap.String("scope", "none")).Info("step started")
	child(t, l, "plain\n", "with \"quotes\" \\ and\ttabs\r\n", "\x1b[31mred\x1b[0m \x07 \xff\n", "käse 日本\n", "no end")
	if err := l.Text("a summary"); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for i, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
		var event map[string]any
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		ts, err := time.Parse(time.RFC3339, fmt.Sprint(event["ts"]))
		if err != nil {
			t.Errorf("ts %v: %v", event["ts"], err)
		}
		if ts.Before(began) || ts.After(time.Now()) {
			t.Errorf("ts %v is not within this test, which began at %v", ts, began)
		}
		if !strings.HasSuffix(fmt.Sprint(event["ts"]), "Z") {
			t.Errorf("ts %v is not in UTC", event["ts"])
		}
		for name, want := range map[string]any{"level": "info", "run": "run-1", "pass": 1.0, "step": "make-lint", "scope": "none"} {
			if event[name] != want {
				t.Errorf("line %d: %s is %v, want %v", i, name, event[name], want)
			}
		}
		if event["msg"] == "output" {
			if event["stream"] != "stdout" {
				t.Errorf("stream is %v", event["stream"])
			}
			lines = append(lines, fmt.Sprint(event["line"]))
		}
	}
	want := []string{"plain", "with \"quotes\" \\ and\ttabs", "red \a \ufffd", "käse 日本", "no end"}
	if got := fmt.Sprintf("%q", lines); got != fmt.Sprintf("%q", want) {
		t.Errorf("got %s, want %q", got, want)
	}
}

func TestNoChildForgesAnEvent(t *testing.T) {
	l, out := newTestLog(Mixed)
	forged := `{"level":"info","msg":"run finished"}`
	child(t, l, forged+"\n"+forged+"\n", "x\n"+forged+"\nas it is \x1b[1m {}\n", "unfinished ", forged, "\n{", "\n",
		"\ufeff"+forged+"\n \t\r\v\u2028"+forged+forged+"\n", "x\r"+forged+"y\u0085 "+forged+"\n",
		"\x1b[0m"+forged+"\n\x1b[1m x \x1b[0m{\n")
	want := "| " + forged + "\n| " + forged + "\nx\n| " + forged + "\nas it is \x1b[1m {}\nunfinished " + forged + "\n| {\n" +
		"\ufeff| " + forged + "\n \t\r\v\u2028| " + forged + forged + "\nx\r| " + forged + "y\u0085 | " + forged + "\n" +
		"\x1b[0m| " + forged + "\n\x1b[1m x \x1b[0m{\n"
	if err := l.Text("summary\n{\"msg\":\"run finished\"}\n"); err != nil {
		t.Fatal(err)
	}
	want += "summary\n| {\"msg\":\"run finished\"}\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}

func TestAnEventNeverStartsInsideAChildsLine(t *testing.T) {
	l, out := newTestLog(Mixed)
	w := l.Output(1)("make-lint", "none", "stdout")
	_, _ = io.WriteString(w, "whole\nhalf a ")
	l.Logger(1).Warn("in between")
	_, _ = io.WriteString(w, "line\n")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if lines[0] != "whole" || !strings.HasPrefix(lines[1], `{"level":"warn"`) || lines[2] != "half a line" {
		t.Errorf("got %q", lines)
	}
}

func TestLongLinesComeInParts(t *testing.T) {
	l, out := newTestLog(JSON)
	long := strings.Repeat("aé", maxLine/2)
	for _, writes := range [][]string{{long + "\nnext\n"}, {long[:1000], long[1000:], "\nnext\n"}} {
		out.Reset()
		child(t, l, writes...)
		var joined string
		var parts []float64
		for line := range strings.Lines(out.String()) {
			var event struct {
				Line string
				Part float64
			}
			if err := json.Unmarshal([]byte(line), &event); err != nil {
				t.Fatal(err)
			}
			if len(event.Line) > maxLine {
				t.Errorf("a piece of %d bytes, want at most %d", len(event.Line), maxLine)
			}
			parts = append(parts, event.Part)
			joined += event.Line
		}
		if joined != long+"next" || fmt.Sprint(parts) != "[1 2 0]" {
			t.Errorf("got %d bytes in parts %v, want %d in [1 2 0]", len(joined), parts, len(long)+4)
		}
	}
}

func TestSecretsAreNowhere(t *testing.T) {
	for _, format := range []Format{Console, JSON, Mixed} {
		l, out := newTestLog(format)
		child(t, l, "a "+secret[:7], secret[7:]+" b\n", secret)
		l.Logger(1).Error("event "+secret, zap.String("field", "x"+secret), zap.Error(fmt.Errorf("%s", secret)))
		if err := l.Text("summary " + secret); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), secret) || !strings.Contains(out.String(), "a *** b") {
			t.Errorf("%s: got %q", format, out.String())
		}
	}
}

func TestConsoleIsForPeople(t *testing.T) {
	l, out := newTestLog(Console)
	log := l.Logger(1).With(zap.String("step", "clone-code"), zap.String("scope", "none"))
	log.Info("step started", zap.Dict("params", zap.String("url", "x")))
	log.Info("code cloned", zap.String("commit", "abc"))
	log.Warn("careful")
	log.Info("settings file", zap.String("file", "x\x1b[2J\n"))
	child(t, l, "one\ntwo")
	log.Error("step failed", zap.String("error", "bad:\n- x"), zap.String("hint", "mend it"), zap.Int("took_ms", 7))
	l.Logger(1).Error("run failed", zap.Int("exit_code", 2), zap.String("error", "bad"), zap.String("hint", "mend it"))
	want := "\nclone-code\n  code cloned  commit=abc\n  warning: careful\n  settings file  file=\"x\\x1b[2J\\n\"\n  | one\n  | two\n" +
		"  step failed  took_ms=7\n    error=bad:\n      - x\n    hint=mend it\n  run failed  exit_code=2\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}

func TestANSI(t *testing.T) {
	for in, want := range map[string]string{
		"a\x1b[1;31mb\x1b[0mc":            "abc",
		"\x1b]0;title\ax\x1b]8;;u\x1b\\y": "xy",
		"\x1b(Bz\x1b=k\x1b":               "zk",
		"\x1b[31\x01x":                    `\u0001x`,
		"\x1b[":                           "",
	} {
		if got := string(appendJSON(nil, stripANSI([]byte(in)))); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzAppendJSON(f *testing.F) {
	f.Add([]byte("a\x1b[31m\"\\\xff\n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		var text string
		if err := json.Unmarshal([]byte(`"`+string(appendJSON(nil, stripANSI(line)))+`"`), &text); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		if strings.ContainsRune(text, '\x1b') {
			t.Errorf("%q: an escape is left in %q", line, text)
		}
	})
}

func BenchmarkOutput(b *testing.B) {
	block := []byte(strings.Repeat("collected 206 items / 3 deselected / 203 selected\n", 1300))
	for _, format := range []Format{JSON, Mixed} {
		b.Run(string(format), func(b *testing.B) {
			r := redact.New()
			r.Add(secret)
			w := New(Options{Writer: io.Discard, Format: format, Redactor: r, Run: "run-1"}).Output(1)("make-lint", "none", "stdout")
			b.SetBytes(int64(len(block)))
			for b.Loop() {
				_, _ = w.Write(block)
			}
		})
	}
}

func TestATextOfOursDoesNothingToATerminal(t *testing.T) {
	const secret = "se\x1bcr\"et-value"
	for _, format := range []Format{Console, Mixed} {
		l, out := newTestLog(format)
		l.sink.redactor.Add(secret)
		if err := l.Text("✔ \x1b[2Jgone\r\x9b\u202e\ufffd\ttab\n  " + secret + "\n"); err != nil {
			t.Fatal(err)
		}
		if want := "✔ \\x1b[2Jgone\\r\\x9b\\u202e\ufffd\ttab\n  ***\n"; out.String() != want {
			t.Errorf("%s: got %q, want %q", format, out.String(), want)
		}
	}
}
