package shellparse

import (
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"
)

// grouped shows a condition with all of its brackets.
func grouped(x syntax.TestExpr) string {
	switch x := x.(type) {
	case *syntax.BinaryTest:
		return "(" + grouped(x.X) + x.Op.String() + grouped(x.Y) + ")"
	case *syntax.UnaryTest:
		return x.Op.String() + grouped(x.X)
	case *syntax.ParenTest:
		return "[" + grouped(x.X) + "]"
	case *syntax.Word:
		return x.Lit()
	}
	return "?"
}

// In [[ ]], ! binds closer than &&, and that closer than ||, as in bash.
func TestPrecedenceOfConditions(t *testing.T) {
	for text, want := range map[string]string{
		"a": "a", "a && b": "(a&&b)", "a || b": "(a||b)", "a && b && c": "((a&&b)&&c)", "a || b || c": "((a||b)||c)",
		"a && b || c": "((a&&b)||c)", "a || b && c": "(a||(b&&c))", "a && b || c && d": "((a&&b)||(c&&d))", "a || b && c || d": "((a||(b&&c))||d)",
		"! a && b": "(!a&&b)", "! a || b": "(!a||b)", "! a && b || c": "((!a&&b)||c)", "a && ! b || c": "((a&&!b)||c)", "! ! a && b": "(!!a&&b)", "! a": "!a",
		"( a || b ) && c": "([(a||b)]&&c)", "! ( a && b || c ) && d": "(![((a&&b)||c)]&&d)", "( ! a && b || c )": "[((!a&&b)||c)]", "-n a && ! -z b || c = d": "((-na&&!-zb)||(c=d))",
	} {
		stmts, err := Parse([]byte("[[ " + text + " ]]\n"))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		condition := stmts[0].Cmd.(*syntax.TestClause).X
		if got := grouped(condition); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
		if condition.Pos().Line() != 1 || condition.Pos().Col() != 4 {
			t.Errorf("%s is at %v", text, condition.Pos())
		}
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	links := func(n int) string { return strings.TrimSuffix(strings.Repeat(": &&", n), "&&") + "\n" }
	for _, c := range []struct {
		script, want string
		line         int
	}{
		{"A=1\n", "", 0},
		{"A='\t'\n", "", 0},
		{"", "", 0},
		{"\xef\xbb\xbfA=1\n", "byte order mark", 0},
		{"A=\xff\n", "UTF-8", 0},
		{"A=1\r\n", "CRLF", 0},
		{"A=\x7f\n", "control characters", 0},
		{"A=\x01\n", "control characters", 0},
		{"A=1\nB='\n", "reached EOF", 2},
		{"A=1\n# x\\\nB=1\n", "comment", 2},
		{"A=1 # x\\\nB=1\n", "comment", 1},
		{"A='# x\\\n'\n", "", 0},
		{"\nA=" + strings.Repeat("{", 100) + "\n", "", 0},
		{"\nA=" + strings.Repeat("{", 101) + "\n", "nested more than 100 deep", 2},
		{strings.Repeat("A='{}[]'\n", 200), "", 0},
		{links(490), "", 0},
		{"\n" + links(600), "too many are chained", 2},
	} {
		stmts, err := Parse([]byte(c.script))
		if c.want == "" {
			if err != nil {
				t.Errorf("%.30q: %v", c.script, err)
			}
			continue
		}
		wrong, ok := err.(*Error) //nolint:errorlint // as it is
		if !ok || !strings.Contains(wrong.Error(), c.want) || wrong.Line != c.line || stmts != nil {
			t.Errorf("%.30q: got %#v, want %q in line %d", c.script, err, c.want, c.line)
		}
	}
}
