// Package workfolder keeps the folder in which a run makes its clones: one run
// at a time, and of what is there already only what an earlier run made is
// replaced.
//
// Whose a folder is, a mark in it tells: the file .git/spa-runner, which is
// written before anything is downloaded and goes last when the folder is removed.
// No repository can bring it along, since git stores nothing named .git, and
// nobody has it by accident. Build code may forge it, and then has its own folder
// replaced.
//
// That there is one run at a time is a lock on the folder itself. The kernel drops
// it when the runner ends, however that does, and no child inherits it.
package workfolder

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// MarkFile is where the mark of a clone is, as seen from its top.
const MarkFile = gitDir + "/" + markName

const (
	gitDir     = ".git"
	markName   = "spa-runner"
	markPrefix = "made by spa-runner in run "
	// maxMark is more than any mark has, in bytes.
	maxMark = 4096
)

// Mark is what the mark of a run says.
func Mark(run string) string {
	return markPrefix + run + "\nThe next run in this work folder replaces all of it, edits included.\n"
}

// Errors of Open, to be told apart with errors.Is.
var (
	// ErrInUse says that another process holds the lock.
	ErrInUse = errors.New("another run is using the work folder")
	// ErrNoLocks says that the file system has none; the folder is open then.
	ErrNoLocks = errors.New("the file system of the work folder has no locks")
)

// Folder is an open work folder.
type Folder struct {
	dir  string
	file *os.File // holds the lock
	root *os.Root
	// names are what a run makes in it.
	names []string

	// Earlier are the folders that runs made which are over.
	Earlier []Earlier
	// Foreign are the paths of what stands in the way of a run and was made by
	// somebody else: a folder with something in it, a file, a symlink.
	Foreign []string
}

// Earlier is a folder that an earlier run left.
type Earlier struct {
	Path string
	Run  string // who made it; "" if there is nothing in it
	name string
}

// Open locks a work folder and looks at what is there under the given names. It
// changes nothing. With ErrNoLocks the folder is usable all the same. With
// ErrInUse the error says which run it is, if that can be known.
func Open(dir string, names ...string) (*Folder, error) {
	file, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the work folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("opening the work folder: %w", err)
	}
	f := &Folder{dir: dir, file: file, root: root, names: names}
	unlocked, err := f.lock(names)
	if err == nil {
		err = f.look(names)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, unlocked
}

// lock takes the lock. A file system that has none is told apart from a lock
// that somebody else holds.
func (f *Folder) lock(names []string) (unlocked, err error) {
	if err := unix.Access(f.dir, unix.W_OK|unix.X_OK); err != nil {
		return nil, fmt.Errorf("the work folder %s cannot be written to: %w", f.dir, err)
	}
	err = unix.Flock(int(f.file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case err == nil:
		return nil, nil
	case !errors.Is(err, unix.EWOULDBLOCK):
		return fmt.Errorf("%w: %w", ErrNoLocks, err), nil
	}
	for _, name := range names {
		if run, ok := f.madeBy(name); ok && run != "" {
			return nil, fmt.Errorf("%w %s: it is run %q", ErrInUse, f.dir, run)
		}
	}
	return nil, fmt.Errorf("%w %s", ErrInUse, f.dir)
}

// Replace removes what earlier runs left.
func (f *Folder) Replace() error {
	for _, e := range f.Earlier {
		if err := remove(f.root, e.name); err != nil {
			return fmt.Errorf("removing %s, which an earlier run made: %w", e.Path, err)
		}
	}
	return nil
}

// Close drops the lock. Keep the folder open for as long as the run goes on.
func (f *Folder) Close() {
	_ = f.root.Close()
	_ = f.file.Close()
}

// Remove removes a clone, its mark last: what is left of it if that fails, or is
// killed, is still known as a run's own.
func Remove(dir string) error {
	dir = filepath.Clean(dir)
	root, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return remove(root, filepath.Base(dir))
}

func remove(parent *os.Root, name string) error {
	// Through a root, since whoever may write into it could put a symlink in the
	// place of a folder while it is being emptied.
	root, err := parent.OpenRoot(name)
	if err != nil {
		return err
	}
	err = errors.Join(empty(root, ".", gitDir), empty(root, gitDir, markName), root.Close())
	if err != nil {
		return err
	}
	return parent.RemoveAll(name)
}

// empty removes what is in a folder, but for one name.
func empty(root *os.Root, dir, but string) error {
	entries, err := fs.ReadDir(root.FS(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if e.Name() != but && err == nil {
			err = root.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
	return err
}

// madeBy says whether a run made a folder, and which. A folder in which there is
// nothing may be taken too, and so may what a run leaves that is killed before
// its mark is written.
func (f *Folder) madeBy(name string) (run string, ok bool) {
	if info, err := f.root.Lstat(name); err != nil || !info.IsDir() {
		return "", false
	}
	root, err := f.root.OpenRoot(name)
	if err != nil {
		return "", false
	}
	defer func() { _ = root.Close() }()
	return madeByRun(root)
}

// madeByRun is madeBy for a folder that is open.
func madeByRun(root *os.Root) (run string, ok bool) {
	info, err := root.Lstat(gitDir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nothingBut(root, ".", "")
	}
	if err != nil || !info.IsDir() {
		return "", false
	}
	mark, err := readMark(root)
	if text, ours := bytes.CutPrefix(mark, []byte(markPrefix)); ours {
		line, _, _ := bytes.Cut(text, []byte("\n"))
		return string(line), true
	}
	nothing := errors.Is(err, fs.ErrNotExist) || err == nil && len(mark) == 0
	return "", nothing && nothingBut(root, ".", gitDir) && nothingBut(root, gitDir, markName)
}

// readMark reads a mark, which may be anything by now.
func readMark(root *os.Root) ([]byte, error) {
	info, err := root.Lstat(MarkFile)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a file")
	}
	file, err := root.OpenFile(MarkFile, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, maxMark))
}

func nothingBut(root *os.Root, dir, but string) bool {
	entries, err := fs.ReadDir(root.FS(), dir)
	return err == nil && (len(entries) == 0 || len(entries) == 1 && entries[0].Name() == but)
}
