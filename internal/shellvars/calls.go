package shellvars

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

var (
	errEnded = errors.New("ended")
	// failed is what a refused command becomes. No function can have this name.
	failed = []string{"false"}
)

// call sees every simple command before it runs, with its words expanded, and
// may replace them.
func (s *session) call(ctx context.Context, args []string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hc := interp.HandlerCtx(ctx)
	if strings.HasPrefix(args[len(args)-1], tokenPrefix) && !s.started {
		s.started = true
		return args, nil // the main file
	}
	s.last, s.exitAt, s.unbound.name = int(hc.Pos.Offset()), -1, ""
	s.calls++
	switch {
	case s.calls > maxCalls:
		s.problem(s.last, "the script runs more than a million commands", "does it ever end?")
		s.cancel()
		return nil, errEnded
	case s.calls%64 == 0 && tooDeep():
		s.problem(s.last, errTooDeep.Error(), "does the function ever end?")
		s.cancel()
		return nil, errEnded
	}
	prefix, rest := unwrap(args)
	if len(rest) == 0 || !interp.IsBuiltin(rest[0]) {
		return args, nil
	}
	if rest = s.builtin(hc, rest); rest == nil {
		return failed, nil
	}
	return slices.Concat(prefix, rest), nil
}

// unwrap finds the command behind `command` and `builtin`, which would run it
// without asking again.
func unwrap(args []string) (prefix, rest []string) {
	i := 0
	for i < len(args) && (args[i] == "command" || args[i] == "builtin") {
		i++
		if i < len(args) && args[i] == "--" {
			i++
		}
	}
	if i < len(args) && i > 0 && strings.HasPrefix(args[i], "-") {
		i-- // command -v: it is `command` that runs
	}
	return args[:i], args[i:]
}

// builtin checks a builtin of the interpreter and returns what to run instead,
// nil if it is refused.
func (s *session) builtin(hc interp.HandlerContext, args []string) []string {
	name := args[0]
	if len(args) > 1 && args[1] == "--" && slices.Contains(withoutDashes, name) {
		args = slices.Concat(args[:1], args[2:])
	}
	if what := unsupported(args); what != "" {
		s.problem(s.last, "`"+what+"`", notSupported)
		return nil
	}
	switch name {
	case "exit":
		if !s.fact(s.last).subshell {
			s.exitAt = s.last
		}
	case "exec":
		if len(args) > 1 {
			s.problem(s.last, "`exec "+s.shown(args[1])+"` would have replaced the shell of the whole build", s.opts.ExecAdvice)
			return nil
		}
	case "eval":
		return s.eval(args, strings.Join(args[1:], " "))
	case ".", "source":
		return s.source(hc, args)
	case "trap":
		return s.trap(args)
	case "set":
		return s.set(args)
	case "[", "test":
		return s.condition(args)
	case "printf":
		return s.printf(args)
	case "echo":
		return splitFlags(args, "neE")
	case "unset":
		if !s.fact(s.last).subshell {
			for _, a := range args[1:] {
				s.unset[a] = true
			}
		}
	}
	return args
}

// eval loads the code of an eval, so that it is inspected before it runs.
func (s *session) eval(args []string, code string) []string {
	at := s.code.at(s.last)
	src := s.load(at, code)
	if src == nil {
		return nil
	}
	return []string{"eval", src.padded()}
}

// source loads the file of a `.` and has the interpreter read that very text.
func (s *session) source(hc interp.HandlerContext, args []string) []string {
	if len(args) < 2 {
		s.problem(s.last, "`"+args[0]+"` without a file", "name one")
		return nil
	}
	at := s.code.at(s.last)
	shown := s.shown(args[1])
	text, rel, why := s.readScript(args[1], hc.Dir)
	if why != "" {
		fix := "the working folder is the build's, so write settings/…; test for an optional file with [ -f … ]"
		s.add(at, "cannot source "+shown+": "+why, fix)
		return nil
	}
	src := s.load(Problem{File: filepath.ToSlash(rel)}, text)
	if src == nil {
		return nil
	}
	return slices.Concat([]string{".", src.token()}, args[2:])
}

// trap lets ERR through alone: the other traps would run when the build's shell
// ends, and there is none.
func (s *session) trap(args []string) []string {
	rest := args[1:]
	if len(rest) > 0 && rest[0] == "--" {
		rest = rest[1:]
	}
	if len(rest) < 2 || rest[0] == "" || rest[0] == "-" {
		return []string{":"}
	}
	if len(rest) != 2 || rest[1] != "ERR" {
		s.problem(s.last, "a trap for something other than ERR", "remove it: the shell that would run it is not there")
		return nil
	}
	if src := s.load(s.code.at(s.last), rest[0]); src != nil {
		return []string{"trap", src.padded(), "ERR"}
	}
	return nil
}

// printf does `printf -v`, which the interpreter does not know, by an eval.
func (s *session) printf(args []string) []string {
	if len(args) < 2 || args[1] != "-v" {
		return args
	}
	if len(args) < 4 || !syntax.ValidName(args[2]) {
		s.problem(s.last, "`printf -v` of something other than a plain name and a format", "write it another way")
		return nil
	}
	name, format, rest := args[2], args[3], args[4:]
	var out strings.Builder
	for {
		if rest == nil {
			rest = []string{}
		}
		text, n, err := expand.Format(nil, format, rest)
		if err != nil {
			s.problem(s.last, "a format of printf", notSupported)
			return nil
		}
		out.WriteString(text)
		if rest = rest[n:]; n == 0 || len(rest) == 0 {
			break
		}
	}
	value, _, _ := strings.Cut(out.String(), "\x00")
	word, err := syntax.Quote(value, syntax.LangBash)
	if err != nil {
		s.problem(s.last, "a value of printf that cannot be quoted", "write it another way")
		return nil
	}
	return []string{"eval", name + "=" + word}
}

// fact returns what is known about the command at an offset.
func (s *session) fact(off int) callFacts {
	if src := s.code.find(off); src != nil {
		return src.facts.calls[off]
	}
	return callFacts{}
}

// shown is a word of the current command if the script spells it out: what is
// computed may hold a value.
func (s *session) shown(word string) string {
	f := s.fact(s.last)
	if slices.Contains(f.literals, word) {
		return word
	}
	return "…"
}
