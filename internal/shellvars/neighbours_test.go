package shellvars

import (
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestNeighbours: each script of testdata/neighbours.txt that is accepted has the values of
// bash, and is good there.
func TestNeighbours(t *testing.T) {
	text, err := os.ReadFile("testdata/neighbours.txt")
	if err != nil {
		t.Fatal(err)
	}
	dir := world(t)
	var scripts []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		script, err := strconv.Unquote(strings.TrimSpace(line))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		scripts = append(scripts, script)
	}
	verdicts := askShellForAll(t, "bash", dir, scripts)
	accepted := 0
	for i, script := range scripts {
		vars, err := Source(t.Context(), Options{File: file(dir, i), Root: dir + "/settings", Env: environment(dir)})
		if err != nil {
			if len(problemsOf(err)) == 0 {
				t.Errorf("%q: %v", script, err)
			}
			continue
		}
		accepted++
		got := map[string]string{}
		for _, v := range vars {
			if v.Exported {
				got[v.Name] = v.Value
			}
		}
		for _, name := range []string{"_", "SHLVL", "OLDPWD"} {
			delete(verdicts[i].vars, name)
		}
		if !maps.Equal(got, verdicts[i].vars) {
			t.Errorf("%q: got %q, bash has %q", script, got, verdicts[i].vars)
		}
		// A missing file that `|| …` foresees is accepted, and bash says that it is missing.
		if !verdicts[i].good && !strings.HasPrefix(script, ". settings/none.sh || ") {
			t.Errorf("%q is accepted, and bash complains", script)
		}
	}
	if accepted < len(scripts)/2 {
		t.Errorf("%d of %d are accepted", accepted, len(scripts))
	}
}
