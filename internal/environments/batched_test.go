package environments

import (
	"maps"
	"testing"
)

func TestBatchedReadsWhatBatchWrites(t *testing.T) {
	folders := []string{"environments/production", `environments/a "quoted" é`, "sandbox"}
	text, err := Batch("version: 0.2\nphases:\n  build:\n    commands:\n      - x\n", folders)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"e1": folders[0], "e2": folders[1], "e3": folders[2]}
	if got := Batched(text); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v, of\n%s", got, want, text)
	}
	if got := Batched("version: 0.2\nbatch:\n  build-list:\n    - identifier: mine\n"); len(got) != 0 {
		t.Errorf("of a batch of other making: %v", got)
	}
}
