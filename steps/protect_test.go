package steps

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spa-runner/internal/fault"
	"spa-runner/internal/globs"
	"spa-runner/internal/manifest"
)

func patternsOf(t *testing.T, text string) globs.List {
	t.Helper()
	list, err := globs.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// A name that ends in @ is a symlink to what is given as its content, and one
// that ends in / an empty folder.
func (o *overlay) put(dir string, files map[string]string) {
	o.t.Helper()
	plain := map[string]string{}
	for name, content := range files {
		switch {
		case strings.HasSuffix(name, "@"):
			link(o.t, content, filepath.Join(dir, strings.TrimSuffix(name, "@")))
		case strings.HasSuffix(name, "/"):
			mkdir(o.t, filepath.Join(dir, name))
		default:
			plain[name] = content
		}
	}
	write(o.t, dir, plain)
}

func TestProtect(t *testing.T) {
	t.Parallel()
	type files = map[string]string
	for name, test := range map[string]struct {
		protect        string
		settings, code files
		refused        string // file=pattern, in the order of the files; "" if it is laid
	}{
		"others":                     {"Makefile cdk/**", files{"settings.yaml": "", "cdk2/x": "", "sub/Makefile": "", "sub/cdk/x": ""}, files{"Makefile": "", "cdk/x": ""}, ""},
		"replaced":                   {"Makefile", files{"Makefile": "", "settings.yaml": ""}, files{"Makefile": ""}, "Makefile=Makefile"},
		"added":                      {"Makefile cdk/**", files{"Makefile": "", "cdk/new/x.py": ""}, files{"x": ""}, "Makefile=Makefile cdk/new/x.py=cdk/**"},
		"all of them":                {"Makefile, cdk/**,lambdas/**", files{"Makefile": "", "cdk/a": "", "cdk/b": "", "lambdas/c": "", "ok": ""}, files{"cdk/a": ""}, "Makefile=Makefile cdk/a=cdk/** cdk/b=cdk/** lambdas/c=lambdas/**"},
		"written otherwise":          {"./Makefile /cdk/ a//b", files{"Makefile": "", "cdk/x/y": "", "a/b": ""}, files{"x": ""}, "Makefile=Makefile a/b=a/b cdk/x/y=cdk"},
		"everything":                 {"**", files{"x": "", "a/b": ""}, files{"x": ""}, "a/b=** x=**"},
		"anywhere":                   {"**/Makefile", files{"Makefile": "", "sub/Makefile": "", "settings.yaml": "", "x@": "settings.yaml"}, files{"x": ""}, "Makefile=**/Makefile sub/Makefile=**/Makefile"},
		"hidden":                     {"*", files{".hidden": "", "a/.b": ""}, files{"x": ""}, ".hidden=* a/.b=*"},
		"the name that make prefers": {"Makefile", files{"GNUmakefile": "", "makefile": ""}, files{"Makefile": ""}, "GNUmakefile=Makefile makefile=Makefile"},
		"whatever the name":          {"GNUmakefile", files{"Makefile": "", "makefile": ""}, files{"GNUmakefile": ""}, "Makefile=GNUmakefile makefile=GNUmakefile"},
		"what make makes it from": {
			"Makefile cdk/app.py",
			files{"Makefile.sh": "", "Makefile,v": "", "RCS/makefile,v": "", "SCCS/s.GNUmakefile": "", "s.Makefile": "", "Makefile.y": "", "cdk/app.py.sh": "", "Makefile.d": "", "other.sh": ""},
			files{"Makefile": "", "cdk/app.py": ""},
			"Makefile,v=Makefile Makefile.sh=Makefile Makefile.y=Makefile RCS/makefile,v=Makefile SCCS/s.GNUmakefile=Makefile cdk/app.py.sh=cdk/app.py s.Makefile=Makefile",
		},
		"what make finds elsewhere": {
			"build.mk cdk/*",
			files{"gen/build.mk.sh": "", "gen/RCS/app.py,v": "", "gen/build.mk": "", "gen/other.sh": ""},
			files{"Makefile": "x:\nVPATH = gen\n", "build.mk": "", "cdk/app.py": "", "other": ""},
			"gen/RCS/app.py,v=cdk/* gen/build.mk.sh=build.mk",
		},
		"what make finds nowhere":      {"build.mk", files{"gen/build.mk.sh": ""}, files{"Makefile": "x:\n", "build.mk": ""}, ""},
		"in a folder too":              {"cdk/makefile", files{"cdk/GNUmakefile": "", "GNUmakefile": "", "cdk/x": ""}, files{"cdk/makefile": ""}, "cdk/GNUmakefile=cdk/makefile"},
		"a folder of that name":        {"Makefile", files{"GNUmakefile/x": ""}, files{"Makefile": ""}, "GNUmakefile/x=Makefile"},
		"an empty folder of that name": {"Makefile", files{"makefile/": "", "x": ""}, files{"Makefile": ""}, "makefile=Makefile"},
		"an empty folder that joins":   {"cdk/**", files{"cdk/": "", "x": ""}, files{"cdk/x": ""}, ""},
		"a link of that name":          {"Makefile", files{"GNUmakefile@": "x", "x": ""}, files{"Makefile": ""}, "GNUmakefile=Makefile"},
		"a link above, added":          {"cdk/**", files{"cdk@": "other", "other/app.py": ""}, files{"x": ""}, "cdk=cdk/**"},
		"a link above, to nothing":     {"cdk/*.py", files{"cdk@": "other", "x": ""}, files{"other/x.py": ""}, "cdk=cdk/*.py"},
		"a link above a link":          {"cdk/**", files{"cdk@": "other", "other/x": ""}, files{"cdk@": "real", "real/x": ""}, "cdk=cdk/**"},
		"a link far above":             {"a/b/c/*.py", files{"a@": "z", "z/y": ""}, files{"x": ""}, "a=a/b/c/*.py"},
		"a link to a file":             {"cdk/**", files{"cdk2@": "x", "x": ""}, files{"cdk/x": ""}, ""},
		"a file for a folder's link":   {"cdk/*.py", files{"cdk": "", "y": ""}, files{"cdk@": "real", "real/x.py": ""}, "cdk=cdk/*.py"},
		"a folder for a folder's link": {"cdk/*.py", files{"cdk/x.txt": ""}, files{"cdk@": "real", "real/x.py": ""}, "cdk=cdk/*.py"},
		"a file for a file's link":     {"**/x.py", files{"y": ""}, files{"y@": "z", "z": ""}, ""},

		// What the code knows under a protected name is somewhere else.
		"behind a link of the code":         {"Makefile", files{"build/Makefile.in": ""}, files{"Makefile@": "build/Makefile.in", "build/Makefile.in": ""}, "build/Makefile.in=Makefile"},
		"behind one that leads nowhere yet": {"Makefile", files{"build/main.mk": ""}, files{"Makefile@": "build/main.mk", "x": ""}, "build/main.mk=Makefile"},
		"in a folder behind a link":         {"cdk/**", files{"src/new.py": "", "src2/x": ""}, files{"cdk@": "src", "src/a.py": ""}, "src/new.py=cdk/**"},
		"behind two links":                  {"Makefile", files{"c": ""}, files{"Makefile@": "b", "b@": "./c", "c": ""}, "c=Makefile"},
		"the link between":                  {"Makefile", files{"b": ""}, files{"Makefile@": "b", "b@": "c", "c": ""}, "b=Makefile"},
		"the folder's link between":         {"Makefile", files{"d/m": ""}, files{"Makefile@": "d/m", "d@": "e", "e/m": ""}, "d=Makefile"},
		"behind the folder's link between":  {"Makefile", files{"e/m": ""}, files{"Makefile@": "d/m", "d@": "e", "e/m": ""}, "e/m=Makefile"},
		"a link within a folder's link":     {"cdk/app.py", files{"lib/app.py": ""}, files{"cdk@": "src", "src/app.py@": "../lib/app.py", "lib/app.py": ""}, "lib/app.py=cdk/app.py"},
		"a link of the settings on the way": {"Makefile", files{"build@": "mine", "mine/m": ""}, files{"Makefile@": "build/m", "x": ""}, "build=Makefile"},
		"behind GNU's name":                 {"Makefile", files{"m": ""}, files{"GNUmakefile@": "m", "m": "", "Makefile": ""}, "m=Makefile"},
		"a link to the top":                 {"up/Makefile", files{"Makefile": "", "x": ""}, files{"up@": ".", "x": ""}, "Makefile=up/Makefile"},
		"links in a circle":                 {"a/z", files{"x": "", "z": ""}, files{"a@": "b", "b@": "a", "c@": ".", "d@": "c/d"}, ""},
		"links that lead outside":           {"a b c", files{"x": "", "etc/y": ""}, files{"a@": "/x", "b@": "../x", "c@": "d/../../x", "d/x": ""}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOverlay(t, nil, nil)
			o.put(o.from, test.settings)
			o.put(o.Code, test.code)
			o.Protect = patternsOf(t, test.protect)
			s := newStage(t)
			if test.refused == "" {
				s.mustRun(o)
				return
			}
			err := o.refused(s, fault.ExitConfig, "nothing was")
			var got []string
			for line := range strings.Lines(err.Error()) {
				if _, text, ok := strings.Cut(line, " comes from the settings"); ok {
					file := strings.Fields(strings.TrimLeft(line[strings.LastIndex(line[:len(line)-len(text)], ": ")+1:], " -"))[0]
					got = append(got, strings.TrimSuffix(file, ",")+"="+strings.Trim(text[strings.Index(text, `"`):], "\"\n"))
				}
			}
			if want := strings.Fields(test.refused); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q, in\n%v", got, want, err)
			}
		})
	}
}

func TestProtectNamesWhatAFileStandsFor(t *testing.T) {
	t.Parallel()
	o := newOverlay(t, map[string]string{"GNUmakefile": "x", "build/main.mk": "x"}, map[string]string{"build/main.mk": "x"})
	link(t, "build/main.mk", filepath.Join(o.Code, "Makefile"))
	o.Protect = patternsOf(t, "Makefile")
	o.refused(newStage(t), fault.ExitConfig,
		"GNUmakefile, which stands for Makefile in the code, comes from the settings",
		`build/main.mk, which stands for Makefile in the code, comes from the settings, and SPA_RUNNER_OVERLAY_PROTECT does not let them replace or add "Makefile"`)
}

// All that is wrong is told at once, whatever kind it is.
func TestProtectAndAllElse(t *testing.T) {
	t.Parallel()
	o := newOverlay(t, map[string]string{"Makefile": "x", "file": "x"}, map[string]string{"file/x": "x", "fixtures/settings/settings.yaml": "demo"})
	o.Protect, o.RequireSettings = patternsOf(t, "Makefile"), true
	o.refused(newStage(t), fault.ExitConfig, "file: it is a file in the settings and a folder in the code", "Makefile comes from the settings", `"settings.yaml" is missing`)
}

func TestProtectWarnsOfWhatMatchesNothing(t *testing.T) {
	t.Parallel()
	o := newOverlay(t, map[string]string{"settings.yaml": "x"}, map[string]string{"cdk/app.py": "x", "Makefile": "x"})
	o.Protect = patternsOf(t, "Makefile ckd/** cdk/** lambda* settings.y?ml2")
	s := newStage(t)
	s.mustRun(o)
	var got []string
	for _, e := range s.events.FilterMessage("a pattern of SPA_RUNNER_OVERLAY_PROTECT matches nothing in the code: is it misspelt?").All() {
		got = append(got, fmt.Sprint(e.ContextMap()["pattern"]))
	}
	if want := []string{"ckd/**", "lambda*", "settings.y?ml2"}; !slices.Equal(got, want) {
		t.Errorf("warned of %q, want %q", got, want)
	}
}

// A code base whose links make endless names is not followed for ever, and what
// cannot be followed is refused.
func TestProtectGivesUpOnEndlessNames(t *testing.T) {
	t.Parallel()
	o := newOverlay(t, map[string]string{"x": "x"}, nil)
	for i := range 12 {
		link(t, ".", filepath.Join(o.Code, fmt.Sprintf("l%02d", i)))
	}
	o.Protect = patternsOf(t, "none")
	o.refused(newStage(t), fault.ExitConfig, "more files than can be followed")
}

func TestOverlayTellsWhatItMadeOfTheCode(t *testing.T) {
	t.Parallel()
	o := newOverlay(t, map[string]string{"a/b/file": "new", "tool.sh*": "new", "settings.yaml": "new"}, map[string]string{"a/kept": "old", "elsewhere/x": "old"})
	link(t, "settings.yaml", filepath.Join(o.from, "link"))
	link(t, "../elsewhere", filepath.Join(o.Code, "a/b"))
	var written []manifest.Entry
	o.Written = &written
	newStage(t).mustRun(o)
	got := fmt.Sprintf("%v", slices.Collect(func(yield func(string) bool) {
		for _, e := range written {
			if !yield(fmt.Sprintf("%s %s %v %d %.4s %s", e.Path, e.Type, e.Executable, e.Size, e.Sum, e.Target)) {
				return
			}
		}
	}))
	want := "[a d--------- false 0 0000  a/b d--------- false 0 0000  a/b/file ---------- false 3 11507  link L--------- false 0 0000 settings.yaml " +
		"settings.yaml ---------- false 3 1150  tool.sh ---------- true 3 1150 ]"
	if strings.ReplaceAll(got, "11507", "1150") != strings.ReplaceAll(want, "11507", "1150") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
