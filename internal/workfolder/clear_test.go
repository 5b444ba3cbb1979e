package workfolder

import (
	"os"
	"path/filepath"
	"testing"
)

// A pass leaves no fresh folder to the next if its targets can keep it: without
// its mark, as a file, as a link to something else.
func TestClearRemovesWhateverBecameOfAClone(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "outside")
	write(t, outside+"/.git/spa-runner", Mark("1"))
	for name, spoil := range map[string]func(t *testing.T, code string){
		"as it was":       func(t *testing.T, code string) {},
		"gone":            func(t *testing.T, code string) { must(t, os.RemoveAll(code)) },
		"without a mark":  func(t *testing.T, code string) { must(t, os.Remove(code+"/.git/spa-runner")) },
		"without .git":    func(t *testing.T, code string) { must(t, os.RemoveAll(code+"/.git")) },
		".git is a file":  func(t *testing.T, code string) { must(t, os.RemoveAll(code+"/.git")); write(t, code+"/.git", "x") },
		"a file":          func(t *testing.T, code string) { must(t, os.RemoveAll(code)); write(t, code, "x") },
		"a link outside":  func(t *testing.T, code string) { must(t, os.RemoveAll(code), os.Symlink(outside, code)) },
		"a link to other": func(t *testing.T, code string) { must(t, os.RemoveAll(code), os.Symlink("other", code)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			f, err := Open(dir, "settings", "code")
			must(t, err)
			defer f.Close()
			write(t, dir+"/other/.git/spa-runner", Mark("1"))
			for _, clone := range []string{"/settings", "/code"} {
				write(t, dir+clone+"/.git/spa-runner", Mark("1"))
				write(t, dir+clone+"/a/b", "x")
			}
			spoil(t, dir+"/code")
			must(t, f.Clear())
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != 1 || entries[0].Name() != "other" {
				t.Errorf("got %v, %v, want what no pass made and nothing else", entries, err)
			}
			for _, kept := range []string{dir + "/other", outside} {
				if _, err := os.Stat(kept + "/.git/spa-runner"); err != nil {
					t.Errorf("a link was followed: %v", err)
				}
			}
		})
	}
}
