package shellvars

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Problem is one thing that is wrong with a script. None of its texts holds
// a value of a variable or an argument of a command.
type Problem struct {
	File string
	Line int    // 0 where it is not known
	Col  int    // in bytes; set for syntax errors alone
	What string // what was found
	Fix  string // what to write instead
}

// String is file:line: what; fix.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Col > 0 {
		fmt.Fprintf(&b, ":%d", p.Col)
	}
	b.WriteString(": " + p.What)
	if p.Fix != "" {
		b.WriteString("; " + p.Fix)
	}
	return b.String()
}

// Error lists what is wrong with a script: at least one problem and at most
// maxProblems, in the order of the files and their lines.
type Error struct {
	Problems []Problem
	// More says that the script was ended because there were too many.
	More bool
}

// Error is one line a problem.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems), len(e.Problems)+1)
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	if e.More {
		lines = append(lines, "there are more problems than these")
	}
	return strings.Join(lines, "\n")
}

const (
	maxProblems = 20
	maxCalls    = 1_000_000 // commands run by one Source; some seconds
)

// problem records what was found at an offset of s.code.
func (s *session) problem(off int, what, fix string) {
	s.add(s.code.at(off), what, fix)
}

// add records a problem once, however often a loop meets it.
func (s *session) add(at Problem, what, fix string) {
	at.What, at.Fix = what, fix
	if slices.Contains(s.problems, at) {
		return
	}
	if len(s.problems) == maxProblems {
		s.more = true
		s.cancel()
		return
	}
	s.problems = append(s.problems, at)
}

func (s *session) failure() *Error {
	files := map[string]int{}
	for i, src := range s.code.sources {
		if _, ok := files[src.name]; !ok {
			files[src.name] = i
		}
	}
	slices.SortStableFunc(s.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(files[a.File], files[b.File]), cmp.Compare(a.Line, b.Line))
	})
	return &Error{Problems: s.problems, More: s.more}
}
