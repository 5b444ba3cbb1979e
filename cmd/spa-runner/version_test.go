package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"spa-runner/internal/record"
)

func TestDetailsOfABuild(t *testing.T) {
	info := &debug.BuildInfo{
		Deps: []*debug.Module{
			{Path: "example.com/a", Version: "v1.0.0", Sum: "h1:a="},
			{Path: "example.com/b", Version: "v1.0.0", Sum: "h1:b=", Replace: &debug.Module{Path: "example.com/c", Version: "v2.0.0", Sum: "h1:c="}},
		},
		Settings: []debug.BuildSetting{
			{Key: "vcs.modified", Value: "true"}, {Key: "vcs.revision", Value: "0123"}, {Key: "vcs.time", Value: "2026-11-28T12:00:00Z"},
		},
	}
	got := detailsOf(info)
	text, err := os.ReadFile(filepath.Join("..", "..", "buildspec.yml"))
	if err != nil {
		t.Fatal(err)
	}
	buildspec := sha256.Sum256(text)
	want := buildDetails{
		Version: version, Commit: "0123", Modified: true, CommitTime: "2026-11-28T12:00:00Z",
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, BuildspecSHA256: hex.EncodeToString(buildspec[:]), RecordSchema: record.Schema,
		Modules: []buildModule{{"example.com/a", "v1.0.0", "h1:a="}, {"example.com/c", "v2.0.0", "h1:c="}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if none := detailsOf(nil); none.Commit != "" || none.Modules == nil {
		t.Errorf("without what Go writes: %+v", none)
	}
}

// As a program, which makes itself unreadable to others first: it must read its own file all the same.
func TestVersionNamesItsOwnFile(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "spa-runner")
	content, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = os.WriteFile(binary, content, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "version", "--json")
	cmd.Env = append(os.Environ(), asMain+"=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v, %s", err, out)
	}
	var got buildDetails
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(content)
	if want := hex.EncodeToString(digest[:]); got.SHA256 != want {
		t.Errorf("its SHA-256 is %s, and it says %s", want, got.SHA256)
	}
	zap := slices.IndexFunc(got.Modules, func(m buildModule) bool { return m.Path == "go.uber.org/zap" })
	if zap < 0 || !strings.HasPrefix(got.Modules[zap].Sum, "h1:") {
		t.Errorf("zap is built in, with a sum, and it says %+v", got.Modules)
	}
}
