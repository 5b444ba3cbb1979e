package shellvars

import (
	"slices"

	"mvdan.cc/sh/v3/syntax"
)

// facts is what a syntax tree tells about a source. All offsets are those of
// the codeSet.
type facts struct {
	targets []target
	redirs  []redir
	calls   map[int]callFacts // by the offset of the command's first word
	params  map[string][]int  // where each variable is expanded
	demands map[string]bool   // variables in ${X:?}
}

// target is a place that sets a variable of the script itself, not one of a
// subshell.
type target struct {
	name string
	off  int
	// export says that this is an `export` every run comes by, and plain that
	// the interpreter forgets there that the name is exported, as `read` does.
	export, plain bool
}

type redir struct {
	off     int
	literal string // "" if the name is computed
}

type callFacts struct {
	literals []string // the words as they are written, "" for computed ones
	written  string   // the first word as source text
	subshell bool
	status   statusUse
}

// statusUse is what becomes of the exit status of a command.
type statusUse int

const (
	statusSeen     statusUse = iota // it is tested, or the shell goes on knowing it
	statusLost                      // $( ) in an assignment
	statusReturned                  // untested inside a function
)

// inspector walks one syntax tree; parents are the nodes above the current one.
type inspector struct {
	*session
	src     *source
	parents []syntax.Node
}

// inspect fills src.facts and records what can be refused without running.
func (s *session) inspect(src *source, file *syntax.File) {
	src.facts = facts{calls: map[int]callFacts{}, params: map[string][]int{}, demands: map[string]bool{}}
	in := &inspector{session: s, src: src}
	syntax.Walk(file, func(n syntax.Node) bool {
		if n == nil {
			in.parents = in.parents[:len(in.parents)-1]
			return true
		}
		in.refuse(n)
		in.differs(n)
		in.note(n)
		in.parents = append(in.parents, n)
		return true
	})
}

func (in *inspector) off(p syntax.Pos) int { return in.src.base + int(p.Offset()) }

// note collects the facts.
func (in *inspector) note(n syntax.Node) {
	f := &in.src.facts
	switch n := n.(type) {
	case *syntax.CallExpr:
		in.noteCall(n)
	case *syntax.Assign:
		if n.Name == nil {
			return
		}
		switch parent := in.parents[len(in.parents)-1].(type) {
		case *syntax.CallExpr:
			if len(parent.Args) == 0 { // not X=1 command
				in.target(n.Name.Value, n.Name.Pos(), false)
			}
		case *syntax.DeclClause:
			in.noteDecl(parent, n)
		}
	case *syntax.WordIter:
		in.target(n.Name.Value, n.Name.Pos(), true)
	case *syntax.BinaryArithm:
		if w, ok := n.X.(*syntax.Word); ok && assigns(n.Op) {
			in.target(w.Lit(), w.Pos(), true)
		}
	case *syntax.UnaryArithm:
		if w, ok := n.X.(*syntax.Word); ok && (n.Op == syntax.Inc || n.Op == syntax.Dec) {
			in.target(w.Lit(), w.Pos(), true)
		}
	case *syntax.ParamExp:
		if n.Param == nil {
			return
		}
		name := n.Param.Value
		f.params[name] = append(f.params[name], in.off(n.Pos()))
		if n.Exp == nil {
			return
		}
		switch n.Exp.Op {
		case syntax.AssignUnset, syntax.AssignUnsetOrNull:
			in.target(name, n.Pos(), true)
		case syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
			f.demands[name] = true
		}
	case *syntax.Redirect:
		if n.Word != nil && n.Op != syntax.Hdoc && n.Op != syntax.DashHdoc {
			f.redirs = append(f.redirs, redir{in.off(n.Pos()), literal(n.Word)})
		}
	}
}

func (in *inspector) noteDecl(d *syntax.DeclClause, as *syntax.Assign) {
	inFunc := in.within(isFunc)
	kind := d.Variant.Value
	if kind == "local" || inFunc && (kind == "declare" || kind == "typeset") {
		return
	}
	in.target(as.Name.Value, as.Name.Pos(), false)
	if t := in.src.facts.targets; len(t) > 0 && kind == "export" && len(in.parents) == 3 { // file, statement, clause
		t[len(t)-1].export = true
	}
}

func (in *inspector) target(name string, pos syntax.Pos, plain bool) {
	if !syntax.ValidName(name) || in.within(isSubshell) {
		return
	}
	if in.opts.Exec != nil && in.within(isPipe) {
		in.problem(in.off(pos), "a pipeline sets `"+name+"`, which a shell does in a subshell and loses", "use "+name+"=$(…)")
	}
	in.src.facts.targets = append(in.src.facts.targets, target{name: name, off: in.off(pos), plain: plain})
}

func (in *inspector) noteCall(c *syntax.CallExpr) {
	if len(c.Args) == 0 {
		return
	}
	first := c.Args[0]
	cf := callFacts{
		written:  in.src.text[first.Pos().Offset():first.End().Offset()],
		subshell: in.within(isSubshell),
		status:   in.statusUse(c),
	}
	for _, w := range c.Args {
		cf.literals = append(cf.literals, literal(w))
	}
	in.src.facts.calls[in.off(first.Pos())] = cf
	words := cf.literals
	for len(words) > 1 && (words[0] == "command" || words[0] == "builtin") {
		words = words[1:]
	}
	for i, w := range words {
		flag := words[max(i-1, 0)]
		switch words[0] {
		case "read", "mapfile", "readarray":
			if i > 0 && flag != "-p" && flag != "-d" {
				in.target(w, c.Args[len(c.Args)-len(words)+i].Pos(), true)
			}
		case "getopts":
			if i == 2 {
				in.target(w, c.Args[len(c.Args)-len(words)+i].Pos(), true)
			}
		case "printf":
			if i == 2 && flag == "-v" {
				in.target(w, c.Args[len(c.Args)-len(words)+i].Pos(), false)
			}
		case "unset":
			if i > 0 && !slices.Contains(words, "-f") {
				in.target(w, c.Args[len(c.Args)-len(words)+i].Pos(), false)
			}
		}
	}
}

// statusUse walks outwards from a command to whatever looks at its status.
func (in *inspector) statusUse(c *syntax.CallExpr) statusUse {
	var child syntax.Node = c
	use, captured := statusSeen, false
	for _, p := range slices.Backward(in.parents) {
		switch p := p.(type) {
		case *syntax.BinaryCmd:
			if (p.Op == syntax.AndStmt || p.Op == syntax.OrStmt) && child == p.X {
				return statusSeen
			}
		case *syntax.Stmt:
			if p.Negated {
				return statusSeen
			}
		case *syntax.IfClause:
			if child.Pos().Offset() < p.ThenPos.Offset() {
				return statusSeen
			}
		case *syntax.WhileClause:
			if child.Pos().Offset() < p.DoPos.Offset() {
				return statusSeen
			}
		case *syntax.CmdSubst:
			captured = true
		case *syntax.CallExpr:
			if _, ok := child.(*syntax.Assign); captured && ok && len(p.Args) == 0 {
				use = statusLost // unless something further out tests the assignment
			} else if captured && ok {
				return statusLost
			} else if captured {
				return statusSeen // an argument: echo $(cmd)
			}
		case *syntax.DeclClause:
			if captured {
				return statusLost // export X=$(cmd) || … sees nothing of cmd
			}
		case *syntax.FuncDecl:
			if use == statusSeen {
				use = statusReturned
			}
			return use
		}
		child = p
	}
	return use
}
