// Package shellparse reads scripts of bash with the parser of mvdan.cc/sh, within
// bounds, and mends or refuses what that parser is known to read otherwise than bash.
package shellparse

import (
	"bytes"
	"cmp"
	"errors"
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// maxNesting is how deep brackets may be nested. The parser takes 8 KB of memory for
// each byte of them.
const maxNesting = 100

// maxDepth is how deep a tree of syntax may be, of which each link of a chain with &&
// takes two nodes, and each sum one. The stack of who walks over it grows with it.
const maxDepth = 1000

// Error is what is wrong with a script.
type Error struct {
	Line int // 0 for the file as a whole
	Text string
}

// Error is the text, without the line.
func (e *Error) Error() string { return e.Text }

// Parse gives the statements of a script. The error is an [*Error].
func Parse(script []byte) ([]*syntax.Stmt, error) {
	switch {
	case bytes.HasPrefix(script, []byte("\xef\xbb\xbf")):
		return nil, &Error{0, "it begins with a byte order mark, which a shell takes for a part of the first command: save it without"}
	case !utf8.Valid(script):
		return nil, &Error{0, "it is no text in UTF-8: save it as such"}
	case bytes.Contains(script, []byte("\r\n")):
		return nil, &Error{0, "it has Windows line endings (CRLF), and a shell would keep the CR in the values: save it with LF, or run `sed -i 's/\\r$//'` on it"}
	case bytes.ContainsFunc(script, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }):
		return nil, &Error{0, "it has control characters: remove them"}
	}
	if line := tooDeep(script); line > 0 {
		return nil, &Error{line, "brackets are nested more than 100 deep: write it more simply"}
	}
	parsed, err := syntax.NewParser(syntax.Variant(syntax.LangBash), syntax.KeepComments(true)).Parse(bytes.NewReader(script), "")
	if err != nil {
		var at syntax.ParseError
		errors.As(err, &at)
		return nil, &Error{int(at.Pos.Line()), "this cannot be read: " + cmp.Or(at.Text, err.Error())}
	}
	var wrong error
	var conditions []*syntax.TestExpr
	depth := 0
	syntax.Walk(parsed, func(n syntax.Node) bool {
		switch n := n.(type) {
		case nil:
			depth--
			return true
		case *syntax.Comment: // the parser goes on behind a backslash, and bash does not
			if strings.Contains(n.Text, "\n") {
				wrong = cmp.Or(wrong, error(&Error{int(n.Pos().Line()), "a comment ends in a backslash: write something after it"}))
			}
		case *syntax.TestClause:
			conditions = append(conditions, &n.X)
		case *syntax.ParenTest:
			conditions = append(conditions, &n.X)
		}
		if depth++; depth > maxDepth {
			wrong = cmp.Or(wrong, error(&Error{int(n.Pos().Line()), "commands or expressions are nested too deep, or too many are chained: write it more simply"}))
			depth--
			return false
		}
		return true
	})
	if wrong != nil {
		return nil, wrong
	}
	for _, x := range conditions {
		*x = bind(*x)
	}
	return parsed.Stmts, nil
}

// bind gives a condition of [[ ]] the precedence of bash: of `! a && b || c`, the
// parser makes `! (a && (b || c))`.
func bind(x syntax.TestExpr) (bound syntax.TestExpr) {
	operands, ops := flat(x)
	both := operands[0] // joined by &&
	for i, op := range append(ops, syntax.OrTest) {
		switch {
		case op == syntax.AndTest:
			both = &syntax.BinaryTest{Op: op, X: both, Y: operands[i+1]}
			continue
		case bound == nil:
			bound = both
		default:
			bound = &syntax.BinaryTest{Op: op, X: bound, Y: both}
		}
		if i < len(ops) {
			both = operands[i+1]
		}
	}
	return bound
}

// flat takes a condition apart, but for what stands in ( ).
func flat(x syntax.TestExpr) (operands []syntax.TestExpr, ops []syntax.BinTestOperator) {
	switch x := x.(type) {
	case *syntax.BinaryTest:
		if x.Op == syntax.AndTest || x.Op == syntax.OrTest {
			operands, ops = flat(x.X)
			right, more := flat(x.Y)
			return append(operands, right...), append(append(ops, x.Op), more...)
		}
	case *syntax.UnaryTest:
		if operands, ops = flat(x.X); x.Op == syntax.TsNot && len(ops) > 0 {
			operands[0] = &syntax.UnaryTest{OpPos: x.OpPos, Op: x.Op, X: operands[0]}
			return operands, ops
		}
	}
	return []syntax.TestExpr{x}, nil
}

// tooDeep is the line where brackets are nested too deep, whatever is quoted, or 0.
func tooDeep(script []byte) int {
	depth, line := 0, 1
	for _, c := range script {
		switch c {
		case '(', '{', '[':
			if depth++; depth > maxNesting {
				return line
			}
		case ')', '}', ']':
			depth = max(depth-1, 0)
		case '\n':
			line++
		}
	}
	return 0
}
