package steps

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"go.uber.org/zap"

	"spa-runner/internal/globs"
	"spa-runner/pipeline"
)

// protection says which files of the settings may not be laid over the code.
type protection struct {
	globs             globs.List
	settings, codeDir string
	code              codeTree
	// searched are the protected files of the code by their names without folders,
	// where a makefile has make search other folders, too. Nil where none does.
	searched map[string][]string
}

// protect reads the tree of the code, if something in it is protected.
func (o OverlaySettings) protect(ctx context.Context, source string) (protection, error) {
	if len(o.Protect) == 0 {
		return protection{}, nil
	}
	tree, err := readCode(ctx, o.Code)
	if err != nil {
		return protection{}, err
	}
	p := protection{globs: o.Protect, settings: source, codeDir: o.Code, code: tree}
	return p, p.search(ctx)
}

// search fills in searched.
func (p *protection) search(ctx context.Context) error {
	root, err := os.OpenRoot(p.codeDir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if !slices.ContainsFunc(p.code.paths, func(name string) bool {
		if ctx.Err() != nil || !isPartOfMakefile(name) {
			return false
		}
		info, err := root.Stat(name)
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxMakefile {
			return false
		}
		text, err := root.ReadFile(name)
		return err == nil && searches(text)
	}) {
		return context.Cause(ctx)
	}
	p.searched = map[string][]string{}
	for _, name := range p.code.paths {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if glob, _ := p.matchesName(name); glob != "" {
			p.searched[path.Base(name)] = append(p.searched[path.Base(name)], name)
		}
	}
	return nil
}

// maxAllNames is how many names all files of the settings may have in the code.
const maxAllNames = 1_000_000

// problems are the entries that are refused, each a sentence.
func (p protection) problems(ctx context.Context, entries []overlaid) ([]string, error) {
	if len(p.globs) == 0 {
		return nil, nil
	}
	var problems []string
	all := 0
	for _, e := range entries {
		names, ok, err := p.code.names(ctx, e.name, e.typ == fs.ModeSymlink)
		if err != nil {
			return nil, err
		}
		if all += len(names); all > maxAllNames {
			return append(problems, fmt.Sprintf("through the symlinks of the code the files of the settings have more than %d names there, "+
				"too many to compare them with SPA_RUNNER_OVERLAY_PROTECT: take symlinks out of the code, or empty that variable", maxAllNames)), nil
		}
		glob, as := p.globs.String(), "more files than can be followed"
		if ok {
			if glob, as, err = p.forbids(ctx, e, names); err != nil {
				return nil, err
			}
		}
		if glob != "" {
			if as != e.name {
				as = fmt.Sprintf("%s, which stands for %s in the code,", e.name, as)
			}
			problems = append(problems, fmt.Sprintf("%s comes from the settings, and SPA_RUNNER_OVERLAY_PROTECT does not let them replace or add %q", as, glob))
		}
	}
	return problems, nil
}

// forbids gives the pattern that stands against an entry, and the one of its names
// under which the code knows what the entry would change.
func (p protection) forbids(ctx context.Context, e overlaid, names []string) (glob, as string, err error) {
	for _, name := range names {
		if ctx.Err() != nil {
			return "", "", context.Cause(ctx)
		}
		if glob, as := p.matches(name); glob != "" && (e.typ != fs.ModeDir || e.there == fs.ModeSymlink || e.empty) {
			return glob, as, nil
		}
		if glob, ok := p.globs.MatchSomeIn(name); ok && p.decidesAboutAllIn(e) {
			return glob, name, nil
		}
	}
	return "", "", nil
}

// decidesAboutAllIn tells that an entry is, or replaces, what leads to a folder.
func (p protection) decidesAboutAllIn(e overlaid) bool {
	switch {
	case e.typ == fs.ModeSymlink:
		target, err := os.Readlink(filepath.Join(p.settings, e.name))
		return err != nil || !isIn(p.settings, e.name, isFile) && !isIn(p.codeDir, path.Join(path.Dir(e.name), target), isFile)
	case e.there == fs.ModeSymlink:
		return e.typ == fs.ModeDir || !isIn(p.codeDir, e.name, isFile)
	}
	return false
}

func isFile(mode fs.FileMode) bool { return mode.IsRegular() }

// isIn tells that something is at a path, or behind the links there, in a folder.
func isIn(dir, name string, is func(fs.FileMode) bool) bool {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false
	}
	defer func() { _ = root.Close() }()
	info, err := root.Stat(name)
	return err == nil && is(info.Mode())
}

// matches looks for a pattern against a name, and against the files that make
// could make from a file of this name. What the name of a makefile stands for, there
// or in a folder above, its other names stand for too.
func (p protection) matches(name string) (glob, as string) {
	for _, made := range append([]string{name}, remakes(name)...) {
		if glob, as := p.matchesName(made); glob != "" {
			return glob, as
		}
		if made == name {
			continue
		}
		if found := p.searched[path.Base(made)]; len(found) > 0 {
			glob, _ := p.matchesName(found[0])
			return glob, found[0]
		}
	}
	return "", ""
}

func (p protection) matchesName(name string) (glob, as string) {
	if glob, ok := p.globs.Match(name); ok {
		return glob, name
	}
	for folder := name; folder != "."; folder = path.Dir(folder) {
		if !isMakefile(folder) {
			continue
		}
		for _, other := range makefiles() {
			as := path.Join(path.Dir(folder), other)
			if glob, ok := p.globs.Match(as); ok {
				return glob, as
			}
		}
	}
	return "", ""
}

// warnUnmatched tells of patterns that are probably misspelt.
func (p protection) warnUnmatched(ctx context.Context, rt *pipeline.Runtime, entries []overlaid) error {
	for _, glob := range p.globs {
		matches := func(name string) bool {
			_, ok := globs.List{glob}.Match(name)
			return ok || ctx.Err() != nil
		}
		found := slices.ContainsFunc(p.code.paths, matches) || slices.ContainsFunc(entries, func(e overlaid) bool { return matches(e.name) })
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !found {
			rt.Log.Warn("a pattern of SPA_RUNNER_OVERLAY_PROTECT matches nothing in the code: is it misspelt?", zap.String("pattern", glob))
		}
	}
	return nil
}
