package gitclone

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/index"

	"spa-runner/internal/workfolder"
)

// repository is the .git folder of a clone, such that git works on it.
// https://git-scm.com/docs/gitrepository-layout
type repository struct {
	root   *os.Root
	memory *budget
}

func newRepository(root *os.Root, mark string) (*repository, error) {
	if err := root.Mkdir(".git", 0o777); err != nil {
		return nil, err
	}
	if mark != "" {
		if err := root.WriteFile(workfolder.MarkFile, []byte(mark), 0o666); err != nil {
			return nil, err
		}
	}
	for _, dir := range []string{"objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/tags"} {
		if err := root.Mkdir(path.Join(".git", dir), 0o777); err != nil {
			return nil, err
		}
	}
	return &repository{root, newBudget(memoryBudget)}, nil
}

func (r *repository) write(name, text string) error {
	name = path.Join(".git", name)
	if err := r.root.MkdirAll(path.Dir(name), 0o777); err != nil {
		return err
	}
	return r.root.WriteFile(name, []byte(text), 0o666)
}

// storePack receives a pack and files it with its index.
func (r *repository) storePack(ctx context.Context, from io.Reader) (*pack, error) {
	const temporary = ".git/objects/pack/tmp_pack"
	p, err := r.receive(ctx, from, temporary)
	if err != nil {
		return nil, err
	}
	name := ".git/objects/pack/pack-" + p.checksum.String()
	if err = r.create(name+".idx", 0o444, p.writeIndex); err == nil {
		err = r.root.Rename(temporary, name+".pack")
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// receive stores a pack in a file that it makes.
func (r *repository) receive(ctx context.Context, from io.Reader, name string) (*pack, error) {
	file, err := r.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return nil, err
	}
	inflated, err := newSpool(r.root, name+"_inflated")
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	p, err := receivePack(ctx, from, file, inflated, r.memory)
	if err != nil {
		return nil, errors.Join(err, inflated.file.Close(), file.Close())
	}
	return p, nil
}

func (r *repository) create(name string, perm fs.FileMode, content func(io.Writer) error) error {
	f, err := r.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 64<<10)
	err = content(w)
	if ferr := w.Flush(); err == nil {
		err = ferr
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// describe writes HEAD, refs, shallow and config as `git clone --depth 1` does.
func (r *repository) describe(ctx context.Context, c choice, url string, shallows []plumbing.Hash) error {
	head, config := c.Commit, coreConfig+fmt.Sprintf("[remote \"origin\"]\n\turl = %s\n", quoteConfig(url))
	files := map[string]string{}
	for name, hash := range c.refs {
		files[name] = hash.String()
		if short, ok := strings.CutPrefix(name, branches); ok {
			files["refs/remotes/origin/"+short] = hash.String()
			if name != c.Ref {
				delete(files, name)
			}
		}
	}
	switch short := strings.TrimPrefix(c.Ref, branches); c.Kind {
	case Branch:
		head = "ref: " + c.Ref
		config += fmt.Sprintf("\tfetch = %s\n[branch %s]\n\tremote = origin\n\tmerge = %s\n",
			quoteConfig("+"+c.Ref+":refs/remotes/origin/"+short), quoteConfig(short), quoteConfig(c.Ref))
	case Tag:
		config += fmt.Sprintf("\tfetch = %s\n", quoteConfig("+"+c.Ref+":"+c.Ref))
	default:
		config += "\tfetch = +refs/heads/*:refs/remotes/origin/*\n"
	}
	files["HEAD"], files["config"] = head, strings.TrimSuffix(config, "\n")
	if len(shallows) > 0 {
		lines := make([]string, len(shallows))
		for i, h := range shallows {
			lines[i] = h.String()
		}
		slices.Sort(lines) // a server names a commit once for each ref that leads to it
		files["shallow"] = strings.Join(slices.Compact(lines), "\n")
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := r.write(name, files[name]+"\n"); err != nil {
			return err
		}
	}
	return nil
}

const coreConfig = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = false
	logallrefupdates = true
`

// quoteConfig quotes a value or the name of a section as git-config(1) has it.
func quoteConfig(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// fileStat is what git compares to see whether a file was touched. Where the
// rest of a system's stat is not known here, git looks at the file once.
type fileStat struct {
	size             int64
	changed, created time.Time
	dev, inode       uint32
	uid, gid         uint32
}

// writeIndex records the files as unchanged.
// https://git-scm.com/docs/index-format
func (r *repository) writeIndex(entries []entry) error {
	out := &index.Index{Version: 2, Entries: make([]*index.Entry, len(entries))}
	for i, e := range entries {
		s := e.stat
		out.Entries[i] = &index.Entry{
			Name: e.path, Hash: e.hash, Mode: e.mode,
			Size: uint32(s.size), ModifiedAt: s.changed, CreatedAt: s.created, //nolint:gosec // git cuts it too
			Dev: s.dev, Inode: s.inode, UID: s.uid, GID: s.gid,
		}
	}
	return r.create(".git/index", 0o666, func(w io.Writer) error { return index.NewEncoder(w).Encode(out) })
}
