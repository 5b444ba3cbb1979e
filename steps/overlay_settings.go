package steps

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.uber.org/zap"

	"spa-runner/internal/globs"
	"spa-runner/internal/manifest"
	"spa-runner/pipeline"
)

// OverlaySettings lays the files of the environment over the code.
//
// The tree of the code was written by strangers and that of the settings by
// another team, so each destination is looked at before it is written: a
// symlink there is replaced, never followed, and a file never takes the place
// of a folder or the reverse. All of that is checked before anything is copied.
type OverlaySettings struct {
	pipeline.Credentials[pipeline.None]
	Settings    string // the clone of the settings
	Environment string // the folder in it, relative
	Code        string // the clone of the code
	// Protect are files of the code that the settings may neither replace nor add.
	Protect globs.List
	// Require are files that the environment must have; RequireSettings demands
	// in their place what [RequireSettings] stands for.
	Require         globs.List
	RequireSettings bool
	// Laid, if set, receives what was copied, in the order of the paths; Written
	// what that made of the code, folders included.
	Laid    *[]LaidFile
	Written *[]manifest.Entry
	// Hold, if set, receives why the environment must not be deployed, "" if it may.
	Hold *string
}

// LaidFile is one file of the overlay.
type LaidFile struct {
	Path     string // in the code
	Replaced bool   // and not added
}

// Name is overlay-settings.
func (OverlaySettings) Name() string { return "overlay-settings" }

// Params shows what is laid over what.
func (o OverlaySettings) Params() []pipeline.Param {
	params := []pipeline.Param{
		{Name: "from", Value: filepath.Join(filepath.Base(o.Settings), o.Environment)},
		{Name: "over", Value: filepath.Base(o.Code)},
	}
	if len(o.Protect) > 0 {
		params = append(params, pipeline.Param{Name: "protect", Value: o.Protect.String()})
	}
	require := o.Require.String()
	if o.RequireSettings {
		require = RequireSettings + ", where the code ships " + shippedSettings
	}
	if require != "" {
		params = append(params, pipeline.Param{Name: "require", Value: require})
	}
	return params
}

// Run copies. Where something cannot be laid, nothing is.
func (o OverlaySettings) Run(ctx context.Context, rt *pipeline.Runtime) error {
	source, err := environmentFolder(o.Settings, o.Environment)
	if err != nil {
		return err
	}
	hold := readHold(source)
	entries, err := o.inspect(ctx, source)
	if err != nil {
		return err
	}
	laid := laidFiles(entries)
	if len(laid) == 0 {
		return fmt.Errorf("the environment folder %q of the settings is empty: the code would be deployed with the settings it ships", o.Environment)
	}
	if err := o.allowed(ctx, rt, source, entries); err != nil {
		return err
	}
	tellHold(rt, hold, entries)
	if hidden := topLevelDotfiles(laid); len(hidden) > 0 {
		rt.Log.Warn("hidden files at the top of the environment are laid over the code too; the shell buildspec left them out",
			zap.Strings("files", hidden))
	}
	written, err := lay(ctx, source, o.Code, entries, func(e overlaid, w manifest.Entry) { tellFile(rt, e, w) })
	if err != nil {
		return fmt.Errorf("laying the settings over the code: %w", err)
	}
	added := 0
	for _, f := range laid {
		if !f.Replaced {
			added++
		}
	}
	rt.Log.Info("settings laid over the code", zap.Int("added", added), zap.Int("replaced", len(laid)-added))
	o.tell(laid, written, hold)
	return nil
}

// tellFile tells of one file that was laid.
func tellFile(rt *pipeline.Runtime, e overlaid, w manifest.Entry) {
	action := "replaced"
	if e.there == nothing {
		action = "added"
	}
	fields := []zap.Field{zap.String("file", e.name), zap.String("action", action)}
	if e.typ == fs.ModeSymlink {
		fields = append(fields, zap.String("target", w.Target))
	} else {
		fields = append(fields, zap.Stringer("sha256", w.Sum), zap.Int64("size", w.Size))
	}
	rt.Log.Info("settings file", fields...)
}

// isNoSetting is what is in the environment folder, but not for the code: a
// repository, and what holds the environment.
func isNoSetting(source, path string) bool {
	return filepath.Base(path) == ".git" || path == filepath.Join(source, HoldFile)
}

func laidFiles(entries []overlaid) []LaidFile {
	var laid []LaidFile
	for _, e := range entries {
		if e.typ != fs.ModeDir {
			laid = append(laid, LaidFile{Path: e.name, Replaced: e.there != nothing})
		}
	}
	return laid
}

// tell hands over what was done.
func (o OverlaySettings) tell(laid []LaidFile, written []manifest.Entry, hold string) {
	if o.Laid != nil {
		*o.Laid = laid
	}
	if o.Hold != nil {
		*o.Hold = hold
	}
	if o.Written != nil {
		*o.Written = written
	}
}

func topLevelDotfiles(laid []LaidFile) []string {
	var names []string
	seen := map[string]bool{}
	for _, f := range laid {
		top, _, _ := strings.Cut(f.Path, string(os.PathSeparator))
		if strings.HasPrefix(top, ".") && !seen[top] {
			seen[top] = true
			names = append(names, top)
		}
	}
	return names
}
