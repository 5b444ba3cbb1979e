// Package shellvars sources a variables.sh file inside the process and returns
// what it set.
//
// A shell would run the file with everything the build can do: its identity,
// its files, its network. Here mvdan.cc/sh interprets it with the doors
// closed, and what the interpreter would pass over in silence (a refused
// command inside $( ) leaves an empty value and no error) is recorded and makes
// [Source] fail.
//
// A file passes through three stages:
//
//  1. code.go reads it below the root, checks its encoding and parses it;
//     escapes.go rewrites quoting that the interpreter gets wrong; inspect.go
//     walks the tree: refuse.go says what must not run (background jobs, process
//     substitution), differences.go what the interpreter would do otherwise than
//     a shell, and where names are set is noted.
//  2. The interpreter runs it. calls.go sees every command before it runs, and
//     sends files that are sourced, and strings that are evaluated, through
//     the first stage. files.go opens files; commands.go runs, or refuses,
//     external commands.
//  3. result.go compares the variables with those that were handed in, and asks
//     Options.Refuse about each that changed.
//
// # Where it differs from a shell, on purpose
//
//   - The status of the last command is ignored: a file that ends in
//     `[ -n "$X" ] && export Y=1` is a good one. `set -e`, `set -u` and `${X:?}`
//     do end it, and that is an error; so is `exit`.
//   - An external command that fails inside $( ) of an assignment is an error,
//     unless its status is tested (`|| …`, `if`, `!`). So is one that fails in
//     a function while its output is captured. A shell goes on with an empty
//     value: `export TOKEN=$(aws …)` is 0 whatever aws does.
//   - A file that cannot be read is an error, not an empty value.
//   - Globs see what is below the root and nothing else. `[ -f … ]`, `cd` and
//     `command -v` may look elsewhere: that answers yes or no and reads nothing.
//   - `. name` without a slash looks in the working folder, not in PATH.
//   - `set -x` is refused, since it would print every value.
//   - In $( ), `set -e` stays on, as in dash.
//   - $((08)) is 0 where a shell says that it is no octal number; lengths and
//     substrings count characters whatever the locale; the expansions in
//     ${X#"$Y"} are taken for patterns; an unquoted ${X:-"a  b"} outside an
//     assignment is split.
//   - Pipelines are refused where external commands are: a shell runs their
//     last part in a subshell, this interpreter does not.
//
// Arrays are usable inside the file but, as in any shell, never exported; they
// are not part of the [Result].
//
// Memory is not limited (`while :; do X=$X$X; done`). With external commands
// allowed, a panic of the interpreter inside the left part of a pipeline ends
// the process; anywhere else it is reported as a problem.
package shellvars

import (
	"context"
	"fmt"
	"io"
)

// Options says what to source and what it may do.
type Options struct {
	// File is the path of the script, below Root.
	File string
	// Root is the settings repository. Nothing is read outside it; symlinks
	// are resolved first.
	Root string
	// Dir is the working folder of the script; empty means the folder that
	// holds Root, which is where the shell buildspec sourced the file from, so
	// that `. settings/common.sh` means the same as there.
	Dir string
	// Env is all that the script sees as exported, as NAME=value. The
	// environment of the process is never used.
	Env []string
	// Refuse returns why the script may not change a name, or "" if it may. It
	// is asked about the names whose final state differs from Env, so that a
	// name changed only in a subshell, or put back, is no problem. Nil refuses
	// nothing.
	Refuse func(name string) (why string)
	// Exec runs an external command; nil refuses all of them.
	Exec func(ctx context.Context, c Command) error
	// ExecAdvice is what a refusal of a command tells the reader to do; empty
	// means DefaultExecAdvice.
	ExecAdvice string
	// Stdout and Stderr receive what the script prints, which may be secret.
	// Nil discards. With Exec, the two sides of a pipeline write at once.
	Stdout, Stderr io.Writer
}

// DefaultExecAdvice names the runner's knob and, first, the better way.
const DefaultExecAdvice = "for a secret, use a parameter-store or secrets-manager variable of the CodeBuild project; " +
	"for a file, X=$(< file); SPA_RUNNER_VARIABLES_EXEC=true allows external commands"

// Command is an external command that the script wants to run.
type Command struct {
	Dir            string
	Argv, Env      []string // Env is what the script exports at this point
	Vars           []string // all of its variables, exported or not, for a redactor
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Var is a variable that the script set.
type Var struct {
	Name, Value string
	Exported    bool
	// File and Line are the last place that sets the name; with several
	// branches that need not be the one that ran. Line is 0 if it is unknown,
	// as for a name that was put together at run time.
	File string
	Line int
}

// Result is what a script did to its environment.
type Result struct {
	Set   []Var    // by name: new or changed, or set again to what it was
	Unset []string // were in Options.Env and are no longer exported, by name
}

// Source runs o.File and returns what it set. What is wrong with the script is
// an [*Error] with all problems found; any other error is about ctx, or about
// Options, and wraps its cause.
func Source(ctx context.Context, o Options) (Result, error) {
	s, err := newSession(o)
	if err != nil {
		return Result{}, fmt.Errorf("sourcing %s: %w", o.File, err)
	}
	defer s.root.Close()
	main := s.loadMain()
	if main == nil || len(s.problems) > 0 {
		return Result{}, s.failure()
	}
	st, err := s.run(ctx, main)
	if cause := context.Cause(ctx); ctx.Err() != nil {
		return Result{}, fmt.Errorf("sourcing %s: %w", o.File, cause)
	}
	if err != nil {
		return Result{}, fmt.Errorf("sourcing %s: %w", o.File, err)
	}
	res := s.result(st)
	if len(s.problems) > 0 {
		return Result{}, s.failure()
	}
	return res, nil
}
