package logs

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// What is kept of what a step printed: as much as fits a screen.
const (
	tailLines = 30
	tailWidth = 1000 // bytes of a line
)

// Two streams race: what came last on one may arrive before what came before it on the
// other, and an error must not be lost behind that.
const (
	tailRace = time.Second // between lines that may have come in the other order
	tailEach = 10          // lines that a stream keeps in such a race
)

// tail remembers the last lines that the children of one step printed, on each stream.
// It looks at a block from its end, so that a million lines cost no more than the last
// ones of each block.
type tail struct {
	mu    sync.Mutex
	pass  int
	step  string
	rings map[string]*ring // by the name of the stream
	count int              // of all lines that were added
}

// ring has the last lines of one stream.
type ring struct {
	lines [tailLines]tailLine
	count int // of all that were added
}

type tailLine struct {
	text  []byte // one byte longer than tailWidth says that it is cut
	order int    // among those of all streams
	at    time.Time
}

// LastLines are the last that the children of a step printed, redacted, without
// colours and the like, in the order in which they came: at most 30, of which one that
// is too long is cut. Those of a step are there until another one prints.
func (l *Log) LastLines(pass int, step string) []string {
	t := &l.tail
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pass != pass || t.step != step {
		return nil
	}
	var lines []string
	for _, line := range t.last() {
		text, cut, redact := line.text, "", l.sink.redactor.Bytes
		if len(text) > tailWidth {
			text, cut, redact = text[:cutAt(text, tailWidth)], "…", l.redactBeginning
		}
		text = redact(stripANSI(text)) // without its colours it may spell a secret
		lines = append(lines, strings.ToValidUTF8(strings.TrimSuffix(string(text), "\r"), "\ufffd")+cut)
	}
	return lines
}

// redactBeginning is for a line that was cut: it leaves out what may be the beginning of
// a secret at the end. The stream is not closed, since that would write it.
func (l *Log) redactBeginning(text []byte) []byte {
	var whole bytes.Buffer
	_, _ = l.sink.redactor.Writer(&whole).Write(text) // a buffer takes all
	return whole.Bytes()
}

// last picks the last lines of all streams.
func (t *tail) last() []tailLine {
	var all, kept []tailLine
	for _, r := range t.rings {
		for i := max(0, r.count-tailLines); i < r.count; i++ {
			all = append(all, r.lines[i%tailLines])
			if i >= r.count-tailEach {
				kept = append(kept, r.lines[i%tailLines])
			}
		}
	}
	byOrder := func(a, b tailLine) int { return a.order - b.order }
	slices.SortFunc(all, byOrder)
	over := len(all) - tailLines
	if over <= 0 {
		return all
	}
	newest := all[len(all)-1].at
	return slices.DeleteFunc(all, func(line tailLine) bool {
		raced := newest.Sub(line.at) < tailRace && slices.ContainsFunc(kept, func(k tailLine) bool { return k.order == line.order })
		if over <= 0 || raced {
			return false
		}
		over--
		return true
	})
}

// watch shows a tail what goes on to a stream of a child of a step. What another
// step printed is forgotten.
func (t *tail) watch(pass int, step, stream string, to io.WriteCloser) io.WriteCloser {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pass != pass || t.step != step {
		t.pass, t.step, t.rings = pass, step, map[string]*ring{}
	}
	if t.rings[stream] == nil {
		t.rings[stream] = &ring{}
	}
	return &watched{WriteCloser: to, tail: t, ring: t.rings[stream]}
}

// watched is one stream.
type watched struct {
	io.WriteCloser
	tail    *tail
	ring    *ring
	partial []byte // the beginning of a line of which the end has not come
}

func (w *watched) Write(p []byte) (int, error) {
	w.keep(p)
	return w.WriteCloser.Write(p)
}

// Close takes a last line that has no end.
func (w *watched) Close() error {
	if len(w.partial) > 0 {
		w.tail.add(w.ring, w.partial)
	}
	w.partial = nil
	return w.WriteCloser.Close()
}

func (w *watched) keep(block []byte) {
	end := bytes.LastIndexByte(block, '\n')
	if end < 0 {
		w.begin(block)
		return
	}
	whole, rest := block[:end], block[end+1:]
	var last [tailLines][]byte // from the end
	n := 0
	for n < tailLines {
		start := bytes.LastIndexByte(whole, '\n') + 1
		last[n] = whole[start:]
		n++
		if start == 0 { // its beginning came with the block before
			w.begin(whole)
			last[n-1] = w.partial
			break
		}
		whole = whole[:start-1]
	}
	slices.Reverse(last[:n])
	w.tail.add(w.ring, last[:n]...)
	w.partial = w.partial[:0]
	w.begin(rest)
}

// begin adds to the beginning of a line, of which one byte too many says that it is
// to be cut.
func (w *watched) begin(p []byte) {
	w.partial = append(w.partial, p[:min(len(p), tailWidth+1-len(w.partial))]...)
}

func (t *tail) add(to *ring, lines ...[]byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for _, line := range lines {
		slot := &to.lines[to.count%tailLines]
		slot.text = append(slot.text[:0], line[:min(len(line), tailWidth+1)]...)
		slot.order, slot.at = t.count, now
		to.count++
		t.count++
	}
}
