package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Dir is the open folder of the files of a run. It is opened before other people's
// code runs: what that makes of the name afterwards leads nowhere.
type Dir struct {
	root *os.Root
	path string
}

// ErrForeign says that something else has the name of the folder.
var ErrForeign = errors.New("it is no folder of this user's")

// Look says whether the folder can be opened in a work folder, which it is if there
// is none, and changes nothing. The error matches ErrForeign if somebody is to
// remove what is there.
func Look(workdir string) error {
	path := filepath.Join(workdir, Folder)
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("there is %q already, and %w", path, ErrForeign)
	}
	// Who owns a folder may exchange what is in it.
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		return fmt.Errorf("there is %q already, and %w", path, ErrForeign)
	}
	return nil
}

// Open opens the folder in a work folder, makes it if there is none, and removes the
// files of an earlier run, all at once, so that none is taken for one of this run.
func Open(workdir string) (*Dir, error) {
	if err := Look(workdir); err != nil {
		return nil, err
	}
	work, err := os.OpenRoot(workdir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = work.Close() }()
	if err := work.Mkdir(Folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	root, err := work.OpenRoot(Folder)
	if err != nil {
		return nil, err
	}
	d := &Dir{root: root, path: filepath.Join(workdir, Folder)}
	err = root.Chmod(".", 0o755) // whatever the umask is, and an earlier run's was
	for _, name := range []string{File, JUnit, Report} {
		for _, name := range []string{name, unfinished(name)} {
			err = errors.Join(err, root.RemoveAll(name))
		}
	}
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("removing the files of an earlier run: %w", err)
	}
	return d, nil
}

// Path is where a file of it is.
func (d *Dir) Path(name string) string { return filepath.Join(d.path, name) }

// Close closes it.
func (d *Dir) Close() { _ = d.root.Close() }

func unfinished(name string) string { return name + ".new" }

// Write replaces a file as a whole, by the pieces of its content: whoever reads it, and
// whenever the process is killed, finds the old state or the new one.
func (d *Dir) Write(name string, content ...[]byte) error {
	fresh := unfinished(name)
	err := d.create(fresh, content)
	if err == nil {
		err = d.replace(fresh, name)
	}
	if err != nil {
		_ = d.root.RemoveAll(fresh)
	} else {
		err = d.inPlace()
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", d.Path(name), err)
	}
	return nil
}

// Remove removes a file, if there is one.
func (d *Dir) Remove(name string) error {
	if err := d.root.RemoveAll(name); err != nil {
		return fmt.Errorf("removing %s, which is older than the end of the run: %w", d.Path(name), err)
	}
	return nil
}

// replace renames a file over another, and over a folder that somebody made of that:
// it would keep out all that comes.
func (d *Dir) replace(fresh, name string) error {
	err := d.root.Rename(fresh, name)
	if err == nil {
		return nil
	}
	if there, lerr := d.root.Lstat(name); lerr != nil || !there.IsDir() {
		return err
	}
	if err := d.root.RemoveAll(name); err != nil {
		return err
	}
	return d.root.Rename(fresh, name)
}

// inPlace says whether the folder still has its name. Else what is written is safe, and
// what is found under the name is somebody else's.
func (d *Dir) inPlace() error {
	ours, err := d.root.Stat(".")
	if err != nil {
		return err
	}
	there, err := os.Lstat(d.path)
	if err == nil && !os.SameFile(ours, there) {
		err = errors.New("something else has the name of its folder by now")
	}
	return err
}

// create makes a file, never writing into one that somebody else has made: that may
// be a link, or have another name.
func (d *Dir) create(name string, content [][]byte) error {
	err := d.root.RemoveAll(name)
	if err != nil {
		return err
	}
	file, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	for _, piece := range content {
		if _, err = file.Write(piece); err != nil {
			break
		}
	}
	return errors.Join(err, file.Chmod(0o644), file.Close())
}
