package shellvars

import (
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"spa-runner/internal/shellnames"
)

// lookup gives the value of a parameter.
func (s *session) lookup(p *syntax.ParamExp) (value string, set bool) {
	name := p.Param.Value
	index, isWord := p.Index.(*syntax.Word)
	v := s.vars[name]
	switch {
	case name == "BASH_SOURCE" && (p.Index == nil || isWord && index.Lit() == "0"):
		return s.sourced[len(s.sourced)-1].as, true
	case name == "PWD" && p.Index == nil:
		return s.folder, true
	case p.Index != nil:
		s.refuse(p, "an element of an array", "use a variable for each value")
	case !shellnames.Valid(name) || shellnames.OfShell(name):
		s.refuse(p, "`$"+name+"`, which a shell sets by itself", "set the value itself")
	case !v.set && shellnames.SetIfMissing(name):
		s.refuse(p, "`$"+name+"`, which is not set here, and which a shell sets then", "set the value itself")
	}
	return v.Value, v.set
}

// demand ends a script with `set -u` or ${X:?} where X is not set.
func (s *session) demand(p *syntax.ParamExp) {
	name := p.Param.Value
	s.wrongValue(p, name+" is not set, and the script demands that it is (set -u, or ${"+name+":?})",
		"set it in the CodeBuild project, or give a default: ${"+name+":-value}")
}

// substitutes are the operators of ${X:-word} and its kind. Those with a colon take
// an empty value for none.
var substitutes = []string{"-", ":-", "+", ":+", "=", ":=", "?", ":?"}

// trims are the operators that take what a pattern matches off a value, with what of
// it they keep; %s is the pattern.
var trims = map[string]string{"#": "^(?U:%s)(.*)$", "##": "^(?:%s)(.*)$", "%": "^(.*)(?:%s)$", "%%": "^(.*?)(?:%s)$"}

// plain says whether an expansion is ${X}, with one operator at most.
func plain(p *syntax.ParamExp) bool {
	return p.Param != nil && !p.Excl && p.Slice == nil && p.Repl == nil && p.Names == 0 && !p.Width && !(p.Length && p.Exp != nil)
}

// parameter expands ${ }.
func (s *session) parameter(p *syntax.ParamExp, how how, inQuotes bool) []segment {
	op := ""
	if p.Exp != nil {
		op = p.Exp.Op.String()
	}
	substituted := slices.Contains(substitutes, op)
	if !plain(p) || op != "" && trims[op] == "" && !substituted {
		s.refuse(p, "such an expansion", "set the value itself")
	}
	value, set := s.lookup(p)
	switch {
	case substituted:
		return s.substitute(p, how, inQuotes, value, set)
	case !set && s.options["nounset"]:
		s.demand(p)
	case p.Length && strings.ContainsFunc(value, notASCII):
		s.refuseValue(p, "the length of a value that is not all ASCII", "set the length itself")
	case p.Length:
		value = strconv.Itoa(len(value))
	case op != "" && p.Exp.Word != nil:
		if kept := s.pattern(p.Exp.Word, true, value, trims[op]).FindStringSubmatch(value); kept != nil {
			value = kept[1]
		}
	}
	return []segment{{text: value, quoted: inQuotes, value: true}}
}

// substitute expands ${X-word} and its kind. The word is looked at only if it is
// needed, as in a shell.
func (s *session) substitute(p *syntax.ParamExp, how how, inQuotes bool, value string, set bool) (segments []segment) {
	op := p.Exp.Op.String()
	there := set && (value != "" || len(op) == 1)
	switch op[len(op)-1] {
	case '+':
		value, there = "", !there
	case '?':
		if !there {
			s.demand(p)
		}
	}
	if there {
		return []segment{{text: value, quoted: inQuotes, value: true}}
	}
	if word := p.Exp.Word; word != nil {
		segments = s.expand(word.Parts, how, inQuotes, true)
	}
	if op[len(op)-1] == '=' {
		s.set(p, p.Param.Value, join(segments))
		return []segment{{text: join(segments), quoted: inQuotes, value: true}}
	}
	for i := range segments {
		segments[i].value = true // and split, as any value is
	}
	return segments
}
