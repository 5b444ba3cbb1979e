package infra_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"spa-runner/infra/cfn"
	"spa-runner/infra/iam"
)

// document is one policy of the system and what it is attached to: roles, or
// the one resource that it is the policy of.
type document struct {
	name string // stack, resource, policy: the same in every partition
	kind iam.Kind
	at   []string // ARNs
	body map[string]any
}

// world is all that IAM knows of a system.
type world struct {
	partition partition
	variant   variant
	documents []document
	// managed are the policies that roles have by ARN, boundaries included.
	managed    map[string]map[string]any
	attached   map[string][]string // role to ARNs of managed policies
	boundaries map[string]string   // role to its boundary
	wires      map[string]string   // what runs, or is told to, as which role
	roles      []string            // ARNs
}

func newWorld(p partition, v variant, stacks []*cfn.Stack) (*world, error) {
	w := &world{partition: p, variant: v, managed: w0(p), attached: map[string][]string{}, boundaries: map[string]string{}, wires: map[string]string{}}
	for i, name := range []string{"CloudOps", "DevOps", "Automation"} {
		for _, logical := range slices.Sorted(maps.Keys(stacks[i].Resources)) {
			resource := stacks[i].Resources[logical]
			if err := w.add(name+" "+logical, resource, stacks[i]); err != nil {
				return nil, fmt.Errorf("%s, %s, %s %s: %w", p.name, v.name, name, logical, err)
			}
		}
	}
	slices.Sort(w.roles)
	return w, nil
}

// w0 are the managed policies that parameters may name. AdministratorAccess is
// AWS's, the others stand for what a team brings along.
func w0(p partition) map[string]map[string]any {
	statement := func(action, resource string) map[string]any {
		return map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{"Effect": "Allow", "Action": action, "Resource": resource}}}
	}
	policies := map[string]map[string]any{
		p.fill("arn:{P}:iam::aws:policy/AdministratorAccess"): statement("*", "*"),
		p.fill("arn:{P}:iam::{3}:policy/Extra"):               statement("ec2:DescribeVpcs", "*"),
	}
	for _, account := range []string{cloudOps, devOps, automation} {
		// Whoever has it as a boundary can do nothing that anybody here needs.
		policies[p.fill("arn:{P}:iam::"+account+":policy/Boundary")] = statement("support:*", "*")
	}
	return policies
}

// without are the types that give nobody anything.
const without = " AWS::CodeCommit::Repository AWS::Logs::LogGroup AWS::SQS::Queue AWS::SNS::Topic AWS::S3::Bucket AWS::Lambda::EventInvokeConfig "

func (w *world) add(name string, r cfn.Resource, stack *cfn.Stack) error {
	p := r.Properties
	switch r.Type {
	case "AWS::IAM::Role":
		return w.addRole(name, r)
	case "AWS::IAM::Policy":
		var at []string
		for _, role := range list(p["Roles"]) {
			at = append(at, "arn:"+stack.Place.Partition+":iam::"+stack.Place.Account+":role/"+fmt.Sprint(role))
		}
		if p["Users"] != nil || p["Groups"] != nil || len(at) == 0 {
			return fmt.Errorf("it is attached to something else than roles: %v", p)
		}
		return w.document(name, iam.Identity, at, p["PolicyDocument"])
	case "AWS::Lambda::Permission":
		return w.addPermission(name, p, stack)
	case "AWS::S3::BucketPolicy":
		return w.document(name, iam.Resource, []string{fmt.Sprintf("arn:%s:s3:::%s", stack.Place.Partition, p["Bucket"])}, p["PolicyDocument"])
	case "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy":
		for _, target := range list(p["Topics"]) {
			if err := w.document(name, iam.Resource, []string{fmt.Sprint(target)}, p["PolicyDocument"]); err != nil {
				return err
			}
		}
		if p["Queues"] != nil {
			return fmt.Errorf("the policy of a queue is not known here")
		}
	case "AWS::Lambda::Function":
		w.wires[name] = fmt.Sprint(p["Role"])
		environment, _ := p["Environment"].(map[string]any)
		variables, _ := environment["Variables"].(map[string]any)
		for _, key := range []string{"ARN_OF_ROLE_TO_ASSUME", "NAME_OF_PROJECT_TO_START"} {
			w.wires[name+" "+key] = fmt.Sprint(variables[key])
		}
	case "AWS::CodeBuild::Project":
		w.addProject(name, p)
	case "AWS::Events::Rule":
		for _, target := range list(p["Targets"]) {
			fields, _ := target.(map[string]any)
			w.wires[name+" target"] = fmt.Sprint(fields["Arn"])
			if fields["RoleArn"] != nil {
				w.wires[name] = fmt.Sprint(fields["RoleArn"])
			}
		}
	default:
		if !strings.Contains(without, " "+r.Type+" ") {
			return fmt.Errorf("what %s gives whom is not known here", r.Type)
		}
	}
	return nil
}

func list(value any) []any {
	elements, _ := value.([]any)
	return elements
}

func (w *world) document(name string, kind iam.Kind, at []string, body any) error {
	if _, err := iam.Parse(name, kind, body); err != nil {
		return err
	}
	w.documents = append(w.documents, document{name: name, kind: kind, at: at, body: body.(map[string]any)})
	return nil
}

func (w *world) addRole(name string, r cfn.Resource) error {
	w.roles = append(w.roles, r.ARN)
	if r.Properties["Policies"] != nil {
		return fmt.Errorf("inline policies are not known here")
	}
	for _, arn := range list(r.Properties["ManagedPolicyArns"]) {
		if w.managed[fmt.Sprint(arn)] == nil {
			return fmt.Errorf("what %v allows is not known here", arn)
		}
		w.attached[r.ARN] = append(w.attached[r.ARN], fmt.Sprint(arn))
	}
	if boundary, ok := r.Properties["PermissionsBoundary"]; ok {
		if w.managed[fmt.Sprint(boundary)] == nil {
			return fmt.Errorf("what the boundary %v allows is not known here", boundary)
		}
		w.boundaries[r.ARN] = fmt.Sprint(boundary)
	}
	return w.document(name+" trust", iam.Trust, []string{r.ARN}, r.Properties["AssumeRolePolicyDocument"])
}

// addPermission makes the statement that Lambda makes.
// https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
func (w *world) addPermission(name string, p map[string]any, stack *cfn.Stack) error {
	function := fmt.Sprintf("arn:%s:lambda:%s:%s:function:%s", stack.Place.Partition, stack.Place.Region, stack.Place.Account, p["FunctionName"])
	conditions := map[string]any{}
	for key, value := range p {
		switch key {
		case "FunctionName", "Action", "Principal":
		case "SourceAccount":
			conditions["StringEquals"] = map[string]any{"AWS:SourceAccount": value}
		case "SourceArn":
			conditions["ArnLike"] = map[string]any{"AWS:SourceArn": value}
		default:
			return fmt.Errorf("the property %s is not known here", key)
		}
	}
	statement := map[string]any{
		"Effect": "Allow", "Action": p["Action"], "Resource": function, "Principal": map[string]any{"Service": p["Principal"]},
	}
	if len(conditions) > 0 {
		statement["Condition"] = conditions
	}
	return w.document(name, iam.Resource, []string{function}, map[string]any{"Version": "2012-10-17", "Statement": []any{statement}})
}

func (w *world) addProject(name string, p map[string]any) {
	w.wires[name] = fmt.Sprint(p["ServiceRole"])
	if batch, ok := p["BuildBatchConfig"].(map[string]any); ok {
		w.wires[name+" batch"] = fmt.Sprint(batch["ServiceRole"])
	}
	environment, _ := p["Environment"].(map[string]any)
	for _, element := range list(environment["EnvironmentVariables"]) {
		variable, _ := element.(map[string]any)
		if key := fmt.Sprint(variable["Name"]); key == "READ_SETTINGS_ROLE" || key == "DEPLOY_ENVIRONMENT_ROLE" || key == "SPA_RUNNER_COMMAND" {
			w.wires[name+" "+key] = fmt.Sprint(variable["Value"])
		}
	}
}
