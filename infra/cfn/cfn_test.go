package cfn

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

var ireland = Place{Account: "111111111111", Region: "eu-west-1", Partition: "aws", URLSuffix: "amazonaws.com", Stack: "stack"}

// property resolves one value, written as V in the template, in a stack with a
// few parameters, conditions and resources.
func property(value string, parameters map[string]string) (any, error) {
	t, err := Parse([]byte(`
Parameters:
  Name: {Type: String, Default: given}
  List: {Type: CommaDelimitedList, Default: "a, b"}
  Empty: {Type: CommaDelimitedList, Default: ""}
Mappings:
  Map: {eu-west-1: {size: small}}
Conditions:
  Yes: !Equals [!Ref Name, given]
  No: !Not [!Condition Yes]
Resources:
  Role: {Type: AWS::IAM::Role, Properties: {RoleName: !Sub "${Name}Role", Path: /p/}}
  Queue: {Type: AWS::SQS::Queue}
  Bucket: {Type: AWS::S3::Bucket}
  Log: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /aws/x}}
  Repository: {Type: AWS::CodeCommit::Repository, Properties: {RepositoryName: Repo}}
  Project: {Type: AWS::CodeBuild::Project, Properties: {Name: !If [No, x, !Ref AWS::NoValue]}}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: T}}
  Policy: {Type: AWS::IAM::ManagedPolicy, Properties: {ManagedPolicyName: P}}
  Gone: {Type: AWS::IAM::Role, Condition: No}


  Strange: {Type: AWS::Strange::Thing}
  Probe: {Type: AWS::Probe::Probe, Properties: {V: ` + value + `}}
`))
	if err != nil {
		return nil, err
	}
	stack, err := t.Resolve(ireland, parameters)
	if err != nil {
		return nil, err
	}
	return stack.Resources["Probe"].Properties["V"], nil
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value string
		want  any
	}{
		{`!Ref Name`, "given"},
		{`{Ref: Name}`, "given"},
		{`!Ref List`, []any{"a", "b"}},
		{`!Join ["", !Ref Empty]`, ""},
		{`!Ref AWS::AccountId`, "111111111111"},
		{`!Sub "${AWS::Partition} ${AWS::Region} ${AWS::URLSuffix} ${AWS::StackName}"`, "aws eu-west-1 amazonaws.com stack"},
		{`!Sub "${!Name} ${Name}"`, "${Name} given"},
		{`!Sub ["${A}-${Name}", {A: !Ref AWS::Region}]`, "eu-west-1-given"},
		{`!Sub "${Role.Arn}"`, "arn:aws:iam::111111111111:role/p/givenRole"},
		{`{"Fn::Sub": "${Name}"}`, "given"},
		{`!GetAtt Role.Arn`, "arn:aws:iam::111111111111:role/p/givenRole"},
		{`!GetAtt [Role, Arn]`, "arn:aws:iam::111111111111:role/p/givenRole"},
		{`!Ref Role`, "givenRole"},
		{`!Ref Queue`, "https://sqs.eu-west-1.amazonaws.com/111111111111/stack-Queue-1A2B3C4D5E6F"},
		{`!GetAtt Queue.Arn`, "arn:aws:sqs:eu-west-1:111111111111:stack-Queue-1A2B3C4D5E6F"},
		{`!Ref Bucket`, "stack-bucket-1a2b3c4d5e6f"},
		{`!GetAtt Bucket.Arn`, "arn:aws:s3:::stack-bucket-1a2b3c4d5e6f"},
		{`!GetAtt Log.Arn`, "arn:aws:logs:eu-west-1:111111111111:log-group:/aws/x:*"},
		{`!GetAtt Repository.Arn`, "arn:aws:codecommit:eu-west-1:111111111111:Repo"},
		{`!GetAtt Repository.CloneUrlHttp`, "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/Repo"},
		{`!GetAtt Project.Arn`, "arn:aws:codebuild:eu-west-1:111111111111:project/stack-Project-1A2B3C4D5E6F"},
		{`!Ref Topic`, "arn:aws:sns:eu-west-1:111111111111:T"},
		{`!Ref Policy`, "arn:aws:iam::111111111111:policy/P"},
		{`!If [Yes, 1, 2]`, 1},
		{`!If [No, 1, 2]`, 2},
		{`!If [No, !Ref Gone, x]`, "x"}, // what is not chosen is not resolved
		{`[a, !If [No, b, !Ref AWS::NoValue], c]`, []any{"a", "c"}},
		{`{a: !Ref AWS::NoValue, b: 1}`, map[string]any{"b": 1}},
		{`!Join [":", [a, !Ref Name, 1]]`, "a:given:1"},
		{`!Join [",", !Ref List]`, "a,b"},
		{`!Split [i, !Ref Name]`, []any{"g", "ven"}},
		{`!Select [1, !Split [".", a.b.c]]`, "b"},
		{`!Select [0, !Split [.cn, !Ref AWS::URLSuffix]]`, "amazonaws.com"},
		{`!FindInMap [Map, !Ref AWS::Region, size]`, "small"},
		{`{Version: 2012-10-17, Account: 012345678901, Yes: true, Condition: {a: b}}`, map[string]any{"Version": "2012-10-17", "Account": "012345678901", "Yes": true, "Condition": map[string]any{"a": "b"}}},
	} {
		if got, err := property(c.value, nil); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %#v, %v, want %#v", c.value, got, err, c.want)
		}
	}
}

func TestWhatIsNotKnownIsAnError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ value, want string }{
		{`!Ref Nobody`, "no parameter or resource Nobody"},
		{`!Ref AWS::StackId`, "no parameter or resource AWS::StackId"},
		{`!Ref Gone`, "its condition is false"},
		{`!Ref Strange`, "how AWS names a AWS::Strange::Thing is not known"},
		{`!GetAtt Role.RoleId`, "attribute RoleId of Role"},
		{`!GetAtt Name.Arn`, "no parameter or resource Name"},
		{`!Sub "${Nobody}"`, "Nobody"},
		{`!Sub "${List}"`, "no text"},
		{`!Sub "${AWS::NoValue}"`, "no text"},
		{`!If [Maybe, 1, 2]`, "Maybe is none"},
		{`!If [Yes, 1]`, "two values"},
		{`!Equals [1, 1]`, "outside of conditions"},
		{`!Join ["", [[a]]]`, "no text"},
		{`!Select [2, !Ref List]`, "no element 2"},
		{`!FindInMap [Map, us-east-1, size]`, "no us-east-1"},
		{`!Base64 x`, "!Base64 is not known"},
		{`!ImportValue x`, "!ImportValue is not known"},
		{`{"Fn::GetAZs": ""}`, "Fn::GetAZs: is not known"},
		{`{Ref: Name, a: b}`, "beside other keys"},
		{`{a: 1, a: 2}`, "stands twice"},
		{`~`, "empty value"},
		{`[&x a, *x]`, "alias"},
	} {
		_, err := property(c.value, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.value, err, c.want)
		}
	}
	if _, err := property(`1`, map[string]string{"Nmae": "x"}); err == nil || !strings.Contains(err.Error(), "none of that name") {
		t.Errorf("a parameter that the template does not have: %v", err)
	}
}

func TestWholeTemplates(t *testing.T) {
	t.Parallel()
	const resources = "\nResources: {R: {Type: AWS::IAM::Role}}"
	for name, c := range map[string]struct{ template, want string }{
		"good":                       {`Outputs: {O: {Value: !GetAtt R.Arn}}` + resources, ""},
		"no YAML":                    {`{`, "no YAML"},
		"no mapping":                 {`- a`, "no mapping"},
		"no resources":               {`Outputs: {}`, "no resources"},
		"a section":                  {`Transform: {}` + resources, "Transform is not known"},
		"a key of a resource":        {`Resources: {R: {Type: AWS::IAM::Role, Propertys: {}}}`, "Propertys is not known"},
		"a type":                     {`Resources: {R: {Type: Role}}`, "none of AWS"},
		"a dependency":               {`Resources: {R: {Type: AWS::IAM::Role, DependsOn: [S]}}`, "which is no resource"},
		"a circle":                   {`Resources: {R: {Type: AWS::IAM::Role, Properties: {RoleName: !Ref S}}, S: {Type: AWS::IAM::Role, Properties: {RoleName: !Ref R}}}`, "depends on itself"},
		"a circle of conditions":     {`Conditions: {A: !Not [!Condition B], B: !Not [!Condition A]}` + resources, "depends on itself"},
		"a condition of nothing":     {`Conditions: {A: !And [!Condition B, !Condition B]}` + resources, "B is none"},
		"an And of one":              {`Conditions: {A: !And [!Equals [1, 1]]}` + resources, "1 arguments"},
		"an Or of a Ref":             {`Conditions: {A: !Or [!Ref AWS::Region, !Equals [1, 1]]}` + resources, "takes a list"},
		"no value of a parameter":    {`Parameters: {P: {Type: String}}` + resources, "no value was given"},
		"a key of a parameter":       {`Parameters: {P: {Type: String, Default: a, Pattern: b}}` + resources, "Pattern is not known"},
		"a type of parameter":        {`Parameters: {P: {Type: AWS::SSM::Parameter::Value<String>, Default: a}}` + resources, "type"},
		"no allowed value":           {`Parameters: {P: {Type: String, Default: c, AllowedValues: [a, b]}}` + resources, "none of the allowed"},
		"an allowed value":           {`Parameters: {P: {Type: Number, Default: 5, AllowedValues: [1, 5]}}` + resources, ""},
		"no allowed pattern":         {`Parameters: {P: {Type: String, Default: ab, AllowedPattern: "a|abc"}}` + resources, "does not match"},
		"a pattern of each element":  {`Parameters: {P: {Type: CommaDelimitedList, Default: "a,b", AllowedPattern: a}}` + resources, "does not match"},
		"a pattern of Java alone":    {`Parameters: {P: {Type: String, Default: a, AllowedPattern: "(?!b)a"}}` + resources, "Java"},
		"a long pattern":             {`Parameters: {P: {Type: String, Default: ` + strings.Repeat("a", 1224) + `, AllowedPattern: "([a-z]{2,1224})?"}}` + resources, ""},
		"beyond a long pattern":      {`Parameters: {P: {Type: String, Default: ` + strings.Repeat("a", 1225) + `, AllowedPattern: "([a-z]{2,1224})?"}}` + resources, "does not match"},
		"below a long pattern":       {`Parameters: {P: {Type: String, Default: a, AllowedPattern: "([a-z]{2,1224})?"}}` + resources, "does not match"},
		"no number":                  {`Parameters: {P: {Type: Number, Default: a}}` + resources, "no number"},
		"too short":                  {`Parameters: {P: {Type: String, Default: a, MinLength: 2}}` + resources, "MinLength"},
		"too long":                   {`Parameters: {P: {Type: String, Default: abc, MaxLength: 2}}` + resources, "MaxLength"},
		"too small":                  {`Parameters: {P: {Type: Number, Default: 1, MinValue: 2}}` + resources, "MinValue"},
		"too big":                    {`Parameters: {P: {Type: Number, Default: 3, MaxValue: 2}}` + resources, "MaxValue"},
		"a rule that is broken":      {`Rules: {A: {Assertions: [{Assert: !Equals [a, b], AssertDescription: a is b}]}}` + resources, "a is b"},
		"a rule that does not apply": {`Rules: {A: {RuleCondition: !Equals [a, b], Assertions: [{Assert: !Equals [a, b], AssertDescription: a is b}]}}` + resources, ""},
		"a rule of lists":            {`Rules: {A: {Assertions: [{Assert: {"Fn::EachMemberIn": [[a, c], [a, b]]}, AssertDescription: all in}]}}` + resources, "all in"},
		"a rule of one":              {`Rules: {A: {Assertions: [{Assert: {"Fn::Contains": [[a, b], a]}, AssertDescription: has}]}}` + resources, ""},
		"a rule of equals":           {`Rules: {A: {Assertions: [{Assert: {"Fn::EachMemberEquals": [[a, b], a]}, AssertDescription: are}]}}` + resources, "are"},
		"a rule that asserts nought": {`Rules: {A: {RuleCondition: !Equals [a, b]}}` + resources, "asserts nothing"},
		"a rule of something else":   {`Rules: {A: {Assertions: [{Assert: {"Fn::RefAll": [a, b]}}]}}` + resources, "not known"},
		"an output that is a list":   {`Outputs: {O: {Value: [a]}}` + resources, "no text"},
		"an output of another time":  {`Outputs: {O: {Value: !Ref S, Condition: C}}` + "\nConditions: {C: !Equals [a, b]}" + resources, ""},
	} {
		template, err := Parse([]byte(c.template))
		if err == nil {
			_, err = template.Resolve(ireland, nil)
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
}

func TestConditionsDecideWhatThereIs(t *testing.T) {
	t.Parallel()
	template, err := Parse([]byte(`
Parameters: {Make: {Type: String, AllowedValues: [a, b, c]}}
Conditions:
  A: !Equals [!Ref Make, a]
  B: !Equals [!Ref Make, b]
  Either: !Or [!Condition A, !Condition B]
  Both: !And [!Condition A, !Condition B]
Resources:
  A: {Type: AWS::IAM::Role, Condition: A, DeletionPolicy: Retain}
  Either: {Type: AWS::IAM::Role, Condition: Either, DependsOn: A}
  Both: {Type: AWS::IAM::Role, Condition: Both}
  Always: {Type: AWS::IAM::Role}
Outputs:
  Either: {Value: !Ref Either, Condition: Either}
`))
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{"a": "A Always Either map[Either:stack-Either-1A2B3C4D5E6F]", "b": "Always Either map[Either:stack-Either-1A2B3C4D5E6F]", "c": "Always map[]"} {
		stack, err := template.Resolve(ireland, map[string]string{"Make": value})
		if err != nil {
			t.Fatal(err)
		}
		names := []string{}
		for _, name := range []string{"A", "Always", "Both", "Either"} {
			if resource, ok := stack.Resources[name]; ok {
				names = append(names, name)
				if resource.Keeps != (name == "A") || resource.ARN != "arn:aws:iam::111111111111:role/"+resource.Ref {
					t.Errorf("resource %s is %+v", name, resource)
				}
			}
		}
		if got := strings.Join(names, " ") + " " + fmt.Sprint(stack.Outputs); got != want {
			t.Errorf("with %s there are %s, want %s", value, got, want)
		}
	}
}

// What stays when the stack is deleted, and what goes when the operation that made it is rolled back.
func TestDeletionPolicies(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]Resource{
		"":                                     {Undone: true},
		"DeletionPolicy: Delete":               {Undone: true},
		"DeletionPolicy: Retain":               {Keeps: true},
		"DeletionPolicy: RetainExceptOnCreate": {Keeps: true, Undone: true},
		"DeletionPolicy: !If [Yes, Retain, Keep]": {Keeps: true},
		"UpdateReplacePolicy: Retain":             {Undone: true},
	} {
		template, err := Parse([]byte("Conditions: {Yes: !Equals [a, a]}\nResources:\n  A: {Type: AWS::S3::Bucket, " + policy + "}\n"))
		if err != nil {
			t.Fatal(err)
		}
		stack, err := template.Resolve(ireland, nil)
		if got := stack.Resources["A"]; err != nil || got.Keeps != want.Keeps || got.Undone != want.Undone {
			t.Errorf("%s: keeps %t, undone %t, want %t and %t; %v", policy, got.Keeps, got.Undone, want.Keeps, want.Undone, err)
		}
	}
	for _, policy := range []string{"DeletionPolicy: Keep", "DeletionPolicy: [Retain]", "UpdateReplacePolicy: RetainExceptOnCreate"} {
		template, err := Parse([]byte("Resources:\n  A: {Type: AWS::S3::Bucket, " + policy + "}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := template.Resolve(ireland, nil); err == nil || !strings.Contains(err.Error(), "Policy is ") {
			t.Errorf("%s: got %v", policy, err)
		}
	}
}
