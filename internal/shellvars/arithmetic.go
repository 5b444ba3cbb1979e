package shellvars

import (
	"slices"
	"strconv"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"spa-runner/internal/shellnames"
)

// Operators of $(( )).
var (
	unaryArithmetic  = []string{"+", "-", "~", "!"}
	binaryArithmetic = []string{"+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "?", ":"}
)

// arithmetic expands $(( )), with 64 bits, which wrap around as in C.
func (s *session) arithmetic(a *syntax.ArithmExp) string {
	ok := !a.Bracket && !a.Unsigned && a.X != nil
	if ok {
		syntax.Walk(a.X, func(n syntax.Node) bool {
			switch n := n.(type) {
			case nil, *syntax.ParenArithm:
			case *syntax.UnaryArithm:
				ok = ok && slices.Contains(unaryArithmetic, n.Op.String())
			case *syntax.BinaryArithm:
				ok = ok && slices.Contains(binaryArithmetic, n.Op.String())
			case *syntax.Word:
				ok = ok && s.operand(n)
				return false
			default:
				ok = false
			}
			return ok
		})
	}
	if !ok {
		s.refuse(a, "such arithmetic", "use decimal numbers, names of variables, and the operators of docs/variables-sh.md")
	}
	values := expand.FuncEnviron(func(name string) string { return s.vars[name].Value })
	n, err := expand.Arithm(&expand.Config{Env: values}, a.X)
	if err != nil {
		s.refuseValue(a, "a division by zero", "test the value first")
	}
	return strconv.Itoa(n)
}

// number reads a decimal number that every shell reads alike: without a leading
// zero.
func number(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == text
}

// operand says whether a word is a number, X, $X or ${X}, and refuses a value that
// shells do not read alike.
func (s *session) operand(w *syntax.Word) bool {
	s.spend(w, 0)
	name := w.Lit()
	if _, ok := number(name); ok {
		return true
	}
	byName := shellnames.Valid(name)
	p, _ := w.Parts[0].(*syntax.ParamExp)
	if byName {
		p = &syntax.ParamExp{Dollar: w.Pos(), Param: &syntax.Lit{Value: name}}
	}
	if p == nil || len(w.Parts) != 1 || !plain(p) || p.Exp != nil || p.Length {
		return false
	}
	value, set := s.lookup(p)
	n, ok := number(value)
	switch {
	case !set && s.options["nounset"]:
		s.demand(p)
	case byName && !set:
	case !ok || !byName && n < 0: // whose text would meet the operator before it
		s.refuseValue(w, "a value in $(( )) that is no decimal number, or one with a leading zero", "set it to a number that every shell reads alike")
	}
	return true
}
