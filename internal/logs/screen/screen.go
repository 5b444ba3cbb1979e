// Package screen is what a terminal shows of what is written to it, for tests: enough
// of one for a log, and an error for all else, so that nothing is overlooked.
package screen

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Screen is a terminal of a width that forgets no line. What is above can be looked at,
// and not changed, as on a real one whatever has scrolled away.
type Screen struct {
	width    int
	rows     [][]rune // a wide character has a 0 after it
	wrapped  []bool   // the row goes on in the next one
	row, col int
	style    string
	looks    map[rune]string
	saved    struct {
		row, col int
		style    string
	}
	rest []byte // the beginning of a sequence
	err  error
}

// New makes an empty one.
func New(width int) *Screen {
	return &Screen{width: width, rows: [][]rune{nil}, wrapped: []bool{false}, looks: map[rune]string{}}
}

// Write shows what is written. The end of a line takes the cursor to its beginning too, as
// the driver of a terminal does it.
func (s *Screen) Write(p []byte) (int, error) {
	text := append(s.rest, p...)
	s.rest = nil
	for len(text) > 0 && s.err == nil {
		n := s.one(text)
		if n == 0 {
			s.rest = slices.Clone(text)
			break
		}
		text = text[n:]
	}
	return len(p), s.err
}

// one shows one character, or does what one sequence says; 0 is for more to come.
func (s *Screen) one(text []byte) int {
	switch b := text[0]; {
	case b == '\n':
		s.down(false)
		return 1
	case b == '\r':
		s.col = 0
		return 1
	case b == '\t':
		s.col = min(s.col/8*8+8, s.width-1)
		return 1
	case b == 0x1b:
		return s.escape(text)
	case b < ' ':
		s.err = fmt.Errorf("this screen does not know %q", b)
		return 1
	case !utf8.FullRune(text):
		return 0
	}
	r, size := utf8.DecodeRune(text)
	s.put(r)
	return size
}

func (s *Screen) down(wrapped bool) {
	s.wrapped[s.row] = wrapped
	s.col = 0
	if s.row++; s.row == len(s.rows) {
		s.rows, s.wrapped = append(s.rows, nil), append(s.wrapped, false)
	}
}

// put puts a character. What does not fit goes to the next row: the cursor may wait
// behind the last column.
func (s *Screen) put(r rune) {
	columns := columnsOf(r)
	if s.col+columns > s.width {
		s.down(true)
	}
	row := s.rows[s.row]
	for len(row) < s.col+columns {
		row = append(row, ' ')
	}
	row[s.col] = r
	if s.looks[r] == "" {
		s.looks[r] = s.style
	}
	if columns == 2 {
		row[s.col+1] = 0
	}
	s.rows[s.row] = row
	s.col += columns
}

func (s *Screen) escape(text []byte) int {
	if len(text) < 2 {
		return 0
	}
	switch text[1] {
	case '7':
		s.saved.row, s.saved.col, s.saved.style = s.row, s.col, s.style
		return 2
	case '8':
		s.row, s.col, s.style = s.saved.row, s.saved.col, s.saved.style
		return 2
	case '[':
		for i := 2; i < len(text); i++ {
			if text[i] >= 0x40 && text[i] <= 0x7e {
				s.control(string(text[2:i]), text[i])
				return i + 1
			}
		}
		return 0
	}
	s.err = fmt.Errorf("this screen does not know %q", text[:2])
	return 2
}

func (s *Screen) control(parameters string, final byte) {
	switch {
	case final == 'm':
		if s.style += parameters + ";"; parameters == "" || parameters == "0" {
			s.style = ""
		}
	case (final == 'K' || final == 'J') && (parameters == "" || parameters == "0"):
		s.rows[s.row] = s.rows[s.row][:min(s.col, len(s.rows[s.row]))]
		if final == 'J' {
			s.rows, s.wrapped = s.rows[:s.row+1], s.wrapped[:s.row+1]
		}
	default:
		s.err = fmt.Errorf("this screen does not know %q", "\x1b["+parameters+string(final))
	}
}

// Lines are what it shows, rows that went on in the next one as one line, without the
// spaces at their ends.
func (s *Screen) Lines() (lines []string) {
	var line []rune
	for i, row := range s.rows {
		for _, r := range row {
			if r != 0 {
				line = append(line, r)
			}
		}
		if !s.wrapped[i] {
			lines, line = append(lines, strings.TrimRight(string(line), " ")), nil
		}
	}
	return lines
}

// Rows are how many it has, those that scrolled away too.
func (s *Screen) Rows() int { return len(s.rows) }

// Style is how the next character would look: the parameters since the last reset.
func (s *Screen) Style() string { return s.style }

// Looks is how a character looked that was shown, the first time in colours if it ever was.
func (s *Screen) Looks(r rune) string { return s.looks[r] }

// columnsOf is how wide a character is: two columns for those of East Asia and emoji.
// https://www.unicode.org/reports/tr11/
func columnsOf(r rune) int {
	for _, wide := range [][2]rune{{0x1100, 0x115f}, {0x2e80, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd}} {
		if r >= wide[0] && r <= wide[1] {
			return 2
		}
	}
	return 1
}
