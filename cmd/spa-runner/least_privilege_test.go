package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"spa-runner/internal/awsname"
	"spa-runner/internal/codecommit"
	"spa-runner/internal/identity"
	"spa-runner/internal/loopback"
)

// grant is one action that a policy allows, on what and when.
type grant struct{ action, resource, condition string }

// grants reads a policy as IAM does, and refuses what these tests do not know.
func grants(t *testing.T, policy string) []grant {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(policy))
	decoder.DisallowUnknownFields() // a NotAction would turn the meaning round
	var p struct {
		Version   string
		Statement []struct {
			Effect, Resource string
			Action           []string
			Condition        map[string]map[string][]string
		}
	}
	if err := decoder.Decode(&p); err != nil || p.Version != "2012-10-17" || len(policy) > 2048 {
		t.Fatalf("%s: %d characters, %v", policy, len(policy), err)
	}
	var list []grant
	for _, s := range p.Statement {
		if s.Effect != "Allow" || len(s.Action) == 0 || s.Resource == "" {
			t.Errorf("a statement that means something else: %+v", s)
		}
		condition := ""
		if len(s.Condition) > 0 {
			condition = strings.TrimPrefix(fmt.Sprint(s.Condition), "map")
		}
		for _, action := range s.Action {
			list = append(list, grant{action, s.Resource, condition})
		}
	}
	return list
}

func TestTheSettingsRoleIsNarrowedToOneRepository(t *testing.T) {
	for _, test := range []struct{ partition, region, services string }{
		{"aws", "eu-west-1", "codecommit.eu-west-1.amazonaws.com"},
		{"aws-us-gov", "us-gov-west-1", "codecommit.us-gov-west-1.amazonaws.com"},
		{"aws-cn", "cn-north-1", "codecommit.cn-north-1.amazonaws.com codecommit.cn-north-1.amazonaws.com.cn"},
		{"aws-iso", "us-iso-east-1", "codecommit.us-iso-east-1.amazonaws.com codecommit.us-iso-east-1.c2s.ic.gov"},
		{"aws-eusc", "eusc-de-east-1", "codecommit.eusc-de-east-1.amazonaws.com codecommit.eusc-de-east-1.amazonaws.eu"},
	} {
		role, err := awsname.ParseRole("arn:" + test.partition + ":iam::012345678901:role/path/Read")
		if err != nil {
			t.Fatal(err)
		}
		name := strings.Repeat("n", 100) // the longest
		got := grants(t, identity.ReadSettings(role, codecommit.Repository{Region: test.region, Name: name}).String())
		want := []grant{
			{"codecommit:GitPull", "arn:" + test.partition + ":codecommit:" + test.region + ":012345678901:" + name, ""},
			{"kms:Decrypt", "*", "[StringEquals:map[kms:ViaService:[" + test.services + "]]]"},
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", test.partition, got, want)
		}
	}
}

func TestThePackagesRoleIsNarrowedToReading(t *testing.T) {
	reads := []string{"Describe", "Get", "List", "Read", "BatchGet", "BatchCheck"}
	services := map[string]bool{}
	for _, g := range grants(t, identity.ReadPackages().String()) {
		service, action, _ := strings.Cut(g.action, ":")
		services[service] = true
		switch {
		case g.action == "sts:GetServiceBearerToken":
			if want := "[StringEquals:map[sts:AWSServiceName:[codeartifact.amazonaws.com]]]"; g.condition != want {
				t.Errorf("%s when %s, want %s", g.action, g.condition, want)
			}
		case strings.Contains(action, "*"), strings.Contains(action, "Policy"):
			t.Errorf("%s is more than reading packages", g.action)
		case !slices.ContainsFunc(reads, func(verb string) bool { return strings.HasPrefix(action, verb) }):
			t.Errorf("%s is no reading", g.action)
		}
	}
	if want := map[string]bool{"codeartifact": true, "ecr": true, "sts": true}; !reflect.DeepEqual(services, want) {
		t.Errorf("got services %v", services)
	}
}

// What each role is assumed with, as STS sees it.
func TestRolesAreAssumedWithPolicyAndExternalID(t *testing.T) {
	t.Parallel()
	const repository = "arn:aws:codecommit:eu-west-1:111111111111:SpaSettings"
	for _, switched := range []string{"on", "off"} {
		w := newWorld(t, loopback.Options{})
		w.env["SPA_RUNNER_SETTINGS_SESSION_POLICY"] = switched
		w.env["READ_SETTINGS_EXTERNAL_ID"], w.env["DEPLOY_ENVIRONMENT_EXTERNAL_ID"] = "cloudops/17", "automation:18"
		w.env["READ_PACKAGES_ROLE"] = packagesRole
		w.env["CODEBUILD_BUILD_NUMBER"] = "5"
		w.serve()
		o := w.run("run")
		calls := w.aws.Calls()
		if o.code != 0 || len(calls) != 3 {
			t.Fatalf("%d calls, %v", len(calls), o)
		}
		for i, want := range []struct{ role, session, externalID string }{
			{settingsRole, "SettingsContext-5", "cloudops/17"}, {packagesRole, "PackagesContext-5", ""}, {deployRole, "TargetUpdateContext-5", "automation:18"},
		} {
			c := calls[i]
			if c.RoleARN != want.role || c.SessionName != want.session || c.ExternalID != want.externalID || !strings.Contains(c.CallerARN, "222222222222") {
				t.Errorf("call %d: got %+v, want %+v, each from the service role", i+1, c, want)
			}
		}
		if narrowed := calls[0].Policy != ""; narrowed != (switched == "on") {
			t.Errorf("%s: the settings role has the policy %q", switched, calls[0].Policy)
		}
		if switched == "on" && grants(t, calls[0].Policy)[0] != (grant{"codecommit:GitPull", repository, ""}) {
			t.Errorf("the settings role has the policy %s", calls[0].Policy)
		}
		if calls[1].Policy != identity.ReadPackages().String() || calls[2].Policy != "" {
			t.Errorf("packages: %s, deploy: %s", calls[1].Policy, calls[2].Policy)
		}
		plan := w.run("plan")
		if told := strings.Contains(plan.stdout, "narrowed   codecommit:GitPull on "+repository); told != (switched == "on") {
			t.Errorf("%s: plan says %s", switched, plan.stdout)
		}
	}
}

func TestA403NamesTheSessionPolicy(t *testing.T) {
	t.Parallel()
	for _, switched := range []string{"on", "off"} {
		w := newWorld(t, loopback.Options{})
		w.env["SPA_RUNNER_SETTINGS_SESSION_POLICY"] = switched
		w.env["READ_SETTINGS_ROLE"] = "arn:aws:iam::555555555555:role/OfAnotherAccount"
		w.serve()
		o := w.run("run")
		failed := o.find(t, "step failed", "clone-settings")
		if o.code != 125 || len(failed) != 1 || !strings.Contains(fmt.Sprint(failed[0]["hint"]), "codecommit:GitPull") {
			t.Fatalf("%v", o)
		}
		if named := strings.Contains(fmt.Sprint(failed[0]["hint"]), "SPA_RUNNER_SETTINGS_SESSION_POLICY=off"); named != (switched == "on") {
			t.Errorf("%s: the hint is %v", switched, failed[0]["hint"])
		}
	}
}

const whoAmI = "setup lint all-tests deploy:\n\t@TEST_AS_SDK=1 $(TEST_BINARY)\n"

// Setup, and nobody else before deploy, holds the packages role.
func TestSetupMayReadPackages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.env["READ_PACKAGES_ROLE"] = packagesRole
	w.useTestBinary()
	w.write("code", "Makefile", whoAmI)
	w.serve()
	o := w.run("run")
	if o.code != 0 {
		t.Fatalf("%v", o)
	}
	for step, want := range map[string]string{
		"make-setup": "true as 444444444444", "make-lint": "false", "make-all-tests": "false", "make-deploy": "true as 333333333333",
	} {
		if got := o.output(t, step); !strings.Contains(got, "go sdk found credentials: "+want) {
			t.Errorf("%s: got %q, want %s", step, got, want)
		}
	}
	if started := o.find(t, "step started", "make-setup"); !strings.Contains(fmt.Sprint(started), "session:PackagesContext") {
		t.Errorf("the session of make-setup is not shown: %v", started)
	}
	if assumed := o.find(t, "role assumed", "make-setup"); len(assumed) == 1 && !strings.HasPrefix(fmt.Sprint(assumed[0]["session"]), "PackagesContext") {
		t.Errorf("the session of the packages role is %v", assumed[0]["session"])
	}
	if assumed := o.find(t, "role assumed", "make-setup"); len(assumed) != 1 || assumed[0]["account"] != "444444444444" || assumed[0]["scope"] != "packages" {
		t.Errorf("got %v", assumed)
	}
	plan := w.run("plan")
	if !strings.Contains(plan.stdout, "make-setup              as packages, account 444444444444") || !strings.Contains(plan.stdout, identity.PackagesNarrowed) {
		t.Errorf("plan says %s", plan.stdout)
	}
}

// A packages role that is refused, or is of another account, ends the run in
// make-setup, with nothing made, and is explained as the other two are.
func TestARefusedPackagesRoleFailsClosed(t *testing.T) {
	t.Parallel()
	denied := &loopback.Fault{Status: 403, Code: "AccessDenied", Message: "no"}
	for name, test := range map[string]struct {
		options loopback.Options
		hint    string
	}{
		"refused": {loopback.Options{AssumeRole: func(c loopback.Call) error {
			if c.RoleARN == packagesRole {
				return denied
			}
			return nil
		}}, "the trust policy of " + packagesRole},
		"another account": {loopback.Options{Middleware: spoil("another account", packagesRole)}, "AWS_ENDPOINT_URL"},
	} {
		w := newWorld(t, test.options)
		w.env["READ_PACKAGES_ROLE"] = packagesRole
		w.write("code", "Makefile", "setup lint all-tests deploy:\n\t@echo MADE\n")
		w.serve()
		o := w.run("run")
		failed := o.find(t, "step failed", "make-setup")
		if o.code != 125 || len(failed) != 1 || strings.Contains(o.stdout, "MADE") || !strings.Contains(fmt.Sprint(failed[0]["hint"]), test.hint) {
			t.Errorf("%s: got %v", name, o)
		}
	}
}
