package shellvars

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// unescape makes the interpreter see what a shell would. It rewrites unquoted backslashes as quotes in the words whose
// backslashes mvdan.cc/sh v3.14.1 keeps: the X of X=it\'s would become it\'s. These
// are the words that become one string: values of assignments, defaults of
// expansions, words of case, [[ ]] and redirections. Patterns and regular
// expressions keep theirs, since there they mean something. Lines stay where
// they are.
func unescape(text string, file *syntax.File) string {
	return apply(text, editsOf(text, file))
}

func editsOf(text string, node syntax.Node) []edit {
	var edits []edit
	word := func(w *syntax.Word) {
		if w == nil {
			return
		}
		for _, p := range w.Parts {
			if lit, ok := p.(*syntax.Lit); ok {
				edits = appendEdits(edits, text, int(lit.Pos().Offset()), int(lit.End().Offset()))
			}
		}
	}
	test := func(x syntax.TestExpr) {
		if w, ok := x.(*syntax.Word); ok {
			word(w)
		}
	}
	syntax.Walk(node, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst:
			return !n.Backquotes // where backslashes count twice
		case *syntax.Assign:
			if n.Name != nil {
				word(n.Value)
			}
		case *syntax.DeclClause:
			edits = append(edits, emptyLocals(n)...)
		case *syntax.ArrayElem:
			word(n.Value)
		case *syntax.CaseClause:
			word(n.Word)
		case *syntax.BinaryTest:
			test(n.X)
			switch n.Op {
			case syntax.TsReMatch, syntax.TsMatch, syntax.TsMatchShort, syntax.TsNoMatch:
			default:
				test(n.Y)
			}
		case *syntax.UnaryTest:
			test(n.X)
		case *syntax.Redirect:
			if n.Op == syntax.Hdoc || n.Op == syntax.DashHdoc {
				return false // like double quotes
			}
			word(n.Word)
		case *syntax.DblQuoted:
			edits = slices.Concat(edits, commandsIn(text, n))
			return false // ${X:-a\ b} keeps its backslash in double quotes
		case *syntax.ParamExp:
			if n.Exp != nil && takesValue(n.Exp.Op) {
				word(n.Exp.Word)
			}
		}
		return true
	})
	return edits
}

// emptyLocals makes `local x=` of `local x`, which would keep the value that x
// has outside.
func emptyLocals(d *syntax.DeclClause) []edit {
	if d.Variant.Value != "local" {
		return nil
	}
	var edits []edit
	for _, as := range d.Args {
		if as.Name == nil {
			return nil // flags, such as those of arrays
		}
		if as.Naked {
			edits = append(edits, edit{int(as.Name.End().Offset()), 0, "="})
		}
	}
	return edits
}

// commandsIn finds the words to edit in the command substitutions of a quoted
// string: their quoting starts afresh.
func commandsIn(text string, q *syntax.DblQuoted) []edit {
	var edits []edit
	for _, p := range q.Parts {
		syntax.Walk(p, func(n syntax.Node) bool {
			cs, ok := n.(*syntax.CmdSubst)
			if ok && !cs.Backquotes {
				sub := &syntax.File{Stmts: cs.Stmts}
				edits = append(edits, editsOf(text, sub)...)
			}
			return !ok
		})
	}
	return edits
}

func takesValue(op syntax.ParExpOperator) bool {
	switch op {
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AssignUnset, syntax.AssignUnsetOrNull,
		syntax.AlternateUnset, syntax.AlternateUnsetOrNull, syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		return true
	}
	return false
}

// edit replaces some bytes at an offset.
type edit struct {
	off, del int
	new      string
}

func appendEdits(edits []edit, text string, from, to int) []edit {
	for i := from; i+1 < to; i++ {
		if text[i] != '\\' {
			continue
		}
		switch c := text[i+1]; {
		case c == '\'':
			edits = append(edits, edit{i, 2, `"'"`})
		case c != '\n' && c < 0x80: // a continued line is the parser's business
			edits = append(edits, edit{i, 2, "'" + string(c) + "'"})
		}
		i++
	}
	return edits
}

func apply(text string, edits []edit) string {
	if len(edits) == 0 {
		return text
	}
	slices.SortFunc(edits, func(a, b edit) int { return a.off - b.off })
	edits = slices.Compact(edits)
	var b strings.Builder
	last := 0
	for _, e := range edits {
		b.WriteString(text[last:e.off] + e.new)
		last = e.off + e.del
	}
	return b.String() + text[last:]
}
