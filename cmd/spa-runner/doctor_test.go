package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"spa-runner/internal/doctor"
	"spa-runner/internal/loopback"
)

const bootstrapParameter = "/cdk-bootstrap/hnb659fds/version"

// patient is a world in which nothing is wrong: a build of CodeBuild, SPA-like code
// at a commit, an environment with its settings, a bootstrapped target.
type patient struct {
	*world
	tools, temp string
	refuse      string        // the role that trusts nobody
	ahead       time.Duration // of the servers' clock
	// answer is given in the place of the server, if it says so.
	answer func(w http.ResponseWriter, r *http.Request, body []byte) bool
	// rewriting changes what the server answers.
	rewriting func(body, answer []byte) []byte
}

func newPatient(t *testing.T) *patient {
	t.Helper()
	p := &patient{}
	p.world = newWorld(t, loopback.Options{
		Clock: func() time.Time { return time.Now().Add(p.ahead) },
		AssumeRole: func(c loopback.Call) error {
			if strings.Contains(p.refuse, c.RoleARN) {
				return &loopback.Fault{Status: 403, Code: "AccessDenied", Message: "User: " + c.CallerARN + " is not authorized to perform: sts:AssumeRole on resource: " + c.RoleARN}
			}
			return nil
		},
		Middleware: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				p.sync()
				defer p.sync()
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(body))
				switch {
				case p.answer != nil && p.answer(w, r, body):
				case p.rewriting != nil:
					recorder := httptest.NewRecorder()
					next.ServeHTTP(recorder, r)
					maps.Copy(w.Header(), recorder.Header())
					w.WriteHeader(recorder.Code)
					_, _ = w.Write(p.rewriting(body, recorder.Body.Bytes()))
				default:
					next.ServeHTTP(w, r)
				}
			})
		},
	})
	p.tools, p.temp = t.TempDir(), t.TempDir()
	for _, name := range []string{"make", "python3", "node", "npm"} {
		if err := os.WriteFile(filepath.Join(p.tools, name), []byte("#!/bin/sh\necho started >>"+p.home+"/started\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p.env["PATH"], p.env["TMPDIR"] = p.tools, p.temp
	p.env["CODEBUILD_BUILD_ID"] = "Spa-DeployAutomationEnvironment:0a1b2c3d"
	p.env["AWS_EC2_METADATA_DISABLED"], p.env[freeDisk] = "true", fmt.Sprint(8<<30)
	p.write("code", "Makefile", "setup:\n\tpython3 -m venv venv\n\tnpm install -g aws-cdk\nlint all-tests deploy:\n\t@true\n")
	p.write("code", "cdk.json", `{"app": "python build_resources.py"}`)
	p.write("code", "fixtures/settings/settings.yaml", "automation:\n  region: eu-west-1\n")
	p.write("settings", environmentPath+"/settings.yaml", "# ours\nautomation:\n\n  account_id: \"333333333333\"\n  region: \"eu-west-1\"  # Ireland\n")
	p.aws.ServeParameter(bootstrapParameter, loopback.Parameter{Account: "333333333333", Value: "21"})
	return p
}

// Two runs of the doctor say the same.
func TestTheBlameIsAlwaysTheSame(t *testing.T) {
	t.Parallel()
	d := &diagnosis{broken: map[string]string{"CODE_GIT_URL": scriptName, "CODE_GIT_COMMIT": "configuration", "SETTINGS_GIT_URL": "configuration"}}
	for range 100 {
		if got := d.brokenBy([]string{"AWS_REGION", "CODE_GIT_*"}); got != "configuration" {
			t.Fatalf("CODE_GIT_* is blamed on %q", got)
		}
	}
}

// serve also pins the code.
func (p *patient) serve() {
	p.world.serve()
	p.env["CODE_GIT_COMMIT"] = p.commits["code"]
}

// asked is what the doctor said, and what all servers were asked.
func (p *patient) asked(args ...string) (doctor.Report, outcome) {
	p.t.Helper()
	o := p.run(append([]string{"doctor", "--json"}, args...)...)
	var report doctor.Report
	if err := json.Unmarshal([]byte(o.stdout), &report); err != nil {
		p.t.Fatalf("no report: %v: %v", err, o)
	}
	if strings.Contains(o.stdout, p.temp) {
		p.t.Errorf("a folder is named that is gone by now: %v", o)
	}
	p.changedNothing()
	return report, o
}

// changedNothing holds all that the doctor promises of what it leaves.
func (p *patient) changedNothing() {
	p.t.Helper()
	reads := []string{
		"sts GetCallerIdentity", "sts AssumeRole", "ssm GetParameter",
		"sts ", // a request that a signal broke off before it named an action
		"codecommit GET info/refs?service=git-upload-pack", "codecommit POST git-upload-pack",
		"git GET info/refs?service=git-upload-pack", "git POST git-upload-pack",
	}
	for _, request := range p.aws.Requests() {
		if !slices.Contains(reads, request) {
			p.t.Errorf("a server was asked for %q, which is no read", request)
		}
	}
	for _, call := range p.aws.Calls() {
		if call.RoleARN == deployRole && !strings.Contains(call.Policy, `"Action":["ssm:GetParameter"],"Resource":"arn:aws:ssm:eu-`) {
			p.t.Errorf("the deploy role was assumed with the policy %q", call.Policy)
		}
		if call.RoleARN == settingsRole && !strings.Contains(call.Policy, "codecommit:GitPull") {
			p.t.Errorf("the settings role was assumed with the policy %q", call.Policy)
		}
	}
	for _, folder := range []string{p.temp, p.workdir, p.home} {
		entries, err := os.ReadDir(folder)
		for _, e := range entries {
			if !(folder == p.workdir && e.Name() == "settings") { // of a test
				p.t.Errorf("the doctor left %s in %s", e.Name(), folder)
			}
		}
		if err != nil {
			p.t.Error(err)
		}
	}
}

func namesOf(report doctor.Report, state doctor.State) []string {
	names := []string{}
	for _, f := range report.Checks {
		if f.State == state {
			names = append(names, f.Name)
		}
	}
	return names
}

func TestDoctorFindsNothingWhereAllIsWell(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.serve()
	report, o := p.asked()
	if o.code != 0 || !report.Healthy || len(namesOf(report, doctor.Mend))+len(namesOf(report, doctor.Warn))+len(namesOf(report, doctor.Unchecked)) > 0 {
		t.Errorf("got %v", o)
	}
	want := []string{
		"configuration", "work folder", "disk", "service identity", "clock", "settings role", "settings repository", "settings branch", "environment folder", "variables.sh",
		"code repository", "code ref", "code pinned", "settings files", "make", "python3", "node", "npm", "deploy role", "target region", "target account", "CDK bootstrap",
	}
	if got := namesOf(report, doctor.OK); !slices.Equal(got, want) {
		t.Errorf("looked at %q, want %q", got, want)
	}
	for _, request := range []string{"ssm GetParameter", "sts GetCallerIdentity", "codecommit POST git-upload-pack", "git POST git-upload-pack"} {
		if !slices.Contains(p.aws.Requests(), request) {
			t.Errorf("no server was asked for %q: the record has holes", request)
		}
	}
}

// variablesSay is a variables.sh.
func variablesSay(text string) func(*patient) {
	return func(p *patient) { p.write("settings", environmentPath+"/variables.sh", text) }
}

func setting(pairs ...string) func(*patient) {
	return func(p *patient) {
		for _, pair := range pairs {
			name, value, _ := strings.Cut(pair, "=")
			p.env[name] = value
		}
	}
}

func without(paths ...string) func(*patient) {
	return func(p *patient) {
		for _, path := range paths {
			if err := os.RemoveAll(path); err != nil {
				p.t.Fatal(err)
			}
		}
	}
}

func (p *patient) inSettings(name string) string {
	return filepath.Join(p.dirs["settings"], environmentPath, name)
}

// answering plays a server that says something else to what contains a text.
func answering(part string, status int, body string) func(*patient) {
	return func(p *patient) {
		p.answer = func(w http.ResponseWriter, r *http.Request, b []byte) bool {
			if !strings.Contains(r.URL.Path+" "+r.Header.Get("X-Amz-Target")+" "+string(b), part) {
				return false
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			return true
		}
	}
}

// sick is one thing broken: before the repositories are made, or after.
type sick struct {
	name    string
	before  func(*patient)
	after   func(*patient)
	finding string // the one ✖
	says    string // in its cause or what mends it
	runs    []string
}

func sicknesses() []sick {
	return []sick{
		// What the project says.
		{name: "a variable that is none", after: setting("SPA_RUNNER_TIMEOUT=50"), finding: "configuration", says: "50m"},
		{name: "a misspelt name", after: setting("SPA_RUNNER_REQUIRE_PIN=true"), finding: "configuration", says: "SPA_RUNNER_REQUIRE_PIN is no variable"},
		{name: "a region that is none", after: setting("AWS_REGION=europe"), finding: "configuration", says: "AWS_REGION", runs: []string{"code ref", "make"}},
		{name: "a role that is none", after: setting("READ_SETTINGS_ROLE=admin"), finding: "configuration", says: "READ_SETTINGS_ROLE", runs: []string{"deploy role", "code ref", "make"}},
		{name: "no role for the settings", after: setting("READ_SETTINGS_ROLE="), finding: "configuration", says: "READ_SETTINGS_ROLE is required", runs: []string{"deploy role", "make"}},
		{name: "no role for the deployment", after: setting("DEPLOY_ENVIRONMENT_ROLE="), finding: "configuration", says: "DEPLOY_ENVIRONMENT_ROLE is required", runs: []string{"variables.sh", "settings files", "code pinned"}},
		{name: "no settings", after: setting("SETTINGS_GIT_URL="), finding: "configuration", says: "SETTINGS_GIT_URL is required", runs: []string{"deploy role", "code ref"}},
		{name: "no region", before: func(p *patient) { // and settings whose URL does not name one
			p.write("code", environmentPath+"/settings.yaml", "automation:\n")
		}, after: func(p *patient) {
			delete(p.env, "AWS_REGION")
			delete(p.env, "CODE_COMMIT_ENDPOINT")
			p.env["SETTINGS_GIT_URL"] = p.env["CODE_GIT_URL"]
		}, finding: "configuration", says: "AWS_REGION is not set", runs: []string{"settings files", "code pinned"}},
		{name: "certificates that are not there", after: setting("AWS_CA_BUNDLE=/none.pem"), finding: "configuration", says: "AWS_CA_BUNDLE", runs: []string{"make", "disk"}},
		// The machine.
		{name: "somebody else's settings/", after: func(p *patient) {
			err := errors.Join(os.Mkdir(filepath.Join(p.workdir, "settings"), 0o755), os.WriteFile(filepath.Join(p.workdir, "settings", "f"), nil, 0o644))
			if err != nil {
				p.t.Fatal(err)
			}
		}, finding: "work folder", says: "use another folder"},
		{name: "a full disk", after: setting(freeDisk + "=1000000"), finding: "disk", says: "df -h -- /"},
		{name: "no such user", after: setting("SPA_RUNNER_UNTRUSTED_USER=nobody-of-that-name"), finding: "untrusted user", says: "SPA_RUNNER_UNTRUSTED_USER=codebuild-user"},
		{name: "no make", after: func(p *patient) { without(p.tools + "/make")(p) }, finding: "make", says: "apt-get install -y make"},
		{name: "no python3", after: func(p *patient) { without(p.tools + "/python3")(p) }, finding: "python3", says: "dnf install -y python3"},
		{name: "no node", after: func(p *patient) { without(p.tools + "/node")(p) }, finding: "node", says: "nodejs"},
		{name: "no npm", after: func(p *patient) { without(p.tools + "/npm")(p) }, finding: "npm", says: "nodejs-npm"},
		// Identities.
		{
			name: "no identity", after: setting("AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN="), finding: "service identity", says: "service role",
			runs: []string{"code ref", "make"},
		},
		{name: "keys that are not valid", after: setting("AWS_SESSION_TOKEN=of-yesterday"), finding: "service identity", says: "InvalidClientTokenId"},
		{name: "STS is out of reach", after: setting("AWS_ENDPOINT_URL_STS=http://127.0.0.1:1"), finding: "service identity", says: "curl -sI https://sts.eu-west-1.amazonaws.com", runs: []string{"code ref", "make"}},
		{name: "somebody answers in the place of STS", after: answering("GetCallerIdentity", 200, "<html>sign in</html>"), finding: "service identity", says: "STS"},
		{name: "a clock that is an hour slow", after: func(p *patient) { p.ahead = time.Hour }, finding: "clock", says: "ahead of this one by", runs: []string{"service identity", "code ref"}},
		{name: "a clock that is an hour fast", after: func(p *patient) { p.ahead = -time.Hour }, finding: "clock", says: "timedatectl"},
		{name: "the settings role trusts nobody", after: func(p *patient) { p.refuse = settingsRole }, finding: "settings role", says: "role/loopback-service-role", runs: []string{"deploy role", "CDK bootstrap", "code ref"}},
		{name: "the deploy role trusts nobody", after: func(p *patient) { p.refuse = deployRole }, finding: "deploy role", says: "aws iam put-role-policy --role-name loopback-service-role", runs: []string{"settings files", "target region"}},
		{
			name: "the deploy role is of another account",
			after: func(p *patient) {
				p.refuse = "arn:aws:iam::444444444444:role/X"
				p.env["DEPLOY_ENVIRONMENT_ROLE"] = p.refuse
			},
			finding: "deploy role", says: "in account 444444444444",
		},
		{
			name:  "the deploy role is of an account that the settings do not mean",
			after: setting("DEPLOY_ENVIRONMENT_ROLE=arn:aws:iam::444444444444:role/X"),
			before: func(p *patient) {
				p.aws.ServeParameter(bootstrapParameter, loopback.Parameter{Account: "444444444444", Value: "21"})
			},
			finding: "target account", says: "name the role of account 333333333333",
		},
		{
			name: "SPA's variable is of another account", after: setting("AWS_ACCOUNT=444444444444"), finding: "target account",
			says: "name the role of account 444444444444 in DEPLOY_ENVIRONMENT_ROLE, or correct AWS_ACCOUNT in the environment, which SPA prefers",
		},
		{
			name: "SPA's variable is of another account, in variables.sh", before: variablesSay("\nexport AWS_ACCOUNT=444444444444\n"), finding: "target account",
			says: "variables.sh:2, which SPA prefers to its settings",
		},
		{name: "STS gives another account", after: rewriting("AssumeRole", "333333333333", "999999999999"), finding: "deploy role", says: "999999999999"},
		{name: "STS says that the session is of another account", after: rewriting("GetCallerIdentity", "333333333333", "999999999999"), finding: "deploy role", says: "999999999999"},
		{name: "the packages role trusts nobody", after: func(p *patient) { p.refuse = packagesRole; p.env["READ_PACKAGES_ROLE"] = packagesRole }, finding: "packages role", says: "in account 444444444444"},
		// The settings.
		{name: "no such repository", after: setting("SETTINGS_GIT_URL=codecommit::eu-west-1://SpaSetting"), finding: "settings repository", says: "aws codecommit list-repositories", runs: []string{"deploy role"}},
		{name: "the settings role may not pull", after: answering("/v1/repos/", 403, "no"), finding: "settings repository", says: "arn:aws:codecommit:eu-west-1:111111111111:SpaSettings"},
		{name: "CodeCommit is out of reach", after: setting("CODE_COMMIT_ENDPOINT=http://127.0.0.1:1"), finding: "settings repository", says: "refused the connection"},
		{name: "no such branch", after: setting("SETTINGS_GIT_BRANCH=mian"), finding: "settings branch", says: "branch main"},
		{name: "no such commit", after: setting("SETTINGS_GIT_PIN=" + strings.Repeat("5", 40)), finding: "settings branch", says: "SETTINGS_GIT_PIN"},
		{name: "no such environment", after: setting("SETTINGS_ENVIRONMENT_PATH=environments/prod"), finding: "environment folder", says: "there are: environments/test"},
		{name: "a script that is none", before: variablesSay("if true\n"), finding: "variables.sh", says: "variables.sh:", runs: []string{"deploy role", "code ref"}},
		{name: "a script that sets the project's", before: variablesSay("A=1\nexport SPA_RUNNER_REQUIRE_PINNED=false\n"), finding: "variables.sh", says: "variables.sh:2"},
		{name: "a script that asks AWS", before: variablesSay("A=$(aws sts get-caller-identity)\n"), finding: "variables.sh", says: "variables.sh:1"},
		{name: "a script that sets a role that is none", before: variablesSay("export DEPLOY_ENVIRONMENT_ROLE=admin\n"), finding: "variables.sh", says: "DEPLOY_ENVIRONMENT_ROLE"},
		{name: "a script that names a region that is none", before: variablesSay("export DEPLOY_ENVIRONMENT_REGION=europe\n"), finding: "variables.sh", says: "europe"},
		{name: "no settings.yaml", before: func(p *patient) {
			without(p.inSettings("settings.yaml"))(p)
			p.write("settings", environmentPath+"/settings.yml", "automation:\n")
		}, finding: "settings files", says: "settings.yml"},
		{name: "an empty settings.yaml", before: func(p *patient) { p.write("settings", environmentPath+"/settings.yaml", "") }, finding: "settings files", says: "is empty"},
		{name: "a file that is protected", before: func(p *patient) { p.write("settings", environmentPath+"/Makefile", "deploy:\n") }, after: setting("SPA_RUNNER_OVERLAY_PROTECT=Makefile"), finding: "settings files", says: "SPA_RUNNER_OVERLAY_PROTECT"},
		{name: "a link that leads outside", before: func(p *patient) {
			if err := os.Symlink("/etc/passwd", p.inSettings("users")); err != nil {
				p.t.Fatal(err)
			}
		}, finding: "settings files", says: "leads outside"},
		// The code.
		{name: "no such code", after: func(p *patient) { p.env["CODE_GIT_URL"] = p.aws.URL() + "/git/cod.git" }, finding: "code repository", says: "404", runs: []string{"settings files", "deploy role", "CDK bootstrap"}},
		{name: "the host of the code is out of reach", after: setting("CODE_GIT_URL=http://127.0.0.1:1/code.git"), finding: "code repository", says: "refused the connection", runs: []string{"settings files"}},
		{name: "no such tag", after: setting("CODE_GIT_BRANCH=v23.8.3"), finding: "code ref", says: "git ls-remote --tags -- http"},
		{name: "another commit", after: setting("CODE_GIT_COMMIT=" + strings.Repeat("5", 40)), finding: "code pinned", says: "was demanded"},
		{name: "no pin where one is required", after: setting("CODE_GIT_COMMIT=", "SPA_RUNNER_REQUIRE_PINNED=true"), finding: "code pinned", says: "CODE_GIT_COMMIT="},
		{name: "a branch that the code is not merged to", after: setting("CODE_GIT_REACHABLE_FROM=release"), finding: "code ref", says: "release"},
		{name: "code that nobody signed", before: func(p *patient) { p.write("settings", "keys", testKeys) }, after: setting("CODE_GIT_VERIFY_KEYS=keys"), finding: "code proof", says: "sign"},
		// The target.
		{name: "another region than the settings say", after: setting("DEPLOY_ENVIRONMENT_REGION=eu-west-3"), finding: "target region", says: "DEPLOY_ENVIRONMENT_REGION=eu-west-1"},
		{name: "the region of CodeBuild", before: func(p *patient) {
			p.write("settings", environmentPath+"/settings.yaml", "automation:\n  region: us-east-1\n")
		}, finding: "target region", says: "DEPLOY_ENVIRONMENT_REGION=us-east-1"},
		{
			name: "no bootstrap", after: func(p *patient) { p.aws.ServeParameter(bootstrapParameter, loopback.Parameter{Account: "0"}) }, finding: "CDK bootstrap",
			says: "aws codebuild start-build --project-name Spa-DeployAutomationEnvironment --environment-variables-override 'name=SPA_RUNNER_DEPLOY_TARGETS,value=bootstrap-cdk deploy,type=PLAINTEXT'",
		},
		{
			name: "no bootstrap, and a Makefile that makes one", before: func(p *patient) {
				p.write("code", "Makefile", "setup lint all-tests:\n\t@true\nbootstrap-cdk deploy-all:\n\t@true\n")
			}, after: func(p *patient) {
				p.aws.ServeParameter(bootstrapParameter, loopback.Parameter{Account: "0"})
				p.env["SPA_RUNNER_DEPLOY_TARGETS"] = "deploy-all"
			}, finding: "CDK bootstrap", says: "'name=SPA_RUNNER_DEPLOY_TARGETS,value=bootstrap-cdk deploy-all,type=PLAINTEXT'",
		},
		{
			name: "no bootstrap of one's own qualifier where the target is", before: func(p *patient) {
				p.write("code", "cdk.json", `{"context": {"@aws-cdk/core:bootstrapQualifier": "ours"}}`)
				p.write("settings", environmentPath+"/settings.yaml", "automation:\n  region: eu-north-1\n")
			}, after: setting("AWS_DEFAULT_REGION=eu-west-3", "DEPLOY_ENVIRONMENT_REGION=eu-north-1"),
			finding: "CDK bootstrap", says: "cdk bootstrap aws://333333333333/eu-north-1 --qualifier ours",
		},
		{name: "a bootstrap that the role may not read", after: func(p *patient) {
			p.aws.ServeParameter(bootstrapParameter, loopback.Parameter{Account: "333333333333", Denied: true})
		}, finding: "CDK bootstrap", says: "arn:aws:ssm:*:333333333333:parameter/cdk-bootstrap/*"},
		{name: "Systems Manager is out of reach", after: setting("AWS_ENDPOINT_URL_SSM=http://127.0.0.1:1"), finding: "CDK bootstrap", says: "curl -sI https://ssm.eu-west-1.amazonaws.com"},
		{name: "somebody answers in the place of Systems Manager", after: answering("AmazonSSM.GetParameter", 200, "<html>sign in</html>"), finding: "CDK bootstrap", says: "something answers in its place"},
	}
}

const testKeys = "* ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n"

// rewriting replaces a text in the answers to one action of STS.
func rewriting(action, text, with string) func(*patient) {
	return func(p *patient) {
		p.rewriting = func(body, answer []byte) []byte {
			if !strings.Contains(string(body), "Action="+action) {
				return answer
			}
			return []byte(strings.ReplaceAll(string(answer), text, with))
		}
	}
}

// One thing broken at a time is found as exactly that and nothing else: one ✖, with
// a cause and what mends it; what depends on it is not checked and says so; all else
// is looked at; and nothing anywhere is changed.
func TestDoctorFindsTheOneThingThatIsBroken(t *testing.T) {
	t.Parallel()
	for _, test := range sicknesses() {
		if leftOut(test.name) {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPatient(t)
			if test.before != nil {
				test.before(p)
			}
			p.serve()
			if test.after != nil {
				test.after(p)
			}
			report, o := p.asked()
			got := namesOf(report, doctor.Mend)
			if o.code != 1 || report.Healthy || !slices.Equal(got, []string{test.finding}) || o.stderr != "" {
				t.Fatalf("got exit code %d and %q, want 1 and %q: %v", o.code, got, test.finding, o)
			}
			if warned := namesOf(report, doctor.Warn); len(warned) > 0 {
				t.Errorf("warned of %q: %v", warned, o)
			}
			for _, name := range test.runs {
				if !slices.Contains(namesOf(report, doctor.OK), name) {
					t.Errorf("%s was not looked at, which does not depend on it", name)
				}
			}
			for _, f := range report.Checks {
				text, _ := json.Marshal(f)
				if f.State == doctor.Mend && (f.Cause == "" || len(f.Fixes) == 0 || !strings.Contains(unescapedJSON(text), test.says)) {
					t.Errorf("got %s, want a cause, what mends it, and %q", text, test.says)
				}
				if strings.Contains(unescapedJSON(text), "rm -") {
					t.Errorf("what mends it removes something: %s", text)
				}
				if f.State == doctor.Unchecked && f.Because != test.finding {
					t.Errorf("%s was not checked because of %q, want %q", f.Name, f.Because, test.finding)
				}
			}
		})
	}
	if len(sicknesses()) < 25 {
		t.Errorf("only %d things are broken", len(sicknesses()))
	}
}

// unescapedJSON is what people read.
func unescapedJSON(text []byte) string {
	var f doctor.Finding
	_ = json.Unmarshal(text, &f)
	all := f.Cause
	for _, fix := range f.Fixes {
		all += "\n" + fix.Do + "\n" + fix.Paste
	}
	return all
}
