package steps

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const (
	maxFollowed = 40   // links on the way of one, as in Linux
	maxNames    = 1000 // of one file
	maxName     = 4095 // bytes of a path: PATH_MAX of Linux without the NUL
)

// codeTree is what the code has: all paths, and where its symlinks lead. Each link
// is followed once, and found by where it leads: there may be very many, and of
// each file of the settings all its names are asked for.
type codeTree struct {
	paths []string
	links map[string]codeLink
	at    map[string][]string // the links that end at a path
	over  map[string][]string // the links that lead over another link
	ends  []string            // all paths that links end at, sorted
}

type codeLink struct {
	target string
	over   []string // other links
	end    string   // in the code, whether there is something or not; "" if it is outside
}

func readCode(ctx context.Context, code string) (codeTree, error) {
	tree := codeTree{links: map[string]codeLink{}, at: map[string][]string{}, over: map[string][]string{}}
	err := filepath.WalkDir(code, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if entry.Name() == ".git" {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		name, err := filepath.Rel(code, file)
		if err == nil && entry.Type() == fs.ModeSymlink {
			var link codeLink
			link.target, err = os.Readlink(file)
			tree.links[name] = link
		}
		tree.paths = append(tree.paths, name)
		return err
	})
	if err == nil {
		err = tree.followAll(ctx)
	}
	if err != nil {
		return codeTree{}, fmt.Errorf("reading the code: %w", err)
	}
	return tree, nil
}

func (t *codeTree) followAll(ctx context.Context) error {
	for name, link := range t.links {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		link.over, link.end = t.follow(name)
		t.links[name] = link
		for i, other := range link.over {
			if !slices.Contains(link.over[:i], other) {
				t.over[other] = append(t.over[other], name)
			}
		}
		if link.end != "" {
			t.at[link.end] = append(t.at[link.end], name)
		}
	}
	for end := range t.at {
		t.ends = append(t.ends, end)
	}
	slices.Sort(t.ends)
	return nil
}

// follow tells which other links a link leads over, and where it ends.
func (t *codeTree) follow(link string) (over []string, end string) {
	at, rest := path.Dir(link), t.links[link].target
	for rest != "" {
		if path.IsAbs(rest) || len(over) > maxFollowed {
			return over, ""
		}
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		next := path.Join(at, name)
		if name == ".." && at == "." || len(next) > maxName {
			return over, ""
		}
		rest = strings.TrimLeft(rest, "/")
		if other, isLink := t.links[next]; isLink && name != "." && name != "" {
			over = append(over, next)
			rest = strings.TrimSuffix(other.target+"/"+rest, "/")
			continue
		}
		at = next
	}
	return over, at
}

// way is a name of a file, and the links that lead to it, each taken once: one that
// leads to itself has endless names.
type way struct {
	name string
	over []string
}

// names are all names under which the code knows what is at a path: the path
// itself, and those over its links. ok is false if they are beyond counting.
func (t *codeTree) names(ctx context.Context, name string, isLink bool) (names []string, ok bool, err error) {
	ways := []way{{name: name}}
	for i := 0; i < len(ways); i++ {
		if ctx.Err() != nil {
			return nil, false, context.Cause(ctx)
		}
		from := ways[i]
		names = append(names, from.name)
		ok := t.through(from.name, isLink, func(link, as string) bool {
			if as != from.name && !slices.Contains(from.over, link) {
				ways = append(ways, way{as, append(slices.Clone(from.over), link)})
			}
			return len(ways) <= maxNames && len(as) <= maxName
		})
		if !ok {
			return nil, false, nil
		}
	}
	slices.Sort(names[1:])
	return names, true, nil
}

// through calls found with the links behind which a path is, and with its name
// there, each link once. It ends early, and returns false, if found does.
func (t *codeTree) through(name string, isLink bool, found func(link, as string) bool) bool {
	for _, link := range t.over[name] {
		if !found(link, link) {
			return false
		}
	}
	endingAt := func(end string, as func(link string) string) bool {
		for _, link := range t.at[end] {
			if !slices.Contains(t.links[link].over, name) && !found(link, as(link)) {
				return false
			}
		}
		return true
	}
	itself := func(link string) string { return link }
	if !endingAt(name, itself) {
		return false
	}
	if isLink { // whatever is below it will be elsewhere
		first, _ := slices.BinarySearch(t.ends, name+"/")
		for _, end := range t.ends[first:] {
			if !strings.HasPrefix(end, name+"/") {
				break
			}
			if !endingAt(end, itself) {
				return false
			}
		}
	}
	for cut := strings.LastIndexByte(name, '/'); cut > 0; cut = strings.LastIndexByte(name[:cut], '/') {
		if !endingAt(name[:cut], func(link string) string { return link + name[cut:] }) {
			return false
		}
	}
	return endingAt(".", func(link string) string { return path.Join(link, name) })
}
