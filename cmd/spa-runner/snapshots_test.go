package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"spa-runner/internal/loopback"
)

// snapshots are the repositories of all tests of this process, one for each content of a
// folder: most tests serve the same few, and git needs seven processes to make one. Nobody
// writes to them.
var snapshots struct {
	folder string   // made and removed by TestMain
	made   sync.Map // of contents, to functions that give the commit
}

// snapshotOf gives the bare repository of what a folder holds, and its one commit.
func snapshotOf(t *testing.T, dir string) (bare, commit string) {
	t.Helper()
	content, err := contentOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	bare = filepath.Join(snapshots.folder, content+".git")
	// Other tests wait for it too, so it does not end with this one.
	first := sync.OnceValues(func() (string, error) { return loopback.Snapshot(context.WithoutCancel(t.Context()), dir, bare) })
	made, _ := snapshots.made.LoadOrStore(content, first)
	if commit, err = made.(func() (string, error))(); err != nil {
		t.Fatal(err)
	}
	return bare, commit
}

// contentOf tells folders apart that git would not take for the same.
func contentOf(dir string) (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		var content []byte
		switch {
		case entry.Type() == fs.ModeSymlink:
			var target string
			target, err = os.Readlink(path)
			content = []byte(target)
		case entry.Type().IsRegular():
			content, err = os.ReadFile(path)
		}
		_, _ = fmt.Fprintf(sum, "%q %s %d\n%s", path[len(dir):], info.Mode(), len(content), content)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}
