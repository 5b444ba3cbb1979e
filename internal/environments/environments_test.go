package environments

import (
	"slices"
	"testing"
)

func TestTouched(t *testing.T) {
	all := []string{"environments/production", "environments/test", "sandbox"}
	for _, c := range []struct {
		name          string
		changed, want []string
	}{
		{"nothing", nil, nil},
		{"one file", []string{"environments/test/settings.yaml"}, all[1:2]},
		{"deep below", []string{"sandbox/a/b/c"}, all[2:]},
		{"two, in the order of the environments", []string{"sandbox/x", "environments/production/x"}, []string{all[0], all[2]}},
		{"shared", []string{"common/x.csv"}, all},
		{"shared, beside one", []string{"environments/test/x", "variables.sh"}, all},
		{"in the folder of the environments", []string{"environments/x"}, all},
		{"another name that begins so", []string{"environments/testing/x"}, all},
		{"documentation", []string{"README.md", "docs/a.md"}, nil},
		{"documentation of one", []string{"environments/test/README.md"}, all[1:2]},
		{"documentation beside shared", []string{"README.md", "x"}, all},
		{"a file of the name of a folder", []string{"sandbox"}, all},
	} {
		if got := Touched(all, c.changed); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q touches %q, want %q", c.name, c.changed, got, c.want)
		}
	}
}

func TestBelow(t *testing.T) {
	t.Parallel()
	files := []string{
		"environments/test/settings.yaml", "environments/test/deep/er/x", "environments/a b/x", "environments/README.md", "environments/link",
		"environments/.templates/x", "environments2/x/y", "other/environments/x/y", "sandbox/x", "environments/müller/x", "x",
	}
	if got, want := Below("environments", files), []string{"environments/a b", "environments/müller", "environments/test"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Below("nowhere", files); got != nil {
		t.Errorf("got %q, want none", got)
	}
}

func TestTouchedOfOneInTheFolderOfAnother(t *testing.T) {
	t.Parallel()
	all := []string{"a", "a/b"}
	for file, want := range map[string][]string{"a/x": {"a"}, "a/b/x": all, "x": all} {
		if got := Touched(all, []string{file}); !slices.Equal(got, want) {
			t.Errorf("%s touches %q, want %q", file, got, want)
		}
	}
}

func TestTouchedBelow(t *testing.T) {
	t.Parallel()
	now := []string{"environments/production", "environments/test"}
	for _, c := range []struct {
		name          string
		changed, want []string
	}{
		{"nothing", nil, nil},
		{"one", []string{"environments/test/x"}, now[1:]},
		{"one that was removed", []string{"environments/gone/settings.yaml", "environments/gone/deep/x"}, nil},
		{"one that was renamed", []string{"environments/gone/x", "environments/test/x"}, now[1:]},
		{"a file that was moved to another", []string{"environments/production/x", "environments/test/x"}, now},
		{"one that became a file", []string{"environments/gone/x", "environments/gone"}, now},
		{"a hidden folder", []string{"environments/.templates/x"}, now},
		{"shared", []string{"variables.sh"}, now},
	} {
		if got := TouchedBelow("environments", now, c.changed); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q touches %q, want %q", c.name, c.changed, got, c.want)
		}
	}
}
