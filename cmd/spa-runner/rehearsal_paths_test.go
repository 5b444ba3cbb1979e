package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spa-runner/internal/loopback"
)

// A rehearsal names files as the user knows them.
func TestPathsOfARehearsal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	settings := t.TempDir()
	file := filepath.Join(settings, "environments/prod/variables.sh")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("export CODE_GIT_BRANCH=main\naws s3 ls\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := w.run("dry-run", "--settings", settings, "--settings-environment-path", "environments/prod")
	if o.code != 64 || !strings.Contains(o.stdout, file+":2: the command `aws`") {
		t.Errorf("want exit code 64 and %s:2, got %v", file, o)
	}
	if err := os.WriteFile(file, []byte("export CODE_GIT_BRANCH=main\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o = w.run("dry-run", "--settings", settings, "--settings-environment-path", "environments/prod", "--until", "source-variables")
	if o.code != 0 || strings.Count(o.stdout, `"variables.sh decides"`) != 1 {
		t.Errorf("want one decision of variables.sh, got %v", o)
	}
}
