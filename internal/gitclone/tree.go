package gitclone

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	gitobject "github.com/go-git/go-git/v5/plumbing/object"

	"spa-runner/internal/manifest"
)

const attributesName = ".gitattributes"

// emptyTree is the hash of a folder without entries. git knows it by heart, so
// it need neither be stored nor sent.
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

// entry is a file, a symbolic link or a submodule of the commit.
type entry struct {
	path    string // from the top, with slashes
	mode    filemode.FileMode
	hash    plumbing.Hash
	object  int // its number in the pack; a submodule has none
	convert conversion
	pointer bool // to a file in LFS; found out when it is written
	stat    fileStat
	written manifest.Entry // what became of it on disk
}

// listing is all that a commit has, folders before what is in them.
type listing struct {
	dirs    []string // submodules too, which are empty folders
	entries []entry
}

// list walks the tree of a commit.
func list(ctx context.Context, p *pack, tree plumbing.Hash) (*listing, error) {
	l := &listing{}
	return l, l.walk(ctx, p, tree, "", newScope())
}

func (l *listing) walk(ctx context.Context, p *pack, hash plumbing.Hash, dir string, in *scope) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if hash == plumbing.NewHash(emptyTree) {
		return nil
	}
	tree, release, err := p.tree(ctx, hash)
	if err != nil {
		return fmt.Errorf("folder %q: %w", dir, err)
	}
	defer release()
	seen := make(map[string]bool, len(tree.Entries))
	for _, e := range tree.Entries {
		if err := checkName(e.Name); err != nil {
			return fmt.Errorf("refusing %q: %w", dir+e.Name, err)
		}
		if seen[e.Name] {
			return fmt.Errorf("refusing %q: its folder has two entries of that name", dir+e.Name)
		}
		seen[e.Name] = true
		if e.Name == attributesName && isFile(e.Mode) {
			inner, release, err := p.attributes(ctx, e.Hash, dir, in)
			if err != nil {
				return fmt.Errorf("file %q: %w", dir+e.Name, err)
			}
			defer release()
			in = inner
		}
	}
	for _, e := range tree.Entries {
		if err := l.add(ctx, p, e, dir+e.Name, in); err != nil {
			return err
		}
	}
	return nil
}

// attributes is the scope of a folder with these .gitattributes, until release is called.
func (p *pack) attributes(ctx context.Context, h plumbing.Hash, dir string, outer *scope) (in *scope, release func(), err error) {
	i, err := p.find(h, plumbing.BlobObject)
	if err != nil {
		return nil, nil, err
	}
	size := p.objects[i].size
	if err := checkSize(size, maxAttributes); err != nil {
		return nil, nil, err
	}
	if !p.memory.try(2 * size) { // as bytes and as text
		return nil, nil, errMemory
	}
	release = func() { p.memory.give(2 * size) }
	rules, err := p.content(ctx, i)
	if err == nil {
		in, err = outer.enter(dir, string(rules))
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return in, release, nil
}

func (l *listing) add(ctx context.Context, p *pack, e gitobject.TreeEntry, path string, in *scope) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := p.keep(fileCost + int64(len(path))); err != nil {
		return fmt.Errorf("listing %d files: %w", len(l.entries)+len(l.dirs), err)
	}
	file := entry{path: path, mode: e.Mode, hash: e.Hash}
	switch {
	case len(path) > maxPath: // which also bounds how deep folders are nested
		return fmt.Errorf("refusing %.100q…: its path has %d bytes, more than a system takes", path, len(path))
	case e.Mode == filemode.Symlink && strings.EqualFold(e.Name, ".gitmodules"):
		return fmt.Errorf("refusing %q: it is a symbolic link, which git does not allow for that name", path)
	case e.Mode == filemode.Dir:
		l.dirs = append(l.dirs, path)
		return l.walk(ctx, p, e.Hash, path+"/", in)
	case e.Mode == filemode.Submodule:
		l.dirs = append(l.dirs, path)
	case isFile(e.Mode), e.Mode == filemode.Symlink:
		i, err := p.find(e.Hash, plumbing.BlobObject)
		if err != nil {
			return fmt.Errorf("file %q: %w", path, err)
		}
		file.object = i
		if file.mode == filemode.Deprecated {
			file.mode = filemode.Regular // as git has it in the index
		}
		if isFile(e.Mode) {
			attrs, err := in.attributes(ctx, path)
			if err != nil {
				return err
			}
			file.convert = conversionFor(attrs)
		}
	default:
		return fmt.Errorf("refusing %q: it has the unknown mode %s", path, e.Mode)
	}
	l.entries = append(l.entries, file)
	return nil
}

func isFile(m filemode.FileMode) bool {
	return m == filemode.Regular || m == filemode.Executable || m == filemode.Deprecated
}

// checkName refuses what would leave the folder or write into the repository
// itself: git never stores such names, so somebody made them on purpose.
func checkName(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("that is no name for a file")
	case strings.EqualFold(name, ".git"):
		return fmt.Errorf("that is where the repository itself is")
	case strings.ContainsAny(name, "/\x00"):
		return fmt.Errorf("a name cannot contain that character")
	}
	return nil
}
