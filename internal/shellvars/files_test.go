package shellvars

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEnvironmentFiles takes each file of the folder SPA_TEST_ENV_FILES for a
// variables.sh. What is accepted, and so holds no program, is run by bash as well; for
// the others it says why they are refused.
func TestEnvironmentFiles(t *testing.T) {
	folder := os.Getenv("SPA_TEST_ENV_FILES")
	if folder == "" {
		t.Skip("SPA_TEST_ENV_FILES=DIR names a folder with files to try")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no files, %v", folder, err)
	}
	accepted, complained := 0, 0
	refused := map[string][]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		dir := world(t)
		script := filepath.Join(dir, "settings/e/0.sh")
		if err := os.WriteFile(script, text, 0o600); err != nil {
			t.Fatal(err)
		}
		vars, err := Source(t.Context(), Options{File: script, Root: filepath.Join(dir, "settings"), Env: environment(dir)})
		if problems := problemsOf(err); err != nil {
			why := ""
			for _, problem := range problems {
				_, what, _ := strings.Cut(problem, ": ")
				what, _, _ = strings.Cut(what, ": that is not on")
				what, _, _ = strings.Cut(what, "; ")
				if !strings.Contains(why, what) {
					why += what + " / "
				}
			}
			refused[why] = append(refused[why], filepath.Base(file))
			continue
		}
		accepted++
		got := map[string]string{}
		for _, v := range vars {
			if v.Exported {
				got[v.Name] = v.Value
			}
		}
		said := askShellForAll(t, "bash", dir, []string{string(text)})[0]
		if !said.good {
			complained++
			t.Logf("%s: bash complains", file)
		}
		for _, name := range []string{"_", "SHLVL", "OLDPWD"} {
			delete(said.vars, name)
		}
		if !maps.Equal(got, said.vars) {
			t.Errorf("%s: got %q, bash has %q", file, got, said.vars)
		}
	}
	var report strings.Builder
	for _, why := range slices.SortedFunc(maps.Keys(refused), func(a, b string) int { return len(refused[b]) - len(refused[a]) }) {
		fmt.Fprintf(&report, "%d %s\n    %s\n", len(refused[why]), why, strings.Join(refused[why], " "))
	}
	t.Logf("of %d files %d are accepted, of which bash complains in %d; refused are:\n%s", len(files), accepted, complained, &report)
}
