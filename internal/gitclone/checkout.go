package gitclone

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"spa-runner/internal/manifest"
)

// checkout writes the files of a tree, then the index that makes git call them
// unchanged. It returns what it made.
func checkout(ctx context.Context, repo *repository, p *pack, tree plumbing.Hash) (*listing, error) {
	l, err := list(ctx, p, tree)
	if err != nil {
		return nil, err
	}
	for _, dir := range l.dirs {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		// Mkdir fails on what exists, so two names that this file system takes for
		// one (.GIT, case, Unicode) are found out here, and for files by O_EXCL.
		if err := repo.root.Mkdir(dir, 0o777); err != nil {
			return nil, err
		}
	}
	work := l.batches()
	err = parallel(ctx, maxWorkers, len(work), func(i int) error { return work[i].write(ctx, repo.root, p) })
	if err != nil {
		return nil, err
	}
	return l, repo.writeIndex(l.entries)
}

// manifest is what was written, as it is on disk.
func (l *listing) manifest() []manifest.Entry {
	files := make([]manifest.Entry, 0, len(l.dirs)+len(l.entries))
	for _, dir := range l.dirs {
		files = append(files, manifest.Entry{Path: dir, Type: fs.ModeDir})
	}
	for _, e := range l.entries {
		if e.mode != filemode.Submodule {
			files = append(files, e.written)
		}
	}
	return files
}

// maxPointer is the largest pointer to a file in LFS.
// https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
const maxPointer = 1024

var pointerPrefix = []byte("version https://git-lfs.github.com/spec/v1\n")

// write makes a file in its folder.
func write(ctx context.Context, folder *os.Root, p *pack, e *entry) error {
	switch e.mode {
	case filemode.Submodule:
		return nil
	case filemode.Symlink:
		return writeLink(ctx, folder, p, e)
	}
	perm := fs.FileMode(0o666) // less the umask, as git does it
	if e.mode == filemode.Executable {
		perm = 0o777
	}
	// O_NONBLOCK means nothing to a file, and saves five system calls that find that out.
	f, err := folder.OpenFile(path.Base(e.path), os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NONBLOCK, perm)
	if err != nil {
		return err
	}
	sum := manifest.NewSummer(f)
	err = writeContent(ctx, sum, p, e)
	if err == nil {
		var info fs.FileInfo
		if info, err = f.Stat(); err == nil {
			e.stat = statOf(info)
			e.written = manifest.Entry{Path: e.path, Executable: manifest.IsExecutable(info.Mode())}
			e.written.Size, e.written.Sum = sum.Sum()
		}
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func writeContent(ctx context.Context, f io.Writer, p *pack, e *entry) error {
	size := p.objects[e.object].size
	if size > maxPointer {
		if e.convert.ident {
			return writeExpanded(ctx, f, p, e)
		}
		return e.convert.write(f, func(to io.Writer) error { return p.copyTo(ctx, to, e.object) })
	}
	content, err := p.content(ctx, e.object)
	if err != nil {
		return err
	}
	e.pointer = bytes.HasPrefix(content, pointerPrefix)
	return e.convert.write(f, func(to io.Writer) error {
		if e.convert.ident {
			return e.convert.expand(to, content, e.hash)
		}
		_, err := to.Write(content)
		return err
	})
}

// writeExpanded holds the file in memory, and waits until there is room for it.
func writeExpanded(ctx context.Context, f io.Writer, p *pack, e *entry) error {
	size := p.objects[e.object].size
	if err := p.memory.take(ctx, size); err != nil {
		return err
	}
	defer p.memory.give(size)
	if size > maxSmall {
		defer runtime.GC() // or what is given back would still take its room
	}
	content, err := p.content(ctx, e.object)
	if err != nil {
		return err
	}
	return e.convert.write(f, func(to io.Writer) error { return e.convert.expand(to, content, e.hash) })
}

// writeLink makes a symbolic link as it is in the repository, wherever it leads:
// nothing is ever written through it.
func writeLink(ctx context.Context, folder *os.Root, p *pack, e *entry) error {
	target, err := p.contentUpTo(ctx, e.object, maxPath)
	if err != nil {
		return err
	}
	name := path.Base(e.path)
	if err := folder.Symlink(string(target), name); err != nil {
		return err
	}
	info, err := folder.Lstat(name)
	if err != nil {
		return err
	}
	e.stat = statOf(info)
	e.written = manifest.Entry{Path: e.path, Type: fs.ModeSymlink, Target: string(target)}
	return nil
}

// maxNamed bounds how many files a warning names.
const maxNamed = 5

// warnings are about what is not as somebody may expect.
func warnings(entries []entry) []string {
	var texts []string
	warn := func(what string, is func(*entry) bool) {
		var names []string
		for i := range entries {
			if is(&entries[i]) {
				names = append(names, entries[i].path)
			}
		}
		if len(names) == 0 {
			return
		}
		text := fmt.Sprintf("%d %s: %q", len(names), what, names[:min(len(names), maxNamed)])
		if len(names) > maxNamed {
			text += fmt.Sprintf(" and %d more", len(names)-maxNamed)
		}
		texts = append(texts, text)
	}
	warn("submodule(s) not cloned, their folders are empty", func(e *entry) bool { return e.mode == filemode.Submodule })
	warn("file(s) in Git LFS not downloaded, they are pointers", func(e *entry) bool { return e.pointer })
	warn("file(s) with a filter attribute that is not applied", func(e *entry) bool {
		return e.convert.filter != "" && e.convert.filter != "lfs"
	})
	warn("file(s) with working-tree-encoding, which is not applied: they are in UTF-8", func(e *entry) bool {
		return e.convert.encoding != ""
	})
	return texts
}
