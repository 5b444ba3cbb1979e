// Package shellvars evaluates a variables.sh file as data: a fixed list of
// constructs of a shell, each with exactly the meaning that bash gives it. What
// is not on the list is refused, with file and line. docs/variables-sh.md has the list.
//
// Nothing runs: no program, no function, no loop without an end. Nothing is read
// outside the settings, and nothing is written.
//
// What ends an evaluation is a panic with a value of type ended, which [Source]
// recovers, or of type problem, after which the next statement is evaluated: as in text/template, a walker over trees has no other use for errors.
package shellvars

import (
	"cmp"
	"context"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"spa-runner/internal/rooted"
	"spa-runner/internal/shellnames"
)

// Options says what to source.
type Options struct {
	// File is the path of the script, below Root.
	File string
	// Root is the settings repository. Nothing is read outside it.
	Root string
	// Dir is the working folder of the script. Empty means the folder that holds
	// Root, where the shell buildspec sourced the file.
	Dir string
	// Env is all that the script sees as exported, as NAME=value. The
	// environment of the process is never used.
	Env []string
	// Output receives what the script prints by echo, which may be secret. Nil
	// discards it.
	Output io.Writer
}

// Var is a variable as it is at the end of a script.
type Var struct {
	Name, Value string
	Exported    bool
	// File and Line are where the script set it last. Line is 0 if it did not.
	File string
	Line int
}

// Source evaluates o.File and returns the variables there are at its end, by name.
// What is wrong with the script is an [*Error] with the problems found; any other
// error is about ctx, or about Options, and wraps its cause.
func Source(ctx context.Context, o Options) (vars []Var, err error) {
	defer func() {
		switch why := recover().(type) {
		case nil:
		case ended:
			vars, err = nil, why.error
		default:
			panic(why)
		}
	}()
	file, errFile := filepath.Abs(o.File)
	folder, errFolder := filepath.Abs(cmp.Or(o.Dir, filepath.Join(o.Root, "..")))
	root, errRoot := rooted.Open(o.Root)
	if err := cmp.Or(errFile, errFolder, errRoot); err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	s := &session{
		ctx: ctx, opts: o, root: root, folder: folder,
		builtins: newBuiltins(), vars: map[string]variable{}, functions: map[string]bool{}, options: map[string]bool{},
	}
	for _, pair := range o.Env {
		if name, value, _ := strings.Cut(pair, "="); shellnames.Valid(name) {
			s.vars[name] = variable{Var: Var{Name: name, Value: value, Exported: true}, set: true}
		}
	}
	s.path = s.vars["PATH"].Value
	s.main(file)
	for _, name := range slices.Sorted(maps.Keys(s.vars)) {
		if v := s.vars[name]; v.set {
			vars = append(vars, v.Var)
		}
	}
	return vars, nil
}

// variable is what a shell knows of a name.
type variable struct {
	Var
	set, readonly bool
}

// session is one Source.
type session struct {
	ctx     context.Context
	opts    Options
	root    *rooted.Root
	sourced []sourced // the innermost last

	builtins  map[string]builtin
	vars      map[string]variable
	functions map[string]bool
	options   map[string]bool  // errexit, nounset, allexport
	failed    bool             // the last command did
	path      string           // PATH before the script
	folder    string           // where it is: where it began, but for a cd within $( )
	output    *strings.Builder // within $( ), where all this is a copy

	problems     []string
	depth        int // of commands within commands
	steps, bytes int // of the budget
}

// at makes a path absolute. It is not joined: what .. means is for the file system
// to say.
func (s *session) at(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return s.folder + "/" + path
}

// sourced is a file that is being evaluated.
type sourced struct {
	file string // for messages
	as   string // as it was sourced: ${BASH_SOURCE[0]}
}

// main evaluates the file itself. Messages name it as Options does; the script
// sees it as the shell buildspec sourced it, from the working folder.
func (s *session) main(path string) {
	as, _ := filepath.Rel(s.folder, path) // both are absolute
	f := sourced{file: s.opts.File, as: as}
	content, err := s.root.ReadFile(path, maxFile)
	if err != nil {
		s.note(problem{text: f.file + ": this file cannot be used: " + err.Error()})
		s.end()
	}
	s.source(f, content, false)
	if s.options["errexit"] && s.failed {
		s.note(problem{f.file + ": the last command fails, and `set -e` ends the script; end it in `true`", true})
	}
	s.end()
}
