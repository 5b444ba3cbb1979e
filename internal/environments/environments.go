// Package environments knows how many environments live in one repository of
// settings: which of them a change touches, and how CodeBuild builds several of
// them at once.
package environments

import (
	"path"
	"slices"
	"strings"
)

// Touched is which environments a change means, in their order. Environments are
// folders of the settings, changed are paths of files: all of what was added,
// changed and removed, a rename being the removal of one and the addition of the
// other. A file outside every environment may be read by all of them, so it
// touches all, unless it is documentation (*.md).
func Touched(environments, changed []string) []string {
	touched := map[string]bool{}
	for _, file := range changed {
		i := slices.IndexFunc(environments, func(folder string) bool { return strings.HasPrefix(file, folder+"/") })
		switch {
		case i >= 0:
			touched[environments[i]] = true
		case path.Ext(file) != ".md":
			return slices.Clone(environments)
		}
	}
	return slices.DeleteFunc(slices.Clone(environments), func(folder string) bool { return !touched[folder] })
}
