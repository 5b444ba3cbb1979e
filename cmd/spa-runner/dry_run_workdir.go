package main

import (
	"fmt"
	"os"
	"path/filepath"

	"spa-runner/internal/fault"
	"spa-runner/internal/workfolder"
)

// refuseWorkdir refuses a work folder in which a rehearsal, which makes settings/, code/
// and spa-run/ there, would write into what people work in: the folders that it is to
// read, a repository, a home. A folder within some other checkout is good.
func (r *rehearsal) refuseWorkdir(workdir, home string) error {
	real, ok := realFolder(workdir)
	if !ok {
		return nil // the table of variables says what is wrong with it
	}
	why := ""
	for _, source := range []struct{ flag, folder string }{{"--settings", r.settings}, {"--code", r.code}} {
		if folder, ok := realFolder(source.folder); ok && why == "" {
			why = standsInTheWay(real, folder, source.flag, source.folder)
		}
	}
	switch {
	case why != "":
	case workfolder.IsForeignRepository(real):
		why = "the top of a git repository that no run of spa-runner made"
	case insideGit(real) != "":
		why = "in " + insideGit(real) + ", where git keeps a repository"
	case sameFolder(real, home):
		why = "your home"
	case filepath.Dir(real) == real:
		why = "the top of the file system"
	default:
		return nil
	}
	return fault.WithHint(
		&fault.ConfigError{Problems: []string{fmt.Sprintf("--workdir is %q, %s: a rehearsal would make settings/, code/ and spa-run/ there", workdir, why)}},
		"use another folder, such as a new one outside of the repositories; without --workdir, nothing is left of the rehearsal")
}

// standsInTheWay says how a work folder and a folder that is to be read overlap, "" if
// they do not.
func standsInTheWay(workdir, folder, flag, given string) string {
	switch {
	case sameFolder(workdir, folder):
		return "the folder of " + flag
	case isBelow(workdir, folder):
		return fmt.Sprintf("in the folder of %s (%s)", flag, given)
	case isBelow(folder, workdir):
		return fmt.Sprintf("above the folder of %s (%s), which is to be read (or move it elsewhere)", flag, given)
	}
	return ""
}

// realFolder is a folder by its absolute path without symlinks; false if there is none.
func realFolder(path string) (string, bool) {
	if path == "" {
		return "", false
	}
	absolute, err := filepath.Abs(path)
	if err == nil {
		absolute, err = filepath.EvalSymlinks(absolute)
	}
	if err != nil {
		return "", false
	}
	info, err := os.Stat(absolute)
	return absolute, err == nil && info.IsDir()
}

// sameFolder compares folders as the file system does, which may know one by two
// paths: by a bind mount, or in upper and lower case.
func sameFolder(one, other string) bool {
	a, err := os.Stat(one)
	b, otherErr := os.Stat(other)
	return err == nil && otherErr == nil && os.SameFile(a, b)
}

// isBelow says whether a folder is anywhere in another. Both are without symlinks.
func isBelow(path, folder string) bool {
	for above := filepath.Dir(path); above != path; path, above = above, filepath.Dir(above) {
		if sameFolder(above, folder) {
			return true
		}
	}
	return false
}

// insideGit is the folder of git, such as .git or a bare repository, that a folder is
// or is in, "" if there is none.
func insideGit(path string) string {
	for {
		if workfolder.IsGitFolder(path) {
			return path
		}
		above := filepath.Dir(path)
		if above == path {
			return ""
		}
		path = above
	}
}
