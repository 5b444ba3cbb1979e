// Package report renders a record of a run for people and for the machines that
// show test reports: a page of HTML and a file of JUnit's XML. Both are pure
// functions of the record. The text in a record is other people's: of commits, of
// files' names, of what their code printed.
package report

import (
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// markup is what this package wrote itself. A constant becomes markup without a
// word; a string of a record does not, unless somebody converts it, and a test
// sees that nobody does. All else is written by text, which escapes.
type markup string

// roomy is the size from which on a file takes no further rows, so that the whole
// stays below a megabyte.
const roomy = 850_000

// lengthy is how many bytes of one text are shown, where nothing else is said.
const lengthy = 500

type writer struct{ b []byte }

func (w *writer) put(m markup) *writer {
	w.b = append(w.b, m...)
	return w
}

// text writes other people's text: escaped, what cannot be seen made visible, and
// cut. It is for what is between tags and for values of attributes in quotes.
func (w *writer) text(s string) *writer { return w.cut(s, lengthy) }

// cut is text with a limit of its own, in bytes of the text.
func (w *writer) cut(s string, most int) *writer {
	if w.full() {
		most = 0
	}
	kept := clipped(s, most)
	w.escape(visible(kept), false)
	if rest := len(s) - len(kept); rest > 0 {
		w.put("… [").number(rest).put(" bytes more]")
	}
	return w
}

// xml writes other people's text into XML, at most so many bytes of what is seen.
// In an attribute a line break as it is would be read as a space.
func (w *writer) xml(s string, most int) *writer {
	w.escape(clipped(visible(clipped(s, most)), most), true)
	return w
}

func (w *writer) number(n int) *writer {
	w.b = strconv.AppendInt(w.b, int64(n), 10)
	return w
}

func (w *writer) decimal(f float64, digits int) *writer {
	w.b = strconv.AppendFloat(w.b, f, 'f', digits, 64)
	return w
}

// full says that no further row is to be written.
func (w *writer) full() bool { return len(w.b) > roomy }

func (w *writer) escape(s string, breaks bool) {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '&':
			w.b = append(w.b, "&amp;"...)
		case c == '<':
			w.b = append(w.b, "&lt;"...)
		case c == '>':
			w.b = append(w.b, "&gt;"...)
		case c == '"':
			w.b = append(w.b, "&#34;"...)
		case c == '\'':
			w.b = append(w.b, "&#39;"...)
		case (c == '\n' || c == '\t') && breaks:
			w.put("&#").number(int(c)).put(";")
		default:
			w.b = append(w.b, c)
		}
	}
}

// visible is a text in which everything can be seen, and which XML takes: a control
// character, or what turns the direction of the text, is written as in Go's strings.
func visible(s string) string {
	plain := func(c byte) bool { return c >= ' ' && c < 0x7f || c == '\n' || c == '\t' }
	i := 0
	for i < len(s) && plain(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	b := append(make([]byte, 0, len(s)+len(s)/4), s[:i]...)
	for _, r := range s[i:] { // what is no UTF-8 is U+FFFD in here
		switch {
		case r < utf8.RuneSelf && plain(byte(r)):
			b = append(b, byte(r))
		case r < utf8.RuneSelf:
			b = fmt.Appendf(b, `\x%02x`, r)
		case unseen(r) && r > 0xffff:
			b = fmt.Appendf(b, `\U%08x`, r)
		case unseen(r):
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return string(b)
}

// unseen are controls of C1, separators of lines, what turns or joins text, and
// what is no character at all. XML does not take the last.
func unseen(r rune) bool {
	if r&0xfffe == 0xfffe || r >= 0xfdd0 && r <= 0xfdef || r == '\u2028' || r == '\u2029' || r == '\u00ad' {
		return true
	}
	if r == 0x200c || r == 0x200d { // joiners: names in Persian need them, and emoji
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co)
}

// clipped is the start of a text, not cut within a character.
func clipped(s string, most int) string {
	if len(s) <= most {
		return s
	}
	most = max(most, 0)
	for back := 0; back < utf8.UTFMax-1 && most > 0 && !utf8.RuneStart(s[most]); back++ {
		most--
	}
	return s[:most]
}

// ending is the end of a text, not cut within a character.
func ending(s string, most int) string {
	if len(s) <= most {
		return s
	}
	s = s[len(s)-most:]
	for back := 0; back < utf8.UTFMax-1 && s != "" && !utf8.RuneStart(s[0]); back++ {
		s = s[1:]
	}
	return s
}
