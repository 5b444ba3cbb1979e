package main

import (
	"fmt"

	"spa-runner/internal/rooted"
)

// maxRead is how much the doctor reads of a file that others wrote.
const maxRead = 1 << 20

// readBelow reads a file of a repository.
func readBelow(folder, name string) ([]byte, error) {
	content, err := rooted.ReadFile(folder, name, maxRead)
	if err != nil {
		return nil, fmt.Errorf("%s is not read: %w", name, err)
	}
	return content, nil
}
