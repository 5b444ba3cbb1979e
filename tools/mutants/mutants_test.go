package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const example = `package example

func Least(a, b int) (int, error) {
	if a < b || b == 0 {
		return a, nil
	}
	err := check(b)
	err = wrap(err)
	note(1)
	return b, err
}
`

func TestMutantsOfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "example.go")
	if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := mutantsOf(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range list {
		got = append(got, strings.TrimPrefix(m.name(), "example.go Least: "))
	}
	want := []string{
		"a < b || b == 0 → !(a < b || b == 0)", "a < b || b == 0 → a < b && b == 0", "a < b → a <= b", "b == 0 → b != 0", "0 → 1",
		"err = wrap(err) → nothing", "note(1) → nothing", "1 → 2", "err → nil",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	changed, err := list[0].apply()
	if err != nil || !strings.Contains(string(changed), "if !(a < b || b == 0) {") {
		t.Errorf("got %s, %v", changed, err)
	}
}

// A module whose test notices one of two faults.
func TestWhoSurvives(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":    "module example\n\ngo 1.26\n",
		"a.go":      "package a\n\nfunc Held(a int) bool { return a < 1 }\n\nfunc Loose(a int) bool { return a < 1 }\n\nfunc Wrong(a string) string { return a }\n",
		"a_test.go": "package a\n\nimport \"testing\"\n\nfunc Test(t *testing.T) {\n\tif Held(1) {\n\t\tt.Error()\n\t}\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	list, err := mutantsOf("a.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		if m.was != "a < 1" {
			continue
		}
		survived, compiles, err := target{tests: []string{"."}}.survives(m, t.TempDir())
		if err != nil || !compiles || survived != (m.function == "Loose") {
			t.Errorf("%s: survived %v, compiles %v, %v", m.name(), survived, compiles, err)
		}
	}
	broken := mutant{file: "a.go", from: 0, to: 0, is: "no Go "}
	if _, compiles, err := (target{tests: []string{"."}}).survives(broken, t.TempDir()); err != nil || compiles {
		t.Errorf("what is no Go: compiles %v, %v", compiles, err)
	}
}

func TestAcceptedMutantsHaveReasons(t *testing.T) {
	if _, err := readAccepted("accepted.txt"); err != nil {
		t.Error(err)
	}
	path := filepath.Join(t.TempDir(), "accepted.txt")
	if err := os.WriteFile(path, []byte("a.go F: 1 → 2 # \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readAccepted(path); err == nil || !strings.Contains(err.Error(), "has no reason") {
		t.Errorf("got %v", err)
	}
}
