package config

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"spa-runner/internal/shellvars"
)

const (
	settingsRole = "arn:aws:iam::111111111111:role/Settings"
	deployRole   = "arn:aws:iam::333333333333:role/Deploy"
)

// good is an environment in which nothing is wrong.
func good() map[string]string {
	return map[string]string{
		"SETTINGS_GIT_URL": "codecommit::eu-west-1://SpaSettings", "READ_SETTINGS_ROLE": settingsRole,
		"SETTINGS_ENVIRONMENT_PATH": "environments/automation", "DEPLOY_ENVIRONMENT_ROLE": deployRole, "AWS_REGION": "eu-west-1",
	}
}

func pairsOf(vars map[string]string) []string {
	var pairs []string
	for name, value := range vars {
		pairs = append(pairs, name+"="+value)
	}
	return pairs
}

func TestGoodConfiguration(t *testing.T) {
	c := New(nil, pairsOf(good()))
	if err := c.Resolve(); err != nil {
		t.Fatal(err)
	}
	if c.CodeCommit == nil || c.CodeCommit.Name != "SpaSettings" || c.Code.Ref != "main" || c.DeployRegion != "eu-west-1" {
		t.Errorf("got %+v", c)
	}
}

// Each row makes one thing wrong; the message names the variable and says what
// to write.
func TestOneThingWrong(t *testing.T) {
	for _, test := range []struct{ name, value, want string }{
		{"READ_SETTINGS_ROLE", "", "READ_SETTINGS_ROLE is required, since the settings are on CodeCommit"},
		{"READ_SETTINGS_ROLE", "Spa-ReadSettingsRole", "arn:aws:iam::"},
		{"READ_SETTINGS_ROLE", "arn:aws:iam::1111:role/X", "12 digits"},
		{"READ_SETTINGS_ROLE", "arn:aws-cn:iam::111111111111:role/X", "partition"},
		{"SETTINGS_ROLE", "arn:aws:iam::111111111111:role/Other", "two names of one variable"},
		{"DEPLOY_ENVIRONMENT_ROLE", "arn:aws:sts::333333333333:assumed-role/X/session", "arn:aws:iam::333333333333:role/X"},
		{"DEPLOY_ENVIRONMENT_ROLE", "arn:aws-us-gov:iam::333333333333:role/X", "partition aws-us-gov"},
		{"READ_PACKAGES_ROLE", "arn:aws-cn:iam::444444444444:role/X", "READ_PACKAGES_ROLE is"},
		{"READ_PACKAGES_ROLE", "X", "arn:aws:iam::"},
		{"READ_SETTINGS_EXTERNAL_ID", "x", "2 to 1224"},
		{"READ_SETTINGS_EXTERNAL_ID", "a b", "2 to 1224"},
		{"DEPLOY_ENVIRONMENT_EXTERNAL_ID", strings.Repeat("x", 1225), "2 to 1224"},
		{"SPA_RUNNER_SETTINGS_SESSION_POLICY", "no", "on or off"},
		{"SPA_RUNNER_DEPLOY_CREDENTIALS", "file", "env or endpoint"},
		{"SETTINGS_GIT_URL", "", "SETTINGS_GIT_URL is required"},
		{"SETTINGS_GIT_URL", "codecommit::europe://SpaSettings", "region"},
		{"SETTINGS_GIT_URL", "codecommit://https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/X", "codecommit"},
		{"SETTINGS_GIT_URL", "git@github.com:x/y.git", "ssh"},
		{"SETTINGS_GIT_URL", "ftp://example.com/x", "ftp:// is not supported"},
		{"SETTINGS_ENVIRONMENT_PATH", "", "SETTINGS_ENVIRONMENT_PATH is required"},
		{"SETTINGS_ENVIRONMENT_PATH", "../other", ".."},
		{"SETTINGS_ENVIRONMENT_PATH", "environments/../../x", ".."},
		{"SETTINGS_ENVIRONMENT_PATH", "/environments", "absolute"},
		{"SETTINGS_ENVIRONMENT_PATH", "my environment", "white space"},
		{"AWS_REGION", "europe", "AWS_REGION"},
		{"AWS_REGION", "eu-west-1a", "AWS_REGION"},
		{"DEPLOY_ENVIRONMENT_REGION", "EU-WEST-1", "DEPLOY_ENVIRONMENT_REGION"},
		{"CODE_GIT_BRANCH", "--upload-pack=/tmp/pwn", "begins with a dash"},
		{"CODE_GIT_BRANCH", "main --upload-pack=x", "git-check-ref-format"},
		{"CODE_GIT_COMMIT", "abc1234", "40 hexadecimal"},
		{"SETTINGS_GIT_PIN", "v1", "40 hexadecimal"},
		{"CODE_GIT_URL", "codecommit::eu-west-1://X", "without an AWS identity"},
		{"CODE_GIT_URL", "no-such-folder", "no such folder"},
		{"CODE_GIT_URL", "https://github.com", "names no repository"},
		{"SETTINGS_GIT_PUSHER", "alice", "arn:aws:iam::"},
		{"SETTINGS_GIT_PUSHER", "arn:aws:iam::111111111111:user/a b", "arn:aws:iam::"},
		{"SETTINGS_GIT_PUSHER", "arn:aws:iam::111111111111:user/\x1b[2Ja", "arn:aws:iam::"},
		{"SETTINGS_GIT_PUSHER", "arn:aws:iam::111111111111:user/" + strings.Repeat("a", 1024), "arn:aws:iam::"},
		{"SETTINGS_GIT_PUSHED_AT", "yesterday", "RFC 3339"},
		{"SETTINGS_GIT_PUSHED_AT", "2026-03-01 12:00:00", "RFC 3339"},
		{"SPA_RUNNER_MAX_PASSES", "0", "from 1"},
		{"SPA_RUNNER_MAX_PASSES", "11", "to 10"},
		{"SPA_RUNNER_MAX_PASSES", "two", "from 1"},
		{"SPA_RUNNER_TIMEOUT", "50", "50m"},
		{"SPA_RUNNER_REQUIRE_PINNED", "maybe", "true or false"},
		{"SPA_RUNNER_LINT_TARGETS", "lint -i", "-i"},
		{"SPA_RUNNER_LINT_TARGETS", "lint A=b", "A=b"},
		{"SPA_RUNNER_DEPLOY_ONLY", "A B-C", "B-C"},
		{"SPA_RUNNER_KEEP_VARIABLES", "A B-C", "B-C"},
		{"SPA_RUNNER_KEEP_VARIABLES", "AWS_SESSION_TOKEN", "no child may see it"},
		{"SPA_RUNNER_KEEP_VARIABLES", "MAKEFLAGS", "no child may see it"},
		{"SPA_RUNNER_WORKDIR", "no-such-folder", "no such folder"},
		{"SPA_RUNNER_LOG_FORMAT", "xml", "mixed"},
		{"CODE_COMMIT_ENDPOINT", "ftp://x", "https://"},
		{"SPA_RUNNER_REQUIRE_PIN", "true", "SPA_RUNNER_REQUIRE_PIN is no variable of spa-runner"},
	} {
		vars := good()
		vars[test.name] = test.value
		err := New(nil, pairsOf(vars)).Resolve()
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "places") {
			t.Errorf("%s=%q: got %v, want one problem with %q in it", test.name, test.value, err, test.want)
		}
	}
}

func TestATokenDoesNotPassInClearText(t *testing.T) {
	for url, refused := range map[string]bool{
		"http://git.example.com/x.git": true, "https://git.example.com/x.git": false, "http://127.0.0.1:80/x.git": false, "http://localhost/x": false,
	} {
		vars := good()
		vars["CODE_GIT_URL"], vars["CODE_GIT_TOKEN"] = url, "ghp_0123456789"
		if err := New(nil, pairsOf(vars)).Resolve(); (err != nil) != refused {
			t.Errorf("%s: got %v", url, err)
		}
	}
}

func TestAMistypedURLShowsNoPassword(t *testing.T) {
	for _, value := range []string{"https//user:hunter2secret@host/x", "user:hunter2secret@host:x/y", "https://user:hunter2secret@"} {
		vars := good()
		vars["CODE_GIT_URL"] = value
		err := New(nil, pairsOf(vars)).Resolve()
		if err == nil || strings.Contains(err.Error(), "hunter2secret") {
			t.Errorf("%s: got %v", value, err)
		}
	}
}

func TestPrecedence(t *testing.T) {
	vars := good()
	vars["CODE_GIT_BRANCH"] = "from-environment"
	env := pairsOf(vars)
	set := []shellvars.Var{{Name: "CODE_GIT_BRANCH", Value: "from-script", File: "variables.sh", Line: 3}}

	for _, test := range []struct {
		flags, want, source string
		script              bool
	}{
		{want: "from-environment", source: "environment"},
		{script: true, want: "from-script", source: "variables.sh:3"},
		{script: true, flags: "from-flag", want: "from-flag", source: "flag --code-git-branch"},
	} {
		c := New(map[string]string{}, env)
		if test.flags != "" {
			c.flags["CODE_GIT_BRANCH"] = test.flags
		}
		err := c.Resolve()
		if test.script {
			_, _, err = c.ApplyScript(set, c.ChildEnviron(env))
		}
		i := slices.IndexFunc(c.Resolved, func(r Resolved) bool { return r.Name == "CODE_GIT_BRANCH" })
		if err != nil || c.Code.Ref != test.want || c.Resolved[i].Source != test.source {
			t.Errorf("%+v: got %s from %s, %v", test, c.Code.Ref, c.Resolved[i].Source, err)
		}
	}
}

func TestWhatChildrenSeeOfTheConfiguration(t *testing.T) {
	for name, test := range map[string]struct {
		environ map[string]string
		script  []shellvars.Var
		want    map[string]string
	}{
		"as CodeBuild sets them": {
			environ: map[string]string{"AWS_DEFAULT_REGION": "eu-west-1"},
			want:    map[string]string{"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_CURRENT_ACCOUNT": "333333333333", "CODE_GIT_BRANCH": "main"},
		},
		"another region for the target": {
			environ: map[string]string{"AWS_DEFAULT_REGION": "eu-west-1", "DEPLOY_ENVIRONMENT_REGION": "eu-west-3"},
			want:    map[string]string{"AWS_REGION": "eu-west-3", "AWS_DEFAULT_REGION": "eu-west-3"},
		},
		"a region of boto3's own": {
			environ: map[string]string{"AWS_DEFAULT_REGION": "eu-west-3"},
			want:    map[string]string{"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-3"},
		},
		"all from the script": {
			script: []shellvars.Var{
				{Name: "AWS_REGION", Value: "eu-west-2", Exported: true},
				{Name: "DEPLOY_ENVIRONMENT_ROLE", Value: "arn:aws:iam::444444444444:role/X"},
			},
			want: map[string]string{"AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "eu-west-2", "AWS_CURRENT_ACCOUNT": "444444444444"},
		},
		"secrets are kept": {
			environ: map[string]string{"CODE_GIT_TOKEN": "t", "CODE_GIT_URL": "https://user:pass@example.com/x.git", "AWS_CURRENT_ACCOUNT": "5"},
			want:    map[string]string{"CODE_GIT_TOKEN": "", "CODE_GIT_URL": "https://example.com/x.git", "AWS_CURRENT_ACCOUNT": "5"},
		},
	} {
		vars := good()
		maps.Copy(vars, test.environ)
		c := New(nil, pairsOf(vars))
		if err := c.Resolve(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		env := c.ChildEnviron(pairsOf(vars))
		for _, v := range test.script {
			if v.Exported {
				env.Set(v.Name, v.Value)
			}
		}
		if _, _, err := c.ApplyScript(test.script, env); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for variable, want := range test.want {
			if got, _ := env.Lookup(variable); got != want {
				t.Errorf("%s: %s is %q, want %q", name, variable, got, want)
			}
		}
	}
}

// The README lists every variable, with its preset, in the order of the table,
// and no other.
func TestReadmeListsTheVariables(t *testing.T) {
	readme, err := os.ReadFile("../../cmd/spa-runner/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(readme), "<!-- variables -->")
	table, _, _ = strings.Cut(table, "<!-- end -->")
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| ([^|]*) \\|").FindAllStringSubmatch(table, -1) {
		listed = append(listed, row[1]+"="+strings.Trim(row[2], " `"))
	}
	var want []string
	for _, v := range new(Config).Variables() {
		want = append(want, v.Name+"="+v.Preset)
	}
	if !slices.Equal(listed, want) {
		t.Errorf("README: got\n%s\nwant\n%s", strings.Join(listed, "\n"), strings.Join(want, "\n"))
	}
}
