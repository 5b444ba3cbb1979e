package shellvars

import (
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Error lists what is wrong with a script, each as `file:line: what it is; what to
// write instead`: at least one problem. None holds a value of a variable.
type Error struct{ Problems []string }

// Error is one line a problem.
func (e *Error) Error() string { return strings.Join(e.Problems, "\n") }

// ended is the panic that ends the evaluation of a script.
type ended struct{ error }

// problem is the panic that ends the evaluation of a statement. What follows is
// evaluated nevertheless, but for branches, to find what else is refused whatever the
// values are.
type problem struct {
	text   string
	values bool // it depends on values, which a problem before may have made wrong
}

// note keeps a problem.
func (s *session) note(p problem) {
	if len(s.problems) == 0 || !p.values {
		s.problems = append(s.problems, p.text)
	}
	if len(s.problems) == 20 {
		s.end()
	}
}

// end ends the evaluation with the problems that were found, if there are any.
func (s *session) end() {
	if len(s.problems) > 0 {
		panic(ended{&Error{Problems: s.problems}})
	}
}

const (
	notListed = ": that is not on the list of what a variables.sh may hold"
	orShell   = ", or let a shell run the file: SPA_RUNNER_VARIABLES=bash"
)

// wrong is for what a shell does not take either, whatever the values are.
func (s *session) wrong(n syntax.Node, what, fix string) { panic(s.problem(n, what, fix, false)) }

// wrongValue is for what a shell does not take either with the values there are.
func (s *session) wrongValue(n syntax.Node, what, fix string) { panic(s.problem(n, what, fix, true)) }

// refuse is for what a shell does and this package does not.
func (s *session) refuse(n syntax.Node, what, fix string) { s.wrong(n, what+notListed, fix+orShell) }

// refuseValue is refuse for what depends on values.
func (s *session) refuseValue(n syntax.Node, what, fix string) {
	s.wrongValue(n, what+notListed, fix+orShell)
}

func (s *session) problem(n syntax.Node, what, fix string, values bool) problem {
	file := s.sourced[len(s.sourced)-1].file
	return problem{fmt.Sprintf("%s:%d: %s; %s", file, n.Pos().Line(), what, fix), values}
}
