package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The commit that is checked out here, with a tag made up for it, is released, pinned and
// released again; the parts that are said elsewhere are left out.
func TestThisCommitCanBeReleased(t *testing.T) {
	if os.Getenv("SPA_RUNNER_LONG") == "" {
		t.Skip("it builds everything four times, once without a cache: SPA_RUNNER_LONG=1, or make test-long")
	}
	s := &scratch{t: t}
	s.repository = repository{dir: filepath.Join(t.TempDir(), "clone"), temp: t.TempDir(), out: &s.said}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.run("git", "clone", "-q", "--no-tags", root, ".")
	s.run("git", "tag", "v9.0.0")
	s.commit("Go on")
	s.pinsIt("")
	s.commit("Pin v9.0.0")
	s.run("git", "tag", "-a", "-m", "The next", "v9.1.0")

	s.temp = t.TempDir()
	err = s.check(t.Context(), []string{"check", "vuln"})
	t.Log(s.said.String())
	if err != nil {
		t.Fatal(err)
	}
	want := "release-check: passed, and is in dist/; of v9.1.0 proved: clean, builds, sums, bills, programs, pins; NOT proved: check (left out, as asked), vuln (left out, as asked), "
	if !strings.Contains(s.said.String(), want) {
		t.Errorf("it does not end with %q", want)
	}
	// What the parts look at can be wrong.
	s.write("dist/spa-runner-amd64.cdx.json", strings.Replace(s.read("dist/spa-runner-amd64.cdx.json"), `"version": "1.`, `"version": "0.`, 1))
	hasError(t, s.bills(t.Context()), "and the program has")
	s.write("dist/spa-runner-amd64.cdx.json", strings.Replace(s.read("dist/spa-runner-arm64.cdx.json"), `"library"`, `"liberty"`, 1))
	hasError(t, s.bills(t.Context()), "is not as the schema of CycloneDX 1.6 says")
	s.commit("Go on")
	hasError(t, s.programs(t.Context()), `want "`+s.run("git", "rev-parse", "HEAD")+`"`)
}
