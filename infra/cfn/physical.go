package cfn

import (
	"fmt"
	"slices"
	"strings"
)

// physical is what Ref and GetAtt give of a resource.
type physical struct {
	ref        string
	attributes map[string]string
}

// naming tells how a type of resource is named. The templates in text hold
// {name} for its name, {path} for the path of an IAM resource, and {partition},
// {region}, {account} and {suffix} of the place.
type naming struct {
	property   string // that holds the name, or empty: it has none
	ref        string // {name} where empty
	arn        string
	attributes map[string]string // further ones
	lower      bool              // a generated name is in small letters
}

// namings are as in the "Return values" of each type's page in
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/
// A type that is not here can be in a stack, but not be referred to.
var namings = map[string]naming{
	"AWS::IAM::Role":          {property: "RoleName", arn: "arn:{partition}:iam::{account}:role{path}{name}"},
	"AWS::IAM::ManagedPolicy": {property: "ManagedPolicyName", ref: "arn:{partition}:iam::{account}:policy{path}{name}", attributes: map[string]string{"PolicyArn": "arn:{partition}:iam::{account}:policy{path}{name}"}},
	"AWS::Lambda::Function":   {property: "FunctionName", arn: "arn:{partition}:lambda:{region}:{account}:function:{name}"},
	"AWS::CodeBuild::Project": {property: "Name", arn: "arn:{partition}:codebuild:{region}:{account}:project/{name}"},
	"AWS::CodeCommit::Repository": {property: "RepositoryName", ref: "repository-id-of-{name}", arn: "arn:{partition}:codecommit:{region}:{account}:{name}", attributes: map[string]string{
		"Name":         "{name}",
		"CloneUrlHttp": "https://git-codecommit.{region}.{suffix}/v1/repos/{name}",
		"CloneUrlSsh":  "ssh://git-codecommit.{region}.{suffix}/v1/repos/{name}",
	}},
	"AWS::S3::Bucket": {property: "BucketName", arn: "arn:{partition}:s3:::{name}", lower: true, attributes: map[string]string{
		"DomainName":         "{name}.s3.{suffix}",
		"RegionalDomainName": "{name}.s3.{region}.{suffix}",
	}},
	"AWS::SQS::Queue": {property: "QueueName", ref: "https://sqs.{region}.{suffix}/{account}/{name}", arn: "arn:{partition}:sqs:{region}:{account}:{name}", attributes: map[string]string{
		"QueueName": "{name}",
		"QueueUrl":  "https://sqs.{region}.{suffix}/{account}/{name}",
	}},
	"AWS::SNS::Topic": {property: "TopicName", ref: "arn:{partition}:sns:{region}:{account}:{name}", attributes: map[string]string{
		"TopicArn":  "arn:{partition}:sns:{region}:{account}:{name}",
		"TopicName": "{name}",
	}},
	"AWS::Events::Rule":        {property: "Name", arn: "arn:{partition}:events:{region}:{account}:rule/{name}"},
	"AWS::Scheduler::Schedule": {property: "Name", arn: "arn:{partition}:scheduler:{region}:{account}:schedule/default/{name}"},
	"AWS::Logs::LogGroup":      {property: "LogGroupName", arn: "arn:{partition}:logs:{region}:{account}:log-group:{name}:*"},
	"AWS::CloudWatch::Alarm":   {property: "AlarmName", arn: "arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}"},
	"AWS::EC2::SecurityGroup":  {ref: "sg-of-{name}", attributes: map[string]string{"GroupId": "sg-of-{name}"}},
}

// made resolves how AWS names a resource, which its properties may say.
func (r *resolver) made(name string) (physical, error) {
	if p, ok := r.physical[name]; ok {
		return p, nil
	}
	if r.template.section("Resources")[name] == nil {
		return physical{}, fmt.Errorf("there is no parameter or resource %s", name)
	}
	if slices.Contains(r.making, name) {
		return physical{}, fmt.Errorf("resource %s depends on itself", name)
	}
	declaration, err := r.declaration("Resources", name, resourceKeys)
	if err != nil {
		return physical{}, err
	}
	exists, err := r.exists(declaration)
	if err != nil {
		return physical{}, err
	}
	if !exists {
		return physical{}, fmt.Errorf("resource %s is referred to, but its condition is false", name)
	}
	kind, _ := declaration["Type"].(string)
	how, ok := namings[kind]
	if !ok {
		return physical{}, fmt.Errorf("how AWS names a %s is not known", kind)
	}
	r.making = append(r.making, name)
	p, err := r.named(name, how, declaration)
	r.making = r.making[:len(r.making)-1]
	r.physical[name] = p
	return p, err
}

func (r *resolver) named(logical string, how naming, declaration map[string]any) (physical, error) {
	// A name that nobody gave ends in letters and digits of AWS's choice.
	name := r.place.Stack + "-" + logical + "-1A2B3C4D5E6F"
	if how.lower {
		name = strings.ToLower(name)
	}
	path := "/"
	properties, _ := declaration["Properties"].(map[string]any)
	for _, p := range []struct {
		key  string
		into *string
	}{{how.property, &name}, {"Path", &path}} {
		given, ok := properties[p.key]
		if !ok || p.key == "" || p.key == "Path" && !strings.Contains(how.arn+how.ref, "{path}") {
			continue
		}
		value, err := r.value(given)
		if err != nil {
			return physical{}, err
		}
		if value == (noValue{}) {
			continue
		}
		if *p.into, ok = text(value); !ok {
			return physical{}, fmt.Errorf("%s is no text", p.key)
		}
	}
	fill := strings.NewReplacer("{name}", name, "{path}", path, "{partition}", r.place.Partition,
		"{region}", r.place.Region, "{account}", r.place.Account, "{suffix}", r.place.URLSuffix)
	made := physical{ref: name, attributes: map[string]string{}}
	if how.ref != "" {
		made.ref = fill.Replace(how.ref)
	}
	if how.arn != "" {
		made.attributes["Arn"] = fill.Replace(how.arn)
	}
	for key, value := range how.attributes {
		made.attributes[key] = fill.Replace(value)
	}
	return made, nil
}
