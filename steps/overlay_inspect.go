package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"spa-runner/internal/fault"
	"spa-runner/pipeline"
)

// overlaid is one entry of the environment folder.
type overlaid struct {
	name  string      // in the code
	typ   fs.FileMode // of the entry
	there fs.FileMode // the type of what it replaces or joins, or nothing
	empty bool        // a folder without anything in it
	// target is where a link leads.
	target string
	wrong  error // why it cannot be laid, whatever is allowed
}

// inspect lists what will be copied, and what speaks against it.
func (o OverlaySettings) inspect(ctx context.Context, source string) ([]overlaid, error) {
	var list []overlaid
	if err := o.inspectFolder(ctx, source, ".", true, &list); err != nil {
		return nil, fmt.Errorf("the settings cannot be laid over the code, and nothing was: %w", err)
	}
	return list, nil
}

// inspectFolder lists what is in a folder of the environment, and below. There
// says that the code has a folder of that name, whose content is listed too: to
// look at each destination by itself took 4 µs a file.
func (o OverlaySettings) inspectFolder(ctx context.Context, source, folder string, there bool, list *[]overlaid) error {
	inside, err := os.ReadDir(filepath.Join(source, folder))
	if err != nil {
		return err
	}
	known := map[string]fs.FileMode{}
	if there {
		destinations, err := os.ReadDir(filepath.Join(o.Code, folder))
		if err != nil {
			return err
		}
		for _, d := range destinations {
			known[d.Name()] = d.Type()
		}
	}
	for _, entry := range inside {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		name := filepath.Join(folder, entry.Name())
		path := filepath.Join(source, name)
		if isNoSetting(source, path) {
			continue
		}
		e := overlaid{name: name, typ: entry.Type(), there: nothing}
		if mode, ok := known[entry.Name()]; ok {
			e.there = mode
		}
		if e.wrong = compatible(e.typ, e.there); e.wrong == nil && e.typ == fs.ModeSymlink {
			e.target, e.wrong = staysInside(source, path)
		}
		at := len(*list)
		*list = append(*list, e)
		if entry.IsDir() {
			// Behind a link is nothing that counts: a folder takes its place.
			if err := o.inspectFolder(ctx, source, name, e.there == fs.ModeDir, list); err != nil {
				return err
			}
			(*list)[at].empty = len(*list) == at+1 && isEmpty(path)
		}
	}
	return nil
}

// allowed tells all that speaks against the overlay, at once.
func (o OverlaySettings) allowed(ctx context.Context, rt *pipeline.Runtime, source string, entries []overlaid) error {
	var wrong []error
	for _, e := range entries {
		if e.wrong != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", e.name, e.wrong))
		}
	}
	protection, err := o.protect(ctx, source)
	if err != nil {
		return err
	}
	missing, err := o.missing(ctx, source, entries, rt.Env)
	if err != nil {
		return err
	}
	if err := protection.warnUnmatched(ctx, rt, entries); err != nil {
		return err
	}
	problems, err := protection.problems(ctx, entries)
	if err != nil {
		return err
	}
	hint := "add what is missing to the environment folder, or, if it is not needed, change SPA_RUNNER_OVERLAY_REQUIRE of the project"
	if len(problems) > 0 {
		hint = "take these files out of the environment folder, or, if they are meant, change SPA_RUNNER_OVERLAY_PROTECT of the project"
	}
	if problems = append(problems, missing...); len(problems) > 0 {
		wrong = append(wrong, fault.WithHint(&fault.ConfigError{Problems: problems}, hint))
	}
	if err := errors.Join(wrong...); err != nil {
		return fmt.Errorf("the settings cannot be laid over the code, and nothing was: %w", err)
	}
	return nil
}

// nothing is the type of what is not there.
const nothing = fs.ModeIrregular

// compatible says why an entry may not go where something, or nothing, is.
func compatible(entry, there fs.FileMode) error {
	switch {
	case entry != 0 && entry != fs.ModeDir && entry != fs.ModeSymlink:
		return fmt.Errorf("it is neither a file nor a folder nor a symlink (%s)", entry)
	case there == nothing, there == fs.ModeSymlink:
		return nil
	case entry == fs.ModeDir && there != fs.ModeDir:
		return errors.New("it is a folder in the settings and a file in the code: rename one of them")
	case entry != fs.ModeDir && there == fs.ModeDir:
		return errors.New("it is a file in the settings and a folder in the code: rename one of them")
	}
	return nil
}

func isEmpty(folder string) bool {
	inside, err := os.ReadDir(folder)
	return err == nil && len(inside) == 0
}

// staysInside refuses a symlink that means something outside the environment:
// copied into the code it would lead to wherever that is on the build machine.
// The folders above a link are real ones. So .. at the beginning of its target
// can be counted, but after a name, which may be another link, it cannot.
func staysInside(source, link string) (target string, err error) {
	if target, err = os.Readlink(link); err != nil {
		return "", err
	}
	down, unclear := false, false
	for name := range strings.SplitSeq(target, "/") {
		unclear = unclear || down && name == ".."
		down = down || name != ".." && name != "." && name != ""
	}
	rel, err := filepath.Rel(source, filepath.Join(filepath.Dir(link), target))
	if unclear || filepath.IsAbs(target) || err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("it is a symlink to %q, which leads outside the environment folder or, with .. after a name, may do so: "+
			"put the file itself there", target)
	}
	return target, nil
}
