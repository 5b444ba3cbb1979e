package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// variablesOf makes a getenv of NAME=VALUE texts.
func variablesOf(list ...string) func(string) string {
	return func(name string) string {
		for _, v := range slices.Backward(list) {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	const region = "AWS_REGION=eu-west-1"
	base := []string{region, "ARN_OF_ROLE_TO_ASSUME=" + triggerRole, "NAME_OF_PROJECT_TO_START=P1"}
	for name, c := range map[string]struct {
		with  []string
		check func(config) bool
	}{
		"defaults":         {nil, func(c config) bool { return c.trunk == "refs/heads/main" && !c.batch && c.folder == "environments" }},
		"name":             {nil, func(c config) bool { return c.targets[0].project == project{"aws", "eu-west-1", "222222222222", "P1"} }},
		"white space":      {[]string{"NAME_OF_PROJECT_TO_START= P1\n"}, func(c config) bool { return c.targets[0].project.name == "P1" }},
		"empty is unset":   {[]string{"ENVIRONMENTS=", "START_BATCH=", "SETTINGS_GIT_BRANCH="}, func(c config) bool { return len(c.targets) == 1 }},
		"ARN":              {[]string{"NAME_OF_PROJECT_TO_START=" + projectARNs}, func(c config) bool { return c.targets[0].project.region == "eu-west-3" }},
		"full name of ref": {[]string{"SETTINGS_GIT_BRANCH=refs/heads/x/y"}, func(c config) bool { return c.trunk == "refs/heads/x/y" }},
		"batch":            {[]string{"START_BATCH=TRUE", "ENVIRONMENTS_FOLDER=envs/"}, func(c config) bool { return c.batch && c.folder == "envs" }},
		"environments": {[]string{"ENVIRONMENTS=a=P1, b/c=P2"}, func(c config) bool {
			return len(c.targets) == 2 && c.targets[1].folder == "b/c" && c.targets[1].project.name == "P2" && c.targets[1].role.String() == triggerRole
		}},
		"all with their roles": {[]string{"ARN_OF_ROLE_TO_ASSUME=", "NAME_OF_PROJECT_TO_START=", "ENVIRONMENTS=a=P1@" + otherRole}, func(c config) bool {
			return c.targets[0].project.account == "444444444444"
		}},
		"China": {[]string{"AWS_REGION=cn-north-1", "ARN_OF_ROLE_TO_ASSUME=arn:aws-cn:iam::222222222222:role/R"}, func(c config) bool {
			return c.targets[0].project.String() == "arn:aws-cn:codebuild:cn-north-1:222222222222:project/P1"
		}},
	} {
		got, err := newConfig(variablesOf(append(slices.Clone(base), c.with...)...))
		if err != nil || !c.check(got) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, c := range map[string]struct {
		with []string
		want string
	}{
		"no role":                    {[]string{"ARN_OF_ROLE_TO_ASSUME="}, "ARN_OF_ROLE_TO_ASSUME: it is not set"},
		"no project":                 {[]string{"NAME_OF_PROJECT_TO_START="}, "NAME_OF_PROJECT_TO_START: it is not set"},
		"no region":                  {[]string{"AWS_REGION="}, "AWS_REGION: it is not set"},
		"a session's ARN":            {[]string{"ARN_OF_ROLE_TO_ASSUME=arn:aws:sts::222222222222:assumed-role/R/s"}, "arn:aws:iam::222222222222:role/R"},
		"another account":            {[]string{"NAME_OF_PROJECT_TO_START=arn:aws:codebuild:eu-west-1:333333333333:project/P"}, "is in account 333333333333"},
		"another partition":          {[]string{"NAME_OF_PROJECT_TO_START=arn:aws-cn:codebuild:cn-north-1:222222222222:project/P"}, "a role starts projects of its own account"},
		"a build's ARN":              {[]string{"NAME_OF_PROJECT_TO_START=arn:aws:codebuild:eu-west-1:222222222222:build/P:1"}, "is not the ARN of a project"},
		"a zone":                     {[]string{"NAME_OF_PROJECT_TO_START=arn:aws:codebuild:eu-west-1a:222222222222:project/P1"}, "is a zone"},
		"name with a slash":          {[]string{"NAME_OF_PROJECT_TO_START=project/P"}, "is not the name of a project"},
		"a tag":                      {[]string{"SETTINGS_GIT_BRANCH=refs/tags/v1"}, "is not the name of a branch"},
		"a pattern":                  {[]string{"SETTINGS_GIT_BRANCH=*"}, "is not the name of a branch"},
		"yes":                        {[]string{"START_BATCH=yes"}, "write true or false"},
		"both":                       {[]string{"START_BATCH=true", "ENVIRONMENTS=a=P1"}, "unset one of the two"},
		"folder above":               {[]string{"ENVIRONMENTS_FOLDER=../x"}, "is no folder of the settings"},
		"absolute folder":            {[]string{"ENVIRONMENTS=/a=P1"}, "is no folder of the settings"},
		"no folder":                  {[]string{"ENVIRONMENTS==P1"}, "is no folder of the settings"},
		"no sign":                    {[]string{"ENVIRONMENTS=a"}, "write folder=project"},
		"separators alone":           {[]string{"ENVIRONMENTS=,"}, "there is no entry in it"},
		"twice":                      {[]string{"ENVIRONMENTS=a=P1 a=P2"}, "a has two entries"},
		"one in the other":           {[]string{"ENVIRONMENTS=a=P1 a/b=P2"}, "a and a/b lie one in the other"},
		"one project":                {[]string{"ENVIRONMENTS=a=P1 b=P1"}, "a and b have the same project"},
		"no role for one":            {[]string{"ARN_OF_ROLE_TO_ASSUME=", "ENVIRONMENTS=a=P1@" + otherRole + " b=P2"}, "b has no role"},
		"bad role":                   {[]string{"ENVIRONMENTS=a=P1@R"}, "does not begin with arn:"},
		"role and project disagree":  {[]string{"ENVIRONMENTS=a=" + projectARNs + "@" + otherRole}, "and the role " + otherRole},
		"every wrong entry, the 1st": {[]string{"ENVIRONMENTS=a b c=P1 c=P2"}, `"a" is no entry`},
		"every wrong entry, the 2nd": {[]string{"ENVIRONMENTS=a b c=P1 c=P2"}, `"b" is no entry`},
		"every wrong entry, the 3rd": {[]string{"ENVIRONMENTS=a b c=P1 c=P2"}, "c has two entries"},
	} {
		_, err := newConfig(variablesOf(append(slices.Clone(base), c.with...)...))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", name, err, c.want)
		}
	}
}

// One mistake is one sentence.
func TestAWrongRoleIsToldOnce(t *testing.T) {
	t.Parallel()
	_, err := newConfig(variablesOf("AWS_REGION=eu-west-1", "ARN_OF_ROLE_TO_ASSUME=Spa-DeploymentTriggerRole", "NAME_OF_PROJECT_TO_START="+projectARNs))
	if err == nil || !strings.Contains(err.Error(), "ARN_OF_ROLE_TO_ASSUME: ") || strings.Contains(err.Error(), "NAME_OF_PROJECT_TO_START") {
		t.Errorf("got %v, want the role alone", err)
	}
}

func TestTokenSeparatesItsParts(t *testing.T) {
	t.Parallel()
	p := push{event: "e", commit: "c", repository: repository{"aws", "eu-west-1", "111111111111", "r"}}
	where := project{"aws", "eu-west-1", "222222222222", "p"}
	seen := map[string]string{}
	for name, got := range map[string]string{
		"base":           token(p, where),
		"event":          token(push{event: "e2", commit: "c", repository: p.repository}, where),
		"commit":         token(push{event: "e", commit: "c2", repository: p.repository}, where),
		"repository":     token(push{event: "e", commit: "c", repository: repository{"aws", "eu-west-1", "111111111111", "r2"}}, where),
		"project":        token(p, project{"aws", "eu-west-1", "222222222222", "p2"}),
		"region":         token(p, project{"aws", "eu-west-2", "222222222222", "p"}),
		"parameter":      token(p, where, "x"),
		"another border": token(push{event: "", commit: `c" "e`, repository: p.repository}, where),
	} {
		if other, ok := seen[got]; ok {
			t.Errorf("%s and %s have one token", name, other)
		}
		seen[got] = name
	}
	if again := token(p, where); seen[again] != "base" {
		t.Error("a token changes")
	}
}

// An event of thousands of references is told of in a line that a log takes.
func TestOfAnEventNotMoreIsToldThanALogTakes(t *testing.T) {
	t.Parallel()
	const reference = `{"ref":"refs/heads/%s","commit":"5c4ef1049f1d27deadbeeff313e0730018be182b"}`
	record := func(branch, pusher string, n int) string {
		references := strings.Repeat(","+fmt.Sprintf(reference, branch), n)[1:]
		return `{"Records":[{"eventSource":"aws:codecommit","eventId":"e","userIdentityARN":"` + pusher +
			`","eventSourceARN":"arn:aws:codecommit:eu-west-1:111111111111:R","codecommit":{"references":[` + references + `]}}]}`
	}
	for name, payload := range map[string]string{"ignored": record(strings.Repeat("x", 150), "", 5000), "warnings": record("main", strings.Repeat("?", 150), 5000)} {
		r, err := readEvent([]byte(payload), "refs/heads/main")
		if err != nil {
			t.Fatal(err)
		}
		lines := slices.Concat(r.ignored, r.warnings)
		if got := len(strings.Join(lines, "")); len(lines) != maxTold+1 || got > 5000 {
			t.Errorf("%s: %d lines of %d bytes are told", name, len(lines), got)
		}
	}
}
