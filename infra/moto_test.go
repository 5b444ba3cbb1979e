package infra_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"spa-runner/infra/cfn"
	"spa-runner/internal/oracle"
)

// made is what moto made of one stack, as testdata/readback.py asked for it.
type made struct {
	Outputs map[string]string
	Roles   map[string]struct {
		Trust    any
		Boundary string
		Session  int
		Policies map[string]any
	}
	Functions map[string]struct {
		Runtime, Handler, Role string
		Timeout                int
		Variables              map[string]string
		Permissions            []map[string]any
	}
	Logs  map[string]int
	Rules map[string]struct {
		Pattern  any
		Schedule string
		Targets  []struct{ ARN, Role string }
	}
	Buckets       map[string]string
	Queues, Mails []string
}

// The three stacks in three accounts of moto: an implementation of CloudFormation
// that is not ours resolves them, and what it made is what our resolver says.
//
// moto 5.2.1 ignores, and so this says nothing of: CodeBuild projects, the
// CodeCommit repository with its trigger, the destination of the function, its
// architecture, the policies of topic and bucket, who is kept out of the bucket
// and its versions,
// managed policies of roles; and it asks neither rules nor patterns of parameters. CodeBuild's and CodeCommit's values are
// compared with the SDK, who may do what is asked of the resolver's stacks.
func TestStacksInMoto(t *testing.T) {
	t.Parallel()
	oracle.Need(t, os.Getenv)
	if out, err := exec.CommandContext(t.Context(), "python3", "-c", "import boto3, moto.server").CombinedOutput(); err != nil {
		t.Skipf("moto is not here: the templates are not deployed to it: %v\n%s", err, out)
	}
	cases := map[string]map[string]map[string]string{
		"everything": {"cloudops": everything("cloudops"), "devops": everything("devops"), "automation": everything("automation")},
	}
	if os.Getenv("SPA_RUNNER_LONG") == "1" {
		cases["small"] = map[string]map[string]string{}
		cases["batch"] = map[string]map[string]string{"cloudops": {"CreateRepository": "false", "StartBatch": "true"}, "devops": batch()}
	} else {
		t.Log("with everything in them alone; small ones and those of a batch need SPA_RUNNER_LONG=1")
	}
	for name, stacks := range inMoto(t, cases) {
		for template, got := range stacks {
			t.Run(name+" "+template, func(t *testing.T) {
				compare(t, template, stack(t, template, cases[name][template]), got)
			})
		}
	}
}

func inMoto(t *testing.T, cases map[string]map[string]map[string]string) map[string]map[string]made {
	t.Helper()
	type order struct {
		Account    string            `json:"account"`
		Stack      string            `json:"stack"`
		Template   string            `json:"template"`
		Parameters map[string]string `json:"parameters"`
	}
	orders := map[string][]order{}
	for name, further := range cases {
		for _, template := range slices.Sorted(maps.Keys(accounts)) {
			parameters := required(template)
			maps.Copy(parameters, further[template])
			orders[name] = append(orders[name], order{accounts[template], template, text(t, template), parameters})
		}
	}
	input, err := json.Marshal(orders)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "python3", "testdata/readback.py")
	cmd.Stdin = strings.NewReader(string(input))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("moto: %v\n%s", err, stderr.String())
	}
	// The names of buckets are random there and fixed in our resolver.
	output = regexp.MustCompile(`devops-bucket-[a-z0-9]{12}`).ReplaceAll(output, []byte("devops-bucket-1a2b3c4d5e6f"))
	// GetAtt gives the ARN of a log group with :* behind it at AWS, and without in moto.
	// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-loggroup.html
	output = regexp.MustCompile(`(:log-group:[A-Za-z0-9/_-]+)"`).ReplaceAll(output, []byte(`$1:*"`))
	var result map[string]map[string]made
	if err := json.Unmarshal(output, &result); err != nil || len(result) != len(cases) {
		t.Fatalf("moto answers %v\n%s", err, output)
	}
	return result
}

// normal makes values comparable that came from YAML and from JSON.
func normal(t *testing.T, value any) any {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var decoded any
	if err := json.Unmarshal(encoded, &decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

func compare(t *testing.T, template string, want *cfn.Stack, got made) {
	t.Helper()
	check := func(what string, got, want any) {
		if g, w := normal(t, got), normal(t, want); !reflect.DeepEqual(g, w) {
			t.Errorf("%s.yaml: %s is in moto\n%v, want\n%v", template, what, g, w)
		}
	}
	// counts are how many of each type were read back: one that is not there is missed.
	counts := map[string]int{}
	roles := map[string]map[string]any{}
	for name, resource := range want.Resources {
		p := resource.Properties
		switch resource.Type {
		case "AWS::IAM::Role":
			role := got.Roles[resource.Ref]
			check(name+" (trust)", role.Trust, p["AssumeRolePolicyDocument"])
			check(name+" (boundary)", role.Boundary, or(p["PermissionsBoundary"], ""))
			check(name+" (session)", fmt.Sprint(role.Session), fmt.Sprint(or(p["MaxSessionDuration"], 3600)))
		case "AWS::IAM::Policy":
			list, _ := p["Roles"].([]any)
			for _, role := range list {
				check(name+" of "+fmt.Sprint(role), got.Roles[fmt.Sprint(role)].Policies[fmt.Sprint(p["PolicyName"])], p["PolicyDocument"])
				if roles[fmt.Sprint(role)] == nil {
					roles[fmt.Sprint(role)] = map[string]any{}
				}
				roles[fmt.Sprint(role)][fmt.Sprint(p["PolicyName"])] = true
			}
		case "AWS::Lambda::Function":
			f := got.Functions[resource.Ref]
			check(name, []any{f.Runtime, f.Handler, fmt.Sprint(f.Timeout), f.Role, f.Variables}, []any{p["Runtime"], p["Handler"], fmt.Sprint(p["Timeout"]), p["Role"], at(p, "Environment", "Variables")})
		case "AWS::Lambda::Permission":
			permissions := got.Functions[fmt.Sprint(p["FunctionName"])].Permissions
			check(name+" (one)", len(permissions), 1)
			condition := map[string]any{"ArnLike": map[string]any{"AWS:SourceArn": p["SourceArn"]}}
			if account := p["SourceAccount"]; account != nil {
				condition["StringEquals"] = map[string]any{"AWS:SourceAccount": account}
			}
			check(name, []any{at(permissions[0], "Principal", "Service"), at(permissions[0], "Action"), at(permissions[0], "Condition")}, []any{p["Principal"], p["Action"], condition})
		case "AWS::Logs::LogGroup":
			check(name, fmt.Sprint(got.Logs[resource.Ref]), fmt.Sprint(p["RetentionInDays"]))
		case "AWS::Events::Rule":
			rule := got.Rules[resource.Ref]
			check(name, []any{rule.Pattern, rule.Schedule, rule.Targets[0].ARN, rule.Targets[0].Role}, []any{p["EventPattern"], or(p["ScheduleExpression"], ""), at(p, "Targets", 0, "Arn"), or(at(p, "Targets", 0, "RoleArn"), "")})
		case "AWS::S3::Bucket":
			check(name, got.Buckets[resource.Ref], at(p, "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault", "SSEAlgorithm"))
		case "AWS::SQS::Queue":
			check(name, got.Queues, []any{p["QueueName"]})
		case "AWS::SNS::Topic":
			check(name, got.Mails, []any{at(p, "Subscription", 0, "Endpoint")})
		case "AWS::CodeBuild::Project", "AWS::CodeCommit::Repository", "AWS::Lambda::EventInvokeConfig", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy": // ignored, see above
			continue
		default:
			t.Errorf("%s.yaml: %s is not read back: %s", template, name, resource.Type)
		}
		counts[resource.Type]++
	}
	for role, policies := range got.Roles {
		check("the list of policies of "+role, slices.Sorted(maps.Keys(policies.Policies)), slices.Sorted(maps.Keys(roles[role])))
	}
	check("the number of roles, rules, log groups", []int{len(got.Roles), len(got.Rules), len(got.Logs)}, []int{counts["AWS::IAM::Role"], counts["AWS::Events::Rule"], counts["AWS::Logs::LogGroup"]})
	check("outputs", got.Outputs, want.Outputs)
}

// or is value, or what stands for it where it is not given.
func or(value, otherwise any) any {
	if value == nil {
		return otherwise
	}
	return value
}
