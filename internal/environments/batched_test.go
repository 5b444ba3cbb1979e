package environments

import (
	"maps"
	"slices"
	"strings"
	"testing"
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
