package steps

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"spa-runner/internal/globs"
	"spa-runner/internal/manifest"
	"spa-runner/pipeline"
)

// NotAlreadyMade refuses files that setup, lint or tests added and that make would
// take for a target: it then does nothing and ends well, as if that had been made.
// A target that the tracked makefile calls .PHONY is made whatever there is.
// https://www.gnu.org/software/make/manual/html_node/Phony-Targets.html
func NotAlreadyMade(code string, files []manifest.Entry, targets []string, mayChange globs.List) error {
	tracked := func(name string) bool {
		return slices.ContainsFunc(files, func(e manifest.Entry) bool { return e.Path == name })
	}
	var phony []string
	if i := slices.IndexFunc(makefiles(), tracked); i >= 0 {
		text, err := os.ReadFile(filepath.Join(code, makefiles()[i]))
		if err != nil {
			return fmt.Errorf("reading the makefile: %w", err)
		}
		phony = phonyTargets(string(text))
	}
	for _, target := range targets {
		name := path.Clean(target)
		_, may := mayChange.Match(name)
		if may || tracked(name) || slices.Contains(phony, target) || !isThere(filepath.Join(code, name)) {
			continue
		}
		return pipeline.WithHint(
			fmt.Errorf("there is a new file %q in the code, and make would take it for the target of that name: it would do nothing, and end as if it had deployed", name),
			"find out which of setup, lint and tests made it, or add the line `.PHONY: "+target+"` to the Makefile; if it is meant, name it in SPA_RUNNER_MAY_CHANGE of the project")
	}
	return nil
}

var phonyLine = regexp.MustCompile(`(?m)^\.PHONY[ \t]*::?([^#\n]*)`)

// phonyTargets are those that a makefile itself, without what it includes, calls
// .PHONY.
func phonyTargets(makefile string) (names []string) {
	makefile = strings.ReplaceAll(strings.ReplaceAll(makefile, "\r\n", "\n"), "\\\n", " ")
	for _, match := range phonyLine.FindAllStringSubmatch(makefile, -1) {
		names = append(names, strings.Fields(match[1])...)
	}
	return names
}
