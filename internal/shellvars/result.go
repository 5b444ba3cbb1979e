package shellvars

import (
	"maps"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// environ is the environment that the interpreter starts from. While it does,
// it would fill in HOME from the process's own environment, and it takes from
// TMPDIR the folder of its named pipes: files there whose names begin with
// sh-interp- are opened without asking the open handler. So HOME appears to be
// set then, and TMPDIR to be a folder that cannot exist.
type environ struct {
	list    expand.Environ
	started bool
}

func newEnviron(env []string) *environ { return &environ{list: expand.ListEnviron(env...)} }

func (e *environ) Get(name string) expand.Variable {
	if !e.started {
		switch name {
		case "HOME", "TMPDIR":
			return expand.Variable{Set: true, Exported: true, Kind: expand.String, Str: "/\x00"}
		}
	}
	return e.list.Get(name)
}

func (e *environ) Each(f func(string, expand.Variable) bool) { e.list.Each(f) }

// state is the variables before and after the script.
type state struct {
	env           *environ
	before, after map[string]expand.Variable
}

func snapshot(r *interp.Runner) map[string]expand.Variable { return maps.Clone(r.Vars) }

// ownedByShell change by themselves.
var ownedByShell = []string{"PWD", "OLDPWD", "_", "SHLVL"}

// result compares the states and asks about every name that changed.
func (s *session) result(st state) Result {
	var res Result
	for _, name := range slices.Sorted(maps.Keys(st.after)) {
		if slices.Contains(ownedByShell, name) || !syntax.ValidName(name) {
			continue
		}
		was, is := st.before[name], st.after[name]
		inEnv := st.env.Get(name).IsSet()
		at, plain, export := s.where(name)
		if plain && (inEnv || export) && !s.unset[name] {
			is.Exported = true // the interpreter has forgotten it
		}
		usable := is.IsSet() && is.Kind == expand.String
		if inEnv && !(usable && is.Exported) {
			res.Unset = append(res.Unset, name) // it may still be set below, for the script alone
			if !usable {
				s.refused(name, at)
			}
		}
		changed := is.Str != was.Str || is.Exported != was.Exported || !was.IsSet()
		switch {
		case usable && (changed || plain || export):
			if changed {
				s.refused(name, at)
			}
			if strings.Contains(is.Str, "\x00") {
				s.add(at, "the value of `"+name+"` holds a NUL byte", "no variable can")
			}
			res.Set = append(res.Set, Var{Name: name, Value: is.Str, Exported: is.Exported, File: at.File, Line: at.Line})
		case is.Declared() && !was.Declared():
			s.refused(name, at) // an array, or exported without a value
		}
	}
	return res
}

func (s *session) refused(name string, at Problem) {
	if s.opts.Refuse == nil {
		return
	}
	if why := s.opts.Refuse(name); why != "" {
		s.add(at, "`"+name+"` may not be changed here: "+why, "remove it")
	}
}

// where finds the last place that sets a name, whether one of them loses the
// export, and whether an `export` that every run comes by names it.
func (s *session) where(name string) (at Problem, plain, export bool) {
	at = Problem{File: s.opts.File}
	for _, src := range s.code.sources {
		for _, t := range src.facts.targets {
			if t.name == name {
				at = s.code.at(t.off)
				plain, export = plain || t.plain, export || t.export
			}
		}
	}
	return at, plain, export
}
