package globs

import (
	"strings"
	"testing"
)

// TestPatternOfManyStars ends only if a search that cannot succeed is given up.
func TestPatternOfManyStars(t *testing.T) {
	if Wildmatch(strings.Repeat("a*", 30)+"k", strings.Repeat("a", 5000), false) {
		t.Error("matches, though there is no k")
	}
}
