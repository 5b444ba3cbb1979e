package steps

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"spa-runner/internal/fault"
	"spa-runner/internal/shellnames"
	"spa-runner/internal/shellvars"
)

// compare says what a script changed, and refuses what it may not change.
func (s SourceVariables) compare(file string, before map[string]string, after []shellvars.Var) (set []shellvars.Var, unset []string, err error) {
	var problems []string
	allow := func(name, place string) {
		if why := s.Refuse(name); why != "" {
			problems = append(problems, fmt.Sprintf("%s: `%s` may not be changed here: %s; remove it", place, name, why))
		}
	}
	gone := maps.Clone(before)
	for _, v := range after {
		was, there := before[v.Name]
		if v.Exported {
			delete(gone, v.Name)
		}
		if changed := !there || was != v.Value || !v.Exported; changed {
			allow(v.Name, placeOf(v, file))
			set = append(set, v)
		} else if v.Line > 0 {
			set = append(set, v)
		}
	}
	unset = slices.Sorted(maps.Keys(gone))
	for _, name := range unset {
		allow(name, file)
	}
	if len(problems) > 0 {
		return nil, nil, &fault.ConfigError{Problems: s.shown(problems)}
	}
	for i := range set {
		set[i].File = s.shown([]string{set[i].File})[0]
	}
	return set, unset, nil
}

// shown calls the folder of the settings in texts as the user knows it.
func (s SourceVariables) shown(texts []string) []string {
	if s.Shown == "" {
		return texts
	}
	for i, text := range texts {
		texts[i] = strings.ReplaceAll(text, s.Settings+"/", filepath.Clean(s.Shown)+"/")
	}
	return texts
}

// placeOf is where a variable was set last, as far as it is known.
func placeOf(v shellvars.Var, file string) string {
	if v.Line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", v.File, v.Line)
}

// pairsOf takes NAME=value pairs apart, but for functions, which bash exports too.
func pairsOf(pairs []string) map[string]string {
	values := map[string]string{}
	for _, pair := range pairs {
		if name, value, ok := strings.Cut(pair, "="); ok && shellnames.Valid(name) {
			values[name] = value
		}
	}
	return values
}
