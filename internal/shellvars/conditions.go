package shellvars

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"spa-runner/internal/shellnames"
)

// unaryTests are those of [ ] and [[ ]].
var unaryTests = []string{"-n", "-z", "-e", "-f", "-s", "-d", "-v"}

// comparisons are those of numbers.
var comparisons = []string{"-eq", "-ne", "-lt", "-le", "-gt", "-ge"}

// bracket is [ … ], and test: what it means depends on the number of arguments.
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/test.html
func (s *session) bracket(c call) {
	args := c.args
	if c.name == "[" {
		if len(args) == 0 || args[len(args)-1] != "]" {
			s.wrong(c.node, "[ has no ] at its end", "add it")
		}
		args = args[:len(args)-1]
	}
	s.failed = !s.bracketOf(c.node, args)
}

func (s *session) bracketOf(n syntax.Node, args []string) bool {
	op := ""
	if len(args) == 3 {
		op = args[1]
	}
	switch {
	case len(args) == 0:
		return false
	case len(args) == 1:
		return args[0] != ""
	case slices.Contains(comparisons, op):
		return s.compare(n, args[0], op, args[2])
	case op == "=" || op == "==" || op == "!=":
		return (args[0] == args[2]) == (op != "!=")
	case args[0] == "!" && len(args) <= 4 && (!strings.HasPrefix(op, "-") || slices.Contains(unaryTests, op)):
		return !s.bracketOf(n, args[1:])
	case len(args) == 2 && slices.Contains(unaryTests, args[0]):
		return s.unary(n, args[0], args[1])
	}
	s.refuseValue(n, "such a test in [ ]", "use one of "+strings.Join(unaryTests, ", ")+", =, != or -eq and the like in each [ ]")
	return false
}

func (s *session) compare(n syntax.Node, left, op, right string) bool {
	a, ok := number(left)
	b, alsoOk := number(right)
	if !ok || !alsoOk {
		s.refuseValue(n, "`"+op+"` with what is no decimal number, or one with a leading zero", "compare numbers, and strings by =")
	}
	order := cmp.Compare(a, b)
	return slices.Contains(map[int][]string{-1: {"-ne", "-lt", "-le"}, 0: {"-eq", "-le", "-ge"}, 1: {"-ne", "-gt", "-ge"}}[order], op)
}

// unary answers -n and the like.
func (s *session) unary(n syntax.Node, op, arg string) bool {
	switch {
	case op == "-n":
		return arg != ""
	case op == "-z":
		return arg == ""
	case op == "-v":
		if !shellnames.Valid(arg) || shellnames.OfShell(arg) || !s.vars[arg].set && shellnames.SetIfMissing(arg) {
			s.refuseValue(n, "-v for what is no variable of the script", "name one")
		}
		return s.vars[arg].set
	case arg == "":
		return false
	}
	info, err := s.root.Stat(s.at(arg))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.refuseValue(n, "`"+op+"` for a file outside the settings repository, or one that cannot be looked at", "ask for one of the settings")
	}
	return err == nil && (op == "-e" || op == "-f" && info.Mode().IsRegular() || op == "-d" && info.IsDir() || op == "-s" && info.Size() > 0)
}

// test evaluates [[ … ]].
func (s *session) test(x syntax.TestExpr) (yes bool) {
	s.spend(x, 0)
	switch x := x.(type) {
	case *syntax.Word:
		return s.value(x, whole) != ""
	case *syntax.ParenTest:
		return s.test(x.X)
	case *syntax.BinaryTest:
		switch x.Op {
		case syntax.AndTest:
			return s.test(x.X) && s.test(x.Y)
		case syntax.OrTest:
			return s.test(x.X) || s.test(x.Y)
		}
		left, isWord := x.X.(*syntax.Word)
		right, alsoWord := x.Y.(*syntax.Word)
		op := x.Op.String()
		if isWord && alsoWord && slices.Contains([]string{"=", "==", "!="}, op) {
			return s.matches(right, s.value(left, whole)) == (op != "!=")
		}
		if isWord && alsoWord && slices.Contains(comparisons, op) {
			return s.compare(x, s.value(left, whole), op, s.value(right, whole))
		}
	case *syntax.UnaryTest:
		if x.Op == syntax.TsNot {
			return !s.test(x.X)
		}
		if w, ok := x.X.(*syntax.Word); ok && slices.Contains(unaryTests, x.Op.String()) {
			return s.unary(x, x.Op.String(), s.value(w, whole))
		}
	}
	s.refuse(x, "such a test in [[ ]]", "compare strings by = and !=, numbers by -eq and the like")
	return false
}
