package steps

import (
	"os"
	"path/filepath"
	"testing"

	"spa-runner/internal/fault"
)

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestRequire(t *testing.T) {
	t.Parallel()
	type files = map[string]string
	demo := files{"fixtures/settings/settings.yaml": "the demo's"}
	for name, test := range map[string]struct {
		require        string // "default" is what SPA needs
		environ        []string
		settings, code files
		missing        []string // nil if it is laid
	}{
		"nothing":                              {"", nil, files{"x": "x"}, demo, nil},
		"code that ships no settings":          {"default", nil, files{"x": "x"}, files{"fixtures/other/x": "x"}, nil},
		"a file where the folder would be":     {"default", nil, files{"x": "x"}, files{"fixtures/settings": "x"}, nil},
		"there":                                {"default", nil, files{"settings.yaml": "x"}, demo, nil},
		"missing":                              {"default", nil, files{"x": "x", "sub/y": "y"}, demo, []string{`"settings.yaml" is missing in the environment folder "environments/test"`, "demo settings in fixtures/settings", `there is "sub/y", "x"`}},
		"the code's own does not count":        {"default", nil, files{"x": "x"}, files{"fixtures/settings/settings.yaml": "d", "settings.yaml": "of the code"}, []string{`"settings.yaml" is missing`}},
		"a near miss":                          {"default", nil, files{"settings.yml": "x", "other": "x", "config/Settings.yaml": "x"}, demo, []string{`"settings.yaml" is missing`, `there is "config/Settings.yaml", "settings.yml"`}},
		"empty":                                {"default", nil, files{"settings.yaml": "", "x": "x"}, demo, []string{`"settings.yaml" is empty`}},
		"a folder":                             {"default", nil, files{"settings.yaml/x": "x"}, demo, []string{`"settings.yaml" is no file`}},
		"an empty folder":                      {"default", nil, files{"settings.yaml/": "", "x": "x"}, demo, []string{`"settings.yaml" is no file`}},
		"a link":                               {"default", nil, files{"settings.yaml@": "prod.yaml", "prod.yaml": "x"}, demo, nil},
		"a link to nothing":                    {"default", nil, files{"settings.yaml@": "prod.yaml", "x": "x"}, demo, []string{`"settings.yaml" is a symlink that leads to nothing`}},
		"a link to the demo's":                 {"default", nil, files{"settings.yaml@": "fixtures/settings/settings.yaml", "x": "x"}, demo, []string{`"settings.yaml" is a symlink that leads to nothing`}},
		"a link to an empty file":              {"default", nil, files{"settings.yaml@": "x", "x": ""}, demo, []string{`"settings.yaml" is empty`}},
		"SETTINGS":                             {"default", []string{"SETTINGS=prod.yaml"}, files{"settings.yaml": "x"}, demo, []string{`"prod.yaml" is missing`, "SETTINGS is prod.yaml"}},
		"SETTINGS, there":                      {"default", []string{"SETTINGS=./conf/prod.yaml"}, files{"conf/prod.yaml": "x"}, demo, nil},
		"SETTINGS, behind a folder's link":     {"default", []string{"SETTINGS=conf/prod.yaml"}, files{"conf@": "real", "real/prod.yaml": "x"}, demo, nil},
		"SETTINGS, empty":                      {"default", []string{"SETTINGS="}, files{"x": "x"}, demo, []string{`"settings.yaml" is missing`}},
		"SETTINGS, odd characters":             {"default", []string{"SETTINGS=a[1]*.yaml"}, files{"a[1]*.yaml": "x"}, demo, nil},
		"SETTINGS, no pattern":                 {"default", []string{"SETTINGS=[s]*.yaml"}, files{"settings.yaml": "x"}, demo, []string{`"[s]*.yaml" is missing`}},
		"SETTINGS, of the code's":              {"default", []string{"SETTINGS=fixtures/settings/settings.yaml"}, files{"settings.yaml": "x"}, demo, []string{`"fixtures/settings/settings.yaml" is missing`}},
		"SETTINGS, outside":                    {"default", []string{"SETTINGS=/etc/passwd"}, files{"settings.yaml": "x"}, demo, []string{`etc/passwd" is missing`, "SETTINGS is /etc/passwd"}},
		"of the project's own":                 {"a.yaml conf/*.csv", nil, files{"a.yaml": "x", "conf/1.csv": "x"}, nil, nil},
		"of the project's own, missing":        {"a.yaml conf/*.csv b", nil, files{"conf/1.txt": "x", "conf/2.csv": "", "b": "b"}, nil, []string{`"a.yaml" is missing`, `"conf/*.csv" is empty`, "SPA_RUNNER_OVERLAY_REQUIRE demands it"}},
		"one of several":                       {"conf/*.csv", nil, files{"conf/1.csv": "", "conf/2.csv": "x"}, nil, nil},
		"a whole folder":                       {"conf/** data/", nil, files{"conf/a/b": "x", "data/x": "x"}, nil, nil},
		"a whole folder, missing":              {"conf/**", nil, files{"conf2/a": "x", "conf": "x"}, nil, []string{`"conf/**" is missing`}},
		"more files than one wants to read of": {"a", nil, files{"1": "", "2": "", "3": "", "4": "", "5": "", "6": "", "7": "x"}, nil, []string{`there are "1", "2", "3", "4", "5" and 2 more`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOverlay(t, nil, nil)
			o.put(o.from, test.settings)
			o.put(o.Code, test.code)
			if test.require == "default" {
				o.RequireSettings = true
			} else {
				o.Require = patternsOf(t, test.require)
			}
			s := newStage(t, test.environ...)
			if test.missing == nil {
				s.mustRun(o)
				return
			}
			o.refused(s, fault.ExitConfig, test.missing...)
		})
	}
}

// SETTINGS may be the absolute path of a file in the code.
func TestRequireOfAnAbsolutePath(t *testing.T) {
	t.Parallel()
	o := newOverlay(t, map[string]string{"prod.yaml": "x"}, map[string]string{"fixtures/settings/x": "x"})
	o.RequireSettings = true
	newStage(t, "SETTINGS="+filepath.Join(o.Code, "prod.yaml")).mustRun(o)
	o.laid = nil
	o.refused(newStage(t, "SETTINGS="+filepath.Join(o.Code, "other.yaml")), fault.ExitConfig, `"other.yaml" is missing`)
}
