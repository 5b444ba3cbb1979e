package main

import (
	"fmt"
	"io"
	"os"
)

// maxRead is how much the doctor reads of a file that others wrote.
const maxRead = 1 << 20

// readBelow reads a file below a folder. A repository may hold a link to anywhere,
// to /dev/zero too, and a file of any size.
func readBelow(folder, name string) ([]byte, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	if info, err := root.Stat(name); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", name)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, maxRead+1))
	if len(content) > maxRead {
		return nil, fmt.Errorf("%s has more than %d bytes, and is not read", name, maxRead)
	}
	return content, err
}
