package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"spa-runner/internal/awsname"
	"spa-runner/internal/config"
	"spa-runner/internal/doctor"
	"spa-runner/internal/fault"
	"spa-runner/internal/gitclone"
	"spa-runner/internal/identity"
	"spa-runner/internal/shellvars"
	"spa-runner/pipeline"
	"spa-runner/steps"
)

// lookAtSettings clones them. What is wrong with the branch is the next check's.
func (d *diagnosis) lookAtSettings(ctx context.Context) doctor.Finding {
	c := d.config
	_, d.settingsErr = d.run(ctx, step[steps.CloneSettings](d))
	d.settings = d.settingsErr == nil
	looked := config.ShownURL(c.Settings.URL)
	if d.settings || errors.Is(d.settingsErr, gitclone.ErrRefNotFound) {
		return finding(looked, nil, nil)
	}
	f := finding(looked, nil, d.settingsErr)
	role, err := awsname.ParseRole(c.SettingsRole)
	switch {
	case c.CodeCommit == nil || err != nil:
		f.Fixes = append(f.Fixes, doctor.Fix{Do: "from here, this lists what is there:", Paste: command("git ls-remote --", looked)})
	case errors.Is(d.settingsErr, gitclone.ErrUnauthorized):
		f.Fixes = append(f.Fixes, allowRead(role, "codecommit:GitPull", identity.SettingsRepository(role, *c.CodeCommit)))
	default:
		f.Fixes = append(f.Fixes, doctor.Fix{
			Do:    fmt.Sprintf("correct SETTINGS_GIT_URL; in account %s, this lists the repositories:", role.Account),
			Paste: "aws codecommit list-repositories --region " + c.CodeCommit.Region,
		})
	}
	return f
}

func (d *diagnosis) lookAtSettingsBranch(context.Context) doctor.Finding {
	c := d.config
	if d.settings {
		f := finding(fmt.Sprintf("%s, at %s", c.Settings.Ref, d.facts.settings.Commit), nil, nil)
		if c.SettingsPin != "" {
			f.State, f.Looked = doctor.Warn, d.facts.settings.Commit
			f.Cause = "SETTINGS_GIT_PIN: a newer commit on the branch is not deployed"
		}
		return f
	}
	f, name := finding(c.Settings.Ref, nil, d.settingsErr), "SETTINGS_GIT_BRANCH"
	if c.SettingsPin != "" {
		f.Looked, name = c.SettingsPin, "SETTINGS_GIT_PIN"
	}
	f.Fixes = append(f.Fixes, inProject("push that branch, or set the variable of the project to one that is there:", name+"=…"))
	if c.CodeCommit != nil && c.SettingsPin == "" {
		f.Fixes = append(f.Fixes, doctor.Fix{
			Do:    fmt.Sprintf("in account %s, this lists them:", config.AccountOf(c.SettingsRole)),
			Paste: fmt.Sprintf("aws codecommit list-branches --repository-name %s --region %s", c.CodeCommit.Name, c.CodeCommit.Region),
		})
	}
	return f
}

func (d *diagnosis) lookAtEnvironment(context.Context) doctor.Finding {
	f := finding(d.config.Environment, nil, steps.EnvironmentFolder(d.inTemp("settings"), d.config.Environment))
	if f.State == doctor.Mend {
		f.Fixes = []doctor.Fix{inProject("set the variable of the project to a folder that is there, or add that folder to the settings by a pull request:", "SETTINGS_ENVIRONMENT_PATH=…")}
	}
	return f
}

const scriptName = "variables.sh"

// lookAtVariables evaluates the script as step 3 does, but never by a shell.
func (d *diagnosis) lookAtVariables(ctx context.Context) doctor.Finding {
	c := d.config
	source := step[steps.SourceVariables](d)
	source.By = steps.Data
	var ofProject []string
	source.Apply = func(set []shellvars.Var, env *pipeline.Environ) ([]pipeline.Param, []string, error) {
		decided, warnings, err := c.ApplyScript(set, env)
		ofProject, err = d.late(err)
		return decided, warnings, err
	}
	file := path.Join(c.Environment, scriptName)
	warnings, err := d.run(ctx, source)
	d.sourced = err == nil
	f := finding(file, warnings, err)
	_, missing := os.Lstat(filepath.Join(source.Settings, file))
	switch {
	case os.IsNotExist(missing):
		f.Looked = "there is none, which is fine"
	case err != nil && c.VariablesBy != steps.Data:
		f.State = doctor.Warn
		f.Cause += "\nThe doctor does not run strangers' files, though SPA_RUNNER_VARIABLES=" + c.VariablesBy + " lets a run do so: what the script sets there is not known here"
	case err != nil:
		f.Fixes = []doctor.Fix{{
			Do:    "mend these lines by a pull request to the settings; in a checkout of them, this says the same without any server:",
			Paste: askOfFolder(c.Environment),
		}}
	}
	if len(ofProject) > 0 {
		blamed := configurationFinding("", ofProject, nil)
		f.Blame, f.Blamed = "configuration", &blamed
	}
	return f
}

// unknown is the finding where variables.sh may decide, and what it sets is not known.
func unknown() doctor.Finding { return doctor.Finding{State: doctor.Unchecked, Because: scriptName} }

// late sorts the problems that the configuration has after variables.sh and had not
// before: an error is what the script set, the others are the project's.
func (d *diagnosis) late(err error) (ofProject []string, ofScript error) {
	problems := config.ProblemsIn(err)
	if problems == nil {
		return nil, err
	}
	var script []string
	for _, problem := range problems {
		name, _, _ := strings.Cut(problem, " ")
		_, set := d.config.Script[name]
		switch _, known := d.broken[name]; {
		case known, slices.Contains(d.told, problem):
		case set:
			script = append(script, problem)
		default:
			ofProject = append(ofProject, problem)
		}
	}
	d.breaks("configuration", ofProject)
	d.breaks(scriptName, script)
	if len(script) > 0 {
		ofScript = &fault.ConfigError{Problems: script}
	}
	return ofProject, ofScript
}

// lookAtOverlay lays the environment over the clone of the code, or, where there
// is none, over what SPA has that the overlay asks for.
func (d *diagnosis) lookAtOverlay(ctx context.Context) doctor.Finding {
	overlay := step[steps.OverlaySettings](d)
	return d.overlay(ctx, overlay, d.code)
}

func (d *diagnosis) overlay(ctx context.Context, overlay steps.OverlaySettings, code bool) doctor.Finding {
	looked := overlay.Environment
	if !code {
		overlay.Code = filepath.Join(d.temp, "in-place-of-code")
		if err := errors.Join(os.RemoveAll(overlay.Code), os.MkdirAll(filepath.Join(overlay.Code, "fixtures", "settings"), 0o755)); err != nil {
			return finding(looked, nil, err)
		}
		looked += ", by itself: without the code it is to be laid over"
	}
	laid := []steps.LaidFile{}
	overlay.Laid = &laid
	warnings, err := d.run(ctx, overlay)
	if !code { // where nothing is, no pattern matches
		warnings = withoutPrefix(warnings, "a pattern of SPA_RUNNER_OVERLAY_PROTECT matches nothing")
	}
	f := finding(fmt.Sprintf("%s, files: %d", looked, len(laid)), warnings, err)
	if err != nil {
		f.Looked = looked
		f.Fixes = append(f.Fixes, doctor.Fix{
			Do:    "by a pull request to the settings; in a checkout of them, this says the same without any server:",
			Paste: askOfFolder(overlay.Environment),
		})
	}
	return f
}
