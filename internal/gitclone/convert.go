package gitclone

import (
	"bytes"
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

// none tells that the bytes stay as they are.
func (c conversion) none() bool { return !c.crlf && !c.ident }

// conversion of a file by its attributes, after git's convert.c: eol alone
// implies text, text=auto is about files that look like text, and -text wins.
func conversionFor(attrs map[string]string) conversion {
	if len(attrs) == 0 {
		return conversion{}
	}
	c := conversion{ident: attrs["ident"] == isSet}
	if name := attrs["filter"]; name != "" && name[0] != 0 {
		c.filter = name
	}
	encoding := attrs["working-tree-encoding"]
	if encoding != "" && encoding[0] != 0 && !strings.EqualFold(encoding, "UTF-8") && !strings.EqualFold(encoding, "UTF8") {
		c.encoding = encoding
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

// apply returns what is to be written for a file with these contents.
func (c conversion) apply(b []byte, hash plumbing.Hash) []byte {
	id := "$Id: " + hash.String() + " $"
	// git expands with one piece of code where it can stream and with another where
	// it must look at the whole file first. They differ on odd input ($$Id$).
	switch {
	case c.ident && c.ifText:
		b = expandIdent(b, id)
	case c.ident:
		b = streamIdent(b, id)
	}
	if c.crlf && (!c.ifText || looksLikeUnixText(b)) {
		b = toCRLF(b)
	}
	return b
}

func toCRLF(b []byte) []byte {
	lines := bytes.Count(b, []byte("\n"))
	if lines == 0 {
		return b
	}
	out := make([]byte, 0, len(b)+lines)
	var previous byte
	for _, c := range b {
		if c == '\n' && previous != '\r' {
			out = append(out, '\r')
		}
		out = append(out, c)
		previous = c
	}
	return out
}

// looksLikeUnixText is git's heuristic for text=auto: no CR at all, no NUL, and
// not more than one odd character in 128.
func looksLikeUnixText(b []byte) bool {
	printable, odd := 0, 0
	for _, c := range b {
		switch {
		case c == '\r' || c == 0:
			return false
		case c == '\n':
		case c == '\b' || c == '\t' || c == '\f' || c == 0x1b:
			printable++
		case c < ' ' || c == 0x7f:
			odd++
		default:
			printable++
		}
	}
	if len(b) > 0 && b[len(b)-1] == 0x1a {
		odd-- // the end of a file, for DOS
	}
	return printable/128 >= odd
}

// expandIdent replaces $Id$, and what an expansion that was committed left.
func expandIdent(b []byte, id string) []byte {
	out := make([]byte, 0, len(b)+64)
	for {
		dollar := bytes.IndexByte(b, '$')
		if dollar < 0 {
			return append(out, b...)
		}
		out = append(out, b[:dollar+1]...)
		b = b[dollar+1:]
		if n := identLen(b); n > 0 {
			out = append(out, id[1:]...)
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
func streamIdent(b []byte, id string) []byte {
	out := make([]byte, 0, len(b)+64)
	for {
		dollar := bytes.IndexByte(b, '$')
		if dollar < 0 {
			return append(out, b...)
		}
		out, b = append(out, b[:dollar]...), b[dollar:]
		n, replace := 2, false // a dollar and what is not an I
		switch {
		case bytes.HasPrefix(b, []byte("$Id$")):
			n, replace = 4, true
		case bytes.HasPrefix(b, []byte("$Id:")):
			end := bytes.IndexAny(b[4:], "$\n")
			if end < 0 {
				return append(out, b...)
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
			out = append(out, id...)
		} else {
			out = append(out, b[:n]...)
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
