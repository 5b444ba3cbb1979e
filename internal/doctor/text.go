package doctor

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// width is where prose is broken, in columns. What is to be pasted is not.
const width = 100

// marks are what people see of the states, with the colour of a terminal.
func marks() map[State][2]string {
	return map[State][2]string{OK: {"✔", "32"}, Mend: {"✖", "31"}, Warn: {"!", "33"}, Unchecked: {"–", "2"}, Unneeded: {"–", "2"}}
}

// Text is the report for people: a table, and for each finding to mend the cause
// and what mends it. Statements and commands stand on lines of their own, without
// anything before or after them but spaces.
func (r Report) Text(colour bool) string {
	longest := 0
	for _, f := range r.Checks {
		longest = max(longest, utf8.RuneCountInString(f.Name))
	}
	var b strings.Builder
	for _, f := range r.Checks {
		mark := marks()[f.State]
		if colour {
			mark[0] = "\x1b[" + mark[1] + "m" + mark[0] + "\x1b[0m"
		}
		line := mark[0] + " " + f.Name + strings.Repeat(" ", longest-utf8.RuneCountInString(f.Name)) + "  " + f.told()
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		for _, line := range wrap(f.Cause, "    ") {
			b.WriteString(line + "\n")
		}
		for _, fix := range f.Fixes {
			for i, line := range wrap(fix.Do, "      ") {
				if i == 0 {
					line = "    →" + strings.TrimPrefix(line, "     ")
				}
				b.WriteString(line + "\n")
			}
			if fix.Paste != "" {
				b.WriteString("\n        " + strings.ReplaceAll(fix.Paste, "\n", "\n        ") + "\n\n")
			}
		}
	}
	b.WriteString("\n" + r.headline() + "\n")
	return b.String()
}

// told is the rest of the line of a finding.
func (f Finding) told() string {
	switch f.State {
	case Unchecked:
		return "not checked because of: " + f.Because
	case Unneeded:
		return "not needed: " + f.Because
	}
	return f.Looked
}

func (r Report) headline() string {
	switch {
	case r.Mend > 0 && r.Unchecked > 0:
		return fmt.Sprintf("%s to mend; %s not made because of that. Mend, and run the doctor again.", things(r.Mend, "thing"), things(r.Unchecked, "check"))
	case r.Mend > 0:
		return things(r.Mend, "thing") + " to mend."
	case r.Unchecked > 0:
		return fmt.Sprintf("Nothing to mend was found, but %s not made.", things(r.Unchecked, "check"))
	case r.Warn > 0:
		return things(r.Warn, "warning") + ", nothing to mend."
	}
	return "All is well."
}

func things(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// wrap breaks each line of a text between words.
func wrap(text, indent string) (lines []string) {
	if text == "" {
		return nil
	}
	for part := range strings.SplitSeq(text, "\n") {
		line, own := indent, len(part)-len(strings.TrimLeft(part, " "))
		line += strings.Repeat(" ", own)
		empty := len(line)
		for _, word := range strings.Fields(part) {
			if len(line) > empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
				lines = append(lines, line)
				line = strings.Repeat(" ", empty)
			}
			if len(line) > empty {
				line += " "
			}
			line += word
		}
		lines = append(lines, line)
	}
	return lines
}
