package steps

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// makefiles are the names under which make looks for its file, in that order:
// the first that is there hides the others.
// https://www.gnu.org/software/make/manual/html_node/Makefile-Names.html
func makefiles() []string { return []string{"GNUmakefile", "makefile", "Makefile"} }

// isMakefile says whether make looks for a file of this name by itself.
func isMakefile(name string) bool { return slices.Contains(makefiles(), path.Base(name)) }

// builtIn are the built-in rules of GNU make 3.82 to 4.4, as `make -p` lists them:
// what a file may be made from, by the ends of the two names. An empty end is any
// name, such as Makefile from Makefile.sh.
// https://www.gnu.org/software/make/manual/html_node/Catalogue-of-Rules.html
var builtIn = []struct{ target, source string }{
	{"", ".C"},
	{"", ".F"},
	{"", ".S"},
	{"", ".c"},
	{"", ".cc"},
	{"", ".cpp"},
	{"", ".f"},
	{"", ".m"},
	{"", ".mod"},
	{"", ".o"},
	{"", ".p"},
	{"", ".r"},
	{"", ".s"},
	{"", ".sh"},
	{".c", ".l"},
	{".c", ".w"},
	{".c", ".y"},
	{".dvi", ".tex"},
	{".dvi", ".texi"},
	{".dvi", ".texinfo"},
	{".dvi", ".txinfo"},
	{".f", ".F"},
	{".f", ".r"},
	{".info", ".texi"},
	{".info", ".texinfo"},
	{".info", ".txinfo"},
	{".ln", ".c"},
	{".ln", ".l"},
	{".ln", ".y"},
	{".m", ".lm"},
	{".m", ".ym"},
	{".o", ".C"},
	{".o", ".F"},
	{".o", ".S"},
	{".o", ".c"},
	{".o", ".cc"},
	{".o", ".cpp"},
	{".o", ".f"},
	{".o", ".m"},
	{".o", ".mod"},
	{".o", ".p"},
	{".o", ".r"},
	{".o", ".s"},
	{".out", ""},
	{".p", ".web"},
	{".r", ".l"},
	{".s", ".S"},
	{".sym", ".def"},
	{".tex", ".w"},
	{".tex", ".web"},
}

// remakes are the files that make could make from a file of this name, by one of
// its built-in rules or several in a row. Both are paths with slashes.
func remakes(name string) []string {
	found := []string{}
	add := func(name string) {
		if base := path.Base(name); base != "." && base != "/" && !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	dir, base := path.Dir(name), path.Base(name)
	// Those of SCCS and RCS: "s.%", "SCCS/s.%", "%,v", "RCS/%,v" and "RCS/%".
	unversioned, isSCCS := strings.CutPrefix(base, "s.")
	if isSCCS {
		add(path.Join(dir, unversioned))
		if path.Base(dir) == "SCCS" {
			add(path.Join(path.Dir(dir), unversioned))
		}
	}
	unversioned, isRCS := strings.CutSuffix(base, ",v")
	if isRCS {
		add(path.Join(dir, unversioned))
	}
	if path.Base(dir) == "RCS" {
		add(path.Join(path.Dir(dir), unversioned))
		add(path.Join(path.Dir(dir), base))
	}
	for _, made := range madeFrom(name) {
		add(made)
	}
	for i := 0; i < len(found); i++ {
		for _, made := range madeFrom(found[i]) {
			add(made)
		}
	}
	return found
}

// madeByItself are the patterns of those built-in rules by which make could make a
// target from a file beside it. A Makefile that lacks the target deploy would
// otherwise make a file deploy of deploy.sh, and that would pass for a deployment.
func madeByItself(dir, target string) (patterns []string) {
	folder := path.Dir(target)
	for _, sub := range []string{".", "RCS", "SCCS"} {
		entries, _ := os.ReadDir(filepath.Join(dir, folder, sub)) // what make cannot list it may find all the same
		for _, entry := range entries {
			name := path.Join(folder, sub, entry.Name())
			for _, source := range append([]string{name}, remakes(name)...) {
				patterns = append(patterns, rulesBetween(source, path.Clean(target))...)
			}
		}
	}
	slices.Sort(patterns)
	return slices.Compact(patterns)
}

// rulesBetween are the patterns of the built-in rules that make one file from another.
func rulesBetween(source, target string) (patterns []string) {
	for _, rule := range builtIn {
		if stem, ok := strings.CutSuffix(target, rule.target); ok && stem != "" && source == stem+rule.source && source != target {
			patterns = append(patterns, "%"+rule.target+": %"+rule.source)
		}
	}
	for _, pattern := range []string{"%,v", "RCS/%,v", "RCS/%", "s.%", "SCCS/s.%"} {
		if source == path.Join(path.Dir(target), strings.ReplaceAll(pattern, "%", path.Base(target))) {
			patterns = append(patterns, "%: "+pattern)
		}
	}
	return patterns
}

// madeFrom are the files that one built-in rule makes from another.
func madeFrom(name string) (made []string) {
	for _, rule := range builtIn {
		stem, ok := strings.CutSuffix(name, rule.source)
		if ok && stem != "" && !strings.HasSuffix(stem, "/") && (rule.source != "" || !strings.HasSuffix(name, rule.target)) {
			made = append(made, stem+rule.target)
		}
	}
	return made
}
