package environments

import (
	"maps"
	"slices"
	"strings"
	"testing"

	spa "spa-runner"
)

func TestBatchedReadsWhatBatchWrites(t *testing.T) {
	folders := []string{"environments/production", `environments/a "quoted" é`, "sandbox"}
	text, err := Batch("version: 0.2\nphases:\n  build:\n    commands:\n      - x\n", folders)
	if err != nil {
		t.Fatal(err)
	}
	got := Batched(text)
	for identifier := range got {
		if !strings.Contains(text, identifier) {
			t.Errorf("%q is no identifier of\n%s", identifier, text)
		}
	}
	if values := slices.Sorted(maps.Values(got)); !slices.Equal(values, slices.Sorted(slices.Values(folders))) {
		t.Errorf("got %q, want %q, of\n%s", values, folders, text)
	}
	text = "    - identifier: \"production\"\n      env:\n        variables:\n          SETTINGS_ENVIRONMENT_PATH: \"environments/production\"\n"
	if got := Batched(text); len(got) != 1 || got["production"] != "environments/production" {
		t.Errorf("of a quoted identifier: %v", got)
	}
	if got := Batched("version: 0.2\nbatch:\n  build-list:\n    - identifier: mine\n"); len(got) != 0 {
		t.Errorf("of a batch of other making: %v", got)
	}
}

// FuzzBatched: a buildspec that somebody else wrote is read without harm, and what is
// read of it can be made again.
func FuzzBatched(f *testing.F) {
	made, err := Batch(spa.Buildspec, []string{"environments/a", "environments/ü\"\t"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(made)
	f.Add("    - identifier: \"a\"\n      env:\n        variables:\n          SETTINGS_ENVIRONMENT_PATH: \"\\x\"\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, buildspec string) {
		for identifier, folder := range Batched(buildspec) {
			again, err := Batch(spa.Buildspec, []string{folder})
			if err != nil {
				continue // Go's quotes may hold what is not UTF-8
			}
			if got := Batched(again); len(got) != 1 || identifier == "" {
				t.Errorf("%q is made %v", folder, got)
			}
			for _, same := range Batched(again) {
				if same != folder {
					t.Errorf("%q is made %q", folder, same)
				}
			}
		}
	})
}
