package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"spa-runner/internal/doctor"
	"spa-runner/internal/loopback"
	"spa-runner/internal/workfolder"
)

// Whoever starts with nothing is told everything in one pass.
func TestDoctorFindsSeveralThingsInOnePass(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.write("settings", environmentPath+"/settings.yaml", "automation:\n  region: us-east-1\n")
	p.serve()
	p.refuse = deployRole
	maps.Copy(p.env, map[string]string{"SPA_RUNNER_TIMEOUT": "50", freeDisk: "1", "CODE_GIT_BRANCH": "no-such-tag", "SPA_RUNNER_OVERLAY_REQUIRE": "accounts.csv"})
	if err := os.Remove(filepath.Join(p.tools, "npm")); err != nil {
		t.Fatal(err)
	}
	report, o := p.asked()
	want := []string{"configuration", "disk", "code ref", "settings files", "npm", "deploy role"}
	if got := namesOf(report, doctor.Mend); !slices.Equal(got, want) || o.code != 1 {
		t.Errorf("got %q, want %q", got, want)
	}
}

// On a laptop no role trusts who asks. That is one finding, of who asks.
func TestDoctorOnALaptop(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.serve()
	delete(p.env, "CODEBUILD_BUILD_ID")
	keys := p.aws.RoleSession("arn:aws:iam::222222222222:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef", "jane@example.com", time.Hour)
	p.env["AWS_ACCESS_KEY_ID"], p.env["AWS_SECRET_ACCESS_KEY"], p.env["AWS_SESSION_TOKEN"] = keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken
	p.refuse = settingsRole + " " + deployRole
	report, o := p.asked()
	if got := namesOf(report, doctor.Mend); !slices.Equal(got, []string{"service identity"}) || o.code != 1 {
		t.Fatalf("got %q, want the identity alone: %v", got, o)
	}
	i := slices.IndexFunc(report.Checks, func(f doctor.Finding) bool { return f.Name == "service identity" })
	f := report.Checks[i]
	want := "aws codebuild start-build --project-name Spa-DeployAutomationEnvironment --environment-variables-override 'name=SPA_RUNNER_COMMAND,value=doctor,type=PLAINTEXT'"
	if len(f.Fixes) != 1 || f.Fixes[0].Paste != want || !strings.Contains(f.Cause, "somebody at a laptop") {
		t.Errorf("got %+v", f)
	}
	if strings.Contains(o.stdout, "Principal") {
		t.Errorf("a trust policy is to let in whoever asked: %v", o)
	}
}

// variables.sh may name code and role; the doctor follows it as a run does.
func TestDoctorFollowsVariables(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.write("settings", environmentPath+"/variables.sh", "export DEPLOY_ENVIRONMENT_ROLE="+deployRole+" DEPLOY_ENVIRONMENT_REGION=eu-west-3 CODE_GIT_BRANCH=refs/heads/main\necho MY_TOKEN is printed\n")
	p.write("settings", environmentPath+"/settings.yaml", "automation:\n  region: eu-west-3\n")
	p.write("settings", environmentPath+"/HOLD", "until Monday\n")
	p.serve()
	p.aws.ServeParameter(bootstrapParameter, loopback.Parameter{Account: "333333333333", Region: "eu-west-3", Value: "21"})
	delete(p.env, "DEPLOY_ENVIRONMENT_ROLE")
	p.env["CODE_GIT_BRANCH"] = "no-such-branch"
	report, o := p.asked()
	if got := namesOf(report, doctor.Warn); o.code != 0 || !slices.Equal(got, []string{"settings files"}) || !strings.Contains(o.stdout, "until Monday") {
		t.Errorf("want a warning of HOLD and no more, got %q: %v", got, o)
	}
	if !strings.Contains(o.stdout, "eu-west-3 of account 333333333333: 21") || strings.Contains(o.stdout, "is printed") {
		t.Errorf("got %v", o)
	}
}

// What variables.sh would run is not run.
func TestDoctorStartsNothing(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.write("settings", environmentPath+"/variables.sh", "export A=$(make version)\n")
	p.serve()
	p.env["SPA_RUNNER_VARIABLES"] = "bash"
	report, o := p.asked()
	if got := namesOf(report, doctor.Warn); o.code != 0 || !slices.Equal(got, []string{"variables.sh"}) {
		t.Errorf("got %q: %v", got, o)
	}
	// The four programs of a patient write a file into the home when they are started,
	// which changedNothing looks for.
}

// What people see: a table, pasteable fixes, no colours in a file, no secret.
func TestDoctorForPeople(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.serve()
	p.refuse = deployRole
	p.env["CODE_GIT_TOKEN"], p.env["DEPLOY_ENVIRONMENT_EXTERNAL_ID"] = "ghp_0123456789abcdef", "of-deploy"
	o := p.run("doctor")
	p.changedNothing()
	if o.code != 1 || strings.Contains(o.stdout, "\x1b") || strings.Contains(o.stdout, "ghp_") || o.stderr != "" {
		t.Fatalf("got %v", o)
	}
	for _, want := range []string{"✔ configuration", "✖ deploy role", "– CDK bootstrap        not checked because of: deploy role", "1 thing to mend; 2 checks not made because of that."} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("no %q in %s", want, o.stdout)
		}
	}
	// The statement can be pasted as it stands.
	from := strings.Index(o.stdout, "        {\n")
	to := strings.Index(o.stdout, "\n        }\n")
	var statement struct {
		Principal struct{ AWS string }
		Condition struct {
			ArnEquals    map[string][]string
			StringEquals map[string]string
		}
	}
	if from < 0 || to < 0 || json.Unmarshal([]byte(o.stdout[from:to+len("\n        }")]), &statement) != nil {
		t.Fatalf("no statement in %s", o.stdout)
	}
	role := "arn:aws:iam::222222222222:role/"
	if statement.Principal.AWS != "arn:aws:iam::222222222222:root" ||
		!slices.Equal(statement.Condition.ArnEquals["aws:PrincipalArn"], []string{role + "loopback-service-role", role + "service-role/loopback-service-role"}) ||
		statement.Condition.StringEquals["sts:ExternalId"] != "of-deploy" {
		t.Errorf("got %+v", statement)
	}
}

// One build of the project asks, with the buildspec as it is.
func TestDoctorInsideTheProject(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.serve()
	p.env["SPA_RUNNER_COMMAND"] = "doctor"
	dir := t.TempDir()
	if err := os.Symlink(os.Args[0], filepath.Join(dir, "spa-runner")); err != nil {
		t.Fatal(err)
	}
	output, err := codeBuild(t, "/bin/sh", dir, pairsOf(p.env), buildspecCommands(t)[1:])
	if err != nil || !strings.Contains(output, "✔ CDK bootstrap") || !strings.HasSuffix(output, "All is well.\n") {
		t.Errorf("got %v: %s", err, output)
	}
	p.changedNothing()
	p.refuse = settingsRole
	p.sync()
	if output, err = codeBuild(t, "/bin/sh", dir, pairsOf(p.env), buildspecCommands(t)[1:]); err == nil {
		t.Errorf("a build in which something is to be mended succeeded: %s", output)
	}
}

// What is not SPA, and not on CodeCommit, is not asked for what it does without.
func TestDoctorAsksForWhatIsNeededAlone(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.write("code", "Makefile", "setup lint all-tests deploy:\n\t@true\n")
	p.write("code", environmentPath+"/terraform.tfvars", "x = 1\n")
	for _, path := range []string{filepath.Join(p.dirs["code"], "cdk.json"), filepath.Join(p.dirs["code"], "fixtures"), p.tools + "/npm", p.tools + "/node"} {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	p.serve()
	p.env["SETTINGS_GIT_URL"] = p.env["CODE_GIT_URL"]
	delete(p.env, "READ_SETTINGS_ROLE")
	delete(p.env, "CODE_COMMIT_ENDPOINT")
	report, o := p.asked()
	if got := namesOf(report, doctor.Warn); o.code != 0 || !slices.Equal(got, []string{"node", "npm"}) {
		t.Errorf("warned of %q: %v", got, o)
	}
	want := []string{"untrusted user", "settings role", "code proof", "packages role", "target account", "CDK bootstrap"}
	if got := namesOf(report, doctor.Unneeded); !slices.Equal(got, want) {
		t.Errorf("not needed were %q, want %q", got, want)
	}
}

// SPA prefers AWS_ACCOUNT to the account in its settings, and so does the doctor.
func TestDoctorJudgesTheAccountAsSPADoes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ yaml, script, environment, looked string }{
		"variables.sh":         {"444444444444", "export AWS_ACCOUNT=333333333333\n", "", "in AWS_ACCOUNT, which SPA prefers to 444444444444 in"},
		"the environment":      {"444444444444", "", "333333333333", "in AWS_ACCOUNT, which SPA prefers to 444444444444 in"},
		"the script wins":      {"444444444444", "export AWS_ACCOUNT=333333333333\n", "555555555555", "in AWS_ACCOUNT, which SPA prefers"},
		"not exported":         {"333333333333", "AWS_ACCOUNT=444444444444\n", "", "in " + environmentPath + "/settings.yaml"},
		"empty":                {"333333333333", "export AWS_ACCOUNT=\n", "", "in " + environmentPath + "/settings.yaml"},
		"none in the settings": {"", "", "333333333333", "in AWS_ACCOUNT"},
	} {
		p := newPatient(t)
		p.write("settings", environmentPath+"/settings.yaml", "automation:\n  region: eu-west-1\n  account_id: \""+test.yaml+"\"\n")
		p.write("settings", environmentPath+"/variables.sh", test.script)
		p.serve()
		p.env["AWS_ACCOUNT"] = test.environment
		if test.environment == "" {
			delete(p.env, "AWS_ACCOUNT")
		}
		report, o := p.asked()
		if i := slices.IndexFunc(report.Checks, func(f doctor.Finding) bool { return f.Name == "target account" }); o.code != 0 ||
			report.Checks[i].State != doctor.OK || !strings.Contains(report.Checks[i].Looked, test.looked) {
			t.Errorf("%s: want %q: %+v, %v", name, test.looked, report.Checks[i], o)
		}
	}
}

// The run that mends it is not told that it is to be mended.
func TestDoctorBeforeTheBootstrap(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.write("code", "cdk.json", `{"context": {"@aws-cdk/core:bootstrapQualifier": "ours"}}`)
	p.serve()
	p.env["SPA_RUNNER_DEPLOY_TARGETS"] = "bootstrap-cdk deploy"
	report, o := p.asked()
	if got := namesOf(report, doctor.Warn); o.code != 0 || !slices.Equal(got, []string{"CDK bootstrap"}) || !strings.Contains(o.stdout, "/cdk-bootstrap/ours/version") {
		t.Errorf("warned of %q: %v", got, o)
	}
}

// While a run works in the work folder, the doctor waits for nobody and takes nothing.
func TestDoctorBesideARun(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.serve()
	folder, err := workfolder.Open(p.workdir, "settings", "code")
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	report, o := p.asked()
	if got := namesOf(report, doctor.Warn); o.code != 0 || !slices.Equal(got, []string{"work folder"}) {
		t.Errorf("warned of %q: %v", got, o)
	}
}

// A signal ends it, and nothing is left.
func TestDoctorInterrupted(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.serve()
	asked := make(chan struct{})
	p.answer = func(_ http.ResponseWriter, r *http.Request, _ []byte) bool {
		if !strings.HasPrefix(r.URL.Path, "/git/") {
			return false
		}
		close(asked)
		<-r.Context().Done()
		return true
	}
	p.sync()
	cmd := p.command("doctor", "--json")
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-asked
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 143 || !strings.Contains(stdout.String(), `"because": "interrupted by signal 15`) {
		t.Errorf("got exit code %d: %s", code, stdout.String())
	}
	p.changedNothing()
}

// A problem that is there before variables.sh and after it is told once.
func TestDoctorTellsAProblemOnce(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.serve()
	p.env["SPA_RUNNER_TIMEOUT"], p.env["DEPLOY_ENVIRONMENT_ROLE"] = "50", ""
	report, o := p.asked()
	cause := report.Checks[0].Cause
	if got := namesOf(report, doctor.Mend); !slices.Equal(got, []string{"configuration"}) || o.code != 1 ||
		strings.Count(cause, "SPA_RUNNER_TIMEOUT") != 1 || strings.Count(cause, "DEPLOY_ENVIRONMENT_ROLE is required") != 1 {
		t.Errorf("got %q: %s", got, cause)
	}
}

// Names in a repository do nothing to a terminal, nor to the shell of who pastes.
func TestDoctorIsHarmless(t *testing.T) {
	t.Parallel()
	evil := newPatient(t)
	evil.write("settings", environmentPath+"/variables.sh", "export CODE_GIT_URL='http://127.0.0.1:1/$(touch${IFS}pwned);x' CODE_GIT_BRANCH='`id`'\n")
	evil.serve()
	report, o := evil.asked()
	i := slices.IndexFunc(report.Checks, func(f doctor.Finding) bool { return f.Name == "code repository" })
	fixes := report.Checks[i].Fixes
	if len(fixes) == 0 || fixes[len(fixes)-1].Paste != "git ls-remote -- 'http://127.0.0.1:1/$(touch${IFS}pwned);x'" {
		t.Errorf("got %v", o)
	}
	folder := t.TempDir()
	delete(evil.env, "SETTINGS_ENVIRONMENT_PATH")
	for _, name := range []string{"environments/\x1b[31mred/variables.sh", "environments/\x1b[31mred/settings.yaml"} {
		evil.dirs["settings"] = folder
		evil.write("settings", name, "if\n")
	}
	if o := evil.run("doctor", "--settings", folder); o.code != 1 || strings.Contains(o.stdout, "\x1b") || !strings.Contains(o.stdout, `mend these lines of environments/\x1b[31mred`) {
		t.Errorf("got %v", o)
	}
	evil.dirs["settings"] = t.TempDir()
	evil.write("settings", "environments/a/settings.yaml", "x: y\n")
	evil.env["SETTINGS_ENVIRONMENT_PATH"] = "environments/a"
	evil.write("settings", "environments/a/variables.sh", "export DEPLOY_ENVIRONMENT_REGION=$'eu-west-1\\n✔ all is well'\n")
	if o := evil.run("doctor", "--settings", evil.dirs["settings"]); o.code != 1 || strings.Contains(o.stdout, "\n✔ all") {
		t.Errorf("got %v", o)
	}
	delete(evil.env, "SETTINGS_ENVIRONMENT_PATH")
	evil.write("settings", "environments/b\n✔ c/settings.yaml", "x: y\n")
	if o := evil.run("doctor", "--settings", evil.dirs["settings"]); o.code != 1 || strings.Contains(o.stdout, "\n✔ c") || !strings.Contains(o.stdout, `b\n✔ c`) {
		t.Errorf("got %v", o)
	}
	p := newPatient(t)
	p.write("settings", "environments/\x1b[31mred/settings.yaml", "x: y\n")
	p.serve()
	p.env["SETTINGS_ENVIRONMENT_PATH"] = "environments/none"
	if o := p.run("doctor"); o.code != 1 || !strings.Contains(o.stdout, `\x1b[31mred`) || strings.Contains(o.stdout, "\x1b") {
		t.Errorf("got %v", o)
	}
}

func TestDoctorOnTheCommandLine(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	for _, args := range [][]string{{"doctor", "--no-such-flag"}, {"doctor", "x"}, {"doctor", "--settings", "/no/such/folder"}, {"doctor", "--settings", ""}} {
		if o := p.run(args...); o.code != 64 || o.stdout != "" {
			t.Errorf("%q: got %v, want 64", args, o)
		}
	}
	if o := p.run("doctor", "--help"); o.code != 0 || !strings.Contains(o.stdout, "64 the command line is wrong") {
		t.Errorf("got %v", o)
	}
}

// A checkout of the settings is checked without any variable and without any server.
func TestDoctorOfAFolder(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string // in environments/
		links map[string]string
		env   map[string]string
		mend  []string
		warn  []string
		says  string
	}{
		"two good ones": {files: map[string]string{
			"a/settings.yaml": "automation:\n  region: eu-west-1\n", "b/settings.yaml": "x: y\n",
			"a/variables.sh": ". settings/common.sh\nexport CODE_GIT_BRANCH=v1 CODE_GIT_COMMIT=" + strings.Repeat("5", 40) + " DEPLOY_ENVIRONMENT_ROLE=" + deployRole + " AWS_REGION=eu-west-1\n",
			"../common.sh":   "export SHARED=yes\n", "README.md": "no environment\n",
		}},
		"one broken script of two": {
			files: map[string]string{"a/settings.yaml": "x: y\n", "a/variables.sh": "if\n", "b/settings.yaml": "x: y\n"},
			mend:  []string{"environments/a variables.sh"}, says: "variables.sh:1",
		},
		"a script that sets what it may not": {
			files: map[string]string{"a/settings.yaml": "x: y\n", "a/variables.sh": "export READ_SETTINGS_ROLE=x\n"},
			mend:  []string{"environments/a variables.sh"}, says: "belongs to the CodeBuild project",
		},
		"a role that is none": {
			files: map[string]string{"a/settings.yaml": "x: y\n", "a/variables.sh": "export DEPLOY_ENVIRONMENT_ROLE=admin\n"},
			mend:  []string{"environments/a variables.sh"}, says: "arn:aws:iam::",
		},
		"no settings.yaml": {files: map[string]string{"a/other.yaml": "x: y\n"}, mend: []string{"environments/a files"}, says: "is missing"},
		"an empty one":     {files: map[string]string{"a/settings.yaml": ""}, mend: []string{"environments/a files"}, says: "is empty"},
		"none is required": {files: map[string]string{"a/x": "x"}, env: map[string]string{"SPA_RUNNER_OVERLAY_REQUIRE": ""}},
		"a protected file": {
			files: map[string]string{"a/settings.yaml": "x: y\n", "a/Makefile": "all:\n"}, env: map[string]string{"SPA_RUNNER_OVERLAY_PROTECT": "Makefile, cdk/**"},
			mend: []string{"environments/a files"}, says: "SPA_RUNNER_OVERLAY_PROTECT",
		},
		"a link that leads outside": {
			files: map[string]string{"a/settings.yaml": "x: y\n"}, links: map[string]string{"a/x": "../../../x"}, mend: []string{"environments/a files"}, says: "leads outside",
		},
		"a link in the place of all": {links: map[string]string{"": "/"}, mend: []string{"environments"}, says: "escapes"},
		"a region that is none":      {files: map[string]string{"a/settings.yaml": "automation:\n  region: europe\n"}, mend: []string{"environments/a region"}, says: "europe"},
		"two regions": {
			files: map[string]string{"a/settings.yaml": "automation:\n  region: eu-west-1\n", "a/variables.sh": "export DEPLOY_ENVIRONMENT_REGION=eu-west-3\n"},
			mend:  []string{"environments/a region"}, says: "eu-west-3",
		},
		"two accounts": {
			files: map[string]string{"a/settings.yaml": "automation:\n  account_id: \"123456789012\"\n", "a/variables.sh": "export DEPLOY_ENVIRONMENT_ROLE=" + deployRole + "\n"},
			mend:  []string{"environments/a account"}, says: "name the role of account 123456789012",
		},
		"the account that SPA prefers": {
			files: map[string]string{
				"a/settings.yaml": "automation:\n  account_id: \"123456789012\"\n", "a/variables.sh": "export DEPLOY_ENVIRONMENT_ROLE=" + deployRole + " AWS_ACCOUNT=333333333333\n",
			},
			says: "which SPA prefers to 123456789012",
		},
		"settings that are elsewhere": {
			files: map[string]string{"a/settings.yaml": "automation:\n  account_id: \"123456789012\"\n", "a/variables.sh": "export DEPLOY_ENVIRONMENT_ROLE=" + deployRole + " SETTINGS=/etc/spa.yaml\n"},
			env:   map[string]string{"SPA_RUNNER_OVERLAY_REQUIRE": "settings.yaml"}, says: "/etc/spa.yaml names no automation.account_id",
		},
		"an account that SPA prefers, and the role has not": {
			files: map[string]string{
				"a/settings.yaml": "automation:\n  account_id: \"333333333333\"\n", "a/variables.sh": "export DEPLOY_ENVIRONMENT_ROLE=" + deployRole + " AWS_ACCOUNT=123456789012\n",
			},
			mend: []string{"environments/a account"}, says: "correct AWS_ACCOUNT in environments/a/variables.sh:1",
		},
		"the region of the project wins over AWS_REGION of the script": {
			files: map[string]string{"a/settings.yaml": "automation:\n  region: eu-west-3\n", "a/variables.sh": "export AWS_REGION=eu-west-1\n"},
			env:   map[string]string{"DEPLOY_ENVIRONMENT_REGION": "eu-west-3"}, says: "DEPLOY_ENVIRONMENT_REGION from environment",
		},
		"the account of a role that the project names": {files: map[string]string{"a/settings.yaml": "automation:\n  account_id: \"123456789012\"\n"}},
		"the region of who asks":                       {files: map[string]string{"a/settings.yaml": "automation:\n  region: eu-west-1\n"}, env: map[string]string{"AWS_REGION": "us-east-1"}},
		"held":                                         {files: map[string]string{"a/settings.yaml": "x: y\n", "a/HOLD": "until Monday"}, warn: []string{"environments/a files"}, says: "until Monday"},
		"a tag without a commit": {
			files: map[string]string{"a/settings.yaml": "x: y\n", "a/variables.sh": "export CODE_GIT_BRANCH=v.24.06.18\n"}, warn: []string{"environments/a pin"}, says: "git ls-remote -- https://github.com",
		},
		"a branch where a pin is required": {
			files: map[string]string{"a/settings.yaml": "x: y\n", "a/variables.sh": "export CODE_GIT_BRANCH=main\n"}, env: map[string]string{"SPA_RUNNER_REQUIRE_PINNED": "true"},
			mend: []string{"environments/a pin"}, says: "refuses a branch",
		},
		"a name that no run takes": {files: map[string]string{"a b/settings.yaml": "x: y\n"}, mend: []string{"environments/a b files"}, says: "rename the folder"},
		"no environment":           {files: map[string]string{"README.md": "x"}, mend: []string{"environments"}, says: "no folder"},
		"one that is named":        {files: map[string]string{"a/x": "", "b/settings.yaml": "x: y\n"}, env: map[string]string{"SETTINGS_ENVIRONMENT_PATH": "environments/b"}},
		"one that is not there": {
			files: map[string]string{"a/x": ""}, env: map[string]string{"SETTINGS_ENVIRONMENT_PATH": "environments/c"}, mend: []string{"environments"}, says: "there are: environments/a",
		},
		"a name that makes up a finding": {
			files: map[string]string{"a/settings.yaml": "x: y\n", "b\n✔ c/settings.yaml": "x: y\n"}, mend: []string{"environments/b\\n✔ c files"}, says: "rename the folder",
		},
		"settings without end": {
			files: map[string]string{"a/settings.yaml": strings.Repeat("#", maxRead) + "\n"}, mend: []string{"environments/a region"}, says: "is not read",
		},
		"a misspelt name": {files: map[string]string{"a/settings.yaml": "x: y\n"}, env: map[string]string{"SPA_RUNNER_REQUIRE_PIN": "true"}, mend: []string{"configuration"}, says: "SPA_RUNNER_REQUIRE_PIN"},
	} {
		if leftOut(name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &patient{world: &world{t: t, env: map[string]string{asMain: "1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "PATH": "/none"}}, temp: t.TempDir()}
			folder := filepath.Join(t.TempDir(), "SpaSettings")
			p.dirs, p.workdir = map[string]string{"settings": folder}, t.TempDir()
			p.env["TMPDIR"], p.env["HOME"] = p.temp, p.workdir
			maps.Copy(p.env, test.env)
			for file, content := range test.files {
				p.write("settings", filepath.Join("environments", file), content)
			}
			for link, target := range test.links {
				if err := errors.Join(os.MkdirAll(folder, 0o755), os.Symlink(target, filepath.Join(folder, "environments", link))); err != nil {
					t.Fatal(err)
				}
			}
			before := treeOf(t, folder)
			o := p.run("doctor", "--json", "--settings", folder)
			var report doctor.Report
			if err := json.Unmarshal([]byte(o.stdout), &report); err != nil {
				t.Fatalf("no report: %v", o)
			}
			mend, warn := namesOf(report, doctor.Mend), namesOf(report, doctor.Warn)
			if !slices.Equal(mend, test.mend) && len(mend)+len(test.mend) > 0 || !slices.Equal(warn, test.warn) && len(warn)+len(test.warn) > 0 {
				t.Errorf("to be mended %q and warned of %q, want %q and %q: %v", mend, warn, test.mend, test.warn, o)
			}
			if (o.code == 1) != (len(test.mend) > 0) || o.code > 1 || !strings.Contains(o.stdout, test.says) {
				t.Errorf("want %q in %v", test.says, o)
			}
			if after := treeOf(t, folder) + treeOf(t, p.temp) + treeOf(t, p.workdir); after != before {
				t.Errorf("there was\n%s\nand is\n%s", before, after)
			}
		})
	}
}

// treeOf are the paths in a folder.
func treeOf(t *testing.T, folder string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		if path != folder {
			b.WriteString(path + "\n")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What is read of settings.yaml without a parser is what a parser reads, or nothing.
func FuzzOfAutomation(f *testing.F) {
	for _, text := range []string{
		"automation:\n  region: eu-west-1\n", "automation:\n\n  # the region\n  account_id: \"123456789012\"\n  region: \"eu-west-1\"  # Ireland\nworker:\n  region: x\n",
		"automation: {region: eu-west-1}\n", "automation:\n  tags:\n    region: x\n", "automation:\n  text: |\n    region: x\n  region: eu-west-1\n",
		"automation:\n  region: 'eu-west-1'\n", "a:\n  region: x\nautomation:\n    region:\n", "\ufeffautomation:\n  region: eu-west-1\r\n", "automation:\n- region: x\n", "automation:\n  region: x\n   y\n", "automation:\n region: \"0\n0 0\"", "automation:\n region: 'a''b'\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := ofAutomation([]byte(text), "region")
		if !plainValue(got) {
			return // what no region can be is told as what it is
		}
		var document struct {
			Automation struct {
				Region yaml.Node `yaml:"region"`
			} `yaml:"automation"`
		}
		if err := yaml.Unmarshal([]byte(text), &document); err != nil {
			return
		}
		if value := document.Automation.Region.Value; document.Automation.Region.Kind == yaml.ScalarNode && got != value {
			t.Errorf("got %q, and a parser of YAML reads %q", got, value)
		}
	})
}

// plainValue tells what may be a region or an account.
func plainValue(text string) bool {
	return text != "" && !bytes.ContainsFunc([]byte(text), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}

func TestReadingSettings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"automation:\n  region: eu-west-1\n":                                                      "eu-west-1",
		"environment_identifier: X\n\nautomation: # ours\n\n  # where\n  region: \"eu-west-1\"\n": "eu-west-1",
		"automation:\r\n  account_id: '1'\r\n  region: 'eu-west-3' # Paris\r\nworker:\r\n":        "eu-west-3",
		"automation:\n  tags:\n    region: no\n":                                                  "",
		"automation:\n  account_id: 1\nworker:\n  region: no\n":                                   "",
		"automation:\n  region: eu-west-1\n   or so\n":                                            "",
		"automation:\n  region: &ours eu-west-1\n":                                                "",
		"region: no\n":                      "",
		"automation: {region: eu-west-1}\n": "",
		"# automation:\n#   region: no\n":   "",
		"automation:\n  markdown: |\n    region: no\n  region: eu-west-1\n": "eu-west-1",
	} {
		if got := ofAutomation([]byte(text), "region"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestWhoACallerIs(t *testing.T) {
	t.Parallel()
	for arn, want := range map[string]caller{
		"arn:aws:sts::222222222222:assumed-role/Spa-DeployEnvironmentServiceRole/AWSCodeBuild-1": {account: "222222222222", partition: "aws", kind: "assumed-role", name: "Spa-DeployEnvironmentServiceRole"},
		"arn:aws-cn:iam::222222222222:user/people/jane":                                          {account: "222222222222", partition: "aws-cn", kind: "user", name: "jane"},
		"arn:aws:iam::222222222222:user/jane":                                                    {account: "222222222222", partition: "aws", kind: "user", name: "jane"},
		"arn:aws:iam::222222222222:root":                                                         {account: "222222222222", partition: "aws", kind: "root", name: "/"},
		"nonsense":                                                                               {},
	} {
		want.arn = arn
		if got := parseCaller(arn); got != want {
			t.Errorf("%s: got %+v, want %+v", arn, got, want)
		}
	}
}
