package shellvars

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// session is one Source. The interpreter is sequential but for pipelines,
// whose sides run at once: hence the mutex.
type session struct {
	opts     Options
	root     *os.Root
	rootPath string // absolute, symlinks resolved
	cancel   func()

	mu       sync.Mutex
	code     codeSet
	problems []Problem
	more     bool
	started  bool // the main file
	calls    int
	last     int             // offset of the last command that was started
	exitAt   int             // offset of an `exit` after which nothing ran, or -1
	unset    map[string]bool // names that `unset` was called with
	unbound  struct {
		name string
		pos  Problem
	}
}

func newSession(o Options) (*session, error) {
	if o.File == "" || o.Root == "" {
		return nil, errors.New("both a file and the settings repository it belongs to must be given")
	}
	abs, err := filepath.Abs(o.Root)
	if err != nil {
		return nil, err
	}
	rootPath, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return nil, err
	}
	if o.Dir == "" {
		o.Dir = filepath.Dir(abs)
	}
	if o.ExecAdvice == "" {
		o.ExecAdvice = DefaultExecAdvice
	}
	root, err := os.OpenRoot(rootPath)
	if err != nil {
		return nil, err
	}
	return &session{opts: o, root: root, rootPath: rootPath, exitAt: -1, cancel: func() {}, unset: map[string]bool{}}, nil
}

// run interprets the main file and returns the variables before and after.
func (s *session) run(ctx context.Context, main *source) (st state, err error) {
	ctx, s.cancel = context.WithCancel(ctx)
	defer s.cancel()
	// A shell's own input would be the build's; here it is empty.
	stdin, err := os.Open(os.DevNull)
	if err != nil {
		return state{}, err
	}
	defer stdin.Close()
	env := newEnviron(s.opts.Env)
	runner, err := interp.New(
		interp.Env(env),
		interp.Dir(s.opts.Dir),
		interp.StdIO(stdin, s.output(s.opts.Stdout), s.output(s.opts.Stderr)),
		interp.CallHandler(s.call),
		interp.OpenHandler(s.open),
		interp.ReadDirHandler2(s.readDir),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return s.exec }),
	)
	if err != nil {
		return state{}, err
	}
	defer func() {
		// The panic's value may hold a value of the script: it is not shown.
		if recover() != nil {
			s.problem(s.last, "the interpreter cannot run this", "write it more simply")
		}
	}()
	runner.Reset()
	env.started = true
	if err := runner.Run(ctx, &syntax.File{}); err != nil {
		return state{}, err
	}
	st = state{env: env, before: snapshot(runner)}
	// Not Run of the file itself: `return` must be legal at its top.
	dot := call(".", main.token())
	err = runner.Run(ctx, &syntax.Stmt{Cmd: dot})
	s.ending(runner.Exited(), err)
	st.after = snapshot(runner)
	return st, nil
}

// ending reports what ended the script before its last line.
func (s *session) ending(exited bool, err error) {
	var status interp.ExitStatus
	switch {
	case len(s.problems) > 0:
		// Whatever ended it is a consequence of what was refused.
	case s.exitAt >= 0:
		s.problem(s.exitAt, "`exit` would have ended the whole build in the shell buildspec", "use `return`")
	case s.unbound.name != "":
		s.add(s.unbound.pos, s.unbound.name+" is not set, and the script demands that it is (set -u, or ${"+s.unbound.name+":?})",
			"set it in the CodeBuild project, or give a default: ${"+s.unbound.name+":-value}")
	case exited:
		p := s.code.at(s.last)
		s.add(p, "a command at or after this line failed, and `set -e` ended the script", "test the command with `if` or `||`")
	case err != nil && !errors.As(err, &status):
		s.problem(s.last, "the interpreter gave up at or after this line", "write it more simply")
	}
}

// call makes the syntax tree of a command whose words need no expansion.
func call(words ...string) *syntax.CallExpr {
	c := &syntax.CallExpr{}
	for _, w := range words {
		c.Args = append(c.Args, &syntax.Word{Parts: []syntax.WordPart{&syntax.SglQuoted{Value: w}}})
	}
	return c
}
