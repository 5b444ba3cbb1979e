package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/otiai10/copy"
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
	if err := o.allowed(rt, source, entries); err != nil {
		return err
	}
	tellHold(rt, hold, entries)
	if hidden := topLevelDotfiles(laid); len(hidden) > 0 {
		rt.Log.Warn("hidden files at the top of the environment are laid over the code too; the shell buildspec left them out",
			zap.Strings("files", hidden))
	}
	if err := lay(ctx, source, o.Code); err != nil {
		return fmt.Errorf("laying the settings over the code: %w", err)
	}
	if err := o.tell(rt, laid, entries, hold); err != nil {
		return err
	}
	added := 0
	for _, f := range laid {
		if !f.Replaced {
			added++
		}
	}
	rt.Log.Info("settings laid over the code", zap.Int("added", added), zap.Int("replaced", len(laid)-added))
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
func (o OverlaySettings) tell(rt *pipeline.Runtime, laid []LaidFile, entries []overlaid, hold string) error {
	if o.Laid != nil {
		*o.Laid = laid
	}
	if o.Hold != nil {
		*o.Hold = hold
	}
	root, err := os.OpenRoot(o.Code)
	if err != nil {
		return fmt.Errorf("opening the code: %w", err)
	}
	defer func() { _ = root.Close() }()
	written := make([]manifest.Entry, len(entries))
	for i, e := range entries {
		if written[i], err = manifest.Read(root, e.name); err != nil {
			return fmt.Errorf("reading what was laid over the code: %w", err)
		}
		if e.typ != fs.ModeDir {
			tellFile(rt, e, written[i])
		}
	}
	if o.Written != nil {
		*o.Written = written
	}
	return nil
}

func skipEntry(entry fs.DirEntry) error {
	if entry.IsDir() {
		return fs.SkipDir
	}
	return nil
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

// lay copies source over code. What stands at a destination and is no folder is
// taken away first: the library would write through a symlink found there.
func lay(ctx context.Context, source, code string) error {
	return copy.Copy(source, code, copy.Options{
		OnSymlink:   func(string) copy.SymlinkAction { return copy.Shallow },
		OnDirExists: func(string, string) copy.DirExistsAction { return copy.Merge },
		Skip: func(_ fs.FileInfo, path, destination string) (bool, error) {
			if ctx.Err() != nil {
				return false, context.Cause(ctx)
			}
			if isNoSetting(source, path) {
				return true, nil
			}
			there, err := os.Lstat(destination)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return false, nil
			case err != nil:
				return false, err
			case there.IsDir():
				return false, nil
			}
			return false, os.Remove(destination)
		},
	})
}
