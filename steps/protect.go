package steps

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.uber.org/zap"

	"spa-runner/internal/globs"
	"spa-runner/pipeline"
)

// protection says which files of the settings may not be laid over the code.
type protection struct {
	globs             globs.List
	settings, codeDir string
	code              codeTree
}

// protect reads the tree of the code, if something in it is protected.
func (o OverlaySettings) protect(source string) (protection, error) {
	if len(o.Protect) == 0 {
		return protection{}, nil
	}
	tree, err := readCode(o.Code)
	return protection{o.Protect, source, o.Code, tree}, err
}

// problems are the entries that are refused, each a sentence.
func (p protection) problems(entries []overlaid) []string {
	if len(p.globs) == 0 {
		return nil
	}
	var problems []string
	for _, e := range entries {
		if glob, as := p.forbids(e); glob != "" {
			if as != e.name {
				as = fmt.Sprintf("%s, which stands for %s in the code,", e.name, as)
			}
			problems = append(problems, fmt.Sprintf("%s comes from the settings, and SPA_RUNNER_OVERLAY_PROTECT does not let them replace or add %q", as, glob))
		}
	}
	return problems
}

// forbids gives the pattern that stands against an entry, and the name under
// which the code knows what the entry would change.
func (p protection) forbids(e overlaid) (glob, as string) {
	names, ok := p.code.names(e.name, e.typ == fs.ModeSymlink)
	if !ok {
		return p.globs.String(), "more files than can be followed"
	}
	for _, name := range names {
		if glob, as := p.matches(name); glob != "" && (e.typ != fs.ModeDir || e.there == fs.ModeSymlink || e.empty) {
			return glob, as
		}
		if glob, ok := p.globs.MatchSomeIn(name); ok && p.decidesAboutAllIn(e) {
			return glob, name
		}
	}
	return "", ""
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
func (p protection) warnUnmatched(rt *pipeline.Runtime, entries []overlaid) {
	for _, glob := range p.globs {
		matches := func(name string) bool { _, ok := globs.List{glob}.Match(name); return ok }
		if !slices.ContainsFunc(p.code.paths, matches) && !slices.ContainsFunc(entries, func(e overlaid) bool { return matches(e.name) }) {
			rt.Log.Warn("a pattern of SPA_RUNNER_OVERLAY_PROTECT matches nothing in the code: is it misspelt?", zap.String("pattern", glob))
		}
	}
}

// codeTree is what the code has: all paths, and where its symlinks lead.
type codeTree struct {
	paths []string
	links map[string]string
}

func readCode(code string) (codeTree, error) {
	tree := codeTree{links: map[string]string{}}
	err := filepath.WalkDir(code, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Name() == ".git" {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		name, err := filepath.Rel(code, file)
		if err == nil && entry.Type() == fs.ModeSymlink {
			tree.links[name], err = os.Readlink(file)
		}
		tree.paths = append(tree.paths, name)
		return err
	})
	if err != nil {
		return codeTree{}, fmt.Errorf("reading the code: %w", err)
	}
	return tree, nil
}

const (
	maxFollowed = 40   // links on the way of one, as in Linux
	maxNames    = 1000 // of one file
)

// follow tells which other links a link leads over, and where it ends: inside the
// code, whether there is something or not, or ok is false.
func (t codeTree) follow(link string) (over []string, end string, ok bool) {
	at, rest := path.Dir(link), t.links[link]
	for rest != "" {
		if path.IsAbs(rest) || len(over) > maxFollowed {
			return over, "", false
		}
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		next := path.Join(at, name)
		if name == ".." && at == "." {
			return over, "", false
		}
		rest = strings.TrimLeft(rest, "/")
		if target, isLink := t.links[next]; isLink && name != "." && name != "" {
			over = append(over, next)
			rest = strings.TrimSuffix(target+"/"+rest, "/")
			continue
		}
		at = next
	}
	return over, at, true
}

// names are all names under which the code knows what is at a path: the path
// itself, and those over its links. ok is false if they are beyond counting.
func (t codeTree) names(name string, isLink bool) (names []string, ok bool) {
	type way struct {
		name string
		over []string // links, each taken once: one that leads to itself has endless names
	}
	ways := []way{{name: name}}
	for i := 0; i < len(ways); i++ {
		if len(ways) > maxNames {
			return nil, false
		}
		names = append(names, ways[i].name)
		for link := range t.links {
			if slices.Contains(ways[i].over, link) {
				continue
			}
			if as := t.through(link, ways[i].name, isLink); as != "" && as != ways[i].name {
				ways = append(ways, way{as, append(slices.Clone(ways[i].over), link)})
			}
		}
	}
	slices.Sort(names[1:])
	return names, true
}

// through is the name that a path has behind a link; "" if it is not there.
func (t codeTree) through(link, name string, isLink bool) string {
	over, end, ok := t.follow(link)
	below, inside := strings.CutPrefix(name, end+"/")
	switch {
	case slices.Contains(over, name):
		return link
	case !ok:
		return ""
	case name == end, isLink && strings.HasPrefix(end, name+"/"):
		return link
	case end == ".":
		return path.Join(link, name)
	case inside:
		return path.Join(link, below)
	}
	return ""
}
