package steps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"go.uber.org/zap"

	"spa-runner/internal/shellvars"
	"spa-runner/pipeline"
)

// variablesFile is the file of an environment that sets variables.
const variablesFile = "variables.sh"

// SourceVariables interprets the variables.sh of the environment, if there is
// one, inside this process, and has the configuration resolved again.
type SourceVariables struct {
	pipeline.Credentials[pipeline.None]
	Settings    string // the clone of the settings
	Environment string // the folder in it, relative
	Workdir     string // the folder that the script runs in, with settings/ in it
	// Exec lets it run external commands, without any identity.
	Exec bool
	// Refuse says why the script may not set a variable, "" if it may.
	Refuse func(name string) string
	// Apply takes over what was set, checks the configuration, whole, and says
	// what of it the script decided and what there is to warn of now. It is called
	// without a script too.
	Apply func(set []shellvars.Var, env *pipeline.Environ) (decided []pipeline.Param, warnings []string, err error)
	// Secrets picks the values out of NAME=value pairs that nobody may see.
	Secrets func(pairs []string) []string
}

// Name is source-variables.
func (SourceVariables) Name() string { return "source-variables" }

// Params shows the file.
func (s SourceVariables) Params() []pipeline.Param {
	params := []pipeline.Param{{
		Name: "file", Value: filepath.Join(filepath.Base(s.Settings), s.Environment, variablesFile),
	}}
	if s.Exec {
		params = append(params, pipeline.Param{Name: "external_commands", Value: "allowed"})
	}
	return params
}

// Run interprets the file. Whatever is wrong with it, or with the configuration
// that it leads to, is a *pipeline.ConfigError. From then on the untrusted user
// cannot read the settings, which are those of other environments too: the code
// gets its own by the overlay.
func (s SourceVariables) Run(ctx context.Context, rt *pipeline.Runtime) error {
	if err := s.run(ctx, rt); err != nil {
		return err
	}
	if err := rt.CloseFolder(s.Settings); err != nil {
		return err
	}
	warnOfCertificates(rt)
	return nil
}

// warnOfCertificates names those that the untrusted user cannot read: their tools would
// fail with an error that names neither the file nor the user. Those in the settings,
// which are closed by now, are among them.
func warnOfCertificates(rt *pipeline.Runtime) {
	if rt.Untrusted == nil {
		return
	}
	if names := rt.Untrusted.UnreadableFiles(rt.Env); len(names) > 0 {
		rt.Log.Warn("setup, lint and tests run as a user who cannot read the files that these variables name: "+
			"put the file where every user can read it, which the folder of the settings is not, or chmod o+r it in the buildspec",
			zap.String("user", rt.Untrusted.Name), zap.Strings("variables", names))
	}
}

func (s SourceVariables) run(ctx context.Context, rt *pipeline.Runtime) error {
	folder, err := environmentFolder(s.Settings, s.Environment)
	if err != nil {
		return &pipeline.ConfigError{Problems: []string{err.Error()}}
	}
	file := filepath.Join(folder, variablesFile)
	if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
		rt.Log.Info("the environment has no variables.sh")
		return s.apply(rt, nil)
	}
	var printed, complained held
	result, err := s.source(ctx, rt, file, &printed, &complained)
	if err != nil {
		if n := printed.buffer.Len(); n > 0 {
			rt.Log.Warn("what variables.sh printed is not shown: it failed before its secrets were known", zap.Int("bytes", n))
		}
		// What its commands said is why it failed.
		return errors.Join(err, s.show(rt, "stderr", &complained))
	}
	exported, own := []string{}, []string{}
	for _, v := range result.Set {
		rt.Redact(s.Secrets([]string{v.Name + "=" + v.Value})...)
		if v.Exported {
			rt.Env.Set(v.Name, v.Value)
			exported = append(exported, v.Name)
		} else {
			own = append(own, v.Name)
		}
	}
	for _, name := range result.Unset {
		rt.Env.Unset(name)
	}
	if err := errors.Join(s.show(rt, "stderr", &complained), s.show(rt, "stdout", &printed)); err != nil {
		return err
	}
	rt.Log.Info("variables set", zap.Strings("exported", exported),
		zap.Strings("not_exported", own), zap.Strings("unset", result.Unset))
	return s.apply(rt, result.Set)
}

func (s SourceVariables) apply(rt *pipeline.Runtime, set []shellvars.Var) error {
	decided, warnings, err := s.Apply(set, rt.Env)
	if err != nil {
		return err
	}
	for _, p := range decided {
		rt.Log.Info("variables.sh decides", zap.String("variable", p.Name), zap.String("value", p.Value))
	}
	for _, warning := range warnings {
		rt.Log.Warn("configuration: " + warning)
	}
	return nil
}

// show puts into the log what was held back from it.
func (s SourceVariables) show(rt *pipeline.Runtime, stream string, h *held) error {
	out := rt.Output(s.Name(), pipeline.ScopeOf(s), stream)
	_, err := h.buffer.WriteTo(out)
	return errors.Join(err, out.Close())
}

func (s SourceVariables) source(ctx context.Context, rt *pipeline.Runtime, file string, printed, complained *held) (shellvars.Result, error) {
	options := shellvars.Options{
		File: file, Root: s.Settings, Dir: s.Workdir, Env: rt.Env.Pairs(),
		Refuse: s.Refuse, Stdout: printed, Stderr: printed,
	}
	if s.Exec {
		options.Exec = func(ctx context.Context, c shellvars.Command) error {
			rt.Redact(s.Secrets(c.Vars)...) // of which its stderr may show some
			return runForScript(ctx, rt, c, printed, complained)
		}
	}
	result, err := shellvars.Source(ctx, options)
	var wrong *shellvars.Error
	if errors.As(err, &wrong) {
		problems := make([]string, 0, len(wrong.Problems))
		for _, p := range wrong.Problems {
			problems = append(problems, p.String())
		}
		return result, &pipeline.ConfigError{Problems: problems}
	}
	if err != nil {
		return result, fmt.Errorf("interpreting %s: %w", variablesFile, err)
	}
	return result, nil
}

// runForScript runs an external command of the script as nobody. Commands of a
// shell's pipe run side by side. What it says on stderr is kept apart, unless
// the script sends it elsewhere: if the command fails, it is why.
func runForScript(ctx context.Context, rt *pipeline.Runtime, c shellvars.Command, printed, complained *held) error {
	stderr := c.Stderr
	if stderr == io.Writer(printed) {
		stderr = complained
	}
	err := pipeline.Exec(ctx, rt, pipeline.Credentials[pipeline.None]{}, pipeline.Command{
		Dir: c.Dir, Argv: c.Argv, Env: c.Env, Without: missing(rt.Env.Pairs(), c.Env), Stdin: c.Stdin,
		Stdout: printed.guard(c.Stdout), Stderr: printed.guard(stderr), Beside: true,
	})
	var child *pipeline.ChildError
	if errors.As(err, &child) {
		return exitStatus(child.Code)
	}
	if err != nil && ctx.Err() == nil {
		// Not the error itself: it names the command, which may have come out of
		// a variable.
		return errors.New("there is no such program on the PATH, or it cannot be started")
	}
	return err
}

// missing are the names in before that are not in after: what the script unset
// is not there for its commands either.
func missing(before, after []string) []string {
	var names []string
	for _, pair := range before {
		name, _, _ := strings.Cut(pair, "=")
		if !slices.ContainsFunc(after, func(p string) bool { return strings.HasPrefix(p, name+"=") }) {
			names = append(names, name)
		}
	}
	return names
}

// held keeps what the script prints until the secrets that it sets are known.
type held struct {
	mu     sync.Mutex // parts of a pipe print at the same time
	buffer bytes.Buffer
}

func (h *held) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.buffer.Write(p)
}

// guard lets several streams end in one place, as with `$(command 2>&1)`: the
// interpreter collects a value in a buffer that is not made for that. A file
// needs no guard, and being a pipe it could keep the lock while it is full.
func (h *held) guard(w io.Writer) io.Writer {
	if _, file := w.(*os.File); file || w == nil || w == io.Writer(h) {
		return w
	}
	return guarded{&h.mu, w}
}

type guarded struct {
	mu *sync.Mutex
	io.Writer
}

func (g guarded) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.Writer.Write(p)
}

// exitStatus is how the interpreter is told the status of a command.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// ExitCode makes it a shellvars.ExitCoder.
func (e exitStatus) ExitCode() int { return int(e) }
