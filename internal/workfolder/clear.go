package workfolder

import "fmt"

// Clear removes what this run made, so that it can start over. Unlike Replace it
// asks for no mark: when the folder was opened nothing of anybody else was there,
// and what has become of a clone since, only this run's targets have made of it.
func (f *Folder) Clear() error {
	for _, name := range f.names {
		var err error
		if _, marked := f.madeBy(name); marked {
			err = remove(f.root, name) // if that breaks off, it is still known as a run's own
		} else {
			err = f.root.RemoveAll(name) // of a symlink that is the link
		}
		if err != nil {
			return fmt.Errorf("removing %s of the pass before: %w", name, err)
		}
	}
	return nil
}
