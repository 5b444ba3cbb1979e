package shellvars

import (
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// unknownHere are variables of bash that the interpreter leaves empty.
var unknownHere = []string{"BASH_SOURCE", "FUNCNAME", "BASH_LINENO", "BASH_COMMAND", "EPOCHSECONDS", "EPOCHREALTIME", "SECONDS"}

const notSupported = "the interpreter does not support it: write it another way"

// refuse records what must not run, or what the interpreter is known to pass
// over in silence. It is static, so it also sees branches that are not taken.
func (in *inspector) refuse(n syntax.Node) {
	no := func(what, fix string) { in.problem(in.off(n.Pos()), what, fix) }
	switch n := n.(type) {
	case *syntax.Stmt:
		if n.Background || n.Coprocess || n.Disown {
			no("a background job (`&`)", "run it in the foreground")
		}
	case *syntax.CoprocClause:
		no("a coprocess", "run it in the foreground")
	case *syntax.ProcSubst:
		no("a process substitution (`<( )`)", "use X=$(…), or a here-document")
	case *syntax.BinaryCmd:
		if isPipe(n, nil) && in.opts.Exec == nil {
			no("a pipeline, which is of use with external commands alone", in.opts.ExecAdvice)
		}
	case *syntax.FuncDecl:
		if n.Name != nil && interp.IsBuiltin(n.Name.Value) {
			// The guards in calls.go rely on these names.
			no("a function with the name of the builtin `"+n.Name.Value+"`", "call it something else")
		}
	case *syntax.ParamExp:
		if n.Param != nil && n.Param.Value == "HOSTNAME" && !in.hasEnv("HOSTNAME") {
			no("`HOSTNAME` is not in the environment", "set it in the project, or do without")
		}
		if n.Param != nil && slices.Contains(unknownHere, n.Param.Value) {
			no("`"+n.Param.Value+"` is not known here", "the working folder is the build's, so write settings/…")
		}
	case *syntax.SglQuoted:
		if in.keepsQuotes() {
			no("single quotes inside \"${X:-…}\", which a shell keeps as part of the value", "leave them out")
		}
	case *syntax.Lit:
		if in.keepsQuotes() && escaped.MatchString(n.Value) {
			no("a backslash inside \"${X:-…}\", which the interpreter keeps", "put the quotes inside: X=${X:-\"…\"}")
		}
	case *syntax.Assign:
		if n.Value != nil && n.Name != nil && slices.ContainsFunc(n.Value.Parts, tildeAfterColon) {
			no("`:~` in a value, which the interpreter does not expand", "write $HOME")
		}
	case *syntax.DeclClause:
		in.refuseDecl(n)
	case *syntax.Redirect:
		in.refuseRedirect(n)
	}
}

// keepsQuotes reports whether the current node is the word of "${X:-word}".
func (in *inspector) keepsQuotes() bool {
	n := len(in.parents)
	if n < 3 {
		return false
	}
	p, isParam := in.parents[n-2].(*syntax.ParamExp)
	_, isQuoted := in.parents[n-3].(*syntax.DblQuoted)
	return isParam && isQuoted && p.Exp != nil && p.Exp.Word == in.parents[n-1] && takesValue(p.Exp.Op)
}

func tildeAfterColon(p syntax.WordPart) bool {
	lit, ok := p.(*syntax.Lit)
	return ok && strings.Contains(lit.Value, ":~")
}

func (in *inspector) refuseDecl(n *syntax.DeclClause) {
	kind := n.Variant.Value
	all := ""
	for _, as := range n.Args {
		if as.Name != nil || as.Value == nil {
			continue
		}
		flags := literal(as.Value)
		if len(flags) < 2 || flags[0] != '-' && flags[0] != '+' || flags == "--" {
			continue
		}
		allowed := "xraAgfp"
		if kind == "export" {
			allowed = "p" // -n would be taken for a name reference
		}
		if flags[0] == '+' || strings.Trim(flags[1:], allowed) != "" {
			in.problem(in.off(as.Pos()), "`"+kind+" "+flags+"`", notSupported)
		}
		// Of several letters together the interpreter heeds one.
		if r, x := strings.Index(flags, "r"), strings.Index(flags, "x"); r >= 0 && r < x {
			in.problem(in.off(as.Pos()), "`"+kind+" "+flags+"`, which would not be exported", "write "+kind+" -r -x")
		}
		all += flags
	}
	if strings.Contains(all, "g") && strings.Contains(all, "x") {
		in.problem(in.off(n.Pos()), "`"+kind+" -g -x`, which would not be exported", "write "+kind+" -g X=…; export X")
	}
}

// escaped finds what double quotes take a backslash off.
var escaped = regexp.MustCompile("\\\\[$`\"\\\\}]")

func (in *inspector) refuseRedirect(n *syntax.Redirect) {
	arg := ""
	if n.Word != nil {
		arg = literal(n.Word)
	}
	fd := ""
	if n.N != nil {
		fd = n.N.Value
	}
	ok := false
	switch n.Op {
	case syntax.RdrIn, syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc:
		ok = fd == "" || fd == "0"
	case syntax.RdrOut, syntax.AppOut, syntax.RdrAll, syntax.AppAll:
		ok = fd == "" || fd == "1" || fd == "2"
	case syntax.DplOut:
		ok = (fd == "" || fd == "1" || fd == "2") && (arg == "1" || arg == "2")
	case syntax.DplIn:
		ok = (fd == "" || fd == "0") && arg == "-"
	}
	if !ok {
		in.problem(in.off(n.Pos()), "the redirection `"+fd+n.Op.String()+"`",
			"of redirections there are < file, here-documents, > /dev/null, 2> /dev/null, >&2 and 2>&1")
	}
}
