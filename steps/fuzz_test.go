package steps

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzEnvironmentFolder looks for any folder in settings that have links which
// lead out of them. What is given is a folder of the settings, and no message
// names what is outside.
func FuzzEnvironmentFolder(f *testing.F) {
	for _, value := range []string{
		"environments/test", "environments", ".", "", "..", "environments/..", "environments/../../outside", "out", "out/secret-folder", "inside", "inside/test", "loop", "dangling", "file", "file/x",
		"environments/nope", "out/nope", "loop/x", "/", "environments//test/", "./environments", "environments/test\x00", strings.Repeat("a/", 3000), strings.Repeat("x", 300), "é", "deep/out/x", ".git", "OUT",
	} {
		f.Add(value)
	}
	base, err := filepath.EvalSymlinks(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	settings := filepath.Join(base, "settings")
	if err := errors.Join(
		os.MkdirAll(filepath.Join(settings, "environments", "test"), 0o755), os.MkdirAll(filepath.Join(settings, "deep"), 0o755),
		os.MkdirAll(filepath.Join(base, "outside", "secret-folder"), 0o755), os.WriteFile(filepath.Join(settings, "file"), nil, 0o600),
		os.Symlink("../outside", filepath.Join(settings, "out")), os.Symlink(filepath.Join(base, "outside"), filepath.Join(settings, "deep", "out")),
		os.Symlink("environments", filepath.Join(settings, "inside")), os.Symlink("loop", filepath.Join(settings, "loop")), os.Symlink("nowhere", filepath.Join(settings, "dangling")),
	); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, environment string) {
		folder, err := environmentFolder(settings, environment)
		if err != nil {
			if folder != "" || !strings.Contains(environment, "secret") && strings.Contains(err.Error(), "secret-folder") {
				t.Errorf("%q: %q, %v", environment, folder, err)
			}
			return
		}
		real, err := filepath.EvalSymlinks(folder)
		if err != nil || real != folder || folder != settings && !strings.HasPrefix(folder, settings+"/") {
			t.Errorf("%q is %q, which is %q, %v", environment, folder, real, err)
		}
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			t.Errorf("%q is %q, which is no folder: %v", environment, folder, err)
		}
	})
}
