package steps

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"spa-runner/internal/fault"
	"spa-runner/internal/globs"
	"spa-runner/internal/manifest"
	"spa-runner/pipeline"
)

// maxChanges is how many changed files an error names.
const maxChanges = 20

// Unchanged compares what was cloned and laid over it with what is in the folder
// of the code now, after setup, lint and tests could write to it: an error names
// what is not the same, but for what may change. Of the files that were added it
// refuses those that make would read in place of a Makefile, and those from which it
// could make one of the files anew; a warning names those that other tools read
// although nothing names them. All else that was added is not looked at. Nothing of
// the targets may run any more, which [pipeline.Exec] sees to.
func Unchanged(ctx context.Context, rt *pipeline.Runtime, code string, files []manifest.Entry, mayChange globs.List) error {
	if len(files) == 0 {
		return fmt.Errorf("a defect of spa-runner: there is nothing to compare %s with", filepath.Base(code))
	}
	start := time.Now()
	changes, err := manifest.Compare(ctx, code, files, func(e manifest.Entry) bool {
		_, ok := mayChange.Match(e.Path)
		if !ok && e.Type == fs.ModeDir {
			_, ok = mayChange.MatchAllIn(e.Path)
		}
		return ok
	})
	if err != nil {
		return fmt.Errorf("comparing the code with what was cloned: %w", err)
	}
	added, err := lookAtAdded(ctx, code, files, mayChange)
	if err != nil {
		return fmt.Errorf("comparing the code with what was cloned: %w", err)
	}
	changes = slices.Concat(changes, shadows(code, files, mayChange), added.changes)
	if len(changes) == 0 {
		if names := added.unaskedNames(); len(names) > 0 {
			rt.Log.Warn("setup, lint or tests added files that tools read by themselves: make deploy may do something else than the code says", zap.Strings("files", names))
		}
		rt.Log.Info("code unchanged", zap.Int("files", len(files)), zap.Int64("compare_ms", time.Since(start).Milliseconds()))
		return nil
	}
	lines := make([]string, 0, maxChanges+1)
	for _, c := range changes[:min(len(changes), maxChanges)] {
		lines = append(lines, c.String())
	}
	if more := len(changes) - maxChanges; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return fault.WithHint(
		fmt.Errorf("the code is not what was cloned and laid over it, so it is not deployed. Differences: %d\n  - %s", len(changes), strings.Join(lines, "\n  - ")),
		"setup, lint or tests did that, or something that they installed. If it is meant, as where setup writes a lock file anew, "+
			"name the files in SPA_RUNNER_MAY_CHANGE of the project; otherwise find out which target did it before you deploy anything")
}

// shadows are new files that make reads in place of a tracked one.
func shadows(code string, files []manifest.Entry, mayChange globs.List) (changes []manifest.Change) {
	tracked := func(name string) bool {
		return slices.ContainsFunc(files, func(e manifest.Entry) bool { return e.Path == name })
	}
	names := makefiles()
	for i, name := range names {
		if tracked(name) {
			return changes // make reads this one, or what was found
		}
		_, may := mayChange.Match(name)
		if !may && slices.ContainsFunc(names[i+1:], tracked) && isThere(filepath.Join(code, name)) {
			changes = append(changes, manifest.Change{Path: name, What: "it is new, and make reads it in place of the tracked one"})
		}
	}
	return changes
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
