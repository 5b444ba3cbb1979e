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
