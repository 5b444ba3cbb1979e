package globs

import (
	"strings"
	"testing"
)

// TestPatternOfManyFolders ends only if what was tried is not tried again: each **/
// may stand for nothing, too.
func TestPatternOfManyFolders(t *testing.T) {
	t.Parallel()
	many := strings.Repeat
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{many("**/", 680) + "x", many("y/", 2000) + "y", false},
		{many("**/", 680) + "x", many("y/", 2000) + "x", true},
		{many("**/a/", 400) + "x", many("a/", 2000) + "y", false},
		{many("**/a/", 400) + "x", many("a/", 2000) + "x", true},
		{many("**/*a*/", 290) + "x", many("aaa/", 1000) + "y", false},
		{many("**/*a*/", 290) + "x", many("aaa/", 1000) + "x", true},
		{many("a/**/", 400) + "b", many("a/", 2000) + "c/b/c", false},
	} {
		if got := Wildmatch(test.pattern, test.text, true); got != test.want {
			t.Errorf("%.20s… and %.20s…%s: got %v", test.pattern, test.text, test.text[len(test.text)-3:], got)
		}
	}
}

// TestPatternOfManyStars ends only if a search that cannot succeed is given up.
func TestPatternOfManyStars(t *testing.T) {
	if Wildmatch(strings.Repeat("a*", 30)+"k", strings.Repeat("a", 5000), false) {
		t.Error("matches, though there is no k")
	}
}
