package workfolder

import "os"

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
