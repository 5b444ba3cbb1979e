package workfolder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// IsForeignRepository says whether a folder is the top of a work tree of git that no
// run made: there is a .git in it, which is a folder, or a file in a submodule and in a
// further work tree.
func IsForeignRepository(dir string) bool {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false
	}
	defer func() { _ = root.Close() }()
	if _, err := root.Lstat(gitDir); errors.Is(err, fs.ErrNotExist) {
		return false
	}
	_, ours := madeByRun(root)
	return !ours
}

// IsGitFolder says whether git takes a folder for a repository without a work tree: a
// .git, one of a submodule, or a bare repository. See gitrepository-layout(5).
func IsGitFolder(dir string) bool {
	for _, name := range []string{"objects", "refs"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || !info.IsDir() {
			return false
		}
	}
	_, err := os.Lstat(filepath.Join(dir, "HEAD")) // may be a symlink to a branch that is not there yet
	return err == nil
}
