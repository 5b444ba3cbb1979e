package logs

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// plain tells which bytes stand for themselves in a JSON string.
var plain = func() (table [256]bool) {
	for b := 0x20; b < 0x7f; b++ {
		table[b] = b != '"' && b != '\\'
	}
	return table
}()

func appendInt(dst []byte, n int) []byte { return strconv.AppendInt(dst, int64(n), 10) }

// appendJSON appends a line as the inside of a JSON string: control characters
// escaped, invalid UTF-8 replaced.
func appendJSON(dst, line []byte) []byte {
	for len(line) > 0 {
		n := 0
		for n < len(line) && plain[line[n]] {
			n++
		}
		dst = append(dst, line[:n]...)
		if line = line[n:]; len(line) == 0 {
			break
		}
		switch b := line[0]; {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b == '\t':
			dst = append(dst, `\t`...)
		case b < utf8.RuneSelf:
			dst = append(dst, `\u00`...)
			dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
		default:
			r, size := utf8.DecodeRune(line)
			dst = utf8.AppendRune(dst, r) // U+FFFD for what is invalid
			line = line[size:]
			continue
		}
		line = line[1:]
	}
	return dst
}

const esc = 0x1b

// stripANSI returns a line without its escape sequences.
func stripANSI(line []byte) []byte {
	var out []byte
	for {
		i := bytes.IndexByte(line, esc)
		if i < 0 {
			return append(out, line...)
		}
		out = append(out, line[:i]...)
		line = line[i+ansiLength(line[i:]):]
	}
}

// ansiLength is the length of the escape sequence (ECMA-48) that line begins
// with, at least that of the escape character itself.
func ansiLength(line []byte) int {
	if len(line) < 2 {
		return len(line)
	}
	switch line[1] {
	case '[': // control sequence: parameters, then one final byte
		for i := 2; i < len(line); i++ {
			if line[i] >= 0x40 && line[i] <= 0x7e {
				return i + 1
			}
			if line[i] < 0x20 || line[i] > 0x7e {
				return i
			}
		}
		return len(line)
	case ']', 'P', '^', '_', 'X': // a string that BEL or ESC \ ends
		if i := bytes.IndexAny(line[2:], "\a\x1b"); i >= 0 {
			if line[2+i] == '\a' {
				return 2 + i + 1
			}
			return min(2+i+2, len(line))
		}
		return len(line)
	case '(', ')', '*', '+', '#', '%', ' ': // two bytes follow the escape
		return min(3, len(line))
	}
	if line[1] < 0x20 || line[1] > 0x7e {
		return 1
	}
	return 2
}
