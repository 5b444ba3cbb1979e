// Package demo holds two small repositories, the code and the settings of
// nobody, for a rehearsal that needs nothing: no account, no network and no
// tool beyond git, make and sh.
package demo

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
)

// Environment is the folder of the one environment in the settings.
const Environment = "environments/demo"

//go:embed all:code all:settings
var files embed.FS

// Write writes one of the repositories, "code" or "settings", as files below
// dir, which must not exist.
func Write(name, dir string) error {
	tree, err := fs.Sub(files, name)
	if err == nil {
		err = os.CopyFS(dir, tree)
	}
	if err != nil {
		return fmt.Errorf("writing the demo's %s: %w", name, err)
	}
	return nil
}
