package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"spa-runner/internal/globs"
	"spa-runner/pipeline"
)

// RequireSettings is the value of SPA_RUNNER_OVERLAY_REQUIRE, and its default,
// that stands for the file which SPA reads its settings from.
const RequireSettings = "${SETTINGS:-settings.yaml}"

// shippedSettings is the folder with the demo settings that SPA's `make setup`
// copies to where no others are.
const shippedSettings = "fixtures/settings"

// required are the patterns of what the environment must have, and why.
func (o OverlaySettings) required(env *pipeline.Environ) (list globs.List, why string, err error) {
	if !o.RequireSettings {
		return o.Require, "SPA_RUNNER_OVERLAY_REQUIRE demands it", nil
	}
	if !isIn(o.Code, shippedSettings, fs.FileMode.IsDir) {
		return nil, "", nil
	}
	file, source := "settings.yaml", "the code ships demo settings in "+shippedSettings+", which would be deployed in its place"
	if set, _ := env.Lookup("SETTINGS"); set != "" {
		file, source = set, source+" (SETTINGS is "+set+")"
	}
	code, err := filepath.Abs(o.Code)
	if err != nil {
		return nil, "", err
	}
	if filepath.IsAbs(file) {
		if rel, err := filepath.Rel(code, file); err == nil {
			file = rel
		}
	}
	return globs.List{escape(filepath.Clean(file))}, source, nil
}

// escape makes the pattern that matches a name and nothing else.
func escape(name string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(name)
}

func unescape(pattern string) string {
	return strings.NewReplacer(`\*`, `*`, `\?`, `?`, `\[`, `[`, `\\`, `\`).Replace(pattern)
}

// missing are the patterns that the environment has no file for, each a
// sentence. What the code has does not count.
func (o OverlaySettings) missing(ctx context.Context, source string, entries []overlaid, env *pipeline.Environ) ([]string, error) {
	list, why, err := o.required(env)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	root, err := os.OpenRoot(source)
	if err != nil {
		return nil, fmt.Errorf("opening the environment: %w", err)
	}
	defer func() { _ = root.Close() }()
	var problems []string
	there := make(map[string]bool, len(entries))
	for _, e := range entries {
		there[e.name] = true
	}
	for _, glob := range list {
		state, err := stateOf(ctx, root, glob, entries, there, o.RequireSettings)
		if err != nil {
			return nil, err
		}
		if state != "" {
			problems = append(problems, fmt.Sprintf("%q %s in the environment folder %q of the settings, and %s%s",
				unescape(glob), state, o.Environment, why, nearMisses(unescape(glob), entries)))
		}
	}
	return problems, nil
}

// stateOf says what is wrong with what a pattern demands: "" if one file that
// it matches has something in it. Unless it is to be exactly that file, one in a
// folder of that name will do.
func stateOf(ctx context.Context, root *os.Root, glob string, entries []overlaid, there map[string]bool, exactly bool) (string, error) {
	names := []string{}
	if name := unescape(glob); escape(name) == glob {
		names = append(names, name) // also behind a link of the settings
	}
	for _, e := range entries {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if _, ok := (globs.List{glob}).Match(e.name); ok && e.typ != fs.ModeDir && !exactly {
			names = append(names, e.name)
		}
	}
	state := "is missing"
	for _, name := range names {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		info, err := root.Stat(name) // follows links, but not out of the environment
		switch {
		case err == nil && info.Mode().IsRegular() && info.Size() > 0:
			return "", nil
		case err == nil && info.Mode().IsRegular():
			state = "is empty"
		case err == nil && exactly:
			state = "is no file"
		case errors.Is(err, fs.ErrNotExist) && there[name]:
			state = "is a symlink that leads to nothing"
		}
	}
	return state, nil
}

// maxNearMisses is how many files a message names.
const maxNearMisses = 5

// nearMisses names the files that may have been meant.
func nearMisses(name string, entries []overlaid) string {
	stem := func(name string) string {
		base := path.Base(name)
		return strings.ToLower(strings.TrimSuffix(base, path.Ext(base)))
	}
	var near, all []string
	for _, e := range entries {
		if e.typ == fs.ModeDir || e.name == name {
			continue
		}
		all = append(all, e.name)
		if stem(e.name) == stem(name) {
			near = append(near, e.name)
		}
	}
	if len(near) > 0 {
		return "; there is " + quoted(near[:min(len(near), maxNearMisses)])
	}
	if len(all) > maxNearMisses {
		return fmt.Sprintf("; there are %s and %d more", quoted(all[:maxNearMisses]), len(all)-maxNearMisses)
	}
	return "; there is " + quoted(all)
}

// quoted are names as a sentence has them.
func quoted(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = strconv.Quote(name)
	}
	return strings.Join(list, ", ")
}
