package shellvars

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// ExitCoder is what an error of Options.Exec is asked for the exit status of
// the command; *exec.ExitError is one. Any other error means that the command
// could not be run and is a [Problem], with the error's text: it must not hold
// arguments.
type ExitCoder interface {
	error
	ExitCode() int
}

const sigpipe = 128 + 13

// exec is asked to run what is neither a function nor a builtin.
func (s *session) exec(ctx context.Context, args []string) error {
	hc := interp.HandlerCtx(ctx)
	off := int(hc.Pos.Offset())
	s.mu.Lock()
	fact := s.fact(off)
	name := args[0]
	if !slices.Contains(fact.literals, name) {
		name = fact.written // `$CMD`, not what it holds
	}
	if s.opts.Exec == nil {
		s.problem(off, "the external command `"+name+"` is not allowed", s.opts.ExecAdvice)
		s.mu.Unlock()
		return interp.ExitStatus(127)
	}
	s.mu.Unlock()
	err := s.opts.Exec(ctx, Command{
		Dir: hc.Dir, Argv: args, Env: exported(hc.Env), Vars: variablesOf(hc.Env),
		Stdin: hc.Stdin, Stdout: plain(hc.Stdout), Stderr: plain(hc.Stderr),
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var coder ExitCoder
	if !errors.As(err, &coder) {
		s.problem(off, "the external command `"+name+"` could not be run: "+err.Error(), "")
		return interp.ExitStatus(127)
	}
	status := coder.ExitCode()
	if status <= 0 || status > 255 { // -1 is a command that was killed
		status = 255
	}
	lost := fact.status == statusLost || fact.status == statusReturned && s.captured(hc.Stdout)
	if lost && status != sigpipe {
		s.problem(off, "the external command `"+name+"` failed, and its output was about to become a value",
			"test it: X=$("+name+" … || echo default)")
	}
	return interp.ExitStatus(uint8(status))
}

// captured reports whether w is the inside of a $( ).
func (s *session) captured(w io.Writer) bool {
	_, ok := w.(*strings.Builder)
	return ok
}

// exported is the environment of a command.
func exported(env expand.Environ) []string {
	return list(env, func(v expand.Variable) bool { return v.Exported })
}

// variablesOf are all variables, as NAME=value.
func variablesOf(env expand.Environ) []string {
	return list(env, func(expand.Variable) bool { return true })
}

func list(env expand.Environ, wanted func(expand.Variable) bool) []string {
	vars := map[string]string{}
	env.Each(func(name string, v expand.Variable) bool {
		delete(vars, name)
		if v.IsSet() && v.Kind == expand.String && wanted(v) {
			vars[name] = v.Str
		}
		return true
	})
	pairs := make([]string, 0, len(vars))
	for name, value := range vars {
		pairs = append(pairs, name+"="+value)
	}
	slices.Sort(pairs)
	return pairs
}

// output is where the script prints. The interpreter writes its complaints
// with Write and what the script prints with WriteString; complaints about
// expansions must not be missed, since it goes on with an empty value.
type output struct {
	s *session
	w io.Writer
}

func (s *session) output(w io.Writer) output {
	if w == nil {
		w = io.Discard
	}
	return output{s, w}
}

// plain is the writer for a command, whose output is no complaint.
func plain(w io.Writer) io.Writer {
	switch w := w.(type) {
	case output:
		return w.w
	case devNull:
		return w.w
	}
	return w
}

func (o output) WriteString(text string) (int, error) { return io.WriteString(o.w, text) }

func (o output) Write(p []byte) (int, error) {
	o.s.mu.Lock()
	o.s.complaint(strings.TrimSuffix(string(p), "\n"))
	o.s.mu.Unlock()
	return o.w.Write(p)
}

// complaints are those of mvdan.cc/sh/v3/expand after which the interpreter
// takes a word for empty or 0, by how they begin.
var complaints = []string{
	"division by zero", "exponent less than 0", "negative array index", "unsupported", "extended globbing operator",
	"invalid format char", "missing format char", "invalid indirect expansion",
}

func (s *session) complaint(text string) {
	for _, c := range complaints {
		if strings.HasPrefix(text, c) {
			s.problem(s.last, "at or after this line, an expansion failed: "+c, "a shell would stop here too")
		}
	}
	name, message, _ := strings.Cut(text, ": ")
	if !syntax.ValidName(name) {
		return
	}
	if message == "readonly variable" {
		s.problem(s.last, "at or after this line, `"+name+"` is set, which is read-only", "a shell would stop here")
		return
	}
	for _, src := range s.code.sources {
		if at := src.facts.params[name]; src.facts.demands[name] || message == "unbound variable" && len(at) > 0 {
			s.unbound.name, s.unbound.pos = name, Problem{File: s.opts.File}
			if len(at) == 1 {
				s.unbound.pos = s.code.at(at[0])
			}
			return
		}
	}
}
