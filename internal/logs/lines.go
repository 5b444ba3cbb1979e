package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"time"
	"unicode/utf8"
)

// maxLine is the longest piece of a line that is written as one: a longer line
// comes in parts, so that memory is bounded and no log service cuts it.
const maxLine = 64 << 10

// lineWriter cuts a stream into lines and writes all the whole ones of a block
// at once: what makes many lines cheap is that they are read, encoded and
// written together.
type lineWriter struct {
	w io.Writer
	// encode appends one line, without its end, to dst. Part counts the pieces
	// of a line that is too long, from 1; 0 is a whole line.
	encode func(dst, line []byte, now time.Time, part int) []byte
	// block, if set, does the same for a block of whole lines, ends included.
	block func(dst, lines []byte) []byte
	// asTheyAre, if set, says that a block is encoded already. It saves a copy.
	asTheyAre func(lines []byte) bool

	partial []byte // the beginning of a line of which the end has not come
	part    int    // pieces of it that have been written
	out     []byte
}

func (l *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	now := time.Now()
	if len(l.partial) > 0 || l.part > 0 {
		p = l.finishPartial(p, now)
	}
	end := bytes.LastIndexByte(p, '\n') + 1
	var err error
	if lines := p[:end]; l.asTheyAre != nil && l.asTheyAre(lines) {
		err = errors.Join(l.flush(), write(l.w, lines))
	} else {
		l.encodeLines(lines, now)
	}
	l.partial = append(l.partial, p[end:]...)
	l.cutPartial(now)
	return n, errors.Join(err, l.flush())
}

// finishPartial takes the end of the line that was begun off p.
func (l *lineWriter) finishPartial(p []byte, now time.Time) []byte {
	end := bytes.IndexByte(p, '\n')
	if end < 0 {
		return p
	}
	l.partial = append(l.partial, p[:end]...)
	l.cutPartial(now)
	l.endPartial(now)
	return p[end+1:]
}

// cutPartial writes what is too long to wait for its end.
func (l *lineWriter) cutPartial(now time.Time) {
	for len(l.partial) > maxLine {
		cut := cutAt(l.partial, maxLine)
		l.part++
		l.out = l.encode(l.out, l.partial[:cut], now, l.part)
		l.partial = append(l.partial[:0], l.partial[cut:]...)
	}
}

// cutAt is where a text that has more than so many bytes is cut: there, or before the
// character in which that is.
func cutAt(text []byte, most int) int {
	at := most
	for at > most-utf8.UTFMax && !utf8.RuneStart(text[at]) {
		at--
	}
	return at
}

func (l *lineWriter) endPartial(now time.Time) {
	if l.part > 0 {
		l.part++
	}
	l.out = l.encode(l.out, l.partial, now, l.part)
	l.partial, l.part = l.partial[:0], 0
}

func (l *lineWriter) encodeLines(lines []byte, now time.Time) {
	if l.block != nil {
		l.out = l.block(l.out, lines)
		return
	}
	for len(lines) > 0 {
		end := bytes.IndexByte(lines, '\n')
		line := lines[:end]
		lines = lines[end+1:]
		if len(line) > maxLine {
			l.partial = append(l.partial[:0], line...)
			l.cutPartial(now)
			l.endPartial(now)
			continue
		}
		l.out = l.encode(l.out, line, now, 0)
	}
}

func (l *lineWriter) flush() error {
	err := write(l.w, l.out)
	l.out = l.out[:0]
	return err
}

func write(w io.Writer, text []byte) error {
	if len(text) == 0 {
		return nil
	}
	_, err := w.Write(text)
	return err
}

// Close writes a last line that has no end.
func (l *lineWriter) Close() error {
	if len(l.partial) > 0 {
		l.endPartial(time.Now())
	}
	return l.flush()
}

// consoleMargin sets a child's lines apart from the runner's.
const consoleMargin = "  | "

// lineEncoder encodes single lines in the format of the log.
func (l *Log) lineEncoder(pass int, step, scope, stream string) func(dst, line []byte, now time.Time, part int) []byte {
	if l.format != JSON {
		block := blockEncoder(l.format)
		return func(dst, line []byte, _ time.Time, _ int) []byte {
			return block(dst, append(line[:len(line):len(line)], '\n'))
		}
	}
	// Everything but time and line is the same for all lines of a stream.
	constant, err := json.Marshal(struct {
		Run    string `json:"run"`
		Pass   int    `json:"pass"`
		Step   string `json:"step"`
		Scope  string `json:"scope"`
		Stream string `json:"stream"`
	}{l.run, pass, step, scope, stream})
	if err != nil {
		panic(err) // strings and an int can be encoded
	}
	head := []byte(`{"level":"info","msg":"output",` + string(constant[1:len(constant)-1]) + `,"ts":"`)
	var prefix []byte // head and the time of this block: to format it costs more than a line
	var at time.Time
	return func(dst, line []byte, now time.Time, part int) []byte {
		if now != at {
			prefix, at = append(now.UTC().AppendFormat(append(prefix[:0], head...), TimeLayout), '"'), now
		}
		dst = append(dst, prefix...)
		if part > 0 {
			dst = append(dst, `,"part":`...)
			dst = appendInt(dst, part)
		}
		dst = append(dst, `,"line":"`...)
		line = bytes.TrimSuffix(line, []byte("\r"))
		if bytes.IndexByte(line, esc) >= 0 {
			line = l.sink.redactor.Bytes(stripANSI(line)) // without its colours it may spell a secret
		}
		dst = appendJSON(dst, line)
		return append(dst, "\"}\n"...)
	}
}

// blockEncoder gives children's lines as they are, with a margin on a console.
// In Mixed what begins a line like an event, white space, colours and what is no
// ASCII left aside, gets a mark before it: no child can forge one for any reader.
func blockEncoder(f Format) func(dst, lines []byte) []byte {
	if f == Console {
		return func(dst, lines []byte) []byte {
			for len(lines) > 0 {
				end := bytes.IndexByte(lines, '\n') + 1
				dst = append(append(dst, consoleMargin...), lines[:end]...)
				lines = lines[end:]
			}
			return dst
		}
	}
	return func(dst, lines []byte) []byte {
		// A brace is rarer than the end of a line, so it is what is looked for.
		for done := 0; ; {
			i := bytes.IndexByte(lines[done:], '{')
			if i < 0 {
				return append(dst, lines...)
			}
			brace := done + i
			before := lines[done:brace]
			end := bytes.LastIndexByte(before, '\n') + 1
			if beginsLine(before[end:], end > 0 || done == 0) {
				dst = append(append(dst, lines[:brace]...), forgedMark...)
				lines, done = lines[brace:], 1
			} else {
				done = brace + 1
			}
		}
	}
}

// nothingToMark is true of lines that blockEncoder gives as they are in Mixed.
func nothingToMark(lines []byte) bool { return bytes.IndexByte(lines, '{') < 0 }

// beginsLine says that some reader takes what follows a text for the beginning
// of a line. Whole is a text from the beginning of its line.
func beginsLine(text []byte, whole bool) bool {
	if bytes.IndexByte(text, esc) >= 0 {
		text = stripANSI(text)
	}
	visible := len(text)
	for visible > 0 && (text[visible-1] <= ' ' || text[visible-1] >= 0x7f) {
		visible--
	}
	return whole && visible == 0 || endsLine(text[visible:])
}

// endsLine says that some reader takes a line to end in a text: Python and
// JavaScript do so at a lone carriage return, and Python at many others.
// https://docs.python.org/3/library/stdtypes.html#str.splitlines
func endsLine(text []byte) bool {
	return bytes.ContainsAny(text, "\r\v\f\x1c\x1d\x1e\u2028\u2029") || bytes.IndexByte(text, 0x85) >= 0
}

// forgedMark goes before a child's line that looks like an event.
const forgedMark = "| "
