package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"spa-runner/pipeline"
)

// overlaid is one entry of the environment folder.
type overlaid struct {
	name  string      // in the code
	typ   fs.FileMode // of the entry
	there fs.FileMode // the type of what it replaces or joins, or nothing
	empty bool        // a folder without anything in it
	wrong error       // why it cannot be laid, whatever is allowed
}

// inspect lists what will be copied, and what speaks against it.
func (o OverlaySettings) inspect(ctx context.Context, source string) ([]overlaid, error) {
	var list []overlaid
	var fresh []string // folders that take the place of a symlink
	err := filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		if isNoSetting(source, path) {
			return skipEntry(entry)
		}
		name, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		below := func(folder string) bool { return strings.HasPrefix(name, folder+"/") }
		destination := filepath.Join(o.Code, name)
		if slices.ContainsFunc(fresh, below) {
			destination = "" // whatever is there now is behind the link
		}
		e := overlaid{name: name, typ: entry.Type()}
		e.there, e.wrong = compatible(entry, destination)
		if e.there == fs.ModeSymlink && entry.IsDir() {
			fresh = append(fresh, name)
		}
		if e.wrong == nil && entry.Type() == fs.ModeSymlink {
			e.wrong = staysInside(source, path)
		}
		if entry.IsDir() {
			inside, err := os.ReadDir(path)
			e.empty = err == nil && len(inside) == 0
		}
		if name != "." {
			list = append(list, e)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("the settings cannot be laid over the code, and nothing was: %w", err)
	}
	return list, nil
}

// allowed tells all that speaks against the overlay, at once.
func (o OverlaySettings) allowed(rt *pipeline.Runtime, source string, entries []overlaid) error {
	var wrong []error
	for _, e := range entries {
		if e.wrong != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", e.name, e.wrong))
		}
	}
	protection, err := o.protect(source)
	if err != nil {
		return err
	}
	missing, err := o.missing(source, entries, rt.Env)
	if err != nil {
		return err
	}
	protection.warnUnmatched(rt, entries)
	problems := protection.problems(entries)
	hint := "add what is missing to the environment folder, or, if it is not needed, change SPA_RUNNER_OVERLAY_REQUIRE of the project"
	if len(problems) > 0 {
		hint = "take these files out of the environment folder, or, if they are meant, change SPA_RUNNER_OVERLAY_PROTECT of the project"
	}
	if problems = append(problems, missing...); len(problems) > 0 {
		wrong = append(wrong, pipeline.WithHint(&pipeline.ConfigError{Problems: problems}, hint))
	}
	if err := errors.Join(wrong...); err != nil {
		return fmt.Errorf("the settings cannot be laid over the code, and nothing was: %w", err)
	}
	return nil
}

// nothing is the type of what is not there.
const nothing = fs.ModeIrregular

// compatible says whether an entry may go where it would go, and the type of
// what it would replace there.
func compatible(entry fs.DirEntry, destination string) (there fs.FileMode, err error) {
	if t := entry.Type(); !entry.IsDir() && !t.IsRegular() && t != fs.ModeSymlink {
		return nothing, fmt.Errorf("it is neither a file nor a folder nor a symlink (%s)", t)
	}
	info, err := os.Lstat(destination)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nothing, nil // below a file it is the folder's entry that is refused
	case err != nil:
		return nothing, err
	case info.Mode().Type() == fs.ModeSymlink:
		return fs.ModeSymlink, nil
	case entry.IsDir() && !info.IsDir():
		return nothing, errors.New("it is a folder in the settings and a file in the code: rename one of them")
	case !entry.IsDir() && info.IsDir():
		return nothing, errors.New("it is a file in the settings and a folder in the code: rename one of them")
	}
	return info.Mode().Type(), nil
}

// staysInside refuses a symlink that means something outside the environment:
// copied into the code it would lead to wherever that is on the build machine.
// The folders above a link are real ones. So .. at the beginning of its target
// can be counted, but after a name, which may be another link, it cannot.
func staysInside(source, link string) error {
	target, err := os.Readlink(link)
	if err != nil {
		return err
	}
	down, unclear := false, false
	for name := range strings.SplitSeq(target, "/") {
		unclear = unclear || down && name == ".."
		down = down || name != ".." && name != "." && name != ""
	}
	rel, err := filepath.Rel(source, filepath.Join(filepath.Dir(link), target))
	if unclear || filepath.IsAbs(target) || err != nil || !filepath.IsLocal(rel) {
		return fmt.Errorf("it is a symlink to %q, which leads outside the environment folder or, with .. after a name, may do so: "+
			"put the file itself there", target)
	}
	return nil
}
