package shellvars

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Here is what mvdan.cc/sh v3.14.1 was seen to do otherwise than bash, without
// a word. Each has a line in TestInterpreterDifferences or in the scripts of
// TestAgainstShells.

// differs refuses syntax that the interpreter gets wrong.
func (in *inspector) differs(n syntax.Node) {
	no := func(what, fix string) { in.problem(in.off(n.Pos()), what, fix) }
	switch n := n.(type) {
	case *syntax.UnaryTest:
		if b, ok := n.X.(*syntax.BinaryTest); ok && n.Op == syntax.TsNot && (b.Op == syntax.AndTest || b.Op == syntax.OrTest) {
			no("`!` before && or || in [[ ]], which the interpreter applies to all that follows", "write [[ ! x ]] && [[ y ]]")
		}
	case *syntax.CStyleLoop:
		// A return or exit with status 0 inside it, if only in a function or an
		// eval, leaves the interpreter looping for ever, and deaf to its context.
		no("`for ((…))`, which the interpreter may never leave", "use `for i in …` or `while`")
	case *syntax.BinaryTest:
		in.differsBinary(n)
	case *syntax.LetClause:
		for _, x := range n.Exprs {
			if w, ok := x.(*syntax.Word); ok && w.Lit() == "" {
				no("`let` with quotes, which the interpreter does not evaluate", "write ((N = 3 * 4))")
			}
		}
	case *syntax.ParamExp:
		in.differsExpansion(n)
		if r := n.Repl; r != nil && !r.All && r.Orig != nil && len(r.Orig.Parts) > 0 {
			if lit, ok := r.Orig.Parts[0].(*syntax.Lit); ok && strings.HasPrefix(lit.Value, "#") || ok && strings.HasPrefix(lit.Value, "%") {
				no("${X/#…} or ${X/%…}, which the interpreter does not anchor", "use ${X#…} or ${X%…}")
			}
		}
		if n.Exp != nil && n.Exp.Word != nil && removes(n.Exp.Op) && slices.ContainsFunc(n.Exp.Word.Parts, quotesPattern) {
			no("a quoted pattern character in ${X#…} or ${X%…}, which the interpreter does not take literally", `write \* for "*"`)
		}
	}
}

func (in *inspector) differsExpansion(n *syntax.ParamExp) {
	no := func(what, fix string) { in.problem(in.off(n.Pos()), what, fix) }
	if n.Exp != nil && n.Exp.Op == syntax.OtherParamOps {
		no("${X@…}, which the interpreter does not do", "do without")
	}
	if n.Length && n.Index != nil && n.Param != nil && in.associative(n.Param.Value) {
		no("the length of an associative array, which the interpreter takes for 1", "count in a loop over \"${!"+n.Param.Value+"[@]}\"")
	}
	var patterns []*syntax.Word
	if n.Exp != nil && removes(n.Exp.Op) {
		patterns = append(patterns, n.Exp.Word)
	}
	if n.Repl != nil {
		patterns = append(patterns, n.Repl.Orig)
	}
	for _, w := range patterns {
		if w != nil && slices.ContainsFunc(w.Parts, extended) {
			no("an extended pattern such as +(…) in ${X#…} or ${X/…}, which the interpreter does not match", "use a plain pattern, or a loop")
		}
	}
}

// extended tells extended patterns (shopt extglob).
func extended(p syntax.WordPart) bool {
	_, parsed := p.(*syntax.ExtGlob)
	lit, plain := p.(*syntax.Lit)
	return parsed || plain && extendedPattern.MatchString(lit.Value)
}

var extendedPattern = regexp.MustCompile(`[+*?@!]\(`)

// associative tells whether the file declares a name with -A.
func (in *inspector) associative(name string) (yes bool) {
	if len(in.parents) == 0 {
		return false
	}
	syntax.Walk(in.parents[0], func(n syntax.Node) bool {
		d, ok := n.(*syntax.DeclClause)
		if !ok {
			return true
		}
		flagged, named := false, false
		for _, as := range d.Args {
			flagged = flagged || as.Name == nil && as.Value != nil && strings.Contains(literal(as.Value), "A")
			named = named || as.Name != nil && as.Name.Value == name
		}
		yes = yes || flagged && named
		return true
	})
	return yes
}

func (in *inspector) hasEnv(name string) bool {
	return slices.ContainsFunc(in.opts.Env, func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
}

func (in *inspector) differsBinary(n *syntax.BinaryTest) {
	no := func(what, fix string) { in.problem(in.off(n.Pos()), what, fix) }
	switch n.Op {
	case syntax.TsReMatch:
		if w, ok := n.Y.(*syntax.Word); ok && slices.ContainsFunc(w.Parts, quotesRegexp) {
			no("a quoted part of a regular expression, which the interpreter does not take literally", "use == for text, or escape with a backslash")
		}
	case syntax.TsEql, syntax.TsNeq, syntax.TsLeq, syntax.TsGeq, syntax.TsLss, syntax.TsGtr:
		for _, x := range []syntax.TestExpr{n.X, n.Y} {
			w, ok := x.(*syntax.Word)
			if !ok {
				continue
			}
			if lit := w.Lit(); lit != "" && !isInteger(lit) {
				no("an expression in a numeric test of [[ ]], where the interpreter takes numbers alone", "write $X, or $((…))")
			}
		}
	}
}

func removes(op syntax.ParExpOperator) bool {
	switch op {
	case syntax.RemSmallPrefix, syntax.RemLargePrefix, syntax.RemSmallSuffix, syntax.RemLargeSuffix:
		return true
	}
	return false
}

func quotesPattern(p syntax.WordPart) bool { return strings.ContainsAny(quotedText(p), `*?[\`) }

func quotesRegexp(p syntax.WordPart) bool {
	if q, ok := p.(*syntax.DblQuoted); ok && slices.ContainsFunc(q.Parts, func(p syntax.WordPart) bool { _, lit := p.(*syntax.Lit); return !lit }) {
		return true
	}
	return strings.ContainsAny(quotedText(p), `.*+?[]{}()|^$\`)
}

// quotedText is the literal text of a quoted part.
func quotedText(p syntax.WordPart) string {
	switch p := p.(type) {
	case *syntax.SglQuoted:
		return p.Value
	case *syntax.DblQuoted:
		var text string
		for _, p := range p.Parts {
			if lit, ok := p.(*syntax.Lit); ok {
				text += lit.Value
			}
		}
		return text
	}
	return ""
}

func isInteger(text string) bool {
	_, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return err == nil
}

// condition answers the simple forms of `test`, whose operands the interpreter
// would take for operators if they look like some ([ "$x" = y ] with x=-f), and
// refuses the combined ones that it groups wrongly. POSIX decides by the number
// of arguments, and so does this.
func (s *session) condition(args []string) []string {
	operands := args[1:]
	if args[0] == "[" {
		if len(operands) == 0 || operands[len(operands)-1] != "]" {
			return args // the interpreter complains
		}
		operands = operands[:len(operands)-1]
	}
	negate := false
	if n := len(operands); operands != nil && n > 0 && operands[0] == "!" && (n == 2 || n == 4) {
		negate, operands = true, operands[1:]
	}
	is, decided := false, true
	switch len(operands) {
	case 0:
	case 1:
		is = operands[0] != ""
	case 2:
		is, decided = unary(operands[0], operands[1])
	case 3:
		is, decided = binary(operands[0], operands[1], operands[2])
	default:
		and, or := slices.Contains(operands, "-a"), slices.Contains(operands, "-o")
		if and && or || slices.Contains(operands, "!") {
			s.problem(s.last, "-a, -o and ! together in one test, which the interpreter groups wrongly", "write [ … ] && [ … ]")
			return nil
		}
		decided = false
	}
	switch {
	case !decided:
		return args
	case is != negate:
		return []string{"true"}
	}
	return failed
}

func unary(op, x string) (is, decided bool) {
	switch op {
	case "-n":
		return x != "", true
	case "-z":
		return x == "", true
	}
	return false, false
}

func binary(x, op, y string) (is, decided bool) {
	switch op {
	case "=", "==":
		return x == y, true
	case "!=":
		return x != y, true
	case "<":
		return x < y, true
	case ">":
		return x > y, true
	case "-eq", "-ne", "-lt", "-le", "-gt", "-ge":
		// Of what is no integer, a shell says so; the interpreter takes it for 0.
		return false, !isInteger(x) || !isInteger(y)
	}
	return false, false
}
