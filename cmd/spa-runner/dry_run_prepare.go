package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"spa-runner/internal/config"

	"github.com/spf13/cobra"
)

// prepare makes the configuration of the rehearsal and repositories of the folders, and
// gives the program the environment of the rehearsal.
func (r *rehearsal) prepare(cmd *cobra.Command, p *program) (*config.Config, error) {
	ctx := cmd.Context()
	ownCode := r.code != "" || cmd.Flags().Changed("code-git-url")
	environ, err := r.environ(ctx, cmd, p.environ)
	if err != nil {
		return nil, err
	}
	p.environ = environ
	c, err := p.config(cmd, environ)
	if err != nil {
		return nil, err
	}
	if r.settings == "" && ownCode {
		c.Warnings = append(c.Warnings, "the settings are those of the built-in demo: give your own with --settings")
	}
	r.warnOfPins(c)
	if err := r.serveSettings(ctx, config.AccountOf(c.SettingsRole)); err != nil {
		return nil, err
	}
	return c, r.letThrough(c)
}

// letThrough lets the untrusted user go through the folder of the rehearsal to
// the work folder in it, and to nothing else there, whatever the umask is.
func (r *rehearsal) letThrough(c *config.Config) error {
	if c.Untrusted == "" {
		return nil
	}
	entries, err := os.ReadDir(r.temp)
	for _, entry := range entries {
		mode, path := fs.FileMode(0o700), filepath.Join(r.temp, entry.Name())
		if path == c.Workdir {
			mode = 0o755
		}
		if err == nil {
			err = os.Chmod(path, mode)
		}
	}
	if err == nil {
		err = os.Chmod(r.temp, 0o711)
	}
	if err != nil {
		return fmt.Errorf("opening the folder of the dry run for %s: %w", c.Untrusted, err)
	}
	return nil
}
