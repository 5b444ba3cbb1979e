package shellvars

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mvdan.cc/sh/v3/syntax"

	"spa-runner/internal/shellnames"
	"spa-runner/internal/shellparse"
)

const (
	maxFile    = 64 << 10 // bytes of one script, and of one file that becomes a value
	maxNesting = 100
	maxSteps   = 100_000 // commands and expansions
	maxBytes   = 1 << 20 // of values, in all
)

// returned is the panic that ends a file, as `return` does.
type returned struct{}

// source evaluates the text of a file. tested says, here and below, that something
// looks at the status, so that `set -e` does not mind it.
func (s *session) source(f sourced, script []byte, tested bool) {
	s.sourced = append(s.sourced, f)
	defer func() {
		s.sourced = s.sourced[:len(s.sourced)-1]
		if why := recover(); why != nil && why != any(returned{}) {
			panic(why)
		}
	}()
	stmts, err := shellparse.Parse(script)
	if wrong := (*shellparse.Error)(nil); errors.As(err, &wrong) {
		s.note(problem{text: fmt.Sprintf("%s:%d: %s", f.file, wrong.Line, wrong)})
		s.end()
	}
	s.failed = false
	s.list(stmts, tested)
}

// list evaluates statements in order.
func (s *session) list(stmts []*syntax.Stmt, tested bool) {
	for _, stmt := range stmts {
		s.attempt(stmt, tested)
	}
}

// branch evaluates statements of which it depends on values whether a shell reaches
// them.
func (s *session) branch(stmts []*syntax.Stmt, tested bool) {
	if len(s.problems) == 0 {
		s.list(stmts, tested)
	}
}

// attempt evaluates a statement, and keeps what is wrong with it.
func (s *session) attempt(stmt *syntax.Stmt, tested bool) {
	s.depth++
	defer func() {
		s.depth--
		switch why := recover().(type) {
		case nil:
		case problem:
			s.note(why)
		default:
			panic(why)
		}
	}()
	s.statement(stmt, tested)
}

// spend takes a command or an expansion, and bytes of values, off the budget.
func (s *session) spend(n syntax.Node, bytes int) {
	if s.steps++; s.ctx.Err() != nil {
		panic(ended{context.Cause(s.ctx)})
	}
	if s.bytes += bytes; s.steps > maxSteps || s.bytes > maxBytes {
		s.note(s.problem(n, "the script takes more than 100,000 commands and expansions, or 1 MiB of values", "write it more simply", false))
		s.end()
	}
}

func (s *session) statement(stmt *syntax.Stmt, tested bool) {
	if s.spend(stmt, 0); s.depth > maxNesting {
		s.refuse(stmt, "commands nested more than 100 deep", "write it more simply")
	}
	tested = tested || stmt.Negated
	if stmt.Background || stmt.Coprocess || stmt.Disown {
		s.refuse(stmt, "a job in the background", "remove the `&`")
	}
	s.redirections(stmt)
	switch cmd := stmt.Cmd.(type) {
	case *syntax.CallExpr:
		s.simple(cmd, tested)
	case *syntax.DeclClause:
		s.declare(cmd)
	case *syntax.TestClause:
		s.failed = !s.test(cmd.X)
		s.mind(cmd, tested)
	case *syntax.IfClause:
		s.ifClause(cmd, tested)
	case *syntax.CaseClause:
		s.caseClause(cmd, tested)
	case *syntax.ForClause:
		s.forClause(cmd, tested)
	case *syntax.Block:
		s.list(cmd.Stmts, tested)
	case *syntax.BinaryCmd:
		s.andOr(cmd, tested)
	case *syntax.FuncDecl:
		s.function(cmd)
	case *syntax.WhileClause:
		s.refuse(stmt, "a loop with `while` or `until`", "use `for x in WORDS`")
	default:
		s.refuse(stmt, "such a command", "set the value itself")
	}
	if stmt.Negated {
		s.failed = !s.failed
	}
}

// silencing are the redirections on the list. Within $( ), what is not a message stays
// where it is, but for cd, which prints nothing.
var silencing = []string{"2>/dev/null", "2>>/dev/null", "2>&1", ">/dev/null", "1>/dev/null", ">>/dev/null", "&>/dev/null", ">&2", "1>&2"}

func (s *session) redirections(stmt *syntax.Stmt) {
	call, _ := stmt.Cmd.(*syntax.CallExpr)
	isCd := call != nil && len(call.Args) > 0 && call.Args[0].Lit() == "cd"
	for _, r := range stmt.Redirs {
		text := r.Op.String()
		if r.N != nil {
			text = r.N.Value + text
		}
		if r.Word != nil {
			text += r.Word.Lit()
		}
		if !slices.Contains(silencing, text) || s.output != nil && text[0] != '2' && !isCd {
			s.refuse(r, "such a redirection", "what a command prints may go to /dev/null, &1 and &2")
		}
	}
}

// mind ends the script after a simple command that failed, under `set -e`.
func (s *session) mind(n syntax.Node, tested bool) {
	if s.output == nil && s.failed && !tested && s.options["errexit"] {
		s.wrongValue(n, "this command fails, and `set -e` ends the script", "test it with `if` or `||`")
	}
}

func (s *session) ifClause(c *syntax.IfClause, tested bool) {
	for ; c != nil; c = c.Else {
		s.failed = false
		s.list(c.Cond, true) // none of else
		if !s.failed || len(s.problems) > 0 {
			s.branch(c.Then, tested)
			return
		}
	}
	s.failed = false
}

func (s *session) caseClause(c *syntax.CaseClause, tested bool) {
	word := s.value(c.Word, whole)
	s.failed = false
	for _, item := range c.Items {
		for _, w := range item.Patterns {
			if len(s.problems) > 0 || !s.matches(w, word) {
				continue
			}
			if item.Op != syntax.Break {
				s.refuse(item, "`"+item.Op.String()+"`", "end each case with ;;")
			}
			s.list(item.Stmts, tested)
			return
		}
	}
}

func (s *session) forClause(c *syntax.ForClause, tested bool) {
	loop, ok := c.Loop.(*syntax.WordIter)
	if !ok || c.Select || !loop.InPos.IsValid() || !shellnames.Valid(loop.Name.Value) {
		s.refuse(c, "such a loop", "write `for x in WORDS`")
	}
	words := s.fields(loop.Items, split)
	s.failed = false
	for _, word := range words {
		s.spend(c, 0)
		s.set(c, loop.Name.Value, word)
		s.branch(c.Do, tested)
	}
}

func (s *session) andOr(c *syntax.BinaryCmd, tested bool) {
	if c.Op != syntax.AndStmt && c.Op != syntax.OrStmt {
		s.refuse(c, "a pipe", "set the value itself")
	}
	if s.attempt(c.X, true); (c.Op == syntax.AndStmt) != s.failed {
		s.branch([]*syntax.Stmt{c.Y}, tested)
	}
}

// function notes a function. Calling it is refused.
func (s *session) function(f *syntax.FuncDecl) {
	if s.builtins[f.Name.Value].run != nil || isDeclaration(f.Name.Value) {
		s.refuse(f, "a function of that name", "give it another name")
	}
	s.functions[f.Name.Value], s.failed = true, false
}
