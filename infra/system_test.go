package infra_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"spa-runner/infra/cfn"
)

// The accounts of a system: CloudOps, DevOps, Automation, and one that has
// nothing to do with it.
const (
	cloudOps   = "111111111111"
	devOps     = "222222222222"
	automation = "333333333333"
	foreign    = "444444444444"
)

type partition struct{ name, region, suffix string }

func partitions() []partition {
	return []partition{
		{"aws", "eu-west-1", "amazonaws.com"},
		{"aws-cn", "cn-north-1", "amazonaws.com.cn"},
		{"aws-us-gov", "us-gov-west-1", "amazonaws.com"},
		{"aws-eusc", "eusc-de-east-1", "amazonaws.eu"},
	}
}

// variant is one way to deploy the system. In the values {P} is the partition,
// {R} the region, {1} to {4} the accounts.
type variant struct {
	name       string
	has        string // features, as the tables of questions name them
	cloudOps   map[string]string
	devOps     map[string]string
	automation map[string]string
	// pasted tells that the stacks are updated once more, with what DevOps puts
	// out, in place of the names that they expect it to have.
	pasted bool
}

func (v variant) feature(name string) bool {
	if rest, ok := strings.CutPrefix(name, "!"); ok {
		return !v.feature(rest)
	}
	return name == "" || slices.Contains(strings.Fields(v.has), name)
}

// variants has every parameter that changes a document of IAM at least once,
// those with most documents first.
func variants() []variant {
	const boundary = "arn:{P}:iam::{1}:policy/Boundary"
	boundaryOf := func(account string) map[string]string {
		return map[string]string{"PermissionsBoundaryArn": strings.Replace(boundary, "{1}", account, 1)}
	}
	everything := variant{
		name: "everything", has: "rule preview schedule mail vpc image secret packages other key externalid bucket cdk previewpolicy",
		cloudOps: map[string]string{
			"EnablePreview": "true", "ReadSettingsExternalId": "settings-id", "RepositoryKmsKeyArn": "arn:{P}:kms:{R}:{1}:key/0a0a",
			"Environments": "one=Two-DeployAutomationEnvironment@arn:{P}:iam::{2}:role/Two-DeploymentTriggerRole", "OtherTriggerRoles": "arn:{P}:iam::{2}:role/Two-DeploymentTriggerRole",
		},
		automation: map[string]string{
			"EnablePreview": "true", "DeployEnvironmentExternalId": "deploy-id", "CdkRolesOnly": "true", "PreviewPolicyArns": "arn:{P}:iam::{3}:policy/Extra",
		},
		devOps: map[string]string{
			"ReadSettingsExternalId": "settings-id", "DeployEnvironmentExternalId": "deploy-id",
			"ReadPackagesRole": "arn:{P}:iam::{4}:role/Packages", "OtherRoles": "arn:{P}:iam::{3}:role/Two-DeployEnvironmentRole, arn:{P}:iam::{3}:role/Three-DeployEnvironmentRole",
			"VpcId": "vpc-0a0a", "SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1",
			"ImageRepositoryArn": "arn:{P}:ecr:{R}:{2}:repository/image", "Image": "image",
			"SecretVariableName": "CODE_GIT_TOKEN", "SecretVariableArn": "arn:{P}:secretsmanager:{R}:{2}:secret:token-abcdef",
			"ScheduleExpression": "rate(1 day)", "NotificationEmail": "team@example.com",
		},
	}
	bounded := everything
	bounded.name, bounded.has = "boundary", everything.has+" boundary"
	bounded.cloudOps = merged(everything.cloudOps, boundaryOf("{1}"))
	bounded.devOps = merged(everything.devOps, boundaryOf("{2}"))
	bounded.automation = merged(everything.automation, boundaryOf("{3}"))
	return []variant{
		everything,
		bounded,
		{name: "smallest", has: "trigger bucket"},
		{name: "pasted", has: "trigger bucket", pasted: true},
		{
			name: "batch", has: "rule batch preview bucket", cloudOps: map[string]string{"StartBatch": "true", "EnablePreview": "true"},
			devOps: batch(), automation: map[string]string{"EnablePreview": "true"},
		},
		{
			name: "open batch", has: "rule batch bucket open", cloudOps: map[string]string{"StartBatch": "true"}, devOps: merged(batch(), map[string]string{"DenyTriggerOverrides": "false"}),
		},
		{
			name: "existing", has: "rule mail open", cloudOps: map[string]string{"CreateRepository": "false"},
			devOps: map[string]string{"ArtifactBucket": "bucket-of-ours", "NotificationEmail": "team@example.com", "DenyTriggerOverrides": "false"},
		},
		{
			name: "another prefix", has: "trigger bucket schedule prefix", cloudOps: map[string]string{"NamePrefix": "Other-"},
			devOps: map[string]string{"NamePrefix": "Other-", "ScheduleExpression": "rate(1 day)"}, automation: map[string]string{"NamePrefix": "Other-"},
		},
		{
			name: "own policy", has: "trigger bucket deploypolicy", automation: map[string]string{"DeployPolicyArns": "arn:{P}:iam::{3}:policy/Extra"},
		},
	}
}

func merged(base, more map[string]string) map[string]string {
	all := maps.Clone(base)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, more)
	return all
}

// fill puts partition, region and accounts into a text.
func (p partition) fill(text string) string {
	return strings.NewReplacer("{P}", p.name, "{R}", p.region, "{1}", cloudOps, "{2}", devOps, "{3}", automation, "{4}", foreign, "{S}", p.suffix).Replace(text)
}

type templates map[string]*cfn.Template

func readTemplates(t *testing.T) templates {
	t.Helper()
	read := templates{}
	for _, name := range []string{"cloudops", "devops", "automation"} {
		content, err := os.ReadFile(name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if read[name], err = cfn.Parse(content); err != nil {
			t.Fatalf("%s.yaml: %v", name, err)
		}
	}
	return read
}

// deploy makes the three stacks, each with what the ones before it put out. It
// gives them in the order CloudOps, DevOps, Automation.
func (ts templates) deploy(p partition, v variant) ([]*cfn.Stack, error) {
	stack := func(name, account string, parameters ...map[string]string) (*cfn.Stack, error) {
		all := map[string]string{}
		for _, set := range parameters {
			for key, value := range set {
				all[key] = p.fill(value)
			}
		}
		place := cfn.Place{Account: account, Region: p.region, Partition: p.name, URLSuffix: p.suffix, Stack: "spa-" + name}
		made, err := ts[name].Resolve(place, all)
		if err != nil {
			return nil, fmt.Errorf("%s, %s, %s.yaml: %w", p.name, v.name, name, err)
		}
		return made, nil
	}
	first := map[string]string{"DevOpsAccountId": devOps}
	code := map[string]string{"CodeBucket": "code", "CodeKey": "v1.0.0/spa-trigger-linux-arm64.zip"}
	pins := map[string]string{
		"CodeGitBranch": "v.24.06.18", "CodeGitCommit": strings.Repeat("0123456789", 4), "SettingsEnvironmentPath": "environments/automation",
		"RunnerVersion": "v1.0.0", "RunnerSha256Amd64": strings.Repeat("01234567", 8),
	}
	settings, err := stack("cloudops", cloudOps, code, first, v.cloudOps)
	if err != nil {
		return nil, err
	}
	target, err := stack("automation", automation, first, v.automation)
	if err != nil {
		return nil, err
	}
	build, err := stack("devops", devOps, pins, pasted(settings, "DevOpsParameters"), pasted(target, "DevOpsParameters"), pasted(target, "DevOpsPreviewParameter"), v.devOps)
	if err != nil || !v.pasted {
		return []*cfn.Stack{settings, build, target}, err
	}
	if settings, err = stack("cloudops", cloudOps, code, pasted(build, "CloudOpsParameters"), v.cloudOps); err != nil {
		return nil, err
	}
	target, err = stack("automation", automation, pasted(build, "AutomationParameters"), v.automation)
	return []*cfn.Stack{settings, build, target}, err
}

// pasted reads an output as a shell reads it behind --parameter-overrides.
func pasted(stack *cfn.Stack, output string) map[string]string {
	parameters := map[string]string{}
	for word := range strings.FieldsSeq(stack.Outputs[output]) {
		key, value, _ := strings.Cut(word, "=")
		parameters[key] = value
	}
	return parameters
}
