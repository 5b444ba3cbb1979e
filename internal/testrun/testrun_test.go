package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"spa-runner/internal/oracle"
)

func TestWhatIsPrintedOfEvents(t *testing.T) {
	const began = `{"Action":"run","Package":"spa-runner/a","Test":"TestA"}
{"Action":"output","Package":"spa-runner/a","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"spa-runner/a","Test":"TestA","Output":"    a_test.go:7: said\n"}
`
	for _, test := range []struct{ name, events, want string }{
		{
			name: "a package that passes is a line", want: "ok  \tspa-runner/a\t0.1s\n",
			events: began + `{"Action":"pass","Package":"spa-runner/a","Test":"TestA"}
{"Action":"output","Package":"spa-runner/a","Output":"PASS\n"}
{"Action":"output","Package":"spa-runner/a","Output":"said by TestMain\n"}
{"Action":"output","Package":"spa-runner/a","Output":"ok  \tspa-runner/a\t0.1s\n"}
{"Action":"pass","Package":"spa-runner/a"}`,
		},
		{
			name: "a test that fails says all", want: "    a_test.go:7: said\n--- FAIL: TestA (0.00s)\nFAIL\nFAIL\tspa-runner/a\t0.1s\n",
			events: began + `{"Action":"output","Package":"spa-runner/a","Test":"TestA","Output":"--- FAIL: TestA (0.00s)\n"}
{"Action":"fail","Package":"spa-runner/a","Test":"TestA"}
{"Action":"output","Package":"spa-runner/a","Output":"FAIL\n"}
{"Action":"output","Package":"spa-runner/a","Output":"FAIL\tspa-runner/a\t0.1s\n"}
{"Action":"fail","Package":"spa-runner/a"}`,
		},
		{
			name: "a test that comes to no end says all", want: "    a_test.go:7: said\npanic: out of time\n",
			events: began + `{"Action":"output","Package":"spa-runner/a","Test":"TestA","Output":"panic: out of time\n"}
{"Action":"fail","Package":"spa-runner/a"}`,
		},
		{
			name: "beside a test that fails, one that passed says nothing", want: "FAIL\n",
			events: began + `{"Action":"pass","Package":"spa-runner/a","Test":"TestA"}
{"Action":"output","Package":"spa-runner/a","Output":"FAIL\n"}
{"Action":"fail","Package":"spa-runner/a"}`,
		},
		{name: "a package that does not build", events: `{"Action":"build-output","Output":"a.go:1: wrong\n"}`, want: "a.go:1: wrong\n"},
		{name: "a line that is no event", events: "go: trouble\n", want: "go: trouble\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := newStream(&out).read(strings.NewReader(test.events)); err != nil {
				t.Fatal(err)
			}
			if out.String() != test.want {
				t.Errorf("printed:\n%s\nwant:\n%s", &out, test.want)
			}
		})
	}
}

// A test may log more than one thing, and the reason is the last.
func TestWhyATestWasNotTried(t *testing.T) {
	output := func(test string, lines ...string) (events string) {
		for _, line := range lines {
			events += `{"Action":"output","Package":"spa-runner/a","Test":"` + test + `","Output":"` + line + `\n"}` + "\n"
		}
		return events
	}
	for _, test := range []struct {
		name, events string
		want         result
	}{
		{
			name: "the last that it says", want: result{Reason: "no gpg here"},
			events: output("TestA/row", "    a_test.go:7: first", "    a_test.go:9: no gpg here", "        exit 1", "--- SKIP: TestA/row (0.00s)"),
		},
		{
			name: "left to the run with oracles", want: result{Reason: "not asked", Later: true},
			events: output("TestA/row", "    a_test.go:7: make check sets SPA_TEST_ORACLES=1", "    a_test.go:9: not asked"),
		},
		{
			name: "left to it, as the test above says", want: result{Reason: "1 of 6", Later: true},
			events: output("TestA", "    a_test.go:7: SPA_TEST_ORACLES is not 1") + output("TestA/row", "    a_test.go:9: 1 of 6"),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStream(&bytes.Buffer{})
			if err := s.read(strings.NewReader(test.events + `{"Action":"skip","Package":"spa-runner/a","Test":"TestA/row"}`)); err != nil {
				t.Fatal(err)
			}
			if got := s.results["spa-runner/a TestA/row"]; got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}

func TestWhatNoSkipDoesNotLetPass(t *testing.T) {
	for _, test := range []struct {
		name     string
		results  results
		known    []skip
		promised []string
		want     string // "" is that all may pass
	}{
		{name: "all were tried", results: results{"spa-runner/internal/a TestA": {Tried: true}}},
		{
			name: "a skip that is not listed", results: results{"spa-runner/internal/a TestA": {Reason: "no gpg"}},
			want: "spa-runner/internal/a TestA skipped itself, which testdata/skips.txt does not list: no gpg",
		},
		{
			name: "a skip of the same name in another package", results: results{"spa-runner TestA": {}, "spa-runner/internal/a TestA": {}},
			known: []skip{{"internal/a", "TestA"}}, want: "spa-runner TestA skipped itself",
		},
		{name: "one that is listed", results: results{"spa-runner/internal/a TestA": {}}, known: []skip{{"internal/a", "TestA"}}},
		{name: "one that is listed, of the top", results: results{"spa-runner TestA": {}}, known: []skip{{".", "TestA"}}},
		{name: "a row that is listed by a pattern", results: results{"spa-runner/internal/a TestA/row": {}}, known: []skip{{"internal/a", "TestA/*"}}},
		{
			name: "a row where the test is listed", results: results{"spa-runner/internal/a TestA/row": {}, "spa-runner/internal/a TestA": {}},
			known: []skip{{"internal/a", "TestA"}}, want: "TestA/row skipped itself",
		},
		{name: "one that is left to the run with oracles", results: results{"spa-runner/internal/a TestA": {Later: true}}, promised: []string{"TestA"}},
		{
			name: "a line that names no test", results: results{"spa-runner/internal/a TestB": {Tried: true}},
			known: []skip{{"internal/a", "TestA"}}, want: "testdata/skips.txt lists internal/a TestA, and there is no such test",
		},
		{
			name: "a line that names no row", results: results{"spa-runner/internal/a TestA": {Tried: true}},
			known: []skip{{"internal/a", "TestA/row"}}, want: "lists internal/a TestA/row, and there is no such test",
		},
		{name: "a line for a test that was tried here", results: results{"spa-runner/internal/a TestA": {Tried: true}}, known: []skip{{"internal/a", "TestA"}}},
		{
			name: "a line for a row of what skipped itself", results: results{"spa-runner/internal/a TestA": {Later: true}},
			known: []skip{{"internal/a", "TestA/row"}},
		},
		{name: "a line of a package that was not tested", results: results{"spa-runner TestB": {Tried: true}}, known: []skip{{"internal/a", "TestA"}}},
		{name: "a promised test that was tried", results: results{"spa-runner/internal/a TestA": {Tried: true}}, promised: []string{"TestA"}},
		{
			name: "a promised test that skipped itself, though it is listed", results: results{"spa-runner/internal/a TestA": {}},
			known: []skip{{"internal/a", "TestA"}}, promised: []string{"TestA"}, want: "SECURITY.md names TestA, which was not tried",
		},
		{
			name: "a promised test that is none", results: results{"spa-runner/internal/a TestAll": {Tried: true}, "spa-runner/internal/a OTestA": {Tried: true}},
			promised: []string{"TestA"}, want: "SECURITY.md names TestA, which was not tried",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := slices.Concat(test.results.unlisted(test.known), test.results.stale(test.known), test.results.broken(test.promised))
			if test.want == "" && len(got) > 0 {
				t.Errorf("found %q", got)
			}
			if test.want != "" && (len(got) != 1 || !strings.Contains(got[0], test.want)) {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
}

// What either of two runs has tried was tried.
func TestASecondRunAddsToTheFirst(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tried.json")
	first := results{"a TestA": {Tried: true}, "a TestB": {Later: true}, "a TestC": {Tried: true}, "a TestD": {Later: true}, "a TestE": {Reason: "e"}}
	if err := first.keep(file); err != nil {
		t.Fatal(err)
	}
	second := results{"a TestB": {Tried: true}, "a TestC": {Reason: "short"}, "a TestD": {Reason: "no cfn-lint"}}
	if err := second.add(file); err != nil {
		t.Fatal(err)
	}
	want := []string{"a TestD", "a TestE"}
	if got := second.notTried(); !slices.Equal(got, want) {
		t.Errorf("not tried: %q, want %q", got, want)
	}
	if d := second["a TestD"]; d.Later || d.Reason != "no cfn-lint" {
		t.Errorf("what the second run did not try either is left to nobody: %+v", d)
	}
	if err := second.add(file); err != nil {
		t.Errorf("without a run before it: %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the file is there for one more run")
	}
}

func TestReadingTheList(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{name: "a line and a remark", text: "# remark\n\ninternal/a TestA it takes minutes\n"},
		{name: "no reason", text: "internal/a TestA\n", want: "skips.txt:1: want a package, a test, and a reason"},
		{name: "no pattern", text: "internal/a TestA/[ because\n", want: "syntax error in pattern"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "skips.txt")
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			known, err := readSkips(file)
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want == "" && !slices.Equal(known, []skip{{"internal/a", "TestA"}}):
				t.Errorf("read %+v", known)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

func TestWhichTestsNeedLong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "SECURITY.md")
	text := "(`TestA`, `FuzzB`; and `TestLong` in `make test-long`, `TestA`; `TestNotHere` where there is none)\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for long, want := range map[bool][]string{false: {"TestA", "FuzzB"}, true: {"TestLong"}} {
		names, err := readPromised(file, long)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(names, want) {
			t.Errorf("long is %t: %q, want %q", long, names, want)
		}
	}
}

// example is a module with a test that tells of its folder for temporary files, and others.
func example(t *testing.T, skips, body string) string {
	t.Helper()
	dir, security := t.TempDir(), "(`TestA`; `TestLong` in `make test-long`)\n"
	if strings.Contains(body, "FuzzA") {
		security += "`FuzzA`\n"
	}
	for name, text := range map[string]string{
		"go.mod": "module spa-runner\n\ngo 1.26\n", skipsFile: skips, "SECURITY.md": security,
		"a_test.go": "package a\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestA(*testing.T) { _ = os.WriteFile(\"temp\", []byte(os.TempDir()), 0o666) }\n" + body,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRunsOfGoTest(t *testing.T) {
	oracle.Need(t, os.Getenv)
	const skips = "\nfunc TestB(t *testing.T) { t.Skip(\"no gpg\") }\n"
	for _, test := range []struct {
		name, list, body string
		noSkip, oracles  bool
		args             []string
		want, wantError  string // patterns
	}{
		{name: "all pass", noSkip: true, want: `^ok  .*\nof 1 tests, those in tables counted, 0 were not tried\n$`},
		{name: "a skip is said", body: skips, want: `\nnot tried: spa-runner TestB: no gpg \(not in testdata/skips.txt\)\nof 2 tests.* 1 were not tried\n$`},
		{name: "a skip that is listed is said", list: ". TestB no gpg there\n", body: skips, noSkip: true, want: `\nnot tried: spa-runner TestB: no gpg\n`},
		{name: "a skip that is not listed", body: skips, noSkip: true, want: `not tried`, wantError: `^SPA_TEST_NO_SKIP=1:\n  spa-runner TestB skipped itself`},
		{name: "a line that names no test", list: ". TestB no gpg there\n", noSkip: true, want: `0 were`, wantError: `skips.txt lists . TestB, and there is no such test`},
		{
			name: "a promised test that skips itself", list: ". FuzzA no gpg there\n", noSkip: true, want: `1 were`, wantError: `SECURITY.md names FuzzA, which was not tried`,
			body: "\nfunc FuzzA(f *testing.F) { f.Skip(\"no gpg\") }\n",
		},
		{name: "one left to check", noSkip: true, body: "\nfunc TestB(t *testing.T) { t.Skip(\"SPA_TEST_ORACLES\") }\n", want: `^ok .*\nof 2 tests.* 0 were not tried, and 1 are left to make check\n`},
		{
			name: "one that the run with oracles leaves", noSkip: true, oracles: true, body: "\nfunc TestB(t *testing.T) { t.Skip(\"SPA_TEST_ORACLES\") }\n",
			want: `1 were not tried\n`, wantError: `spa-runner TestB skipped itself`,
		},
		{name: "a test fails", body: "\nfunc TestB(t *testing.T) { t.Error(\"wrong\") }\n", want: `a_test.go:10: wrong\n--- FAIL: TestB`, wantError: `^exit status 1$`},
		{name: "a part of the tests", list: ". TestB no gpg there\n", body: skips, noSkip: true, args: []string{"--", "-run", "TestC", "./..."}, want: `no tests to run`},
		{name: "a package, which may not hold what is promised", list: ". TestB no gpg there\n", noSkip: true, args: []string{"--", "-run=TestC", "."}, want: `no tests to run`},
		{
			name: "only those that need long", list: ". TestLong takes minutes\n", noSkip: true, args: []string{"-promised", "--", "./..."}, want: `\nof 1 tests.* 0 were`,
			body: "\nfunc TestLong(t *testing.T) { if os.Getenv(\"SPA_RUNNER_LONG\") != \"1\" { t.Skip() } }\n",
		},
		{
			name: "one that needs long and is skipped all the same", list: ". TestLong takes minutes\n", noSkip: true, args: []string{"-promised", "--", "./..."}, want: `1 were`,
			body: "\nfunc TestLong(t *testing.T) { t.Skip() }\n", wantError: `SECURITY.md names TestLong, which was not tried`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			dir := example(t, test.list, test.body)
			if test.args == nil {
				test.args = []string{"--", "-count=1", "./..."}
			}
			err := runner{dir: dir, out: &out, noSkip: test.noSkip, oracles: test.oracles}.run(t.Context(), test.args)
			if !regexp.MustCompile(test.want).MatchString(out.String()) {
				t.Errorf("printed:\n%s\nwant %s", &out, test.want)
			}
			if err == nil && test.wantError != "" {
				t.Errorf("passed, want %s", test.wantError)
			}
			if err != nil && (test.wantError == "" || !regexp.MustCompile(test.wantError).MatchString(err.Error())) {
				t.Errorf("%v, want %q", err, test.wantError)
			}
		})
	}
}

// As make check does: what the first run could not try, the second one does.
func TestTwoRuns(t *testing.T) {
	oracle.Need(t, os.Getenv)
	dir := example(t, "", "\nfunc TestB(t *testing.T) { if testing.Short() { t.Log(\"tried\") } else { t.Skip(\"SPA_TEST_ORACLES\") } }\n"+
		"\nfunc TestC(t *testing.T) { if testing.Short() { t.Skip(\"takes long\") } }\n")
	file := filepath.Join(t.TempDir(), "tried.json")
	for _, args := range [][]string{{"-keep", file, "--", "./..."}, {"-after", file, "--", "-short", "./..."}} {
		var out bytes.Buffer
		if err := (runner{dir: dir, out: &out, noSkip: true}).run(t.Context(), args); err != nil {
			t.Errorf("%v: %v\n%s", args, err, &out)
		}
	}
}

func TestTheFolderInMemoryIsGoneAtTheEnd(t *testing.T) {
	oracle.Need(t, os.Getenv)
	if !roomForPrograms("/dev/shm", tempRoom) {
		t.Skip("/dev/shm is no tmpfs with 4 GiB free: not tried")
	}
	dir := example(t, "", "\nfunc TestB(t *testing.T) { t.Error(\"wrong\") }\n")
	if err := (runner{dir: dir, out: &bytes.Buffer{}}).run(t.Context(), []string{"--", "./..."}); err == nil {
		t.Error("a test that fails passed")
	}
	temp, err := os.ReadFile(filepath.Join(dir, "temp"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(temp), "/dev/shm/spa-runner-tests-") {
		t.Errorf("temporary folders are in %s", temp)
	}
	if _, err := os.Stat(string(temp)); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", temp, err)
	}
}

// Tests act as other users too.
func TestTheFolderInMemoryIsOpenToAll(t *testing.T) {
	temp, err := tempOnTmpfs()
	if err != nil {
		t.Fatal(err)
	}
	if temp == "" {
		t.Skip("/dev/shm is no tmpfs with 4 GiB free: not tried")
	}
	t.Cleanup(func() { _ = os.RemoveAll(temp) })
	info, err := os.Stat(temp)
	if err != nil {
		t.Fatal(err)
	}
	if want := fs.ModeDir | fs.ModeSticky | 0o777; info.Mode() != want {
		t.Errorf("%s, want %s", info.Mode(), want)
	}
}

func TestWhereThereIsNoRoomInMemory(t *testing.T) {
	if roomForPrograms("/proc", 0) {
		t.Error("/proc is no tmpfs")
	}
	if roomForPrograms("/dev/shm", 1<<62) {
		t.Error("/dev/shm has no 4 EiB")
	}
}

func TestModulesOf(t *testing.T) {
	for args, want := range map[string]string{
		"-count=1 ./a ./...":                ". -count=1 ./a ./...",
		"-count=1 ./a ./... ./tools/...":    ". -count=1 ./a ./... | tools -count=1 ./...",
		"-run X ./tools/release":            "tools -run X ./release",
		"-run X ./cmd/spa-runner ./tools/a": ". -run X ./cmd/spa-runner | tools -run X ./a",
		"-run X":                            ". -run X",
	} {
		var got []string
		for _, m := range modulesOf(strings.Fields(args)) {
			got = append(got, m.folder+" "+strings.Join(m.args, " "))
		}
		if text := strings.Join(got, " | "); text != want {
			t.Errorf("%s: got %s, want %s", args, text, want)
		}
	}
}
