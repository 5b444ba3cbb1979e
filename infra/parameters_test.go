package infra_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEveryParameterIsExplained(t *testing.T) {
	t.Parallel()
	// Texts of any kind.
	free := []string{
		"CodeGitUrl", "CodeGitReachableFrom", "CodeGitVerifyKeys", "OverlayProtect", "Image", "Environments",
		"ExtraVariable1Value", "ExtraVariable2Value", "ExtraVariable3Value",
	}
	for template := range accounts {
		values := raw(t, template)
		parameters, _ := values["Parameters"].(map[string]any)
		var grouped []string
		groups, _ := at(values, "Metadata", "AWS::CloudFormation::Interface", "ParameterGroups").([]any)
		for _, group := range groups {
			if at(group, "Label", "default") == nil {
				t.Errorf("%s.yaml has a group of parameters without a name", template)
			}
			list, _ := at(group, "Parameters").([]any)
			for _, name := range list {
				grouped = append(grouped, fmt.Sprint(name))
			}
		}
		if got, want := slices.Sorted(slices.Values(grouped)), slices.Sorted(maps.Keys(parameters)); !slices.Equal(got, want) {
			t.Errorf("%s.yaml groups\n%q, and has\n%q", template, got, want)
		}
		for name, parameter := range parameters {
			if description, _ := at(parameter, "Description").(string); len(description) < 10 {
				t.Errorf("%s.yaml: %s is not described", template, name)
			}
			pattern, values, kind := at(parameter, "AllowedPattern"), at(parameter, "AllowedValues"), at(parameter, "Type")
			if kind == "String" && pattern == nil && values == nil && !slices.Contains(free, name) {
				t.Errorf("%s.yaml: %s takes any text", template, name)
			}
			if pattern != nil && at(parameter, "ConstraintDescription") == nil {
				t.Errorf("%s.yaml: who breaks the pattern of %s is told the pattern", template, name)
			}
			used := regexp.MustCompile(`!Ref ` + name + `\b|\$\{` + name + `\}`)
			if !used.MatchString(text(t, template)) {
				t.Errorf("%s.yaml: %s does nothing", template, name)
			}
		}
	}
}

// What does not fit is refused before anything is made, with a sentence.
func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		template string
		further  map[string]string
		want     string
	}{
		{"devops", map[string]string{"SettingsEnvironmentPath": ""}, "which environment this project deploys"},
		{"devops", map[string]string{"EnableBatch": "true"}, "SettingsEnvironmentPath is empty"},
		{"devops", map[string]string{"EnableBatch": "true", "SettingsEnvironmentPath": "", "ScheduleExpression": "rate(1 day)"}, "there is no schedule"},
		{"devops", map[string]string{"PreviewEnvironmentRole": required("devops")["DeployEnvironmentRole"]}, "does not get the role that deploys"},
		{"devops", map[string]string{"VpcId": "vpc-0123456789abcdef0"}, "VpcId needs SubnetIds.; VpcId needs SecurityGroupIds."},
		{"devops", map[string]string{"RunnerSha256Amd64": ""}, "needs RunnerSha256Amd64"},
		{"devops", map[string]string{"EnvironmentType": "ARM_CONTAINER"}, "needs RunnerSha256Arm64"},
		{"devops", map[string]string{"CodeGitCommit": ""}, "CodeGitCommit"},
		{"devops", map[string]string{"CodeGitCommit": "0123abc"}, "CodeGitCommit"},
		{"devops", map[string]string{"CodeGitBranch": ""}, "CodeGitBranch"},
		{"devops", map[string]string{"ReadSettingsRole": "Spa-ReadSettingsRole"}, "ReadSettingsRole"},
		{"devops", map[string]string{"RunnerUrl": "http://example.com"}, "RunnerUrl"},
		{"devops", map[string]string{"RunnerVersion": "a/b"}, "RunnerVersion"},
		{"devops", map[string]string{"TimeoutInMinutes": "55"}, "TimeoutInMinutes"},
		{"devops", map[string]string{"PythonVersion": "3.11'"}, "PythonVersion"},
		{"devops", map[string]string{"NodejsVersion": "latest"}, "NodejsVersion"},
		{"devops", map[string]string{"MaximumBuilds": "101"}, "MaximumBuilds"},
		{"devops", map[string]string{"DenyTriggerOverrides": "no"}, "DenyTriggerOverrides"},
		{"devops", map[string]string{"SettingsEnvironmentPath": "/etc"}, "SettingsEnvironmentPath"},
		{"devops", map[string]string{"ScheduleExpression": "daily"}, "ScheduleExpression"},
		{"cloudops", map[string]string{"StartBatch": "true", "Environments": "a=b"}, "Choose one"},
		{"cloudops", map[string]string{"DevOpsAccountId": "22222222222"}, "DevOpsAccountId"},
		// IAM takes a wildcard in what aws:PrincipalArn is compared with, and in a resource.
		{"cloudops", map[string]string{"ServiceRoleArns": "arn:aws:iam::222222222222:role/A,arn:aws:iam::222222222222:role/*"}, "ServiceRoleArns"},
		{"cloudops", map[string]string{"OtherTriggerRoles": "*"}, "OtherTriggerRoles"},
		{"automation", map[string]string{"ServiceRoleArns": "arn:aws:iam::222222222222:role/Spa-?"}, "ServiceRoleArns"},
		{"automation", map[string]string{"PreviewServiceRoleArns": "arn:aws:iam::222222222222:*"}, "PreviewServiceRoleArns"},
		{"devops", map[string]string{"OtherRoles": "arn:aws:iam::333333333333:role/Deploy*"}, "OtherRoles"},
		{"cloudops", map[string]string{"Architecture": "amd64"}, "Architecture"},
		{"cloudops", map[string]string{"ProjectToStart": "arn:aws:codebuild:eu-west-1:222222222222:project/"}, "ProjectToStart"},
		{"automation", map[string]string{"DeployEnvironmentExternalId": "a b"}, "DeployEnvironmentExternalId"},
	} {
		if _, err := resolve(c.template, text(t, c.template), ireland, c.further); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s.yaml with %v: got %v, want an error with %q", c.template, c.further, err, c.want)
		}
	}
}

// What code is deployed has no default: a template that is deployed as it is must
// not deploy whatever a branch is at.
func TestPinsHaveNoDefault(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"CodeGitBranch", "CodeGitCommit"} {
		if got := at(raw(t, "devops"), "Parameters", name, "Default"); got != nil {
			t.Errorf("%s is %v by default", name, got)
		}
	}
	if got := variables(t, stack(t, "devops"), "Project")["SPA_RUNNER_REQUIRE_PINNED"]; got != "true" {
		t.Errorf("SPA_RUNNER_REQUIRE_PINNED is %q", got)
	}
}

// The outputs of a stack are parameters of the next one, as they are.
func TestOutputsAreParametersOfTheNextStack(t *testing.T) {
	t.Parallel()
	pasted := map[string]map[string]string{"cloudops": {}, "devops": {}, "automation": {}}
	for from := range accounts {
		for output, line := range stack(t, from, everything(from)).Outputs {
			to, isLine := strings.CutSuffix(strings.TrimSuffix(output, "s"), "Parameter")
			if !isLine {
				continue
			}
			to = strings.TrimSuffix(strings.ToLower(to), "preview")
			for _, pair := range strings.Fields(line) {
				name, value, _ := strings.Cut(pair, "=")
				if before, twice := pasted[to][name]; twice && before != value {
					t.Errorf("%s of %s is %s and %s", name, to, before, value)
				}
				pasted[to][name] = value
			}
		}
	}
	if len(pasted) != 3 || len(pasted["devops"]) != 7 || len(pasted["cloudops"]) != 3 || len(pasted["automation"]) != 2 {
		t.Errorf("pasted is %q", pasted)
	}
	// They give what the templates take where nothing is pasted, so the order is free.
	for template, values := range pasted {
		alone, err := resolve(template, text(t, template), ireland)
		if err != nil {
			t.Fatal(err)
		}
		delete(values, "PreviewEnvironmentRole")
		both, err := resolve(template, text(t, template), ireland, values)
		if err != nil {
			t.Errorf("%s.yaml with what the other stacks put out: %v", template, err)
		} else if fmt.Sprint(alone.Resources) != fmt.Sprint(both.Resources) {
			t.Errorf("%s.yaml with what the other stacks put out makes\n%v, and without\n%v", template, both.Resources, alone.Resources)
		}
	}
}

// A project each, as the README says: what is pasted of CloudOps has the second
// project trust the one function, and CloudOps knows both.
func TestAProjectAnEnvironment(t *testing.T) {
	t.Parallel()
	pasted := func(line string) map[string]string {
		values := map[string]string{}
		for _, pair := range strings.Fields(line) {
			name, value, _ := strings.Cut(pair, "=")
			values[name] = value
		}
		return values
	}
	one := stack(t, "devops")
	two := stack(t, "devops", map[string]string{"NamePrefix": "Two-", "ArtifactBucket": "of-the-first"}, pasted(stack(t, "cloudops").Outputs["DevOpsParameters"]))
	services := one.Resources["ServiceRole"].ARN + "," + two.Resources["ServiceRole"].ARN
	cloudops := stack(t, "cloudops", map[string]string{
		"Environments":      "environments/one=Spa-DeployAutomationEnvironment environments/two=Two-DeployAutomationEnvironment@" + two.Resources["DeploymentTriggerRole"].ARN,
		"OtherTriggerRoles": two.Resources["DeploymentTriggerRole"].ARN, "ServiceRoleArns": services,
	})
	statement := []any{"PolicyDocument", "Statement", 0}
	trusted := []any{"AssumeRolePolicyDocument", "Statement", 0, "Condition", "ArnEquals", "aws:PrincipalArn"}
	for what, c := range map[string]struct{ got, want any }{
		"who may start the second": {at(two.Resources["DeploymentTriggerRole"].Properties, trusted...), cloudops.Resources["OnCodeCommitUpdateRole"].ARN},
		"who reads the settings":   {strings.Join(words(at(cloudops.Resources["ReadSettingsRole"].Properties, trusted...)), ","), services},
		"whom the function may be": {words(at(cloudops.Resources["OtherTriggerRolesPolicy"].Properties, append(statement, "Resource")...)), []string{two.Resources["DeploymentTriggerRole"].ARN}},
	} {
		if fmt.Sprint(c.got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", what, c.got, c.want)
		}
	}
}
