package spa_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What CI runs is `make test` and what `make check` adds to it: all of it, and nothing twice. The tests that SECURITY.md
// names and that take minutes are in neither.
func TestCIRunsWhatCheckRuns(t *testing.T) {
	script, err := os.ReadFile(".ci/run")
	if err != nil {
		t.Fatal(err)
	}
	called := regexp.MustCompile(`(?m)^make ([a-z -]*)`).FindAllStringSubmatch(string(script), -1)
	if len(called) == 0 || called[0][1] != "test" {
		t.Fatalf("CI begins with %q, and not with `make test`", called)
	}
	var ci []string
	for _, c := range called {
		ci = append(ci, recipes(t, strings.Fields(c[1])...)...)
	}
	check := append(recipes(t, "check"), recipes(t, "test-promised")...)
	for _, line := range check {
		if !slices.Contains(ci, line) {
			t.Errorf("CI does not run: %s", line)
		}
	}
	for i, line := range ci {
		if !slices.Contains(check, line) {
			t.Errorf("check does not run: %s", line)
		}
		if slices.Contains(ci[:i], line) {
			t.Errorf("CI runs twice: %s", line)
		}
	}
}

// recipes are the commands of targets, but for what is only said and what a tool that is missing needs.
func recipes(t *testing.T, targets ...string) (lines []string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "make", append([]string{"--no-print-directory", "-n", "VERSION=v1"}, targets...)...)
	for _, v := range os.Environ() { // of a make that runs this test
		if !strings.HasPrefix(v, "MAKE") {
			c.Env = append(c.Env, v)
		}
	}
	out, err := c.Output()
	if err != nil {
		t.Fatalf("make -n %v: %v", targets, err)
	}
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); !regexp.MustCompile(`^(echo|mkdir|make|touch|cd tools && GOBIN=\S*) `).MatchString(line) {
			lines = append(lines, line)
		}
	}
	return lines
}
