package gitclone

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	gitconfig "github.com/go-git/go-git/v5/plumbing/format/config"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"

	"spa-runner/internal/guard"
)

// folder is a repository on this machine. It is read with go-git's storage and
// packed here: go-git's own transport for paths starts git, and its server
// cannot do shallow clones.
type folder struct {
	store *filesystem.Storage
	shown string
}

func (f *folder) String() string { return f.shown }

// largeObject is the size in bytes from which a file is streamed.
const largeObject = 1 << 20

func openFolder(dir, shown string) (remote, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		if before, _, ok := strings.Cut(dir, ":"); ok && !strings.Contains(before, "/") {
			return nil, fmt.Errorf("cloning %s: SSH is not supported; write https://host/path", shown)
		}
		return nil, fault(ErrRepositoryNotFound, err, "cloning %s: there is no such folder; check the path, or write https:// for a URL", shown)
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cloning %s: %w", shown, err)
	}
	gitDir := findGitDir(absolute)
	if gitDir == "" {
		return nil, fault(ErrRepositoryNotFound, nil, "cloning %s: that folder is not a git repository; check the path, or run git init and git commit there", shown)
	}
	var files billy.Filesystem = osfs.New(gitDir)
	if common, err := os.ReadFile(filepath.Join(gitDir, "commondir")); err == nil {
		// A work tree made by git worktree add.
		files = dotgit.NewRepositoryFilesystem(files, osfs.New(resolve(gitDir, string(common))))
	}
	store := filesystem.NewStorageWithOptions(files, cache.NewObjectLRU(baseCacheSize), filesystem.Options{
		KeepDescriptors: true, LargeObjectThreshold: largeObject, AlternatesFS: osfs.New("/"),
	})
	if err := checkFormat(files, shown); err != nil {
		return nil, err
	}
	return &folder{store: store, shown: absolute}, nil
}

// checkFormat refuses a repository that this code would misread.
func checkFormat(files billy.Filesystem, shown string) error {
	text, err := files.Open("config")
	if err != nil {
		return nil // it is not needed
	}
	defer text.Close()
	config := gitconfig.New()
	if err := gitconfig.NewDecoder(text).Decode(config); err != nil {
		return fmt.Errorf("cloning %s: reading its configuration: %w", shown, err)
	}
	extensions := config.Section("extensions")
	for _, key := range []string{"objectformat", "refstorage"} {
		if value := extensions.Option(key); value != "" && value != "sha1" && value != "files" {
			return fmt.Errorf("cloning %s: its %s is %s, which is not supported; use a repository with SHA-1 and files", shown, key, value)
		}
	}
	return nil
}

// findGitDir finds the repository of a work tree, or a bare one; "" if there is none.
func findGitDir(dir string) string {
	inner := filepath.Join(dir, ".git")
	if text, err := os.ReadFile(inner); err == nil { // a submodule or a second work tree
		if to, ok := strings.CutPrefix(string(text), "gitdir:"); ok {
			inner = resolve(dir, to)
		}
	}
	for _, candidate := range []string{inner, dir} {
		_, err := os.Stat(filepath.Join(candidate, "HEAD"))
		_, oerr := os.Stat(filepath.Join(candidate, "objects"))
		_, cerr := os.Stat(filepath.Join(candidate, "commondir"))
		if err == nil && (oerr == nil || cerr == nil) {
			return candidate
		}
	}
	return ""
}

func resolve(dir, to string) string {
	to = strings.TrimSpace(to)
	if filepath.IsAbs(to) {
		return to
	}
	return filepath.Join(dir, to)
}

func (f *folder) advertise(ctx context.Context) (*advert, error) {
	defer f.store.Close()
	a := &advert{refs: map[string]plumbing.Hash{}, peeled: map[string]plumbing.Hash{}, anyCommit: true}
	a.peel = func(h plumbing.Hash) (plumbing.Hash, error) {
		defer f.store.Close()
		return f.peel(h)
	}
	refs, err := f.store.IterReferences()
	if err != nil {
		return nil, fmt.Errorf("cloning %s: reading its refs: %w", f.shown, err)
	}
	err = refs.ForEach(func(ref *plumbing.Reference) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		name := ref.Name().String()
		ref, err := storer.ResolveReference(f.store, ref.Name())
		if errors.Is(err, plumbing.ErrReferenceNotFound) {
			return nil // HEAD of a repository without commits, or a dangling alias
		}
		if err != nil {
			return err
		}
		a.refs[name] = ref.Hash()
		if !strings.HasPrefix(name, tags) {
			return nil // to peel means to read the object, and there may be very many refs
		}
		if h, err := f.peel(ref.Hash()); err == nil && h != ref.Hash() {
			a.peeled[name] = h
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cloning %s: reading its refs: %w", f.shown, err)
	}
	if len(a.refs) == 0 {
		return nil, fault(ErrEmptyRepository, nil, "cloning %s: the repository is empty; commit something to it first", f.shown)
	}
	return a, nil
}

// peel is what an annotated tag points to, and of anything else, itself.
func (f *folder) peel(h plumbing.Hash) (plumbing.Hash, error) {
	for range maxTags {
		raw, err := readStored(f.store, plumbing.TagObject, h)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			return h, nil // of another type
		}
		if err != nil {
			return h, err
		}
		if h, err = readTag(h, raw); err != nil {
			return h, err
		}
	}
	return h, errTags
}

// fetch always makes a shallow pack: it can reach each commit.
func (f *folder) fetch(ctx context.Context, wants []plumbing.Hash, _ bool) (*transfer, error) {
	c := closure{store: f.store, seen: map[plumbing.Hash]bool{}}
	for _, h := range wants {
		if err := c.want(ctx, h); err != nil {
			if errors.Is(err, plumbing.ErrObjectNotFound) {
				return nil, &refusal{text: fmt.Sprintf("%s: %v", h, err)}
			}
			return nil, err
		}
	}
	return f.pack(ctx, c), nil
}

// history of a folder has commits alone.
func (f *folder) history(ctx context.Context, head plumbing.Hash) (*transfer, error) {
	c := closure{store: f.store, seen: map[plumbing.Hash]bool{}}
	if err := c.commits(ctx, head); err != nil {
		_ = f.store.Close()
		return nil, err
	}
	return f.pack(ctx, c), nil
}

func (f *folder) pack(ctx context.Context, c closure) *transfer {
	r, w := io.Pipe()
	go func() {
		buffered := bufio.NewWriterSize(w, 64<<10)
		err := guard.Call(func() error { return writePack(ctx, buffered, f.store, c.objects) })
		if err == nil {
			err = buffered.Flush()
		}
		_ = f.store.Close() // before the end is seen: the history may be asked for next
		w.CloseWithError(err)
	}()
	return &transfer{pack: r, closer: r, shallows: c.shallows}
}
