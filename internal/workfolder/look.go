package workfolder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// look tells what an earlier run left from what somebody else made.
func (f *Folder) look(names []string) error {
	for _, name := range names {
		path := filepath.Join(f.dir, name)
		if _, err := f.root.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return fmt.Errorf("looking at %s: %w", path, err)
		}
		if run, ok := f.madeBy(name); ok {
			f.Earlier = append(f.Earlier, Earlier{Path: path, Run: run, name: name})
			continue
		}
		if err := f.canOpen(); err != nil { // then it may be ours all the same
			return fmt.Errorf("looking at %s: %w", path, err)
		}
		f.Foreign = append(f.Foreign, path)
	}
	return nil
}

// canOpen says whether this process may open as many files as it takes to find a mark.
func (f *Folder) canOpen() error {
	var open [4]*os.File
	defer func() {
		for _, file := range open {
			_ = file.Close() // nil too
		}
	}()
	for i := range open {
		var err error
		if open[i], err = f.root.Open("."); err != nil {
			return err
		}
	}
	return nil
}
