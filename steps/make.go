package steps

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"go.uber.org/zap"

	"spa-runner/internal/fault"
	"spa-runner/pipeline"
)

// Make runs make, one process a target.
type Make[S pipeline.Scope] struct {
	pipeline.Credentials[S]
	// Target names the step, and is what is made if Targets is nil.
	Target string
	// Targets replace Target; none at all skips the step.
	Targets []string
	// Flags go before the target, such as --dry-run.
	Flags []string
	Dir   string
	// Role is the ARN behind the credentials where no step before this one
	// assumes it: then this one does, and says so. Session and Narrowed are as
	// in AssumeRole.
	Role, Session, Narrowed string
	// Env adds to what the build sets, asked for when the step starts.
	Env func() []string
	// Shows are further parameters to show, asked for when the plan is shown and
	// again when the step starts.
	Shows func() []pipeline.Param
	// Without are names that this step's processes do not see.
	Without []string
	// Tools are programs whose versions are logged when the targets are made.
	Tools []string
}

// Name is make-setup, make-lint and so on, whatever the targets are.
func (m Make[S]) Name() string { return "make-" + m.Target }

// Params shows the targets, and the role if the step assumes one.
func (m Make[S]) Params() []pipeline.Param {
	params := []pipeline.Param{{Name: "targets", Value: strings.Join(m.targets(), " ")}}
	if m.Role != "" {
		params = append(params, roleParams(m.Role, m.Session, m.Narrowed)...)
	}
	if len(m.Flags) > 0 {
		params = append(params, pipeline.Param{Name: "flags", Value: strings.Join(m.Flags, " ")})
	}
	if len(m.Without) > 0 {
		params = append(params, pipeline.Param{Name: "without", Value: strings.Join(m.Without, " ")})
	}
	if m.Shows != nil {
		params = append(params, m.Shows()...)
	}
	return params
}

// Run makes the targets in order and stops at the first that fails, with the
// status of make. It is the make of the build image: a target could install another
// that says of all later ones that they went well.
func (m Make[S]) Run(ctx context.Context, rt *pipeline.Runtime) error {
	if len(m.targets()) == 0 {
		rt.Log.Warn("targets are switched off", zap.String("instead_of", m.Target))
		return fault.Skip("its list of targets is set and empty")
	}
	if m.Role != "" {
		if err := assume(ctx, rt, m.Credentials, m.Role, m.Session); err != nil {
			return err
		}
	}
	var env []string
	if m.Env != nil {
		env = m.Env()
	}
	made := 0
	for i, target := range m.targets() {
		rt.Log.Info("making", zap.String("target", target), zap.String("folder", filepath.Base(m.Dir)))
		did, err := m.make(ctx, rt, i, target, env)
		if err != nil {
			return err
		}
		if did {
			made++
			continue
		}
		rt.Log.Warn("make had nothing to do", zap.String("target", target))
		if m.deploys() && (target == m.Target || made == 0 && i == len(m.targets())-1) {
			return nothingDeployed()
		}
	}
	return m.logVersions(ctx, rt, versionLimit)
}

func nothingDeployed() error {
	return fault.WithHint(errors.New("make had nothing to do, so nothing was deployed"),
		"give the target a recipe; if it has one, a file or folder of the same name is in the way: declare the target .PHONY; "+
			"or the Makefile sets MAKEFLAGS so that make only prints, touches or asks (-n, -t, -q)")
}

// make makes one target, and tells whether there was something to do for it.
func (m Make[S]) make(ctx context.Context, rt *pipeline.Runtime, number int, target string, env []string) (did bool, err error) {
	own, told, err := watchMake(rt, m.Credentials, number, m.Dir, target)
	if err != nil {
		return false, err
	}
	watched, idle := watchIdle(rt, target)
	err = pipeline.Exec(ctx, watched, m.Credentials, pipeline.Command{
		Dir: m.Dir, Tree: m.Dir, Argv: append(append([]string{"make"}, m.Flags...), target), Given: true,
		Env: env, Own: own, Without: m.Without,
	})
	if err != nil {
		return false, err
	}
	doing, err := told()
	if err != nil {
		return false, err
	}
	switch {
	case !doing.read:
		rt.Log.Warn("make did not read the makefile that MAKEFILES names, so it is not GNU make: "+
			"a built-in rule of it could replace the Makefile, and what it did is known from its words alone", zap.String("target", target))
		return !idle(), nil
	case slices.Contains(m.Flags, "--dry-run"): // it starts no command
		return !idle(), nil
	case doing.ignores && m.deploys():
		return false, fault.WithHint(errors.New("the Makefile tells make to ignore the errors of all commands, so nobody knows whether it deployed"),
			"take -i out of MAKEFLAGS in the Makefile, or .IGNORE without targets; a recipe line whose error does not count begins with a hyphen")
	}
	return doing.made, nil
}

// deploys says whether the step acts on the target account.
func (m Make[S]) deploys() bool { return pipeline.ScopeOf(m) == "deploy" }

func (m Make[S]) targets() []string {
	if m.Targets != nil {
		return m.Targets
	}
	return []string{m.Target}
}
