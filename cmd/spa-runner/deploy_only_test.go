package main

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"spa-runner/internal/loopback"
)

// What SPA_RUNNER_DEPLOY_ONLY names is masked wherever its value turns up, by every
// subcommand, whether the configuration is right or not.
func TestWhatIsDeploysOwnIsMaskedEverywhere(t *testing.T) {
	t.Parallel()
	const value = "automation-xyz"
	folder := t.TempDir()
	if err := os.MkdirAll(folder+"/environments/"+value, 0o755); err != nil {
		t.Fatal(err)
	}
	named := map[string]string{"SPA_RUNNER_DEPLOY_ONLY": "OTHER MYFOO", "MYFOO": value}
	also := func(pairs ...string) map[string]string {
		env := maps.Clone(named)
		for _, pair := range pairs {
			name, text, _ := strings.Cut(pair, "=")
			env[name] = text
		}
		return env
	}
	for _, test := range []struct {
		env   map[string]string
		args  []string
		code  int
		shown bool // the place where the value stands is in the output
	}{
		{also("SETTINGS_ENVIRONMENT_PATH=environments/" + value), []string{"plan"}, 0, true},
		{also("SETTINGS_ENVIRONMENT_PATH=environments/" + value), []string{"plan", "--json"}, 0, true},
		{also("CODE_GIT_URL=https://git.example/" + value + "/code.git"), []string{"plan"}, 0, true},
		{also("SPA_RUNNER_DEPLOY_TARGETS=" + value), []string{"plan"}, 0, true},
		{also("AWS_DEFAULT_REGION=" + value), []string{"plan", "--json"}, 0, true},
		{map[string]string{"MYFOO": value}, []string{"plan", "--deploy-only", "MYFOO", "--settings-git-branch", value}, 0, true},
		{map[string]string{"MYFOO": value}, []string{"plan", "--deploy-only=MYFOO", "--code-git-branch=" + value}, 0, true},
		{named, []string{"plan", "--settings-git-branch", value}, 0, true},
		// Errors of the configuration, also of the list of names itself.
		{also("DEPLOY_ENVIRONMENT_REGION=" + value), []string{"plan"}, 64, true},
		{also("DEPLOY_ENVIRONMENT_REGION=" + value), []string{"run"}, 64, true},
		{also("DEPLOY_ENVIRONMENT_REGION=" + value), []string{"dry-run"}, 64, true},
		{also("DEPLOY_ENVIRONMENT_REGION=" + value), []string{"doctor"}, 1, true},
		{also("AWS_CA_BUNDLE=/" + value), []string{"doctor"}, 1, true},
		{also("AWS_REGION=" + value), []string{"batch"}, 64, true},
		{also("SPA_RUNNER_DEPLOY_ONLY=NO-NAME,MYFOO", "SPA_RUNNER_TIMEOUT="+value), []string{"plan"}, 64, true},
		{also("SPA_RUNNER_WORKDIR=/" + value), []string{"run"}, 64, true},
		{named, []string{"plan", "--timeout", value}, 64, true},
		{named, []string{"dry-run", "--workdir", value}, 64, true},
		{named, []string{"dry-run", "--until", value}, 64, true},
		{named, []string{"dry-run", "--code", "/" + value}, 64, true},
		{named, []string{"batch", "--changed-since", value}, 64, true},
		{named, []string{"batch", "--settings", "/" + value}, 64, true},
		{named, []string{"doctor", "--settings", folder}, 0, true},
		{named, []string{"run", value}, 64, true},
		{named, []string{value}, 64, true},
		{named, []string{"run", "--help"}, 0, false},
	} {
		w := newWorld(t, loopback.Options{})
		w.serve()
		maps.Copy(w.env, test.env)
		o := w.run(test.args...)
		all := o.stdout + o.stderr
		if strings.Contains(all, value) || test.shown && !strings.Contains(all, "***") {
			t.Errorf("%q with %v: the value of MYFOO is shown, or what stands in its place is not: %v", test.args, test.env, o)
		}
		if slices.Contains(test.args, "doctor") && o.code <= 1 { // it says more than this about a world that is not whole
			continue
		}
		if o.code != test.code {
			t.Errorf("%q with %v: exit code %d, want %d: %v", test.args, test.env, o.code, test.code, o)
		}
	}
}
