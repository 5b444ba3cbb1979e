package logs

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// What is kept of what a step printed: as much as fits a screen.
const (
	tailLines = 30
	tailWidth = 1000 // bytes of a line
)

// tail remembers the last lines that the children of one step printed, of all
// their streams, in the order in which they came. It looks at a block from its
// end, so that a million lines cost no more than the last ones of each block.
type tail struct {
	mu    sync.Mutex
	pass  int
	step  string
	lines [tailLines][]byte // a ring
	count int               // of all that were added
}

// LastLines are the last that the children of a step printed, redacted, without
// colours and the like: at most 30, of which one that is too long is cut. Those of
// a step are there until another one prints.
func (l *Log) LastLines(pass int, step string) []string {
	t := &l.tail
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pass != pass || t.step != step {
		return nil
	}
	var lines []string
	for i := max(0, t.count-tailLines); i < t.count; i++ {
		line, cut := t.lines[i%tailLines], ""
		if len(line) > tailWidth {
			end := tailWidth
			for end > tailWidth-utf8.UTFMax && !utf8.RuneStart(line[end]) {
				end--
			}
			line, cut = line[:end], "…"
		}
		line = l.sink.redactor.Bytes(stripANSI(line)) // without its colours it may spell a secret
		lines = append(lines, strings.ToValidUTF8(strings.TrimSuffix(string(line), "\r"), "\ufffd")+cut)
	}
	return lines
}

// watch shows a tail what goes on to a stream of a child of a step. What another
// step printed is forgotten.
func (t *tail) watch(pass int, step string, to io.WriteCloser) io.WriteCloser {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pass != pass || t.step != step {
		t.pass, t.step, t.count = pass, step, 0
	}
	return &watched{WriteCloser: to, tail: t, pass: pass, step: step}
}

// watched is one stream.
type watched struct {
	io.WriteCloser
	tail    *tail
	pass    int
	step    string
	partial []byte // the beginning of a line of which the end has not come
}

func (w *watched) Write(p []byte) (int, error) {
	w.keep(p)
	return w.WriteCloser.Write(p)
}

// Close takes a last line that has no end.
func (w *watched) Close() error {
	if len(w.partial) > 0 {
		w.tail.add(w.pass, w.step, w.partial)
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
	for ; n > 0; n-- {
		w.tail.add(w.pass, w.step, last[n-1])
	}
	w.partial = w.partial[:0]
	w.begin(rest)
}

// begin adds to the beginning of a line, of which one byte too many says that it is
// to be cut.
func (w *watched) begin(p []byte) {
	w.partial = append(w.partial, p[:min(len(p), tailWidth+1-len(w.partial))]...)
}

func (t *tail) add(pass int, step string, line []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pass != pass || t.step != step {
		return // it is over, and nobody asks for it any more
	}
	slot := &t.lines[t.count%tailLines]
	*slot = append((*slot)[:0], line[:min(len(line), tailWidth+1)]...)
	t.count++
}
