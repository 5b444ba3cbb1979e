// The templates of the three accounts, tested without AWS. Who may do what is
// asked elsewhere; here it is whether they are what the README and the runner say.
package infra_test

import (
	"fmt"
	"maps"
	"os"
	"testing"

	"go.yaml.in/yaml/v3"

	"spa-runner/infra/cfn"
)

// accounts are those of the README, in the order of its commands.
var accounts = map[string]string{"cloudops": "111111111111", "devops": "222222222222", "automation": "333333333333"}

// required are the parameters without a default, as a team would fill them in.
func required(template string) map[string]string {
	return map[string]map[string]string{
		"cloudops": {"DevOpsAccountId": accounts["devops"], "CodeBucket": "zips", "CodeKey": "v1/trigger.zip"},
		"devops": {
			"CloudOpsAccountId": accounts["cloudops"], "ReadSettingsRole": "arn:aws:iam::111111111111:role/Spa-ReadSettingsRole",
			"DeployEnvironmentRole": "arn:aws:iam::333333333333:role/Spa-DeployEnvironmentRole",
			"SettingsGitUrl":        "codecommit::eu-west-1://SpaSettings", "SettingsEnvironmentPath": "environments/automation",
			"CodeGitBranch": "v.24.06.18", "CodeGitCommit": "0123456789abcdef0123456789abcdef01234567", "RunnerVersion": "v1.0.0",
			"RunnerSha256Amd64": digest,
		},
		"automation": {"DevOpsAccountId": accounts["devops"]},
	}[template]
}

const digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// everything are parameters that make each resource of the templates that one
// stack can have.
func everything(template string) map[string]string {
	return map[string]map[string]string{
		"cloudops": {
			"EnablePreview": "true", "ReadSettingsExternalId": "settings-id", "OtherTriggerRoles": "arn:aws:iam::222222222222:role/Other",
			"RepositoryKmsKeyArn":    "arn:aws:kms:eu-west-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab",
			"PermissionsBoundaryArn": "arn:aws:iam::111111111111:policy/Boundary",
		},
		"devops": {
			"ReadSettingsExternalId": "settings-id", "DeployEnvironmentExternalId": "deploy-id",
			"ReadPackagesRole": "arn:aws:iam::222222222222:role/Packages", "OtherRoles": "arn:aws:iam::444444444444:role/Deploy,arn:aws:iam::555555555555:role/Deploy",
			"CodeGitUrl": "https://git.example.com/code.git", "CodeGitReachableFrom": "main", "CodeGitVerifyKeys": "keys/releases",
			"RunnerSha256Arm64": digest, "UntrustedUser": "codebuild-user", "OverlayProtect": "Makefile,cdk/**", "DeployEnvironmentRegion": "eu-west-3",
			"ExtraVariable1Name": "AWS_DEFAULT_REGION", "ExtraVariable1Value": "eu-west-3", "ExtraVariable2Name": "A", "ExtraVariable2Value": "b",
			"ExtraVariable3Name": "C", "ExtraVariable3Value": "d", "SecretVariableName": "CODE_GIT_TOKEN",
			"SecretVariableArn":  "arn:aws:secretsmanager:eu-west-1:222222222222:secret:token-AbCdEf",
			"ImageRepositoryArn": "arn:aws:ecr:eu-west-1:222222222222:repository/builder", "Image": "222222222222.dkr.ecr.eu-west-1.example/builder:1",
			"VpcId": "vpc-0123456789abcdef0", "SubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1", "SecurityGroupIds": "sg-0123456789abcdef0",
			"ScheduleExpression": "rate(1 day)", "NotificationEmail": "team@example.com",
			"PreviewEnvironmentRole": "arn:aws:iam::333333333333:role/Spa-PreviewEnvironmentRole",
			"PermissionsBoundaryArn": "arn:aws:iam::222222222222:policy/Boundary",
		},
		"automation": {
			"EnablePreview": "true", "CdkRolesOnly": "true", "DeployEnvironmentExternalId": "deploy-id",
			"PermissionsBoundaryArn": "arn:aws:iam::333333333333:policy/Boundary",
		},
	}[template]
}

// batch are the parameters of DevOps for many environments.
func batch() map[string]string {
	return map[string]string{"EnableBatch": "true", "SettingsEnvironmentPath": ""}
}

func text(t *testing.T, template string) string {
	t.Helper()
	content, err := os.ReadFile(template + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

var ireland = cfn.Place{Region: "eu-west-1", Partition: "aws", URLSuffix: "amazonaws.com"}

// resolve makes a stack of a template's text in its account, with the required
// parameters and further ones.
func resolve(template, text string, place cfn.Place, further ...map[string]string) (*cfn.Stack, error) {
	parsed, err := cfn.Parse([]byte(text))
	if err != nil {
		return nil, err
	}
	place.Account, place.Stack = accounts[template], template
	parameters := required(template)
	for _, values := range further {
		maps.Copy(parameters, values)
	}
	return parsed.Resolve(place, parameters)
}

func stack(t *testing.T, template string, further ...map[string]string) *cfn.Stack {
	t.Helper()
	made, err := resolve(template, text(t, template), ireland, further...)
	if err != nil {
		t.Fatalf("%s.yaml: %v", template, err)
	}
	return made
}

// at follows keys and indexes into a value, and is nil where there is nothing.
func at(value any, path ...any) any {
	for _, step := range path {
		switch key := step.(type) {
		case string:
			mapping, _ := value.(map[string]any)
			value = mapping[key]
		case int:
			list, _ := value.([]any)
			if key >= len(list) {
				return nil
			}
			value = list[key]
		}
	}
	return value
}

// variables are the environment variables of a project.
func variables(t *testing.T, made *cfn.Stack, project string) map[string]string {
	t.Helper()
	values := map[string]string{}
	list, _ := at(made.Resources[project].Properties, "Environment", "EnvironmentVariables").([]any)
	for _, v := range list {
		name := fmt.Sprint(at(v, "Name"))
		if _, twice := values[name]; twice {
			t.Errorf("%s stands twice in %s", name, project)
		}
		values[name] = fmt.Sprint(at(v, "Value"))
	}
	return values
}

// raw is a template as plain YAML, functions and all.
func raw(t *testing.T, template string) map[string]any {
	t.Helper()
	var values map[string]any
	if err := yaml.Unmarshal([]byte(text(t, template)), &values); err != nil {
		t.Fatal(err)
	}
	return values
}
