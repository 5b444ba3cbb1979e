package main

import (
	"fmt"
	"strings"

	"spa-runner/internal/record"
)

// A summary is as long as a screen, so of what may be long only some is shown. All of
// it is in the log above, and in the record.
const (
	maxWarnings = 10
	maxCause    = 15  // lines
	maxLine     = 160 // characters of a line that a child printed
)

// some are the first of a list, and how many are left.
func some(list []string, limit int) (first []string, left int) {
	first = list[:min(len(list), limit)]
	return first, len(list) - len(first)
}

func shortCause(err error) string {
	lines, left := some(strings.Split(err.Error(), "\n"), maxCause)
	text := strings.Join(lines, "\n")
	if left > 0 {
		text += fmt.Sprintf("\n… and %d lines more, see \"step failed\" above", left)
	}
	return text
}

// writeLastLines shows what the step that failed printed last, which is mostly why.
func (s summary) writeLastLines(b *strings.Builder) {
	for _, step := range s.recorded.Steps {
		if step.Outcome != record.Failed || len(step.LastLines) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n  the last lines of %s:\n", step.Name)
		for _, line := range step.LastLines {
			if long := []rune(line); len(long) > maxLine {
				line = string(long[:maxLine]) + "…"
			}
			fmt.Fprintf(b, "  | %s\n", line)
		}
		b.WriteString("\n")
	}
}
