package gitclone

import (
	"errors"
	"os"
)

func refuseExisting(dir string) error {
	if dir == "" {
		return errors.New("cloning: no target folder given")
	}
	if _, err := os.Lstat(dir); err == nil {
		return fault(ErrTargetExists, nil, "cloning into %s: it exists already; clone into a folder that does not exist yet", dir)
	}
	return nil
}
