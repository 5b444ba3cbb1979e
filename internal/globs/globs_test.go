package globs

import (
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]List{
		"":                                    nil,
		" , ":                                 nil,
		"Makefile, cdk/**\n\tlambdas/**,a":    {"Makefile", "cdk/**", "lambdas/**", "a"},
		"./Makefile /top cdk/ ./a//b/./c":     {"Makefile", "top", "cdk", "a/b/c"},
		". ./ / **":                           {"**", "**", "**", "**"},
		`[a-c]x [!]]y [[:digit:]] a\* \[ ...`: {"[a-c]x", "[!]]y", "[[:digit:]]", `a\*`, `\[`, "..."},
	} {
		if got, err := Parse(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"a {b,c}": "braces", "!a": "no exceptions", "a/../b": ".. in it", "..": ".. in it", "/..": ".. in it",
		"[a": "not closed", "[a/b]": "not closed", "x/[[:nope:]]": "not closed", `a\`: "at its end", `a\/b`: "at its end",
	} {
		if got, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %q, %v, want an error with %q", text, got, err, want)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for text, test := range map[string]struct{ all, some, none string }{
		// all: the path and what is in it; some: something in it may be; none: neither.
		"Makefile":    {"Makefile Makefile/x", "", "makefile sub/Makefile Makefile2 sub"},
		"cdk/**":      {"cdk/a cdk/a/b cdk/.hidden", "cdk", "cdk2/a a/cdk/x Makefile"},
		"cdk":         {"cdk cdk/a/b", "", "a/cdk"},
		"cdk/":        {"cdk cdk/a/b", "", "a/cdk"},
		"cdk/*.py":    {"cdk/a.py cdk/a.py/x", "cdk", "cdk/a.txt cdk/sub cdk/sub/a.py"},
		"**/Makefile": {"Makefile a/Makefile a/b/Makefile a/Makefile/x", "a a/b", ""},
		"a/**/b":      {"a/b a/x/b a/x/y/b/c", "a a/x a/x/y", "b x/a/b"},
		"*/x/*.y":     {"q/x/a.y", "q q/x", "q/z x/q q/x/a q/x/a.z"},
		"**":          {"a a/b .x", "", ""},
		"a/[bc]/?":    {"a/b/1 a/c/2/3", "a a/b a/c", "a/d a/b/12"},
	} {
		l, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range strings.Fields(test.all) {
			if got, ok := l.Match(name); !ok || got != l[0] {
				t.Errorf("%s does not match %s", text, name)
			}
			if _, ok := l.MatchSomeIn(name); !ok {
				t.Errorf("%s does not match something in %s", text, name)
			}
		}
		for _, name := range strings.Fields(test.some + " " + test.none) {
			if _, ok := l.Match(name); ok {
				t.Errorf("%s matches %s", text, name)
			}
		}
		for _, name := range strings.Fields(test.some) {
			if got, ok := l.MatchSomeIn(name); !ok || got != l[0] {
				t.Errorf("%s matches nothing in %s", text, name)
			}
		}
		for _, name := range strings.Fields(test.none) {
			if _, ok := l.MatchSomeIn(name); ok {
				t.Errorf("%s matches something in %s", text, name)
			}
		}
	}
}

func TestMatchAllIn(t *testing.T) {
	t.Parallel()
	l, err := Parse("gen/** lock other/*/** c/*.py")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"gen": true, "gen/x": true, "lock": true, "lock/x": true, "other": false, "other/x": true, "other/x/y": true, "c": false, "": false,
	} {
		if _, got := l.MatchAllIn(name); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}
