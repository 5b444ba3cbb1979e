package logs

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"spa-runner/internal/logs/screen"
	"spa-runner/internal/redact"
)

// shown is a terminal that looks at itself after each write.
type shown struct {
	t      *testing.T
	screen *screen.Screen
	seen   map[string]bool // last lines
}

func (s *shown) Write(p []byte) (int, error) {
	if _, err := s.screen.Write(p); err != nil {
		s.t.Error(err)
	}
	if !bytes.ContainsRune(p, '\x1b') {
		return len(p), nil
	}
	lines := s.screen.Lines()
	for i, line := range lines {
		if live := strings.ContainsAny(line, strings.Join(frames, "")); live && i < len(lines)-1 {
			s.t.Fatalf("the line is left behind in line %d of %d: %q", i+1, len(lines), line)
		}
	}
	s.seen[lines[len(lines)-1]] = true
	return len(p), nil
}

// play has a run with a child that prints all that a child may.
func play(t *testing.T, out io.Writer, long int, width func() int) {
	t.Helper()
	l := New(Options{Writer: out, Format: Console, Redactor: redact.New(), Run: "r", Color: true, Width: width})
	defer l.Close()
	l.Plan([]string{"make-lint", "make-all-tests"})
	log := l.Logger(2)
	log.Info("run started")
	for _, step := range []string{"make-lint", "make-all-tests", "look-again"} {
		own := log.With(zap.String("step", step), zap.String("scope", "none"))
		own.Info("step started")
		time.Sleep(liveEvery * 5 / 2)
		child := l.Output(2)(step, "none", "stdout")
		for _, text := range []string{
			"one line\n", "the beginning", " and the end\nand the next", "\n", "\x1b[41mred, and no end to it\n", "日本語のテスト, wide and long\n",
			strings.Repeat("long ", 30) + "\n", strings.Repeat("x", 15) + "\n" + strings.Repeat("y", 16) + "\n" + strings.Repeat("z", 17) + "\n",
			strings.Repeat("a line that is far too long, and comes in parts; ", long), "10%\r20%\r\n", "\n\n", "the end is missing",
		} {
			_, _ = io.WriteString(child, text)
			time.Sleep(liveEvery)
			own.Warn("something", zap.String("of", step))
			time.Sleep(liveEvery * 3 / 2)
		}
		_ = l.Text("half of a line")
		time.Sleep(liveEvery * 5 / 2)
		_ = l.Text(", and the other half\n")
		_ = child.Close()
		long = 3
		own.Info("step finished")
		time.Sleep(liveEvery * 3)
	}
	_ = l.Text("the summary\nwithout its end")
}

// What is on the screen in the end is what is there without the line, on a narrow
// terminal too; and at no time is anything of it above what comes next.
func TestTheLiveLineLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, width := range []int{5, 12, 20, 80, 200} {
		synctest.Test(t, func(t *testing.T) {
			with, without := &shown{t, screen.New(width), map[string]bool{}}, screen.New(width)
			long := 3
			if width == 80 {
				long = 1500 // more than is kept of a line
			}
			play(t, without, long, nil)
			play(t, with, long, func() int { return width })
			got, want := with.screen.Lines(), without.Lines()
			if !slices.Equal(got, want) {
				t.Errorf("%d columns: got\n%s\nwant\n%s", width, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if with.screen.Rows() != without.Rows() || with.screen.Style() != without.Style() {
				t.Errorf("%d columns: %d rows and style %q, want %d and %q", width, with.screen.Rows(), with.screen.Style(), without.Rows(), without.Style())
			}
			for _, frame := range strings.Join(frames, "") {
				if looks := with.screen.Looks(frame); looks != "" {
					t.Errorf("%d columns: the line has the colours of the child: %q", width, looks)
				}
			}
			want = map[int][]string{
				5: {}, 12: {"⠋ make~  0s", "⠙ make~  0s", "⠙ look~  2s"}, 20: {"⠋ make-lint  0s", "⠹ make-all-tes~  2s", "⠸ look-again  1s"},
				80: {"⠋ make-lint  0s  (pass 2, 1 of 2)", "⠹ make-all-tests  2s  (pass 2, 2 of 2)", "⠸ look-again  1s  (pass 2)"}, 200: {"⠋ make-lint  0s  (pass 2, 1 of 2)"},
			}[width]
			for _, line := range want {
				if !with.seen[line] {
					t.Errorf("%d columns: %q was never there", width, line)
				}
			}
			for line := range with.seen {
				if len(want) == 0 && strings.ContainsAny(line, strings.Join(frames, "")) {
					t.Errorf("%d columns: there is %q", width, line)
				}
			}
		})
	}
}

func TestTheScreenOfARunThatGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		terminal := screen.New(40)
		l := New(Options{Writer: terminal, Format: Console, Redactor: redact.New(), Run: "r", Width: func() int { return 40 }})
		defer l.Close()
		l.Plan([]string{"make-lint", "make-all-tests", "make-deploy"})
		log := l.Logger(1).With(zap.String("step", "make-all-tests"), zap.String("scope", "none"))
		log.Info("step started")
		child := l.Output(1)("make-all-tests", "none", "stdout")
		_, _ = io.WriteString(child, "collected 206 items\ntest_a.py .....")
		time.Sleep(83*time.Second + liveEvery/2)
		synctest.Wait()
		want := "\nmake-all-tests\n  | collected 206 items\n⠏ make-all-tests  1m23s  (2 of 3)"
		if got := strings.Join(terminal.Lines(), "\n"); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		// What ends a run early ends it too, without a word of the step.
		step := l.sink.live.done
		l.Close()
		l.Close()
		l.sink.draw(step) // it was about to
		time.Sleep(time.Second)
		want = "\nmake-all-tests\n  | collected 206 items\n"
		if got := strings.Join(terminal.Lines(), "\n"); got != want {
			t.Errorf("after its end: got\n%s\nwant\n%s", got, want)
		}
	})
}

// The width is that of the moment: nothing of a wider line is left, and no line wraps.
func TestTheTerminalIsResized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		width := 60
		terminal := &shown{t, screen.New(200), map[string]bool{}}
		l := New(Options{Writer: terminal, Format: Console, Redactor: redact.New(), Run: "r", Width: func() int { mu.Lock(); defer mu.Unlock(); return width }})
		l.Logger(3).Info("step started", zap.String("step", "make-all-tests"))
		for _, columns := range []int{60, 20, 12, 9, 0} {
			mu.Lock()
			width = columns
			mu.Unlock()
			time.Sleep(2 * liveEvery)
			synctest.Wait()
			lines := terminal.screen.Lines()
			got := []rune(lines[len(lines)-1])
			want := map[int]string{
				60: " make-all-tests  0s  (pass 3)", 20: " make-all-tes~  0s", 12: " make~  0s", 9: "", 0: " make-all-tests  1s  (pass 3)",
			}[columns]
			if string(got[min(1, len(got)):]) != want {
				t.Errorf("%d columns: got %q, want %q", columns, string(got), want)
			}
		}
		l.Close()
	})
}

// Only a console that is a terminal has it.
func TestNoLiveLineElsewhere(t *testing.T) {
	for _, format := range []Format{Mixed, JSON} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			l := New(Options{Writer: &out, Format: format, Redactor: redact.New(), Run: "r", Width: func() int { return 80 }})
			l.Plan([]string{"make-lint"})
			l.Logger(1).Info("step started", zap.String("step", "make-lint"))
			time.Sleep(time.Minute)
			l.Close()
			if got := out.String(); strings.Contains(got, "\x1b") || strings.Count(got, "\n") != 1 {
				t.Errorf("%s: %q", format, got)
			}
		})
	}
}

// However much a child prints, the line costs it nothing: it is drawn by time.
func TestTheLiveLineIsDrawnByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := New(Options{Writer: &out, Format: Console, Redactor: redact.New(), Run: "r", Width: func() int { return 80 }})
		l.Logger(1).Info("step started", zap.String("step", "make-lint"))
		child := l.Output(1)("make-lint", "none", "stdout")
		for i := range 10_000 {
			fmt.Fprintf(child, "line %d\n", i)
			time.Sleep(time.Millisecond)
		}
		_ = child.Close()
		l.Close()
		if drawn := strings.Count(out.String(), "⠋") * len(frames); drawn < 90 || drawn > 110 {
			t.Errorf("in ten seconds with 10,000 lines it was drawn %d times, want about 100", drawn)
		}
	})
}
