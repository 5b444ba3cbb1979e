package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"spa-runner/internal/loopback"
	"spa-runner/pipeline"
)

// panicking is a stdout that panics with a secret in the value.
type panicking struct{ value any }

func (p panicking) Write([]byte) (int, error) { panic(p.value) }

// A panic outside of the steps is one of the runner too: masked, with the exit
// code of a defect and not make's.
func TestAPanicOfMainIsMasked(t *testing.T) {
	t.Parallel()
	const token = "ghp_0123456789abcdefABCDEF+/x=="
	environ := []string{
		"CODE_GIT_TOKEN=" + token, "SETTINGS_ENVIRONMENT_PATH=environments/test", "AWS_REGION=eu-west-1",
		"SETTINGS_GIT_URL=codecommit::eu-west-1://SpaSettings", "READ_SETTINGS_ROLE=" + settingsRole,
	}
	for name, value := range map[string]any{
		"text": "lost " + token, "an error": fmt.Errorf("asking %q: %w", url.QueryEscape(token), errors.New(token)),
		"a struct": struct{ Token, Key string }{token, token}, "a secret": pipeline.NewSecret(token),
	} {
		for _, args := range [][]string{{"version"}, {"version", "--json"}, {"plan"}, {"plan", "--json"}, {"--help"}} {
			var stderr bytes.Buffer
			code := run(args, environ, panicking{value}, &stderr, nil)
			got := stderr.String()
			if code != 125 || !strings.Contains(got, "spa-runner: a defect of spa-runner: panic: ") || !strings.Contains(got, "leak_test.go") {
				t.Errorf("%s, %s: exit code %d, %s", name, args, code, got)
			}
			if strings.Contains(got, "0123456789abcdef") || name != "a secret" && !strings.Contains(got, "***") {
				t.Errorf("%s, %s: a secret is in %s", name, args, got)
			}
		}
	}
}

// Whatever is written on the command line or stands in a variable, with an
// error or without.
func TestNoSecretInPlansAndUsageErrors(t *testing.T) {
	t.Parallel()
	const password = `pa55/word+of "mine" é`
	inURL := "https://bob:" + url.PathEscape(password) + "@git.example/owner/code.git"
	raw := "https://bob:pa55wordOfMine@git.example/owner/code.git" // may stand in one that is no URL
	base := map[string]string{
		"SETTINGS_GIT_URL": "codecommit::eu-west-1://SpaSettings", "SETTINGS_ENVIRONMENT_PATH": environmentPath, "AWS_REGION": "eu-west-1",
		"READ_SETTINGS_ROLE": settingsRole, "DEPLOY_ENVIRONMENT_ROLE": deployRole, "API_TOKEN": "pa55wordOfMine",
	}
	for _, c := range []struct {
		code int
		env  map[string]string
		args []string
	}{
		{0, nil, []string{"plan", "--code-git-url", inURL}},
		{0, nil, []string{"plan", "--json", "--code-git-url", inURL}},
		{0, map[string]string{"CODE_GIT_URL": inURL}, []string{"plan"}},
		{0, map[string]string{"CODE_GIT_URL": inURL}, []string{"plan", "--json"}},
		{0, map[string]string{"SETTINGS_GIT_URL": inURL}, []string{"plan", "--json"}},
		{0, map[string]string{"CODE_GIT_TOKEN": password, "SETTINGS_GIT_URL": inURL, "SETTINGS_GIT_TOKEN": password}, []string{"plan"}},
		{0, map[string]string{"SETTINGS_GIT_BRANCH": "pa55wordOfMine"}, []string{"plan"}}, // which API_TOKEN says is one
		{0, map[string]string{"SETTINGS_GIT_BRANCH": "pa55wordOfMine"}, []string{"plan", "--json"}},
		{0, map[string]string{"CODE_GIT_URL": inURL}, []string{"version", "--json"}},
		{0, nil, []string{"run", "--code-git-url", inURL, "--help"}},
		{64, nil, []string{"plan", "--code-git-url", strings.Replace(inURL, "https", "ssh", 1)}},
		{64, nil, []string{"plan", "--code-git-url", strings.Replace(raw, "https", "ftp", 1)}},
		{64, nil, []string{"plan", "--code-git-url", strings.Replace(raw, ".git", " .git", 1)}},
		{64, nil, []string{"plan", "--code-git-url", raw + "%zz"}},
		{64, map[string]string{"CODE_GIT_URL": strings.Replace(raw, "https", "ssh", 1)}, []string{"run"}},
		{64, map[string]string{"CODE_COMMIT_ENDPOINT": raw}, []string{"run"}},
		{64, nil, []string{"plan", "--code-git-branch", raw}},
		{64, nil, []string{"plan", "--timeout", raw}},
		{64, nil, []string{"plan", "--read-settings-role", raw}},
		{64, nil, []string{"plan", "--setup-targets", raw}},
		{64, map[string]string{"SETTINGS_ENVIRONMENT_PATH": "/" + raw, "SPA_RUNNER_DEPLOY_ONLY": raw}, []string{"plan"}},
		{64, nil, []string{"plan", raw}},
		{64, nil, []string{"run", "CODE_GIT_TOKEN=pa55wordOfMine"}},
		{64, nil, []string{"run", "--code-git-token=pa55wordOfMine"}},
		{64, nil, []string{"run", "--" + raw}},
		{64, nil, []string{"run", "-" + raw}},
		{64, nil, []string{raw}},
		{64, nil, []string{"dry-run", "--until", raw}},
	} {
		env := []string{}
		for _, from := range []map[string]string{base, c.env} {
			for name, value := range from {
				env = append(env, name+"="+value)
			}
		}
		var stdout, stderr bytes.Buffer
		code := run(c.args, env, &stdout, &stderr, nil)
		got := stdout.String() + stderr.String()
		if code != c.code || got == "" {
			t.Errorf("%v, %q: exit code %d, %s", c.env, c.args, code, got)
		}
		for _, secret := range []string{"pa55word", "pa55/word", "pa55%2Fword", "pa55\\/word"} {
			if strings.Contains(got, secret) {
				t.Errorf("%v, %q: %q is in %s", c.env, c.args, secret, got)
			}
		}
	}
}

// CODE_GIT_URL with a password, from each place that it may come from, to a
// server that takes it, in a run that fails and one that does not.
func TestThePasswordOfTheCodeIsMasked(t *testing.T) {
	t.Parallel()
	const password = "pa55/word+of@mine"
	for _, from := range []string{"flag", "environment", "variables.sh"} {
		for _, format := range []string{"json", "mixed"} {
			w := newWorld(t, loopback.Options{})
			w.env["SPA_RUNNER_LOG_FORMAT"] = format
			withPassword := strings.Replace(w.env["CODE_GIT_URL"], "http://", "http://bob:"+url.QueryEscape(password)+"@", 1)
			args := []string{"run"}
			script := "echo done\n"
			switch from {
			case "flag":
				args = append(args, "--code-git-url", withPassword)
			case "environment":
				w.env["CODE_GIT_URL"] = withPassword
			case "variables.sh":
				script = "export CODE_GIT_URL='" + withPassword + "'\necho $CODE_GIT_URL\n"
			}
			w.write("settings", environmentPath+"/variables.sh", script)
			w.write("code", "Makefile", "setup lint all-tests:\n\t@env; echo "+withPassword+"\ndeploy:\n\t@echo '"+password+"' >&2; exit 3\n")
			w.serve()
			o := w.run(args...)
			if o.code != 2 || !strings.Contains(o.stdout, "***") {
				t.Errorf("%s, %s: %v", from, format, o)
			}
			written := w.written(t)
			if !strings.Contains(written, "            \"***\",\n") {
				t.Errorf("%s, %s: what was printed is not in the record: %s", from, format, written)
			}
			for _, form := range []string{password, url.QueryEscape(password), "pa55", "Fword"} {
				if strings.Contains(o.stdout+o.stderr+written, form) {
					t.Errorf("%s, %s: %q is in the log, or in the record: %v", from, format, form, o)
				}
			}
		}
	}
}

// The log is redacted, so what the programs see that variables.sh starts is counted.
func TestTheChildrenOfVariablesSeeNoPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.env["CODE_GIT_URL"] = strings.Replace(w.env["CODE_GIT_URL"], "http://", "http://bob:pa55word-of-mine@", 1)
	w.env["SPA_RUNNER_VARIABLES"] = "bash"
	w.write("settings", environmentPath+"/variables.sh", "export SEEN=$(sh -c 'env | grep -c ^CODE_GIT_URL=http') LEAKED=$(sh -c 'env | grep -c pa55word || true')\n")
	w.write("code", "Makefile", "setup lint deploy:\n\t@true\nall-tests:\n\t@echo seen $(SEEN), leaked $(LEAKED)\n")
	w.serve()
	o := w.run("run")
	if got, want := o.output(t, "make-all-tests"), "seen 1, leaked 0\n"; o.code != 0 || got != want {
		t.Errorf("got %q, want %q: %v", got, want, o)
	}
}
