package shellvars

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

func assigns(op syntax.BinAritOperator) bool {
	switch op {
	case syntax.Eql, syntax.Neq, syntax.Leq, syntax.Geq:
		return false
	}
	return strings.HasSuffix(op.String(), "=")
}

// within reports whether a parent matches; child is the node below it.
func (in *inspector) within(match func(parent, child syntax.Node) bool) bool {
	for i, p := range in.parents {
		var child syntax.Node
		if i+1 < len(in.parents) {
			child = in.parents[i+1]
		}
		if match(p, child) {
			return true
		}
	}
	return false
}

func isFunc(p, _ syntax.Node) bool {
	_, ok := p.(*syntax.FuncDecl)
	return ok
}

func isSubshell(p, child syntax.Node) bool {
	switch p := p.(type) {
	case *syntax.Subshell, *syntax.CmdSubst:
		return true
	case *syntax.BinaryCmd:
		return (p.Op == syntax.Pipe || p.Op == syntax.PipeAll) && child == p.X
	}
	return false
}

func isPipe(p, _ syntax.Node) bool {
	b, ok := p.(*syntax.BinaryCmd)
	return ok && (b.Op == syntax.Pipe || b.Op == syntax.PipeAll)
}

// literal is a word without expansions, unquoted, or "".
func literal(w *syntax.Word) string {
	if lit := w.Lit(); lit != "" {
		return lit
	}
	if len(w.Parts) != 1 {
		return ""
	}
	switch p := w.Parts[0].(type) {
	case *syntax.SglQuoted:
		if !p.Dollar {
			return p.Value
		}
	case *syntax.DblQuoted:
		if len(p.Parts) == 1 {
			if lit, ok := p.Parts[0].(*syntax.Lit); ok {
				return lit.Value
			}
		}
	}
	return ""
}
