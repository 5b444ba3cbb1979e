package steps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.uber.org/zap"

	"spa-runner/internal/fault"
	"spa-runner/internal/shellvars"
	"spa-runner/internal/typos"
	"spa-runner/pipeline"
)

// Data is the value of [SourceVariables].By for no shell at all.
const Data = "data"

// variablesFile is the file of an environment that sets variables.
const variablesFile = "variables.sh"

// SourceVariables evaluates the variables.sh of the environment, if there is one,
// and has the configuration resolved again.
type SourceVariables struct {
	pipeline.Credentials[pipeline.None]
	Settings    string // the clone of the settings
	Environment string // the folder in it, relative
	Workdir     string // the folder that the script runs in, with settings/ in it
	Shown       string // what messages call the settings; "" is Settings
	// By says who evaluates it: "data" is this process, of which it is data; bash or
	// sh run it as the shell buildspec did, without any identity.
	By string
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
	if s.By != Data {
		params = append(params, pipeline.Param{Name: "by", Value: s.By})
	}
	return params
}

// Run evaluates the file. Whatever is wrong with it, or with the configuration
// that it leads to, is a *fault.ConfigError. From then on the untrusted user
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
		return &fault.ConfigError{Problems: []string{err.Error()}}
	}
	s.warnOfFiles(rt, folder)
	file := filepath.Join(s.Settings, s.Environment, variablesFile)
	if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
		rt.Log.Info("the environment has no variables.sh")
		return s.apply(rt, nil)
	}
	var printed held
	set, unset, err := s.source(ctx, rt, file, &printed)
	if err != nil {
		if n := printed.buffer.Len(); n > 0 {
			rt.Log.Warn("what variables.sh printed is not shown: it failed before its secrets were known", zap.Int("bytes", n))
		}
		return err
	}
	exported, own := []string{}, []string{}
	for _, v := range set {
		rt.Redact(s.Secrets([]string{v.Name + "=" + v.Value})...)
		if v.Exported {
			rt.Env.Set(v.Name, v.Value)
			exported = append(exported, v.Name)
		} else {
			own = append(own, v.Name)
		}
	}
	for _, name := range unset {
		rt.Env.Unset(name)
	}
	if err := s.show(rt, &printed); err != nil {
		return err
	}
	rt.Log.Info("variables set", zap.Strings("exported", exported),
		zap.Strings("not_exported", own), zap.Strings("unset", unset))
	return s.apply(rt, set)
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

// warnOfFiles names files that may have been meant to be variables.sh, and that nothing
// evaluates.
func (s SourceVariables) warnOfFiles(rt *pipeline.Runtime, folder string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return // which the next look at the folder tells
	}
	var names []string
	for _, e := range entries {
		name := strings.ToLower(e.Name())
		if e.Name() != variablesFile && (strings.HasPrefix(name, variablesFile) || typos.Distance(name, variablesFile, 2) <= 2) {
			names = append(names, filepath.Join(s.Environment, e.Name()))
		}
	}
	if _, err := os.Lstat(filepath.Join(s.Settings, variablesFile)); err == nil && filepath.Clean(s.Environment) != "." {
		names = append(names, variablesFile)
	}
	if len(names) > 0 {
		rt.Log.Warn("these files of the settings look like a variables.sh, and are not evaluated: rename them, or move them to the folder of the environment",
			zap.Strings("files", names), zap.String("evaluated", filepath.Join(s.Environment, variablesFile)))
	}
}

// show puts into the log what was held back from it.
func (s SourceVariables) show(rt *pipeline.Runtime, h *held) error {
	out := rt.Output(s.Name(), pipeline.ScopeOf(s), "stdout")
	_, err := h.buffer.WriteTo(out)
	return errors.Join(err, out.Close())
}

// source evaluates the file, by whichever way, and says what it set and what it took
// out of the environment.
func (s SourceVariables) source(ctx context.Context, rt *pipeline.Runtime, file string, printed *held) (set []shellvars.Var, unset []string, err error) {
	before := pairsOf(rt.Env.Pairs())
	var after []shellvars.Var
	if s.By == Data {
		after, err = shellvars.Source(ctx, shellvars.Options{File: file, Root: s.Settings, Dir: s.Workdir, Env: rt.Env.Pairs(), Output: printed})
	} else {
		before, after, err = s.byShell(ctx, rt, file, printed)
	}
	var wrong *shellvars.Error
	switch {
	case errors.As(err, &wrong):
		return nil, nil, &fault.ConfigError{Problems: s.shown(wrong.Problems)}
	case err != nil:
		return nil, nil, fmt.Errorf("evaluating %s: %w", variablesFile, err)
	}
	return s.compare(file, before, after)
}

// held keeps what the script prints until the secrets that it sets are known.
type held struct{ buffer bytes.Buffer }

// mostHeld is more than a script prints that does nothing but set variables.
const mostHeld = 1 << 20

func (h *held) Write(p []byte) (int, error) {
	if h.buffer.Len()+len(p) > mostHeld {
		return 0, errors.New("it is more than the 1 MiB that is held back until the secrets that the script sets are known")
	}
	return h.buffer.Write(p)
}
