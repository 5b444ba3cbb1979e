package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"spa-runner/internal/globs"
	"spa-runner/internal/manifest"
)

// added are the files and folders of the code that were neither cloned nor laid
// over it, in the folders that were. What is in a new folder is not listed.
type added struct {
	known map[string]manifest.Entry
	root  *os.Root
	// changes are those from which make could make a known file anew, or that it
	// reads in place of one.
	changes []manifest.Change
	// names are those of all known files, without their folders, where a makefile has
	// make search other folders too (VPATH). Nil where none does.
	names map[string]bool
	// unasked are those that a tool reads although nothing names them.
	unasked []string
	python  map[string]bool // folders with known programs of Python; nil until it is asked for
}

// lookAtAdded looks at what was added.
func lookAtAdded(ctx context.Context, code string, files []manifest.Entry, mayChange globs.List) (*added, error) {
	root, err := os.OpenRoot(code)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	a := &added{known: make(map[string]manifest.Entry, len(files)), root: root}
	folders := []string{"."}
	for _, e := range files {
		a.known[e.Path] = e
		if e.Type == fs.ModeDir {
			folders = append(folders, e.Path)
		} else if dir := path.Dir(e.Path); dir != "." {
			folders = append(folders, dir)
		}
	}
	slices.Sort(folders)
	includes, err := a.includes(ctx, files)
	if err != nil {
		return nil, err
	}
	for _, folder := range slices.Compact(folders) {
		entries, err := a.read(folder)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			name := path.Join(folder, entry.Name())
			if _, ok := a.known[name]; ok || name == ".git" {
				continue
			}
			a.look(name, entry, mayChange)
			if err := a.lookBelow(ctx, name, entry, mayChange); err != nil {
				return nil, err
			}
			if a.isReadUnasked(name, entry, includes) {
				a.unasked = append(a.unasked, name)
			}
		}
	}
	return a, nil
}

// read lists a folder, which may be gone: then the comparison has told so.
func (a *added) read(folder string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(a.root.FS(), folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		if info, statErr := a.root.Lstat(folder); statErr == nil && !info.IsDir() {
			return nil, nil
		}
		return nil, fmt.Errorf("listing what was added to the code: %w", err)
	}
	return entries, nil
}

// lookBelow looks at the files of a new folder in which make may search: one of RCS or
// SCCS, and any, at any depth, where a makefile says VPATH.
func (a *added) lookBelow(ctx context.Context, folder string, entry fs.DirEntry, mayChange globs.List) error {
	isVersioned := entry.Name() == "RCS" || entry.Name() == "SCCS"
	if isVersioned && entry.Type() == fs.ModeSymlink {
		if _, may := mayChange.Match(folder); !may {
			a.changes = append(a.changes, manifest.Change{Path: folder, What: "it is a new link, and make could make files anew from what it leads to"})
		}
		return nil
	}
	if !entry.IsDir() || !isVersioned && a.names == nil {
		return nil
	}
	entries, err := a.read(folder)
	for _, entry := range entries {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		name := path.Join(folder, entry.Name())
		a.look(name, entry, mayChange)
		if a.names != nil {
			err = errors.Join(err, a.lookBelow(ctx, name, entry, mayChange))
		}
	}
	return err
}

// look finds out whether make could make a known file from a new one.
func (a *added) look(name string, entry fs.DirEntry, mayChange globs.List) {
	if entry.IsDir() {
		return
	}
	if _, may := mayChange.Match(name); may {
		return
	}
	for _, target := range remakes(name) {
		known, ok := a.known[target]
		if ok && known.Type != fs.ModeDir || a.names[path.Base(target)] || isMakefile(target) && a.hasMakefile(path.Dir(target)) {
			a.changes = append(a.changes, manifest.Change{
				Path: name, What: fmt.Sprintf("it is new, and make could make %s from it by a built-in rule", target),
			})
			return
		}
	}
}

// search is told of a makefile with VPATH or vpath in it: then the folders of known
// files and of those that make makes them from need not be the same.
func (a *added) search() {
	if a.names != nil {
		return
	}
	a.names = make(map[string]bool, len(a.known))
	for name, e := range a.known {
		if e.Type != fs.ModeDir {
			a.names[path.Base(name)] = true
		}
	}
}

func (a *added) hasMakefile(folder string) bool {
	return slices.ContainsFunc(makefiles(), func(name string) bool {
		_, ok := a.known[path.Join(folder, name)]
		return ok
	})
}
