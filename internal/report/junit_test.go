package report

import (
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"spa-runner/internal/record"
)

var update = flag.Bool("update", false, "write the golden files anew")

// element is one of any XML.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []element  `xml:",any"`
}

func (e element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// strictly parses a whole file: no entity that XML does not have, nothing after the root.
func strictly(content []byte) (element, error) {
	var root element
	if !utf8.Valid(content) {
		return root, fmt.Errorf("invalid UTF-8")
	}
	d := xml.NewDecoder(strings.NewReader(string(content)))
	if err := d.Decode(&root); err != nil {
		return root, err
	}
	for {
		token, err := d.Token()
		if err == io.EOF {
			return root, nil
		}
		if space, ok := token.(xml.CharData); err != nil || !ok || strings.TrimSpace(string(space)) != "" {
			return root, fmt.Errorf("after the root: %v %v", token, err)
		}
	}
}

// shape is what the schema of Jenkins' xunit plugin has (junit-10.xsd), of what is
// used here: the attributes of each element, and its children in their order.
func shape() map[string]struct{ required, optional, children []string } {
	return map[string]struct{ required, optional, children []string }{
		"testsuites": {nil, []string{"name", "time", "tests", "failures", "disabled", "errors"}, []string{"testsuite"}},
		"testsuite":  {[]string{"name", "tests"}, []string{"failures", "errors", "time", "disabled", "skipped", "timestamp", "hostname", "id", "package"}, []string{"properties", "testcase", "system-out", "system-err"}},
		"properties": {nil, nil, []string{"property"}},
		"property":   {[]string{"name", "value"}, nil, nil},
		"testcase":   {[]string{"name"}, []string{"assertions", "time", "classname", "status"}, []string{"skipped", "error", "failure", "system-out", "system-err"}},
		"skipped":    {nil, []string{"message", "type"}, nil},
		"error":      {nil, []string{"message", "type"}, nil},
		"failure":    {nil, []string{"message", "type"}, nil},
	}
}

func shaped(e element, rules map[string]struct{ required, optional, children []string }) error {
	name := e.XMLName.Local
	rule, known := rules[name]
	if !known {
		return fmt.Errorf("element %s", name)
	}
	for _, a := range e.Attrs {
		if !slices.Contains(append(rule.required, rule.optional...), a.Name.Local) {
			return fmt.Errorf("attribute %s of %s", a.Name.Local, name)
		}
	}
	for _, r := range rule.required {
		if !slices.ContainsFunc(e.Attrs, func(a xml.Attr) bool { return a.Name.Local == r }) {
			return fmt.Errorf("%s without %s", name, r)
		}
	}
	if text := strings.TrimSpace(e.Text); text != "" && len(rule.children) > 0 {
		return fmt.Errorf("text in %s: %q", name, text)
	}
	at := 0
	for _, child := range e.Children {
		next := slices.Index(rule.children, child.XMLName.Local)
		if next < at {
			return fmt.Errorf("%s in %s, out of order", child.XMLName.Local, name)
		}
		at = next
		if err := shaped(child, rules); err != nil {
			return err
		}
	}
	return nil
}

// junitErrors is all that is wrong with a report.
func junitErrors(content []byte) error {
	root, err := strictly(content)
	if err != nil {
		return err
	}
	if root.XMLName.Local != "testsuites" {
		return fmt.Errorf("the root is %s", root.XMLName.Local)
	}
	if err := shaped(root, shape()); err != nil {
		return err
	}
	all, names := 0, map[string]bool{}
	for _, s := range root.Children {
		count := map[string]int{}
		for _, c := range s.Children {
			if c.XMLName.Local != "testcase" {
				continue
			}
			count["tests"]++
			for _, x := range c.Children {
				count[map[string]string{"failure": "failures", "error": "errors", "skipped": "skipped"}[x.XMLName.Local]]++
				for _, text := range []string{x.attr("message"), x.Text} {
					if len(text) > 5000 {
						return fmt.Errorf("a message of %d bytes", len(text))
					}
				}
			}
			if len(c.attr("name")) > 1000 || len(c.attr("classname")) > 1000 {
				return fmt.Errorf("a name of %d bytes", len(c.attr("name")))
			}
			if seconds, err := strconv.ParseFloat(c.attr("time"), 64); err != nil || seconds < 0 {
				return fmt.Errorf("time %q", c.attr("time"))
			}
			names[c.attr("classname")+" "+c.attr("name")] = true
		}
		for _, of := range []string{"tests", "failures", "errors", "skipped"} {
			if got := s.attr(of); got != strconv.Itoa(count[of]) {
				return fmt.Errorf("%s=%q, but there are %d", of, got, count[of])
			}
		}
		all += count["tests"]
	}
	if all > 500 {
		return fmt.Errorf("%d cases", all)
	}
	return nil
}

func TestJUnitIsStrictXMLOfTheSchema(t *testing.T) {
	for name, r := range runs() {
		t.Run(name, func(t *testing.T) {
			content := JUnit(r)
			if err := junitErrors(content); err != nil {
				t.Errorf("%v in\n%.3000s", err, content)
			}
		})
	}
}

// Other people's parsers are stricter than Go's in places: expat is what many use.
func TestOtherParsersTakeTheJUnitFile(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here: " + err.Error())
	}
	folder, args := t.TempDir(), []string{"-c", `
import sys, xml.etree.ElementTree as tree, xml.dom.minidom as dom
for name in sys.argv[1:]:
    assert tree.parse(name).getroot().tag == "testsuites", name
    dom.parse(name)
    try:
        import junitparser
    except ImportError:
        continue
    assert len(list(junitparser.JUnitXml.fromfile(name))) > 0, name
print(len(sys.argv) - 1)
try:
    import junitparser
except ImportError:
    print("no junitparser here")
`}
	for name, r := range runs() {
		file := filepath.Join(folder, name+".xml")
		if err := os.WriteFile(file, JUnit(r), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	out, err := exec.Command(python, args...).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), strconv.Itoa(len(runs()))) {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("python3 parsed %s", out)
}

// cases are those of a report, by name, as "kind type|message".
func cases(t *testing.T, r record.Record) map[string]string {
	root, err := strictly(JUnit(r))
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	for _, s := range root.Children {
		for _, c := range s.Children {
			name := c.attr("classname") + "/" + c.attr("name")
			if c.XMLName.Local != "testcase" {
				continue
			}
			told[name] = "passed"
			for _, x := range c.Children {
				told[name] = strings.TrimSpace(x.XMLName.Local+" "+x.attr("type")) + "|" + x.attr("message")
			}
		}
	}
	return told
}

func TestWhatJUnitTells(t *testing.T) {
	longest := failedRun()
	lines := &longest.Passes[0].Steps[7].LastLines
	*lines = append(slices.Repeat([]string{strings.Repeat("漢", 90)}, 30), "the very last")
	ended := failedRun()
	ended.Passes[0].EndedBy = "step limit"
	for _, test := range []struct {
		of         string
		record     record.Record
		name, want string // how it begins
		ends       string
	}{
		{"a step that went well", goodRun(), "pass 1/make-deploy", "passed", ""},
		{"the second pass", twoPasses(), "pass 2/make-deploy", "passed", ""},
		{"a step that failed", failedRun(), "pass 1/make-all-tests", "failure failed|`make all-tests` ended with exit code 2\n\nIts last lines:\ntests/test_lambdas.py", "Error 1"},
		{"more lines than there is room for", longest, "pass 1/make-all-tests", "failure failed|`make all-tests` ended with exit code 2\n\nIts last lines:\n…漢", "漢\nthe very last"},
		{"a step that a limit ended", ended, "pass 1/make-all-tests", "error ended by step limit|`make all-tests`", "Error 1"},
		{"a skipped step", failedRun(), "pass 1/make-lint", "skipped|skipped: SPA_RUNNER_LINT_TARGETS is empty", ""},
		{"one that was not started", failedRun(), "pass 1/make-deploy", "skipped|not started: make-all-tests failed", ""},
		{"held", heldRun(), "pass 1/overlay-settings", "skipped|held: environments/production/HOLD", ""},
		{"killed", killedRun(), "pass 1/make-deploy", "error interrupted|was running when this was written, at 2026-03-14 02:46:46 UTC", "killed"},
		{"no pass", failedEarly(), "pass 1/before the steps", "error failed|SETTINGS_ENVIRONMENT_PATH is not set\nnext: set it", ""},
	} {
		got := cases(t, test.record)[test.name]
		if !strings.HasPrefix(got, test.want) || !strings.HasSuffix(got, test.ends) {
			t.Errorf("%s: got %q, want %q … %q", test.of, got, test.want, test.ends)
		}
	}
}

// A build that succeeded has no failed report, and what failed before is told in it.
func TestARunThatRecoveredHasNoFailedReport(t *testing.T) {
	look := goodRun()
	failure := lookedAgain(record.Failed, look.Passes[0])
	failure.Error = "no route to CodeCommit"
	look.Passes[0].Steps = append(look.Passes[0].Steps, failure)
	limit := recoveredRun()
	limit.Passes[0].EndedBy = "step limit"
	early := recoveredRun()
	early.Passes[0] = record.Pass{Number: 1, End: record.End{Outcome: record.Failed, Error: "no room"}}
	heldAfter := recoveredRun()
	until(&heldAfter.Passes[1], "assume-deploy-role", record.Held)
	heldAfter.End = record.End{Outcome: record.Held, ExitCode: exit(0)}
	heldAfter.Passes[1].End = heldAfter.End
	for name, test := range map[string]struct {
		record record.Record
		of     string
		tells  []string
	}{
		"a pass failed":             {recoveredRun(), "pass 1/make-all-tests", []string{"`make all-tests` ended with exit code 2", "Its last lines:", "Error 1"}},
		"a limit ended a pass":      {limit, "pass 1/make-all-tests", []string{"`make all-tests` ended with exit code 2"}},
		"one failed before a step":  {early, "pass 1/before the steps", []string{"no room"}},
		"one failed, the next held": {heldAfter, "pass 1/make-all-tests", []string{"`make all-tests` ended with exit code 2"}},
		"the look at the settings":  {look, "pass 1/look-again", []string{"no route to CodeCommit"}},
	} {
		content := JUnit(test.record)
		if err := junitErrors(content); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if text := string(content); strings.Contains(text, "<failure") || strings.Contains(text, "<error") || !strings.Contains(text, ` failures="0" errors="0" `) {
			t.Errorf("%s: it is a failed report: %.400s", name, text)
		}
		got := cases(t, test.record)[test.of]
		for _, want := range append(test.tells, "skipped|this failed, and did not fail the run:\n") {
			if !strings.Contains(got, want) {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
	}
	r := recoveredRun() // and then failed
	until(&r.Passes[1], "make-lint", record.Failed).Error = "the second one"
	r.End = record.End{Outcome: record.Failed, ExitCode: exit(2), FailedStep: "make-lint"}
	for _, name := range []string{"pass 1/make-all-tests", "pass 2/make-lint"} {
		if got := cases(t, r)[name]; !strings.HasPrefix(got, "failure failed|") {
			t.Errorf("of a run that failed: %s is %q", name, got)
		}
	}
}

func TestJUnitTellsWhatWasMade(t *testing.T) {
	const property = `<property name="made" value="bootstrap-cdk"/>`
	if got := string(JUnit(made("bootstrap-cdk", false))); !strings.Contains(got, property) {
		t.Errorf("no %s in %.1000s", property, got)
	}
}

// CodeBuild shows 500 cases, and fails nobody who sends more: it drops some.
func TestJUnitKeepsTheLastCases(t *testing.T) {
	for _, of := range []struct{ passes, want int }{{49, 490}, {50, 500}, {51, 500}, {80, 500}} {
		r := goodRun()
		r.Passes = nil
		for i := range of.passes {
			r.Passes = append(r.Passes, pass(i+1))
		}
		until(&r.Passes[of.passes-1], "make-deploy", record.Failed).Error = "the last one"
		if err := junitErrors(JUnit(r)); err != nil {
			t.Errorf("%d passes: %v", of.passes, err)
		}
		got := cases(t, r)
		if len(got) != of.want {
			t.Errorf("%d passes: %d cases, want %d", of.passes, len(got), of.want)
		}
		if last := got[fmt.Sprintf("pass %d/make-deploy", of.passes)]; last != "failure failed|the last one" {
			t.Errorf("%d passes: the last case is %q", of.passes, last)
		}
		note := ""
		for name, told := range got {
			if strings.HasSuffix(name, "/left out") {
				note = told
			}
		}
		gone := of.passes*10 - 499
		if want := fmt.Sprintf("skipped|%d steps before are left out", gone); of.passes > 50 && !strings.HasPrefix(note, want) || of.passes <= 50 && note != "" {
			t.Errorf("%d passes: the note is %q, want %q", of.passes, note, want)
		}
	}
}

func TestGolden(t *testing.T) {
	for _, name := range []string{"failed", "two-passes", "recovered"} {
		for file, got := range map[string][]byte{name + ".xml": JUnit(runs()[name]), name + ".html": HTML(runs()[name])} {
			file = filepath.Join("testdata", file)
			if *update {
				if err := os.WriteFile(file, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("%s is not what is made of the record; -update writes it anew", file)
			}
		}
	}
}

func FuzzJUnit(f *testing.F) {
	for _, text := range []string{"", "a", hostile(), "]]>", "&#0;", strings.Repeat("\u202e", 3000), strings.Repeat("é", 3000)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := junitErrors(JUnit(everywhere(text))); err != nil {
			t.Errorf("%.200q: %v", text, err)
		}
	})
}
