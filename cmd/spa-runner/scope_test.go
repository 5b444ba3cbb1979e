package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"spa-runner/internal/config"
	"spa-runner/internal/identity"
	"spa-runner/internal/loopback"
	"spa-runner/pipeline"
)

var update = flag.Bool("update", false, "write the golden files anew")

// carriers are all names known to lead to an identity or to change what make
// does; each is set to a canary where it does not break the runner itself.
var carriers = strings.Fields(`
	AWS_SECURITY_TOKEN AWS_ACCESS_KEY AWS_SECRET_KEY AWS_CREDENTIAL_EXPIRATION AWS_CREDENTIAL_FILE
	AWS_CREDENTIAL_PROFILES_FILE AWS_ROLE_ARN AWS_ROLE_SESSION_NAME AWS_WEB_IDENTITY_TOKEN_FILE
	AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_AUTHORIZATION_TOKEN
	AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE AWS_LOGIN_CACHE_DIRECTORY AWS_BEARER_TOKEN_BEDROCK
	AMAZON_ACCESS_KEY_ID AMAZON_SECRET_ACCESS_KEY AMAZON_SESSION_TOKEN BOTO_CONFIG CODEBUILD_AUTH_TOKEN
	ECS_AGENT_URI ECS_CONTAINER_METADATA_URI ECS_CONTAINER_METADATA_URI_V4 SSH_AUTH_SOCK
	ACTIONS_ID_TOKEN_REQUEST_TOKEN ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_RUNTIME_TOKEN GITHUB_TOKEN GH_TOKEN
	CI_JOB_TOKEN CI_JOB_JWT CI_JOB_JWT_V2 CI_REGISTRY_PASSWORD CI_REPOSITORY_URL BITBUCKET_STEP_OIDC_TOKEN
	CIRCLE_OIDC_TOKEN CIRCLE_OIDC_TOKEN_V2 SYSTEM_ACCESSTOKEN SYSTEM_OIDCREQUESTURI IDENTITY_ENDPOINT IDENTITY_HEADER
	AZURE_CLIENT_SECRET AZURE_FEDERATED_TOKEN_FILE ARM_OIDC_TOKEN idToken
	BUILDKITE_AGENT_ACCESS_TOKEN BUILDKITE_AGENT_JOB_API_TOKEN JENKINS_SECRET
	SETTINGS_GIT_TOKEN CODE_GIT_TOKEN MAKEOVERRIDES MFLAGS`)

const canary = "canary-0123456789"

// plant puts a canary into every variable and file that could give a child an
// identity that is not its own.
func plant(w *world) {
	for _, name := range carriers {
		w.env[name] = canary
	}
	w.env["AWS_PROFILE"], w.env["AWS_DEFAULT_PROFILE"] = "planted", "planted"
	w.env["AWS_CONFIG_FILE"] = filepath.Join(w.home, "elsewhere", "config")
	keys := "aws_access_key_id = " + canary + "\naws_secret_access_key = " + canary + "\n"
	for name, content := range map[string]string{
		".aws/credentials": "[default]\n" + keys + "[planted]\n" + keys,
		".aws/config":      "[default]\nregion = eu-west-1\n" + keys,
		"elsewhere/config": "[profile planted]\nregion = eu-west-1\n" + keys,
		".boto":            "[Credentials]\n" + keys,
	} {
		path := filepath.Join(w.home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
}

// ofShells are names that sh and make themselves set.
var ofShells = strings.Fields("SHLVL _ MAKEFLAGS MFLAGS MAKELEVEL MAKE_TERMOUT MAKE_TERMERR")

// environsOf runs a pipeline whose targets write their environment to files,
// and returns it for each step, with the order of the steps and their scopes.
func environsOf(w *world, flags ...string) (byStep map[string]map[string]string, o outcome) {
	w.write("code", "Makefile", "setup lint all-tests deploy:\n\t@env -0 >$(HOME)/env-make-$@\n")
	w.serve()
	o = w.run(append([]string{"run"}, flags...)...)
	byStep = map[string]map[string]string{}
	for _, step := range allSteps {
		content, err := os.ReadFile(filepath.Join(w.home, "env-"+step))
		if err != nil {
			continue
		}
		byStep[step] = map[string]string{}
		for pair := range strings.SplitSeq(strings.TrimSuffix(string(content), "\x00"), "\x00") {
			name, value, _ := strings.Cut(pair, "=")
			if !slices.Contains(ofShells, name) || value == canary {
				byStep[step][name] = value
			}
		}
	}
	return byStep, o
}

// The golden files are the security review in one page: who acts as whom, and
// the names that each child sees. A new step, scope or variable shows here.
func TestScopesAndWhatEachChildSees(t *testing.T) {
	t.Parallel()
	for golden, packages := range map[string]string{"scopes.golden": "", "scopes_packages.golden": packagesRole} {
		t.Run(golden, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, loopback.Options{})
			if packages != "" {
				w.env["READ_PACKAGES_ROLE"] = packages
			}
			scopesAndWhatEachChildSees(t, w, golden)
		})
	}
}

func scopesAndWhatEachChildSees(t *testing.T, w *world, goldenName string) {
	t.Helper()
	plant(w)
	delete(w.env, "TMPDIR")
	w.env["OF_THE_PROJECT"] = "passes"
	w.env["READ_SETTINGS_EXTERNAL_ID"], w.env["DEPLOY_ENVIRONMENT_EXTERNAL_ID"] = canary, canary
	w.env["DATADOG_KEY"], w.env["SPA_RUNNER_DEPLOY_ONLY"] = "for deploy alone", "DATADOG_KEY"
	w.write("settings", environmentPath+"/variables.sh", "export OF_THE_SCRIPT=passes\nNOT_EXPORTED=stays\n")
	byStep, o := environsOf(w, "--max-passes", "2") // a flag is no variable that a child sees
	if o.code != 0 || len(byStep) != 4 {
		t.Fatalf("%d environments, %v", len(byStep), o)
	}
	var golden strings.Builder
	for _, e := range o.find(t, "step started", "") {
		step := fmt.Sprint(e["step"])
		fmt.Fprintf(&golden, "%s acts as %v\n", step, e["scope"])
		for _, name := range slices.Sorted(maps.Keys(byStep[step])) {
			fmt.Fprintf(&golden, "    %s\n", name)
		}
	}
	file := filepath.Join("..", "..", "testdata", goldenName)
	if *update {
		if err := os.WriteFile(file, []byte(golden.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if golden.String() != string(want) {
		t.Errorf("the scopes changed; if that is meant, run go test ./cmd/spa-runner -run Scopes -update\ngot:\n%s\nwant:\n%s", golden.String(), want)
	}
	service := w.aws.ServiceCredentials()
	for step, vars := range byStep {
		for name, value := range vars {
			if strings.Contains(value, canary) || value == service.SecretAccessKey || value == service.SessionToken || value == service.AccessKeyID {
				t.Errorf("%s sees an identity that is not its own in %s", step, name)
			}
		}
	}
	if deploy := byStep["make-deploy"]; deploy["AWS_CONTAINER_AUTHORIZATION_TOKEN"] == "" || deploy["SPA_CODE_COMMIT"] != w.commits["code"] {
		t.Errorf("deploy sees %v", slices.Sorted(maps.Keys(deploy)))
	}
}

// The plan tells the same scopes as the run.
func TestPlanTellsTheScopes(t *testing.T) {
	t.Parallel()
	c := config.New(nil, pairsOf(good()))
	if err := c.Resolve(); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, loopback.Options{})
	want, err := os.ReadFile(filepath.Join("..", "..", "testdata", "scopes.golden"))
	if err != nil {
		t.Fatal(err)
	}
	o := w.run("plan", "--json", "--max-passes", "2")
	plan := &planner{config: c, assume: identity.Assumer(t.Context(), awsConfigOfNobody(), &c.Region, identity.Patience{}), facts: &facts{}}
	for i, step := range append(plan.plan(), plan.lookAgain()) {
		line := step.Name() + " acts as " + pipeline.ScopeOf(step) + "\n"
		if step.Name() != append(allSteps, "look-again")[i] || !strings.Contains(string(want), line) || !strings.Contains(o.stdout, `"name": "`+step.Name()+`"`) {
			t.Errorf("step %d: %q", i+1, line)
		}
	}
	if o.code != 0 || len(w.aws.Calls()) != 0 {
		t.Errorf("plan called STS %d times: %v", len(w.aws.Calls()), o)
	}
}

// asSDK makes the test binary print which credentials the Go SDK finds.
const asSDK = "TEST_AS_SDK"

func printSDKCredentials() {
	cfg, err := awsconfig.LoadDefaultConfig(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := cfg.Credentials.Retrieve(context.Background()); err != nil {
		fmt.Println("go sdk found credentials: false")
		return
	}
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(context.Background(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("go sdk found credentials: true as", *who.Account)
}

// What real clients find in setup, lint and tests: nothing. In deploy: the
// deploy role.
func TestRealClientsFindNoCredentials(t *testing.T) {
	t.Parallel()
	clients := []string{"TEST_AS_SDK=1 $(TEST_BINARY)"}
	want := map[bool][]string{
		false: {"go sdk found credentials: false"},
		true:  {"go sdk found credentials: true as 333333333333"},
	}
	if asks(t, "aws", "--version") {
		clients = append(clients, "aws sts get-caller-identity --query Account --output text 2>&1 || true")
		want[false] = append(want[false], "Unable to locate credentials")
		want[true] = append(want[true], "333333333333")
	}
	if asks(t, "python3", "-c", "import boto3") {
		clients = append(clients, "python3 -c 'import boto3; print(\"boto3 found credentials:\", boto3.Session().get_credentials() is not None)'")
		want[false] = append(want[false], "boto3 found credentials: False")
		want[true] = append(want[true], "boto3 found credentials: True")
	}
	w := newWorld(t, loopback.Options{})
	plant(w)
	w.env["TEST_BINARY"] = os.Args[0]
	w.write("code", "Makefile", "setup lint all-tests deploy:\n\t@"+strings.Join(clients, "\n\t@")+"\n")
	w.serve()
	o := w.run("run")
	if o.code != 0 {
		t.Fatalf("%v", o)
	}
	for _, step := range []string{"make-setup", "make-lint", "make-all-tests", "make-deploy"} {
		for _, text := range want[step == "make-deploy"] {
			if got := o.output(t, step); !strings.Contains(got, text) {
				t.Errorf("%s: got %q, want %q in it", step, got, text)
			}
		}
	}
}

func TestNothingOutsideChangesWhatMakeMeans(t *testing.T) {
	t.Parallel()
	evil := filepath.Join(t.TempDir(), "evil.mk")
	if err := os.WriteFile(evil, []byte("$(info EVIL)\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"MAKEFLAGS": "i", "GNUMAKEFLAGS": "i", "MFLAGS": "-i", "MAKEFILES": evil, "MAKELEVEL": "3", "MAKE": "false", "MAKE_COMMAND": "false",
	} {
		w := newWorld(t, loopback.Options{})
		w.env[name] = value
		w.write("code", "Makefile", "setup all-tests deploy:\n\t@echo level $(MAKELEVEL) of $(MAKE)\nlint:\n\t@false\n")
		w.serve()
		o := w.run("run")
		if o.code != 2 || strings.Contains(o.stdout, "EVIL") || !strings.Contains(o.output(t, "make-setup"), "level 0 of /") {
			t.Errorf("%s=%s: a failing lint gave %v", name, value, o)
		}
	}
	w := newWorld(t, loopback.Options{})
	w.env["MAKEFLAGS"] = "n"
	w.write("code", "Makefile", "setup lint all-tests deploy:\n\t@touch $(HOME)/made-$@\n")
	w.serve()
	if o := w.run("run"); o.code != 0 {
		t.Fatalf("%v", o)
	}
	if _, err := os.Stat(filepath.Join(w.home, "made-deploy")); err != nil {
		t.Errorf("MAKEFLAGS=n: exit code 0, and deploy was not made: %v", err)
	}
}
