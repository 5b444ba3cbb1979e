package logs

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Whatever blocks a text comes in, its last lines are the same.
func TestLastLinesHoweverTheyAreTorn(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var lines []string
		for range random.IntN(3 * tailLines) {
			lines = append(lines, strings.Repeat("x", random.IntN(random.IntN(40)+1)))
		}
		text := strings.Join(lines, "\n")
		want := strings.Split(text, "\n")
		if want[len(want)-1] == "" {
			want = want[:len(want)-1] // no line begins behind the last end of one
		}
		want = want[max(0, len(want)-tailLines):]
		var blocks []string
		for rest := text; rest != ""; {
			n := min(len(rest), 1+random.IntN(1+random.IntN(400)))
			blocks, rest = append(blocks, rest[:n]), rest[n:]
		}
		l, _ := newTestLog(JSON)
		child(t, l, blocks...)
		if got := l.LastLines(1, "make-lint"); !slices.Equal(got, want) {
			t.Fatalf("%q: got %q, want %q", blocks, got, want)
		}
	}
}

func TestLastLinesAreThoseOfOneStep(t *testing.T) {
	l, _ := newTestLog(Mixed)
	child(t, l, "of lint\n")
	if got := l.LastLines(1, "make-all-tests"); got != nil {
		t.Errorf("another step has %q", got)
	}
	if got := l.LastLines(2, "make-lint"); got != nil {
		t.Errorf("another pass has %q", got)
	}
	out := l.Output(1)("make-all-tests", "none", "stdout")
	err := l.Output(1)("make-all-tests", "none", "stderr")
	for _, part := range []struct {
		to   io.Writer
		text string
	}{{out, "one\nhalf of "}, {err, "two\n"}, {out, "three\nno end"}} {
		if _, err := io.WriteString(part.to, part.text); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = err.Close(), out.Close()
	if got, want := l.LastLines(1, "make-all-tests"), []string{"one", "two", "half of three", "no end"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What came on one stream at the same time as a flood on the other is not lost, and what
// came long before it is.
func TestAnErrorIsNotLostInARace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := newTestLog(JSON)
		out, err := l.Output(1)("make-lint", "none", "stdout"), l.Output(1)("make-lint", "none", "stderr")
		numbers := func(name string, n int) (text string) {
			for i := range n {
				text += fmt.Sprintln(name, i)
			}
			return text
		}
		_, _ = io.WriteString(err, numbers("old", 5))
		time.Sleep(tailRace)
		_, _ = io.WriteString(err, numbers("error", 12))
		_, _ = io.WriteString(out, numbers("flood", 100))
		_, _ = err.Close(), out.Close()
		want := strings.Split(strings.TrimSpace(numbers("error", 12)+numbers("flood", 100)), "\n")
		want = slices.Concat(want[2:12], want[12+80:])
		if got := l.LastLines(1, "make-lint"); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestLastLinesAreHarmless(t *testing.T) {
	l, _ := newTestLog(Console)
	long := strings.Repeat("aé", 1<<19) // 1.5 MB
	child(t, l, "a \x1b[31mred\x1b[0m \x1b]0;title\a"+secret[:9]+"\x1b[1m"+secret[9:]+"\r\n", "b "+secret[:7], secret[7:]+"\n", "\xff\n", long, "\nlast")
	got := l.LastLines(1, "make-lint")
	want := []string{"a red ***", "b ***", "\ufffd", "", "last"}
	if len(got) != len(want) {
		t.Fatalf("got %d lines: %.200q", len(got), got)
	}
	if cut := got[3]; len(cut) > tailWidth+len("…") || !strings.HasPrefix(long, strings.TrimSuffix(cut, "…")) || !strings.HasSuffix(cut, "é…") && !strings.HasSuffix(cut, "a…") {
		t.Errorf("a long line is %d bytes, ending in %q", len(cut), cut[len(cut)-8:])
	}
	got[3] = ""
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	var kept int
	for _, line := range l.tail.rings["stdout"].lines {
		kept += cap(line.text)
	}
	if kept > 3*tailLines*tailWidth {
		t.Errorf("%d bytes are kept", kept)
	}
}

// The cost of the tail, for blocks as a pipe gives them and for single lines.
func BenchmarkTail(b *testing.B) {
	for _, lines := range []int{1, 5000} {
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			block := []byte(strings.Repeat("collected 206 items / 3 deselected / 203 selected\n", lines))
			w := (&tail{}).watch(1, "make-lint", "stdout", discard{})
			b.SetBytes(int64(len(block)))
			for b.Loop() {
				_, _ = w.Write(block)
			}
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }

// A line is not cut within a secret that the colours in it hid from the stream, nor
// within one that was told since: its beginning would be left.
func TestALongLineIsNotCutWithinASecret(t *testing.T) {
	const born = "born-later-and-long"
	for before := tailWidth - 30; before <= tailWidth; before++ {
		for _, split := range []int{1, 9, len(secret) - 1} {
			l, _ := newTestLog(Console)
			child(t, l, strings.Repeat(".", before)+secret[:split]+"\x1b[1m"+secret[split:]+"..\n", strings.Repeat(".", before)+born+"\n")
			l.sink.redactor.Add(born)
			for _, line := range l.LastLines(1, "make-lint") {
				if rest := strings.Trim(strings.ReplaceAll(line, "***", ""), ".…"); rest != "" {
					t.Fatalf("after %d bytes, split at %d: %q is left", before, split, rest)
				}
			}
		}
	}
}
