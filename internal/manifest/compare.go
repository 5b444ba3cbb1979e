package manifest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"spa-runner/internal/guard"
)

// Change is an entry that is not what it was.
type Change struct {
	Path string
	What string // such as "its content was changed"
}

func (c Change) String() string {
	if strings.Contains(c.Path, "\n") { // it would begin a line of its own
		return strconv.Quote(c.Path) + ": " + c.What
	}
	return c.Path + ": " + c.What
}

// Lay puts entries over those that were there, as files are laid over files.
func Lay(under, over []Entry) []Entry {
	byPath := make(map[string]Entry, len(under)+len(over))
	for _, e := range slices.Concat(under, over) {
		byPath[e.Path] = e
	}
	list := make([]Entry, 0, len(byPath))
	for _, e := range byPath {
		list = append(list, e)
	}
	sortByPath(list)
	return list
}

// sortByPath sorts so that a folder comes before what is in it.
func sortByPath(list []Entry) {
	slices.SortFunc(list, func(a, b Entry) int { return cmp.Compare(a.Path, b.Path) })
}

// Compare tells, sorted by path, which entries of a folder are not what they
// were, but for those that may change. Of a folder that is gone, or is something
// else now, the files are not named again.
func Compare(ctx context.Context, dir string, entries []Entry, mayChange func(Entry) bool) ([]Change, error) {
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return []Change{{Path: ".", What: whatNow(info, err)}}, nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	c := comparison{root: root, mayChange: mayChange}
	if err := c.folders(ctx, entries); err != nil {
		return nil, err
	}
	if err := c.files(ctx, entries); err != nil {
		return nil, err
	}
	slices.SortFunc(c.changes, func(a, b Change) int { return cmp.Compare(a.Path, b.Path) })
	return c.changes, nil
}

type comparison struct {
	root      *os.Root
	mayChange func(Entry) bool

	mu      sync.Mutex
	changes []Change
	lost    []lostFolder // sorted by path; none is in another
}

// lostFolder is one that is none any more.
type lostFolder struct {
	path   string // with a slash at its end
	what   string // became of it; "" if it may change
	inside int    // files
}

// folders looks at the folders alone, those above first. That they are real
// ones is what makes it safe to look at what is in them by a path.
func (c *comparison) folders(ctx context.Context, entries []Entry) error {
	var folders []Entry
	for _, e := range entries {
		if e.Type == fs.ModeDir {
			e.Path += "/" // so that what is in a folder follows it at once
			folders = append(folders, e)
		}
	}
	sortByPath(folders)
	for _, e := range folders {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if n := len(c.lost); n > 0 && strings.HasPrefix(e.Path, c.lost[n-1].path) {
			continue
		}
		e.Path = strings.TrimSuffix(e.Path, "/")
		info, err := c.root.Lstat(e.Path)
		if err == nil && info.IsDir() {
			continue
		}
		lost := lostFolder{path: e.Path + "/"}
		if !c.mayChange(e) {
			lost.what = whatNow(info, err)
		}
		if lost.what != "" && info != nil && info.Mode().Type() == fs.ModeSymlink {
			lost.what = c.nowALink(e.Path)
		}
		c.lost = append(c.lost, lost)
	}
	for _, e := range entries {
		if i := c.lostAbove(e.Path); i >= 0 && e.Type != fs.ModeDir {
			c.lost[i].inside++
		}
	}
	for _, l := range c.lost {
		if l.what != "" {
			c.changes = append(c.changes, Change{Path: strings.TrimSuffix(l.path, "/"), What: fmt.Sprintf("%s, with all that was in it (files: %d)", l.what, l.inside)})
		}
	}
	return nil
}

// lostAbove is the number of the lost folder that a path is in, or -1.
func (c *comparison) lostAbove(path string) int {
	i, _ := slices.BinarySearchFunc(c.lost, path, func(l lostFolder, path string) int { return cmp.Compare(l.path, path) })
	if i > 0 && strings.HasPrefix(path, c.lost[i-1].path) {
		return i - 1
	}
	return -1
}

// files compares everything else, on all processors: most of it is hashing.
func (c *comparison) files(ctx context.Context, entries []Entry) error {
	var next atomic.Int64
	work := func() error {
		for ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= len(entries) {
				break
			}
			if e := entries[i]; e.Type != fs.ModeDir && !c.mayChange(e) && c.lostAbove(e.Path) < 0 {
				c.file(ctx, e)
			}
		}
		return nil
	}
	var group sync.WaitGroup
	ends := make([]error, runtime.GOMAXPROCS(0))
	for i := range ends {
		group.Go(func() { ends[i] = guard.Call(work) })
	}
	group.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx) // once, and not once a processor
	}
	return errors.Join(ends...)
}

func (c *comparison) file(ctx context.Context, was Entry) {
	if what := c.difference(ctx, was); what != "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.changes = append(c.changes, Change{Path: was.Path, What: what})
	}
}

func (c *comparison) difference(ctx context.Context, was Entry) string {
	now, info, err := look(c.root, was.Path)
	switch {
	case err != nil:
		return whatNow(nil, err)
	case now.Type != was.Type && now.Type == fs.ModeSymlink:
		return c.nowALink(was.Path)
	case now.Type != was.Type:
		return whatNow(info, nil)
	case now.Target != was.Target:
		return fmt.Sprintf("it leads to %q now, and not to %q", now.Target, was.Target)
	case now.Size == was.Size && now.Type == 0: // else it keeps no sum: there is no need to read, perhaps, a terabyte of holes
		if _, now.Sum, err = sumOf(ctx, c.root, was.Path, info); err != nil {
			return whatNow(nil, err)
		}
	}
	switch {
	case now.Sum != was.Sum:
		return "its content was changed"
	case now.Executable && !was.Executable:
		return "it was made executable"
	case now.Executable != was.Executable:
		return "it is not executable any more"
	}
	return ""
}

func (c *comparison) nowALink(path string) string {
	target, err := c.root.Readlink(path)
	if err != nil {
		return "it was replaced by a symlink"
	}
	return fmt.Sprintf("it was replaced by a symlink to %q", target)
}

func whatNow(info fs.FileInfo, err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it was removed"
	case err != nil:
		return fmt.Sprintf("it cannot be read any more (%v)", err)
	}
	return "it was replaced by " + kindOf(info.Mode().Type())
}

func kindOf(t fs.FileMode) string {
	switch t {
	case 0:
		return "a file"
	case fs.ModeDir:
		return "a folder"
	case fs.ModeSymlink:
		return "a symlink"
	}
	return "something that is no file, no folder and no symlink"
}
