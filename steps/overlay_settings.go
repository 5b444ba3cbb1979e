package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/otiai10/copy"
	"go.uber.org/zap"

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
	// Laid, if set, receives what was copied, in the order of the paths.
	Laid *[]LaidFile
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
	return []pipeline.Param{
		{Name: "from", Value: filepath.Join(filepath.Base(o.Settings), o.Environment)},
		{Name: "over", Value: filepath.Base(o.Code)},
	}
}

// Run copies. Where something cannot be laid, nothing is.
func (o OverlaySettings) Run(ctx context.Context, rt *pipeline.Runtime) error {
	source, err := environmentFolder(o.Settings, o.Environment)
	if err != nil {
		return err
	}
	laid, err := o.inspect(ctx, source)
	if err != nil {
		return err
	}
	if len(laid) == 0 {
		return fmt.Errorf("the environment folder %q of the settings is empty: the code would be deployed with the settings it ships", o.Environment)
	}
	if hidden := topLevelDotfiles(laid); len(hidden) > 0 {
		rt.Log.Warn("hidden files at the top of the environment are laid over the code too; the shell buildspec left them out",
			zap.Strings("files", hidden))
	}
	if err := lay(ctx, source, o.Code); err != nil {
		return fmt.Errorf("laying the settings over the code: %w", err)
	}
	added := 0
	for _, f := range laid {
		action := "replaced"
		if !f.Replaced {
			action = "added"
			added++
		}
		rt.Log.Info("settings file", zap.String("file", f.Path), zap.String("action", action))
	}
	rt.Log.Info("settings laid over the code", zap.Int("added", added), zap.Int("replaced", len(laid)-added))
	if o.Laid != nil {
		*o.Laid = laid
	}
	return nil
}

// inspect lists what will be copied, and everything that speaks against it.
func (o OverlaySettings) inspect(ctx context.Context, source string) ([]LaidFile, error) {
	var laid []LaidFile
	var problems []error
	var fresh []string // folders that take the place of a symlink
	err := filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		if entry.Name() == ".git" {
			return skipEntry(entry)
		}
		name, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		below := func(folder string) bool { return strings.HasPrefix(name, folder+"/") }
		destination := filepath.Join(o.Code, name)
		if slices.ContainsFunc(fresh, below) {
			destination = "" // whatever is there now is behind the link
		}
		there, err := compatible(entry, destination)
		if there == fs.ModeSymlink && entry.IsDir() {
			fresh = append(fresh, name)
		}
		if err == nil && entry.Type() == fs.ModeSymlink {
			err = staysInside(source, path)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
			return nil
		}
		if !entry.IsDir() {
			laid = append(laid, LaidFile{Path: name, Replaced: there != nothing})
		}
		return nil
	})
	if err = errors.Join(err, errors.Join(problems...)); err != nil {
		return nil, fmt.Errorf("the settings cannot be laid over the code, and nothing was: %w", err)
	}
	return laid, nil
}

func skipEntry(entry fs.DirEntry) error {
	if entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// nothing is the type of what is not there.
const nothing = fs.ModeIrregular

// compatible says whether an entry may go where it would go, and the type of
// what it would replace there.
func compatible(entry fs.DirEntry, destination string) (there fs.FileMode, err error) {
	if t := entry.Type(); !entry.IsDir() && !t.IsRegular() && t != fs.ModeSymlink {
		return nothing, fmt.Errorf("it is neither a file nor a folder nor a symlink (%s)", t)
	}
	info, err := os.Lstat(destination)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nothing, nil // below a file it is the folder's entry that is refused
	case err != nil:
		return nothing, err
	case info.Mode().Type() == fs.ModeSymlink:
		return fs.ModeSymlink, nil
	case entry.IsDir() && !info.IsDir():
		return nothing, errors.New("it is a folder in the settings and a file in the code: rename one of them")
	case !entry.IsDir() && info.IsDir():
		return nothing, errors.New("it is a file in the settings and a folder in the code: rename one of them")
	}
	return info.Mode().Type(), nil
}

// staysInside refuses a symlink that means something outside the environment:
// copied into the code it would lead to wherever that is on the build machine.
// The folders above a link are real ones. So .. at the beginning of its target
// can be counted, but after a name, which may be another link, it cannot.
func staysInside(source, link string) error {
	target, err := os.Readlink(link)
	if err != nil {
		return err
	}
	down, unclear := false, false
	for name := range strings.SplitSeq(target, "/") {
		unclear = unclear || down && name == ".."
		down = down || name != ".." && name != "." && name != ""
	}
	rel, err := filepath.Rel(source, filepath.Join(filepath.Dir(link), target))
	if unclear || filepath.IsAbs(target) || err != nil || !filepath.IsLocal(rel) {
		return fmt.Errorf("it is a symlink to %q, which leads outside the environment folder or, with .. after a name, may do so: "+
			"put the file itself there", target)
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
		Skip: func(info fs.FileInfo, _, destination string) (bool, error) {
			if ctx.Err() != nil {
				return false, context.Cause(ctx)
			}
			if info.Name() == ".git" {
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
