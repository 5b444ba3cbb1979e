// Package environments knows how many environments live in one repository of
// settings: which there are, which of them a change touches, and how CodeBuild
// builds several of them at once.
package environments

import (
	"path"
	"slices"
	"strings"
)

// Folder is the one whose folders are the environments, unless somebody says another.
const Folder = "environments"

// Named says whether a folder of that name is an environment: one that begins with
// a dot belongs to a tool.
func Named(folder string) bool { return !strings.HasPrefix(path.Base(folder), ".") }

// Below are the environments that a repository has: the folders directly below
// folder, in the order of their names. Files are the paths of all files, or of
// some in which those folders occur.
func Below(folder string, files []string) []string {
	var found []string
	for _, file := range files {
		rest, inside := strings.CutPrefix(file, folder+"/")
		name, _, deeper := strings.Cut(rest, "/")
		if inside && deeper && Named(name) {
			found = append(found, folder+"/"+name)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// Touched is which environments a change means, in their order. Environments are
// folders of the settings, changed are paths of files: all of what was added,
// changed and removed, a rename being the removal of one and the addition of the
// other. A file outside every environment may be read by all of them, so it
// touches all, unless it is documentation (*.md).
func Touched(environments, changed []string) []string {
	touched := map[string]bool{}
	for _, file := range changed {
		outside := true
		for _, folder := range environments {
			if strings.HasPrefix(file, folder+"/") { // one may be in the folder of another
				touched[folder], outside = true, false
			}
		}
		if outside && path.Ext(file) != ".md" {
			return slices.Clone(environments)
		}
	}
	return slices.DeleteFunc(slices.Clone(environments), func(folder string) bool { return !touched[folder] })
}

// TouchedBelow is Touched for all environments below one folder: those given are
// the ones that are there now. One that the change removed as a whole is not among
// them; what is missing of it touches no other.
func TouchedBelow(folder string, environments, changed []string) []string {
	all := slices.Concat(environments, Below(folder, changed))
	slices.Sort(all)
	touched := Touched(slices.Compact(all), changed)
	return slices.DeleteFunc(slices.Clone(environments), func(e string) bool { return !slices.Contains(touched, e) })
}
