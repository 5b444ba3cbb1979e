package typos

import "testing"

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b  string
		limit int
		want  int
	}{
		{"", "", 2, 0},
		{"a", "a", 2, 0},
		{"CODE_GIT_COMIT", "CODE_GIT_COMMIT", 2, 1},
		{"CODE_GIT_COMMTI", "CODE_GIT_COMMIT", 2, 2},
		{"CODEGITCOMMIT", "CODE_GIT_COMMIT", 2, 2},
		{"abc", "xyz", 2, 3},
		{"kitten", "sitting", 5, 3},
		{"", "abcd", 2, 3},
	} {
		if got := Distance(c.a, c.b, c.limit); got != c.want {
			t.Errorf("%q, %q: %d, want %d", c.a, c.b, got, c.want)
		}
		if got := Distance(c.b, c.a, c.limit); got != c.want {
			t.Errorf("%q, %q: %d, want %d", c.b, c.a, got, c.want)
		}
	}
}
