package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"spa-runner/internal/config"
	"spa-runner/internal/doctor"
	"spa-runner/internal/environments"
	"spa-runner/internal/fault"
	"spa-runner/internal/lazyregexp"
	"spa-runner/internal/shellvars"
	"spa-runner/pipeline"
	"spa-runner/steps"
)

// folderOfSettings is the folder of --settings, which must be one.
func folderOfSettings(folder string) (string, error) {
	info, err := os.Stat(folder)
	if err != nil || !info.IsDir() {
		return "", usageError(fmt.Errorf("--settings is %q, which is no folder: name the top of a checkout of the settings", folder))
	}
	return filepath.Abs(folder)
}

// checksOfFolder are those that need no server. Each environment has a
// configuration of its own, in which the project's part is missing.
func (d *diagnosis) checksOfFolder(_ context.Context, folder string) []doctor.Check {
	// Scripts say `. settings/common.sh`, whatever the checkout is called.
	linked := os.Symlink(folder, d.inTemp("settings"))
	d.checkout, _ = filepath.EvalSymlinks(folder)
	c, problems := d.configOfFolder(folder, d.flags["SETTINGS_ENVIRONMENT_PATH"])
	d.config = c
	d.breaks("configuration", problems)
	names, err := environmentsOf(folder, cmp.Or(c.Environ[environmentsFolder], environments.Folder), c.Environment)
	list := []check{
		{"configuration", "", "", func(context.Context) doctor.Finding {
			return configurationFinding("what is set here; what only the project knows is not demanded", problems, nil)
		}},
		{"environments", "", "SETTINGS_ENVIRONMENT_PATH", func(context.Context) doctor.Finding {
			f := finding(fmt.Sprintf("%d in %s", len(names), folder), nil, errors.Join(err, linked))
			if f.State == doctor.Mend {
				f.Fixes = []doctor.Fix{{Do: "name the top of the checkout by --settings, or the folder of one environment as seen from there:", Paste: command("spa-runner doctor --settings", folder) + " --settings-environment-path …"}}
			}
			return f
		}},
	}
	for _, name := range names {
		list = append(list, d.checksOfEnvironment(folder, name)...)
	}
	return d.made(list)
}

// configOfFolder is the configuration of one environment, with its problems but
// those of what is not there: no pull request to the settings can set that.
func (d *diagnosis) configOfFolder(folder, environment string) (*config.Config, []string) {
	flags := map[string]string{"SETTINGS_GIT_URL": folder}
	for name, value := range d.flags {
		flags[name] = value
	}
	if environment != "" {
		flags["SETTINGS_ENVIRONMENT_PATH"] = environment
	}
	c := config.New(flags, d.environ)
	return c, demanded(c.Resolve())
}

// demanded are the problems without those of missing values.
func demanded(err error) []string {
	var problems []string
	for _, problem := range config.ProblemsIn(err) {
		if _, rest, _ := strings.Cut(problem, " "); !strings.HasPrefix(rest, "is required") {
			problems = append(problems, problem)
		}
	}
	return problems
}

// environmentsOf are the folders directly below parent, as batch and the trigger
// know them, or the one that is named.
func environmentsOf(folder, parent, environment string) ([]string, error) {
	if environment != "" {
		return []string{environment}, steps.EnvironmentFolder(folder, environment)
	}
	root, err := os.OpenRoot(folder) // a link would show what other folders of this machine hold
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	entries, err := fs.ReadDir(root.FS(), path.Clean(parent))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the settings have no folder %q", parent)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && environments.Named(e.Name()) {
			names = append(names, path.Join(parent, e.Name()))
		}
	}
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("there is no folder in %q", parent)
	}
	return names, err
}

// environment is one environment of a checkout.
type environment struct {
	*diagnosis
	folder, name string
}

func (d *diagnosis) checksOfEnvironment(folder, name string) []check {
	own := *d
	e := &environment{&own, folder, name}
	e.temp, e.config, e.rt = d.temp, nil, nil
	script, files := name+" "+scriptName, name+" files"
	return []check{
		{script, "environments", "", e.lookAtVariables},
		{files, "environments, " + script, "SPA_RUNNER_OVERLAY_*", e.lookAtFiles},
		{name + " pin", script, "", e.lookAtPin},
		{name + " region", script + ", " + files, "", e.lookAtRegion},
		{name + " account", script + ", " + files, "", e.lookAtAccount},
	}
}

func (e *environment) lookAtVariables(ctx context.Context) doctor.Finding {
	c, known := e.configOfFolder(e.folder, e.name)
	e.config, e.told = c, known
	e.rt = e.runtime()
	file := path.Join(e.name, scriptName)
	warnings, err := e.run(ctx, steps.SourceVariables{
		Settings: e.inTemp("settings"), Environment: e.name, Workdir: e.temp, By: steps.Data, Refuse: c.Refuse, Secrets: c.SecretsIn,
		Apply: func(set []shellvars.Var, env *pipeline.Environ) ([]pipeline.Param, []string, error) {
			_, warnings, err := c.ApplyScript(set, env)
			problems := []string{}
			for _, problem := range demanded(err) {
				if name, _, _ := strings.Cut(problem, " "); c.Script[name].Name != "" {
					problems = append(problems, problem)
				}
			}
			if len(problems) > 0 {
				return nil, nil, &fault.ConfigError{Problems: problems}
			}
			return nil, warnings, nil
		},
	})
	f := finding(file, warnings, err)
	_, missing := os.Lstat(filepath.Join(e.folder, file))
	switch {
	case os.IsNotExist(missing) && err == nil:
		f.Looked = "there is none, which is fine"
	case err != nil && c.VariablesBy != steps.Data:
		f.State = doctor.Warn
		f.Cause += "\nThe doctor does not run strangers' files, though SPA_RUNNER_VARIABLES=" + c.VariablesBy + " lets a run do so"
	case err != nil:
		f.Fixes = []doctor.Fix{{Do: "mend these lines of " + file}}
	}
	return f
}

func (e *environment) lookAtFiles(ctx context.Context) doctor.Finding {
	c := e.config
	if err := checkEnvironments([]string{e.name}); err != nil {
		f := finding(e.name, nil, err)
		f.Fixes = []doctor.Fix{{Do: "rename the folder"}}
		return f
	}
	f := e.overlay(ctx, steps.OverlaySettings{
		Settings: e.inTemp("settings"), Environment: e.name,
		Protect: c.OverlayProtect, Require: c.OverlayRequire, RequireSettings: c.RequireSettings,
	}, false)
	if f.State == doctor.Mend && len(f.Fixes) > 0 {
		f.Fixes = f.Fixes[:len(f.Fixes)-1] // it says to ask what was just asked
	}
	if f.State == doctor.Mend && len(f.Fixes) == 0 {
		f.Fixes = []doctor.Fix{{Do: "mend these files of " + e.name}}
	}
	return f
}

// branchLike are names that are branches wherever somebody has them.
var branchLike = lazyregexp.New(`^(refs/heads/.*|main|master|trunk|develop|dev|HEAD)$`)

// lookAtPin looks at what the script says of the code. Whether a name is a tag only
// its server knows, which is not asked.
func (e *environment) lookAtPin(context.Context) doctor.Finding {
	c := e.config
	ref, set := c.Script["CODE_GIT_BRANCH"]
	if _, ofCommit := c.Script["CODE_GIT_COMMIT"]; !set && !ofCommit {
		return doctor.Finding{State: doctor.Unneeded, Because: scriptName + " leaves the code to the project"}
	}
	f := finding(fmt.Sprintf("CODE_GIT_BRANCH is %s, CODE_GIT_COMMIT %q", c.Code.Ref, c.Code.Commit), nil, nil)
	if c.Code.Commit != "" || config.FullCommit.MatchString(c.Code.Ref) {
		return f
	}
	f.State, f.Cause = doctor.Warn, fmt.Sprintf("%s names %s without its commit: a branch moves, and a tag can be moved", scriptName, ref.Value)
	f.Fixes = []doctor.Fix{{
		Do:    "export CODE_GIT_COMMIT in " + scriptName + " too, as the commit that this shows (the line with ^{}, if there is one):",
		Paste: command("git ls-remote --", config.ShownURL(c.Code.URL), ref.Value+"*"),
	}}
	if c.RequirePinned && branchLike.MatchString(c.Code.Ref) {
		f.State, f.Cause = doctor.Mend, f.Cause+", and SPA_RUNNER_REQUIRE_PINNED refuses a branch"
	}
	return f
}

// lookAtRegion compares the settings with the region that a run would deploy to, as far
// as it is known here: CodeBuild's own region is not that of the machine that asks.
func (e *environment) lookAtRegion(context.Context) doctor.Finding {
	name := "DEPLOY_ENVIRONMENT_REGION" // wins over the other, wherever they are set
	region, source := e.valueOf(name)
	if region == "" {
		name = "AWS_REGION"
		if region, source = e.valueOf(name); source == "environment" {
			region = ""
		}
	}
	return e.compareRegions(e.folder, e.name, e.rt.Env, region, name+" from "+source)
}

// lookAtAccount compares the settings with the role that the script names, or who asks.
func (e *environment) lookAtAccount(context.Context) doctor.Finding {
	if e.config.DeployRole == "" {
		return doctor.Finding{State: doctor.Unneeded, Because: scriptName + " leaves the deploy role to the project"}
	}
	return e.compareAccounts(e.folder, e.name)
}
