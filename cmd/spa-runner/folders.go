package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"

	"go.uber.org/zap"
	"mvdan.cc/sh/v3/syntax"

	"spa-runner/internal/config"
	"spa-runner/internal/fault"
	"spa-runner/internal/hostfault"
	"spa-runner/internal/workfolder"
	"spa-runner/pipeline"
)

// openWorkFolder takes the work folder for this run and refuses one in which
// there is anything that a run would have to remove and did not make. Nothing is
// changed yet.
func openWorkFolder(c *config.Config, sources ...string) (*workfolder.Folder, error) {
	f, err := workfolder.Open(c.Workdir, "settings", "code")
	switch {
	case errors.Is(err, workfolder.ErrInUse):
		return nil, fault.WithHint(&fault.ConfigError{Problems: []string{err.Error()}},
			"wait until it has ended, or give this run a folder of its own: SPA_RUNNER_WORKDIR")
	case errors.Is(err, workfolder.ErrNoLocks):
		c.Warnings = append(c.Warnings, err.Error()+": see to it that no other run uses it")
	case err != nil && anotherFolderHelps(err):
		return nil, &fault.ConfigError{Problems: []string{err.Error()}}
	case err != nil:
		return nil, fault.WithHint(err, "nothing was started; "+hostfault.Advice(err))
	}
	if err := errors.Join(refuseForeign(f), refuseForeignRecord(c.Workdir), refuseSources(f, append(sources, c.Settings.URL, c.Code.URL))); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// anotherFolderHelps tells what is wrong with a folder, or with who may use it,
// from what would be wrong with any other one, such as too few open files.
func anotherFolderHelps(err error) bool {
	errno, machine := hostfault.Of(err)
	return !machine || errno == syscall.EACCES || errno == syscall.EPERM || errno == syscall.EROFS
}

// useAnotherFolder is what to do about a file or folder in the way that may be
// anybody's work. No advice removes it: people paste what they are given.
const useAnotherFolder = "it is left as it is; use another folder: set SPA_RUNNER_WORKDIR (or --workdir) to one without it, such as a new one"

func refuseForeign(f *workfolder.Folder) error {
	if len(f.Foreign) == 0 {
		return nil
	}
	return fault.WithHint(
		&fault.ConfigError{Problems: []string{fmt.Sprintf(`there is "%s" already, and no run of spa-runner made it: a run replaces what a run made, and nothing else`,
			strings.Join(f.Foreign, `" and "`))}},
		useAnotherFolder)
}

// refuseSources refuses to remove what is about to be read.
func refuseSources(f *workfolder.Folder, sources []string) error {
	for _, source := range sources {
		for _, e := range f.Earlier {
			if source = localFolder(source); source != "" && isWithin(source, e.Path) {
				return &fault.ConfigError{Problems: []string{fmt.Sprintf(
					"%s is to be read, but it is where an earlier run worked, and this one would replace it: move it elsewhere, or set SPA_RUNNER_WORKDIR to another folder", source)}}
			}
		}
	}
	return nil
}

// localFolder is the folder that a git URL means, "" if it is elsewhere.
func localFolder(gitURL string) string {
	if !strings.Contains(gitURL, "://") {
		return gitURL
	}
	if u, err := url.Parse(gitURL); err == nil && strings.EqualFold(u.Scheme, "file") {
		return u.Path
	}
	return ""
}

// isWithin says whether a path is a folder or in it, both without symlinks.
func isWithin(path, folder string) bool {
	var real [2]string
	for i, p := range []string{path, folder} {
		absolute, err := filepath.Abs(p)
		if err == nil {
			absolute, err = filepath.EvalSymlinks(absolute)
		}
		if err != nil {
			return false // what does not exist is not removed
		}
		real[i] = absolute
	}
	return real[0] == real[1] || strings.HasPrefix(real[0], real[1]+"/")
}

// replaceFolders removes what earlier runs left, aloud.
func replaceFolders(rt *pipeline.Runtime, f *workfolder.Folder) error {
	if len(f.Earlier) == 0 {
		return nil
	}
	var paths, runs []string
	for _, e := range f.Earlier {
		paths, runs = append(paths, e.Path), append(runs, e.Run)
	}
	rt.Log.Info("replacing folders of an earlier run", zap.Strings("folders", paths), zap.Strings("made_by", runs))
	if err := rt.Broken(); err != nil {
		return fmt.Errorf("they were not removed, since the log is lost: %w", err)
	}
	if err := f.Replace(); err != nil {
		next := "see what keeps this user from removing it (another owner, a mount), or use another folder: SPA_RUNNER_WORKDIR"
		if advice := hostfault.Advice(err); advice != "" && !errors.Is(err, fs.ErrPermission) {
			next = advice
		}
		return fault.WithHint(err, "nothing was started; "+next)
	}
	return nil
}

// clearFolders removes what the pass before made, whatever its targets made of it.
func clearFolders(rt *pipeline.Runtime, f *workfolder.Folder) error {
	if err := rt.Broken(); err != nil {
		return fmt.Errorf("the folders of the pass before were not removed, since the log is lost: %w", err)
	}
	rt.Log.Info("removing the folders of the pass before")
	if err := f.Clear(); err != nil {
		return fault.WithHint(err, "the next pass was not started, since it begins with fresh folders")
	}
	return nil
}

// command is one for people to paste: what it begins with, as it stands, and words
// that are quoted, since names in a repository may mean something to a shell.
func command(begin string, words ...string) string {
	for _, word := range words {
		quoted, err := syntax.Quote(word, syntax.LangPOSIX)
		if err != nil {
			quoted = "(its name cannot be written for a shell)"
		}
		begin += " " + quoted
	}
	return begin
}
