package environments

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	spa "spa-runner"
)

// spec is what the documentation of CodeBuild calls the schema of a batch, as
// far as we use it; what is not in it is an error.
type spec struct {
	Version float64 // a string is refused
	Phases  struct {
		Install struct {
			Runtimes map[string]string `yaml:"runtime-versions"`
		}
		Build struct{ Commands, Finally []string }
	}
	Reports, Artifacts any // as in a single build
	Batch              struct {
		FastFail  *bool `yaml:"fast-fail"`
		BuildList []struct {
			Identifier string
			Env        struct{ Variables map[string]string }
		} `yaml:"build-list"`
	}
}

func parse(t *testing.T, text string) spec {
	t.Helper()
	var got spec
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&got); err != nil {
		t.Fatalf("the batch does not parse: %v\n%s", err, text)
	}
	return got
}

var validIdentifier = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,126}$`)

// check compares a batch with the environments it is of.
func check(t *testing.T, text string, environments []string) {
	t.Helper()
	got := parse(t, text)
	single := parse(t, spa.Buildspec)
	if got.Version != 0.2 || !reflect.DeepEqual(got.Phases, single.Phases) || len(single.Phases.Build.Commands) != 2 || len(single.Phases.Install.Runtimes) != 2 {
		t.Errorf("the phases are not those of buildspec.yml: %+v", got)
	}
	if !reflect.DeepEqual(got.Reports, single.Reports) || !reflect.DeepEqual(got.Artifacts, single.Artifacts) || got.Reports == nil || got.Artifacts == nil {
		t.Errorf("the builds report and keep something else than a single one: %+v", got)
	}
	if got.Batch.FastFail == nil || *got.Batch.FastFail {
		t.Error("fast-fail is not false")
	}
	var folders, identifiers []string
	for _, build := range got.Batch.BuildList {
		if len(build.Env.Variables) != 1 {
			t.Errorf("a build has the variables %v", build.Env.Variables)
		}
		if !validIdentifier.MatchString(build.Identifier) {
			t.Errorf("CodeBuild refuses the identifier %q", build.Identifier)
		}
		folders = append(folders, build.Env.Variables["SETTINGS_ENVIRONMENT_PATH"])
		identifiers = append(identifiers, strings.ToLower(build.Identifier))
	}
	if !slices.Equal(folders, environments) {
		t.Errorf("the builds are of\n%q, want\n%q", folders, environments)
	}
	slices.Sort(identifiers)
	if n := len(slices.Compact(slices.Clone(identifiers))); n != len(identifiers) {
		t.Errorf("two builds have one identifier: %q", identifiers)
	}
}

// odd are names that something between here and a build could trip over.
var odd = []string{
	"production", "Production", "test-1", "test.1", "test_1", "1", "2nd", "with space", "tab\tand\nnewline\r", `"quoted"`, "it's", `back\slash`,
	"a: b", "# no comment", "- x", "$(id)", "${HOME}", "`id`", "%s", "*", "日本", "müller", "😀", "…", "\u2028", "\u0085", "\ufeff", "\x7f", "\x1b[31m",
	"null", "true", "0.2", "0x1", "~", "e", "e1", "-", "_", strings.Repeat("long", 60), strings.Repeat("long", 61),
}

func TestBatch(t *testing.T) {
	t.Parallel()
	var all []string
	for _, name := range odd {
		all = append(all, "environments/"+name)
	}
	text, err := Batch(spa.Buildspec, all)
	if err != nil {
		t.Fatal(err)
	}
	check(t, text, all)
	got := parse(t, text).Batch.BuildList
	for i, want := range map[int]string{0: "production", 1: "Production_2", 2: "test_1", 3: "test_1_2", 4: "test_1_3", 5: "e1", 7: "with_space", 19: "e", 20: "e_2"} {
		if got[i].Identifier != want {
			t.Errorf("%q is built as %s, want %s", all[i], got[i].Identifier, want)
		}
	}
}

func TestBatchRefusesWhatCodeBuildWould(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range MaxBuilds + 1 {
		many = append(many, fmt.Sprintf("environments/e%d", i))
	}
	if text, err := Batch(spa.Buildspec, many[1:]); err != nil {
		t.Errorf("%d environments: %v", MaxBuilds, err)
	} else {
		check(t, text, many[1:])
	}
	for _, c := range []struct {
		name, buildspec string
		environments    []string
		want            string
	}{
		{"none", spa.Buildspec, nil, "no environment"},
		{"too many", spa.Buildspec, many, "101 environments, and CodeBuild takes 100 builds"},
		{"a batch already", spa.Buildspec + "batch:\n  fast-fail: true\n", many[:1], "has a batch already"},
		{"a version in quotes", strings.Replace(spa.Buildspec, "version: 0.2", `version: "0.2"`, 1), many[:1], "without quotes"},
		{"no version", "phases: {}\n", many[:1], "no line `version: 0.2`"},
		{"JSON", `{"version": 0.2}`, many[:1], "no line `version: 0.2`"},
		{"not in UTF-8", spa.Buildspec, []string{"environments/m\xfcller"}, `"environments/m\xfcller" is not in UTF-8`},
	} {
		if text, err := Batch(c.buildspec, c.environments); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %q, %v; want an error that says %q", c.name, text, err, c.want)
		}
	}
}

func FuzzBatch(f *testing.F) {
	for _, name := range odd {
		f.Add(name, name+"2")
	}
	f.Add("a b", "a-b")
	f.Fuzz(func(t *testing.T, one, other string) {
		environments := []string{"environments/" + one, "environments/" + other}
		text, err := Batch(spa.Buildspec, environments)
		if valid := utf8.ValidString(one) && utf8.ValidString(other); valid != (err == nil) {
			t.Fatalf("got %v for valid names = %v", err, valid)
		}
		if err == nil {
			check(t, text, environments)
		}
	})
}
