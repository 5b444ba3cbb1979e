package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEachRuleHasItsMutants(t *testing.T) {
	for _, row := range []struct {
		rule, body string
		want       []string
	}{
		{"a condition is negated", `if ok { return nil }`, []string{"ok → !(ok)"}},
		{"a loop's condition is negated", `for ok { ok = f() }`, []string{"ok → !(ok)", "ok = f() → (nothing)"}},
		{"!= is not negated twice", `if a != b { return nil }`, []string{"a != b → a == b"}},
		{"a bound moves", `_ = a < b`, []string{"_ = a < b → (nothing)", "a < b → a <= b"}},
		{"and is or", `x := ok && yes`, []string{"ok && yes → (ok || yes)"}},
		{"or is and", `x := ok || yes`, []string{"ok || yes → ok && yes"}},
		{"a call is dropped", `f()`, []string{"f() → (nothing)"}},
		{"a deferred call is dropped", `defer f()`, []string{"defer f() → (nothing)"}},
		{"a number grows", `x := 0o600`, []string{"0o600 → 385"}},
		{"an element is not appended", `x := append(a, b)`, []string{"append(a, b) → a"}},
		{"an element is left out once", `a = append(a, b)`, []string{"a = append(a, b) → (nothing)"}},
		{"a case does nothing", `switch { case ok: f() }`, []string{"f() → (nothing)"}},
		{"an error is forgotten", `return fail(err)`, []string{"fail(err) → nil"}},
		{"an error inside a function literal is forgotten", `x := func() (int, error) { return y, err }`, []string{"err → nil"}},
		{"a field is left out", "x := T{A: a,\n B: b,\n}", []string{"A: a → (nothing)", "B: b → (nothing)"}},
		{"two of one name are numbered", `f(); f()`, []string{"f() → (nothing)", "f() → (nothing) #2"}},
	} {
		list, err := mutantsOf("a.go", []byte("package a\n\nfunc (t *T) do() error {\n"+row.body+"\n}\n"))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range list {
			got = append(got, strings.TrimPrefix(m.String(), "a.go T.do: "))
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%s: %s has the mutants %q, want %q", row.rule, row.body, got, row.want)
		}
	}
}

func TestMutantsAreSpreadAndTheSameEachTime(t *testing.T) {
	all := make([]mutant, 100)
	for i := range all {
		all[i].line = i
	}
	first := func(seed uint64) (lines []int) {
		for i, slot := range spread(all, 10, seed) {
			if len(slot) != 10 || slot[0].line/10 != i {
				t.Errorf("seed %d, slot %d: %d mutants from line %d on, want the 10 of lines %d0 to %d9", seed, i, len(slot), slot[0].line, i, i)
			}
			lines = append(lines, slot[0].line)
		}
		return lines
	}
	if a, b := first(1), first(1); !slices.Equal(a, b) {
		t.Errorf("one seed gave %d, then %d", a, b)
	}
	if a, b := first(1), first(2); slices.Equal(a, b) {
		t.Errorf("two seeds gave the same: %d", a)
	}
}

// small is a module of one function, and the body of its test.
func small(t *testing.T, test string) module {
	t.Helper()
	m := module{root: t.TempDir(), temp: t.TempDir(), timeout: time.Minute, green: map[string]bool{}}
	for name, content := range map[string]string{
		"go.mod":    "module small\n\ngo 1.26\n",
		"a.go":      "package small\n\nfunc Grown(age int) bool { return age >= 18 }\n",
		"a_test.go": "package small\n\nimport \"testing\"\n\nfunc TestGrown(t *testing.T) {\n" + test + "\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(m.root, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func TestAMutantSurvivesWhatNoTestHolds(t *testing.T) {
	for _, row := range []struct {
		test, old, new string
		want           verdict
	}{
		{`if !Grown(30) { t.Fail() }`, ">=", ">", survived},
		{`if !Grown(18) { t.Fail() }`, ">=", ">", killed},
		{`if !Grown(18) { t.Fail() }`, "age >= 18", "", broken},
	} {
		m := small(t, row.test)
		path := filepath.Join(m.root, "a.go")
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := strings.Index(string(before), row.old)
		got, err := m.try(t.Context(), mutant{file: "a.go", start: at, end: at + len(row.old), new: row.new}, ".", []string{"."})
		if err != nil || got != row.want {
			t.Errorf("%s → %q with the test %s: %s, %v; want: %s", row.old, row.new, row.test, got, err, row.want)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
			t.Errorf("the source was changed: %s, %v", after, err)
		}
	}
}

func TestATestThatFailsAnywayKillsNothing(t *testing.T) {
	m := small(t, `t.Fail()`)
	list, err := m.list(t.Context(), ".")
	if err != nil || len(list) == 0 {
		t.Fatalf("the small module has the mutants %v, %v", list, err)
	}
	if got, err := m.try(t.Context(), list[0], ".", []string{"."}); err == nil || got == killed {
		t.Errorf("got %s, %v; want an error", got, err)
	}
}

// escapes runs the whole program over the small module, in which `>=` → `>` survives.
func escapes(t *testing.T, accepted string) (int, error) {
	t.Helper()
	m := small(t, `if !Grown(30) || Grown(3) { t.Fail() }`)
	path := filepath.Join(t.TempDir(), "accepted.txt")
	if err := os.WriteFile(path, []byte(accepted), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(m.root)
	return run(t.Context(), options{packages: ".", accepted: path, n: 10, module: m})
}

func TestASurvivorNeedsAReason(t *testing.T) {
	const one, other = "a.go Grown: age >= 18 → age > 18\n", "a.go Grown: 18 → 19\n"
	for _, row := range []struct {
		accepted string
		want     int
	}{{"", 2}, {one + "  why\n", 1}, {one + "  why\n" + other + "  why\n  not\n", 0}} {
		if got, err := escapes(t, row.accepted); err != nil || got != row.want {
			t.Errorf("%d survived, %v; want %d, with the list\n%s", got, err, row.want, row.accepted)
		}
	}
	if _, err := escapes(t, one); err == nil {
		t.Error("a mutant was accepted without a reason")
	}
	if _, err := escapes(t, "a.go Grown: age > 20 → age >= 20\n  why\n"); err == nil || !strings.Contains(err.Error(), "age > 20") {
		t.Errorf("a mutant that is no more is still accepted: %v", err)
	}
}
