package gitclone

import (
	"bufio"
	"bytes"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// conversion is what attributes make of a file on its way into the work tree,
// where the user has configured nothing (core.autocrlf, core.eol, filters).
type conversion struct {
	crlf     bool   // LF becomes CRLF
	ifText   bool   // … but only in what looks like text with LF alone
	ident    bool   // $Id$ becomes $Id: <hash> $
	filter   string // name of a driver, which is not run
	encoding string // working-tree-encoding, which is not applied
}

// conversion of a file by its attributes, after git's convert.c: eol alone
// implies text, text=auto is about files that look like text, and -text wins.
func conversionFor(attrs map[string]string) conversion {
	if len(attrs) == 0 {
		return conversion{}
	}
	c := conversion{ident: attrs["ident"] == isSet}
	if name := attrs["filter"]; name != "" && name[0] != 0 {
		c.filter = strings.Clone(name) // and not all of .gitattributes
	}
	encoding := attrs["working-tree-encoding"]
	if encoding != "" && encoding[0] != 0 && !strings.EqualFold(encoding, "UTF-8") && !strings.EqualFold(encoding, "UTF8") {
		c.encoding = strings.Clone(encoding)
	}
	text := attrs["text"]
	switch text {
	case isSet, isUnset, "auto", "input":
	default:
		text = attrs["crlf"] // its name before git 1.7.2
	}
	if text != isUnset && attrs["eol"] == "crlf" {
		c.crlf, c.ifText = true, text == "auto"
	}
	return c
}

// write writes what is to be in a file. from writes what the repository has, to
// any writer, and may be called twice: where it matters whether a file looks like
// text, all of it is looked at first.
func (c conversion) write(to io.Writer, from func(io.Writer) error) error {
	if c.crlf && c.ifText {
		var seen textStatistics
		if err := from(&seen); err != nil {
			return err
		}
		c.crlf = seen.looksLikeUnixText()
	}
	if !c.crlf {
		return from(to)
	}
	out := &crlfWriter{to: bufio.NewWriterSize(to, 32<<10)}
	if err := from(out); err != nil {
		return err
	}
	return out.to.Flush()
}

// expand writes a file with its ident expanded. git expands with one piece of code
// where it can stream and with another where it must look at the whole file first.
// They differ on odd input ($$Id$).
func (c conversion) expand(to io.Writer, content []byte, hash plumbing.Hash) error {
	id := "$Id: " + hash.String() + " $"
	out := bufio.NewWriterSize(to, 32<<10)
	if c.ifText {
		expandIdent(out, content, id)
	} else {
		streamIdent(out, content, id)
	}
	return out.Flush()
}

// crlfWriter puts a CR before each LF that has none.
type crlfWriter struct {
	to       *bufio.Writer
	previous byte
}

func (w *crlfWriter) Write(b []byte) (int, error) {
	for i, c := range b {
		if c == '\n' && w.previous != '\r' {
			_ = w.to.WriteByte('\r') // the next one tells its error
		}
		if err := w.to.WriteByte(c); err != nil {
			return i, err
		}
		w.previous = c
	}
	return len(b), nil
}

// textStatistics is git's heuristic for text=auto: no CR at all, no NUL, and
// not more than one odd character in 128.
type textStatistics struct {
	printable, odd int
	binary         bool
	last           byte
}

func (s *textStatistics) Write(b []byte) (int, error) {
	for _, c := range b {
		switch {
		case c == '\r' || c == 0:
			s.binary = true
		case c == '\n':
		case c == '\b' || c == '\t' || c == '\f' || c == 0x1b:
			s.printable++
		case c < ' ' || c == 0x7f:
			s.odd++
		default:
			s.printable++
		}
		s.last = c
	}
	return len(b), nil
}

func (s *textStatistics) looksLikeUnixText() bool {
	odd := s.odd
	if s.last == 0x1a {
		odd-- // the end of a file, for DOS
	}
	return !s.binary && s.printable/128 >= odd
}

// expandIdent replaces $Id$, and what an expansion that was committed left. An
// error is told by the writer's Flush.
func expandIdent(out *bufio.Writer, b []byte, id string) {
	for {
		dollar := bytes.IndexByte(b, '$')
		if dollar < 0 {
			_, _ = out.Write(b)
			return
		}
		_, _ = out.Write(b[:dollar+1])
		b = b[dollar+1:]
		if n := identLen(b); n > 0 {
			_, _ = out.WriteString(id[1:])
			b = b[n:]
		}
	}
}

// identLen is the length of Id$ or Id:…$ at the beginning of b; 0 if it is
// something else, or another version control system's.
func identLen(b []byte) int {
	if bytes.HasPrefix(b, []byte("Id$")) {
		return 3
	}
	if !bytes.HasPrefix(b, []byte("Id:")) {
		return 0
	}
	inside, _, found := bytes.Cut(b[3:], []byte("$"))
	if !found || bytes.IndexByte(inside, '\n') >= 0 {
		return 0
	}
	if len(inside) > 1 {
		if space := bytes.IndexByte(inside[1:], ' '); space >= 0 && space+1 < len(inside)-1 {
			return 0
		}
	}
	return 3 + len(inside) + 1
}

// streamIdent does the same in git's other way: what was looked at is not looked
// at again, so that the dollar which ends something cannot begin $Id$.
func streamIdent(out *bufio.Writer, b []byte, id string) {
	for {
		dollar := bytes.IndexByte(b, '$')
		if dollar < 0 {
			_, _ = out.Write(b)
			return
		}
		_, _ = out.Write(b[:dollar])
		b = b[dollar:]
		n, replace := 2, false // a dollar and what is not an I
		switch {
		case bytes.HasPrefix(b, []byte("$Id$")):
			n, replace = 4, true
		case bytes.HasPrefix(b, []byte("$Id:")):
			end := bytes.IndexAny(b[4:], "$\n")
			if end < 0 {
				_, _ = out.Write(b)
				return
			}
			n = 4 + end + 1
			replace = b[n-1] == '$' && !isForeign(b[:n])
		case bytes.HasPrefix(b, []byte("$Id\x00")):
			n = 5 // git takes the NUL for a part of what it looks for
		case bytes.HasPrefix(b, []byte("$Id")):
			n = 4
		case bytes.HasPrefix(b, []byte("$I")):
			n = 3
		}
		n = min(n, len(b))
		if replace {
			_, _ = out.WriteString(id)
		} else {
			_, _ = out.Write(b[:n])
		}
		b = b[n:]
	}
}

// isForeign tells whether $Id: …$ is another version control system's: it has
// more than one word.
func isForeign(ident []byte) bool {
	text, ok := bytes.CutPrefix(ident, []byte("$Id: "))
	for i := range text {
		if ok && bytes.IndexByte([]byte(" \t\n\r"), text[i]) >= 0 && text[i+1] != '$' {
			return true
		}
	}
	return false
}
