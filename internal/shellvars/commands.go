package shellvars

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"spa-runner/internal/shellnames"
)

// call is a command that is about to be evaluated.
type call struct {
	node   syntax.Node
	name   string
	args   []string
	tested bool
}

// place is where a command on the list may stand.
type place int

const (
	outside  place = iota // of $( )
	anywhere              // a test, or what only prints its arguments
	within                // $( )
)

// builtin is a command on the list.
type builtin struct {
	run   func(s *session, c call)
	how   how // its arguments are expanded
	place place
}

// newBuiltins is no variable, since a builtin may evaluate commands in turn.
func newBuiltins() map[string]builtin {
	return map[string]builtin{
		":": {exits(false), printed, anywhere}, "true": {exits(false), printed, anywhere}, "false": {exits(true), printed, anywhere},
		"echo": {(*session).echo, printed, anywhere}, "printf": {(*session).printf, single, outside},
		"[": {(*session).bracket, single, anywhere}, "test": {(*session).bracket, single, anywhere},
		"set": {(*session).setOptions, single, outside}, "unset": {(*session).unset, single, outside},
		".": {(*session).dot, single, outside}, "source": {(*session).dot, single, outside},
		"return": {(*session).leave, single, outside}, "exit": {(*session).leave, single, outside},
		"pwd": {(*session).pwd, single, within}, "cd": {(*session).cd, single, within}, "cat": {(*session).cat, single, within},
		"dirname": {(*session).dirname, single, within}, "basename": {(*session).basename, single, within},
	}
}

// simple evaluates assignments alone, or a command on the list.
func (s *session) simple(c *syntax.CallExpr, tested bool) {
	if len(c.Args) == 0 {
		s.failed = false // but for that of a $( )
		for _, a := range c.Assigns {
			s.set(a, a.Name.Value, s.assigned(a, assigned))
		}
		s.mind(c, tested)
		return
	}
	name := c.Args[0].Lit()
	command := s.builtins[name]
	listed := command.run != nil
	switch {
	case len(c.Assigns) > 0 && c.Assigns[0].Value == nil:
		s.wrong(c, "there is white space after `"+c.Assigns[0].Name.Value+"=`, so that the rest is taken for a command", "remove it, or quote the value")
	case len(c.Assigns) > 0:
		s.refuse(c, "an assignment for one command alone", "put it on a line of its own")
	case !listed && len(c.Args) > 1 && strings.HasPrefix(c.Args[1].Lit(), "=") && shellnames.Valid(name):
		s.wrong(c, "there is white space before `=`, so that `"+name+"` is taken for a command", "write "+name+"=value")
	case s.functions[name]:
		s.refuse(c, "the call of a function", "write what it does in its place")
	case name == "":
		s.refuse(c, "a command whose name is computed", "set the value itself")
	case !listed, s.output == nil && command.place == within, s.output != nil && command.place == outside:
		s.refuse(c, "the command `"+name+"`",
			"for a secret, use a parameter-store or secrets-manager variable of the CodeBuild project; for a file, write X=$(< file)")
	}
	how := command.how
	if how == printed && s.output != nil {
		how = split
	}
	command.run(s, call{c, name, s.fields(c.Args[1:], how), tested})
	s.mind(c, tested)
}

func isDeclaration(name string) bool { return name == "export" || name == "readonly" }

// declare evaluates export and readonly: all values before any is set.
func (s *session) declare(d *syntax.DeclClause) {
	command := d.Variant.Value
	if !isDeclaration(command) || len(d.Args) == 0 || s.output != nil {
		s.refuse(d, "`"+command+"` like this", "use `export NAME=value`, or a plain assignment")
	}
	values := make([]string, len(d.Args))
	for i, a := range d.Args {
		switch {
		case a.Name != nil:
			values[i] = s.assigned(a, declared)
		case a.Value != nil && strings.HasPrefix(a.Value.Lit(), "="):
			s.wrong(a, "there is white space before `=`, so that nothing is set", "write "+command+" NAME=value")
		default:
			s.refuse(a, "an option of `"+command+"`, or what is no name", "write "+command+" NAME=value, with quotes around the value alone")
		}
	}
	for i, a := range d.Args {
		if !a.Naked {
			s.set(a, a.Name.Value, values[i])
		}
		v := s.vars[a.Name.Value]
		v.Name, v.Exported, v.readonly = a.Name.Value, v.Exported || command == "export", v.readonly || command == "readonly"
		s.vars[a.Name.Value] = v
	}
	s.failed = false
}

// assigned expands the value of an assignment.
func (s *session) assigned(a *syntax.Assign, how how) string {
	name := a.Name.Value
	switch {
	case a.Index != nil || a.Array != nil:
		s.refuse(a, "an array", "use a variable for each value")
	case a.Append:
		s.refuse(a, "`+=`", "write "+name+"=${"+name+"}…")
	case !shellnames.Valid(name) || shellnames.OfShell(name):
		s.refuse(a, "`"+name+"`, which is no name, or which a shell sets or obeys by itself", "use another name")
	}
	return s.value(a.Value, how)
}

func (s *session) set(n syntax.Node, name, value string) {
	v := s.vars[name]
	switch {
	case s.output != nil || shellnames.OfShell(name):
		s.refuse(n, "to set `"+name+"` here", "use another name, outside of $( )")
	case v.readonly:
		s.wrong(n, "`"+name+"` is set, which is read-only", "remove one of the two")
	}
	file := s.sourced[len(s.sourced)-1].file
	s.vars[name] = variable{Var{name, value, v.Exported || s.options["allexport"], file, int(n.Pos().Line())}, true, false}
}

func exits(failed bool) func(*session, call) {
	return func(s *session, _ call) { s.failed = failed }
}

// such refuses the arguments of a command.
func (s *session) such(c call, fix string) {
	s.refuseValue(c.node, "`"+c.name+"` like this", fix)
}

func (s *session) echo(c call) {
	s.failed = false
	switch text := strings.Join(c.args, " "); {
	case s.output != nil && (strings.Contains(text, `\`) || strings.HasPrefix(text, "-")):
		s.such(c, "print no backslash, and no - at the beginning: shells differ there")
	case s.output != nil:
		s.output.WriteString(text + "\n")
	case s.opts.Output != nil:
		_, _ = fmt.Fprintln(s.opts.Output, text)
	}
}

var plainFormat = regexp.MustCompile(`^([^%\\-]|%s|%%|\\n|\\t)([^%\\]|%s|%%|\\n|\\t)*$`)

// printf takes formats that no argument can make wrong. What is printed is dropped.
func (s *session) printf(c call) {
	if s.failed = false; len(c.args) == 0 || !plainFormat.MatchString(c.args[0]) {
		s.such(c, `use %s, %%, \n and \t alone in its format`)
	}
}

var shellOptions = regexp.MustCompile(`^([-+]([eua]+|[eua]*o (errexit|nounset|allexport|pipefail))( |$))+$`)

func (s *session) setOptions(c call) {
	if s.failed = false; !shellOptions.MatchString(strings.Join(c.args, " ")) {
		s.such(c, "use -e, -u, -a, or -o with errexit, nounset, allexport or pipefail")
	}
	on, names := false, map[rune]string{'e': "errexit", 'u': "nounset", 'a': "allexport"}
	for _, arg := range c.args {
		if s.options[arg] = on; arg[0] == '-' || arg[0] == '+' {
			on = arg[0] == '-'
			for _, letter := range arg[1:] {
				s.options[names[letter]] = on
			}
		}
	}
}

func (s *session) unset(c call) {
	s.failed = false
	for _, name := range c.args {
		if !shellnames.Valid(name) || shellnames.OfShell(name) || s.vars[name].readonly {
			s.such(c, "name variables of the script, which are not read-only")
		}
		delete(s.vars, name)
	}
}

// dot sources a file below the settings.
func (s *session) dot(c call) {
	if len(c.args) != 1 || !strings.Contains(c.args[0], "/") || strings.HasPrefix(c.args[0], "-") || len(s.sourced) >= maxNesting {
		s.such(c, "name one file of the settings, with a slash, at most 100 within each other")
	}
	script, err := s.root.ReadFile(s.at(c.args[0]), maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.tested:
		s.failed = true
		return
	case err != nil:
		s.wrongValue(c.node, "what is sourced here cannot be used: "+err.Error(), "name a script of the settings, tested with [ -f … ] if it may be missing")
	}
	s.source(sourced{file: c.args[0], as: c.args[0]}, script, c.tested)
}

func (s *session) leave(c call) {
	if c.name == "exit" {
		s.wrong(c.node, "`exit` would have ended the whole build in the shell buildspec", "use `return`")
	}
	if len(c.args) > 0 {
		n, ok := number(c.args[0])
		if len(c.args) > 1 || !ok || n < 0 || n > 255 {
			s.such(c, "return a number from 0 to 255")
		}
		s.failed = n != 0
	}
	panic(returned{})
}
