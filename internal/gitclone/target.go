package gitclone

import (
	"errors"
	"os"
	"strings"
)

func refuseExisting(dir string) error {
	if dir == "" {
		return errors.New("cloning: no target folder given")
	}
	if _, err := os.Lstat(dir); err == nil {
		return fault(ErrTargetExists, nil, "cloning into %s: it exists already; remove it with: rm -rf -- %s", dir, shellQuote(dir))
	}
	return nil
}

func shellQuote(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
