package iam

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// A question writes policies as the list of their statements, in JSON.
type question struct {
	name    string
	who     string // role, user, root (of 111111111111), or a service
	own     string
	bound   string
	session string
	action  string
	target  string // default arn:aws:s3:::b/k
	account string // default 111111111111
	policy  string // of the resource
	trust   string
	context Context
	want    bool
}

const (
	allowGet    = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`
	allowAll    = `{"Effect":"Allow","Action":"*","Resource":"*"}`
	denyGet     = `{"Effect":"Deny","Action":"s3:GetObject","Resource":"*"}`
	allowAssume = `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::111111111111:role/Target"}`
	target      = "arn:aws:iam::111111111111:role/Target"
	byRoot      = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"sts:AssumeRole"}`
	byRole      = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:role/R"},"Action":"sts:AssumeRole"}`
	pinned      = `{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole","Condition":{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111111111111:role/R"}}}`
	bucketRoot  = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}`
	bucketRole  = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:role/R"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}`
	bucketUser  = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:user/U"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}`
	bucketPart  = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:sts::111111111111:assumed-role/R/s"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}`
	bucketAll   = `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}`
	noPlain     = `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::b/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
	invoke      = `{"Effect":"Allow","Principal":{"Service":"codecommit.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:eu-west-1:111111111111:function:F","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:codecommit:eu-west-1:111111111111:Repo"},"StringEquals":{"AWS:SourceAccount":"111111111111"}}}`
	function    = "arn:aws:lambda:eu-west-1:111111111111:function:F"
)

func one(key, value string) Context { return Context{key: {value}} }

// The cases follow, page by page, what AWS writes of its evaluation logic:
//   - https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
//   - https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
//   - https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
//   - https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
var decisions = []question{
	{name: "nothing is allowed by default", who: "role"},
	{name: "an identity policy allows", who: "role", own: allowGet, want: true},
	{name: "a deny wins over an allow", who: "role", own: allowGet + "," + denyGet},
	{name: "a deny of the resource wins", who: "role", own: allowGet, policy: strings.Replace(bucketAll, "Allow", "Deny", 1)},
	{name: "an action not named", who: "role", own: allowGet, action: "s3:PutObject"},
	{name: "an action in other letters", who: "role", own: `{"Effect":"Allow","Action":"S3:getobject","Resource":"*"}`, want: true},
	{name: "an action with wildcards", who: "role", own: `{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}`, want: true},
	{name: "an action with a question mark", who: "role", own: `{"Effect":"Allow","Action":"s3:GetObjec?","Resource":"*"}`, want: true},
	{name: "NotAction allows the others", who: "role", own: `{"Effect":"Allow","NotAction":"s3:Put*","Resource":"*"}`, want: true},
	{name: "NotAction does not allow its own", who: "role", own: `{"Effect":"Allow","NotAction":"s3:Get*","Resource":"*"}`},
	{name: "NotResource allows the others", who: "role", own: `{"Effect":"Allow","Action":"s3:*","NotResource":"arn:aws:s3:::c/*"}`, want: true},
	{name: "NotResource does not allow its own", who: "role", own: `{"Effect":"Allow","Action":"s3:*","NotResource":"arn:aws:s3:::b/*"}`},
	{name: "another resource", who: "role", own: `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/other"}`},
	{name: "a resource in other letters", who: "role", own: `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::B/k"}`},
	{name: "a resource of another partition", who: "role", own: `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws-cn:s3:::b/*"}`},
	{name: "a wildcard goes over slashes", who: "role", own: `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::*k"}`, want: true},
	{name: "a variable in a resource", who: "role", own: `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:PrincipalAccount}/*"}`, target: "arn:aws:s3:::b/111111111111/k", want: true},
	{name: "a variable that the request does not have", who: "role", own: `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}*"}`},

	{name: "same account, the bucket names the role", who: "role", policy: bucketRole, want: true},
	{name: "same account, the bucket names the account alone", who: "role", policy: bucketRoot},
	{name: "same account, the bucket names the account, and the role may", who: "role", own: allowGet, policy: bucketRoot, want: true},
	{name: "same account, the bucket names another role", who: "other", policy: bucketRole},
	{name: "root may do all in its account", who: "root", want: true},
	{name: "root obeys a deny of the resource", who: "root", policy: strings.Replace(bucketRoot, "Allow", "Deny", 1)},

	{name: "boundary without the action", who: "role", own: allowGet, bound: `{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}`},
	{name: "boundary with the action", who: "role", own: allowGet, bound: allowGet, want: true},
	{name: "a boundary alone gives nothing", who: "role", bound: allowAll},
	{name: "a deny in the boundary", who: "role", own: allowGet, bound: allowAll + "," + denyGet},
	{name: "a boundary limits what a bucket gives a role", who: "role", bound: `{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}`, policy: bucketRole},
	{name: "a boundary does not limit what a bucket gives a session", who: "role", bound: `{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}`, policy: bucketPart, want: true},
	{name: "a boundary does not limit what a bucket gives a user", who: "user", bound: `{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}`, policy: bucketUser, want: true},
	{name: "a boundary does not limit what a bucket gives everybody", who: "role", bound: `{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}`, policy: bucketAll, want: true},
	{name: "a session policy does not limit what a bucket gives everybody", who: "role", session: `{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}`, policy: bucketAll, want: true},
	{name: "a session policy limits what a bucket gives a role", who: "role", session: `{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}`, policy: bucketRole},
	{name: "a deny in the boundary goes for what everybody is given", who: "role", bound: denyGet, policy: bucketAll},
	{name: "a session policy limits", who: "role", own: allowAll, session: `{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}`},
	{name: "a session policy gives nothing", who: "role", session: allowAll},
	{name: "a session policy with the action", who: "role", own: allowAll, session: allowGet, want: true},

	{name: "cross account, both allow", who: "role", own: allowGet, account: "222222222222", policy: bucketRoot, want: true},
	{name: "cross account, the bucket alone", who: "role", account: "222222222222", policy: bucketRole},
	{name: "cross account, the identity alone", who: "role", own: allowGet, account: "222222222222"},
	{name: "cross account, everybody", who: "role", own: allowGet, account: "222222222222", policy: bucketAll, want: true},
	{name: "cross account, the boundary", who: "role", own: allowGet, bound: `{"Effect":"Allow","Action":"s3:Put*","Resource":"*"}`, account: "222222222222", policy: bucketRole},

	{name: "trust in the account, and a policy", who: "role", own: allowAssume, action: "sts:AssumeRole", target: target, trust: byRoot, want: true},
	{name: "trust in the account, and no policy", who: "role", action: "sts:AssumeRole", target: target, trust: byRoot},
	{name: "trust in the role needs no policy in the same account", who: "role", action: "sts:AssumeRole", target: target, trust: byRole, want: true},
	{name: "administrators need the trust too", who: "role", own: allowAll, action: "sts:AssumeRole", target: target, trust: strings.ReplaceAll(byRoot, "1111", "3333")},
	{name: "root cannot assume", who: "root", action: "sts:AssumeRole", target: target, trust: byRoot},
	{name: "pinned by PrincipalArn", who: "role", own: allowAssume, action: "sts:AssumeRole", target: target, trust: pinned, want: true},
	{name: "pinned by PrincipalArn, another role", who: "other", own: allowAssume, action: "sts:AssumeRole", target: target, trust: pinned},
	{name: "pinned by PrincipalArn, a user", who: "user", own: allowAssume, action: "sts:AssumeRole", target: target, trust: pinned},
	{name: "cross account trust", who: "role", own: allowAssume, action: "sts:AssumeRole", target: target, account: "222222222222", trust: byRoot, want: true},
	{name: "cross account trust without a policy", who: "role", action: "sts:AssumeRole", target: target, account: "222222222222", trust: byRole},
	{name: "a trust is of one action", who: "role", own: allowAll, action: "sts:TagSession", target: target, trust: byRole},

	{name: "a service that is allowed", who: "codecommit.amazonaws.com", action: "lambda:InvokeFunction", target: function, policy: invoke, context: Context{"aws:sourcearn": {"arn:aws:codecommit:eu-west-1:111111111111:Repo"}, "aws:sourceaccount": {"111111111111"}}, want: true},
	{name: "a service for another repository", who: "codecommit.amazonaws.com", action: "lambda:InvokeFunction", target: function, policy: invoke, context: Context{"aws:sourcearn": {"arn:aws:codecommit:eu-west-1:111111111111:Repo2"}, "aws:sourceaccount": {"111111111111"}}},
	{name: "a service for another account", who: "codecommit.amazonaws.com", action: "lambda:InvokeFunction", target: function, policy: invoke, context: Context{"aws:sourcearn": {"arn:aws:codecommit:eu-west-1:111111111111:Repo"}, "aws:sourceaccount": {"222222222222"}}},
	{name: "a service that says nothing of its source", who: "codecommit.amazonaws.com", action: "lambda:InvokeFunction", target: function, policy: invoke},
	{name: "another service", who: "events.amazonaws.com", action: "lambda:InvokeFunction", target: function, policy: invoke, context: Context{"aws:sourcearn": {"arn:aws:codecommit:eu-west-1:111111111111:Repo"}, "aws:sourceaccount": {"111111111111"}}},
	{name: "a service is not of the account", who: "codecommit.amazonaws.com", policy: bucketRoot},

	{name: "over TLS", who: "role", own: allowGet, policy: noPlain, want: true},
	{name: "not over TLS", who: "role", own: allowGet, policy: noPlain, context: one("aws:securetransport", "false")},
	{name: "root not over TLS", who: "root", policy: noPlain, context: one("aws:securetransport", "false")},
}

// under is an identity policy with a condition, and the key's value in the
// request, where - is none.
var conditions = []struct {
	condition string
	value     string
	want      bool
}{
	{`{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}`, "eu-west-1", true},
	{`{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}`, "EU-west-1", false},
	{`{"StringEquals":{"aws:RequestedRegion":"eu-*"}}`, "eu-west-1", false},
	{`{"StringEquals":{"aws:RequestedRegion":["a","eu-west-1"]}}`, "eu-west-1", true},
	{`{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}`, "-", false},
	{`{"StringEqualsIfExists":{"aws:RequestedRegion":"eu-west-1"}}`, "-", true},
	{`{"StringEqualsIfExists":{"aws:RequestedRegion":"eu-west-1"}}`, "us-east-1", false},
	{`{"StringNotEquals":{"aws:RequestedRegion":"eu-west-1"}}`, "us-east-1", true},
	{`{"StringNotEquals":{"aws:RequestedRegion":["us-east-1","eu-west-1"]}}`, "us-east-1", false},
	{`{"StringNotEquals":{"aws:RequestedRegion":"eu-west-1"}}`, "-", true},
	{`{"StringEqualsIgnoreCase":{"aws:RequestedRegion":"EU-WEST-1"}}`, "eu-west-1", true},
	{`{"StringNotEqualsIgnoreCase":{"aws:RequestedRegion":"EU-WEST-1"}}`, "eu-west-1", false},
	{`{"StringLike":{"aws:RequestedRegion":"eu-*-?"}}`, "eu-west-1", true},
	{`{"StringLike":{"aws:RequestedRegion":"EU-*"}}`, "eu-west-1", false},
	{`{"StringNotLike":{"aws:RequestedRegion":"eu-*"}}`, "eu-west-1", false},
	{`{"StringNotLike":{"aws:RequestedRegion":"eu-*"}}`, "us-east-1", true},
	{`{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:*:1:t*"}}`, "arn:aws:sns:eu-west-1:1:topic", true},
	{`{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:1:t"}}`, "-", false},
	{`{"ArnLike":{"aws:SourceArn":"arn:aws:*:*:1:t"}}`, "arn:aws:sns:eu-west-1:1:t", true},
	{`{"ArnLike":{"aws:SourceArn":"arn:aws:s*:1:t:x:y"}}`, "arn:aws:sns:eu-west-1:1:t:x:y", false},
	{`{"ArnNotLike":{"aws:SourceArn":"arn:aws:sns:*:1:*"}}`, "arn:aws:sns:eu-west-1:1:t", false},
	{`{"ArnNotEquals":{"aws:SourceArn":"arn:aws:sns:*:1:*"}}`, "arn:aws:sns:eu-west-1:2:t", true},
	{`{"Bool":{"aws:ViaAWSService":"true"}}`, "true", true},
	{`{"Bool":{"aws:ViaAWSService":true}}`, "false", false},
	{`{"Bool":{"aws:ViaAWSService":"false"}}`, "-", false},
	{`{"BoolIfExists":{"aws:ViaAWSService":"false"}}`, "-", true},
	{`{"Null":{"aws:SourceArn":"true"}}`, "-", true},
	{`{"Null":{"aws:SourceArn":"true"}}`, "arn:aws:sns:eu-west-1:2:t", false},
	{`{"Null":{"aws:SourceArn":"false"}}`, "arn:aws:sns:eu-west-1:2:t", true},
	{`{"Null":{"aws:SourceArn":"false"}}`, "-", false},
	{`{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}`, "a,b", true},
	{`{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}`, "a,c", false},
	{`{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}`, "-", true},
	{`{"ForAnyValue:StringEquals":{"aws:TagKeys":["a","b"]}}`, "c,b", true},
	{`{"ForAnyValue:StringEquals":{"aws:TagKeys":["a","b"]}}`, "c", false},
	{`{"ForAnyValue:StringEquals":{"aws:TagKeys":["a","b"]}}`, "-", false},
	{`{"ForAnyValue:StringNotEquals":{"aws:TagKeys":["a","b"]}}`, "a,c", true},
	{`{"ForAnyValue:StringNotEquals":{"aws:TagKeys":["a","b"]}}`, "a,b", false},
	{`{"ForAnyValue:StringNotEquals":{"aws:TagKeys":["a","b"]}}`, "-", false},
	{`{"ForAllValues:StringNotEquals":{"aws:TagKeys":["a","b"]}}`, "c,d", true},
	{`{"ForAllValues:StringNotEquals":{"aws:TagKeys":["a","b"]}}`, "c,a", false},
	{`{"ForAnyValue:StringLike":{"aws:TagKeys":"a*"}}`, "c,ab", true},
	{`{"StringEquals":{"AWS:requestedregion":"eu-west-1"}}`, "eu-west-1", true},
	{`{"StringEquals":{"aws:RequestedRegion":"eu-west-1"},"Bool":{"aws:SecureTransport":"false"}}`, "eu-west-1", false},
	{`{"StringEquals":{"aws:RequestedRegion":"eu-west-1","aws:PrincipalAccount":"222222222222"}}`, "eu-west-1", false},
	{`{"StringEquals":{"aws:SourceAccount":"${aws:PrincipalAccount}"}}`, "111111111111", true},
	{`{"StringEquals":{"aws:SourceAccount":"${aws:PrincipalAccount}"}}`, "222222222222", false},
	{`{"StringLike":{"aws:RequestedRegion":"${*}"}}`, "eu-west-1", false},
	{`{"StringLike":{"aws:RequestedRegion":"${aws:SourceAccount}"}}`, "*", false},
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	for _, q := range decisions {
		decision, err := Decide(q.request(t))
		if err != nil || decision.Allowed != q.want {
			t.Errorf("%s: got %+v, %v, want %t", q.name, decision, err, q.want)
		}
		if decision.Reason == "" {
			t.Errorf("%s: no reason is given", q.name)
		}
	}
	for _, q := range conditionQuestions() {
		if decision, err := Decide(q.request(t)); err != nil || decision.Allowed != q.want {
			t.Errorf("%s: got %+v, %v, want %t", q.name, decision, err, q.want)
		}
	}
}

func conditionQuestions() []question {
	list := []question{}
	for _, c := range conditions {
		q := question{
			name: c.condition + " with " + c.value, who: "role", want: c.want,
			own: `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":` + c.condition + `}`,
		}
		for _, key := range []string{"aws:RequestedRegion", "aws:SourceArn", "aws:SourceAccount", "aws:ViaAWSService", "aws:TagKeys"} {
			if c.value != "-" && strings.Contains(strings.ToLower(c.condition), strings.ToLower(`"`+key+`"`)) {
				q.context = Context{strings.ToLower(key): strings.Split(c.value, ",")}
			}
		}
		list = append(list, q)
	}
	return list
}

func (q question) request(t *testing.T) Request {
	t.Helper()
	r := Request{Action: q.action, Target: q.target, Account: q.account, Context: q.context}
	if r.Action == "" {
		r.Action = "s3:GetObject"
	}
	if r.Target == "" {
		r.Target = "arn:aws:s3:::b/k"
	}
	if r.Account == "" {
		r.Account = "111111111111"
	}
	switch q.who {
	case "role":
		r.Principal = Principal{ARN: "arn:aws:iam::111111111111:role/R", Session: "s"}
	case "other":
		r.Principal = Principal{ARN: "arn:aws:iam::111111111111:role/Other", Session: "s"}
	case "user":
		r.Principal = Principal{ARN: "arn:aws:iam::111111111111:user/U"}
	case "root":
		r.Principal = Principal{ARN: "arn:aws:iam::111111111111:root"}
	default:
		r.Principal = Principal{Service: q.who}
	}
	if p := parsed(t, Identity, q.own); p != nil {
		r.Principal.Identity = []Policy{*p}
	}
	r.Principal.Boundary, r.Principal.Narrowed = parsed(t, Identity, q.bound), parsed(t, Identity, q.session)
	if r.Policy = parsed(t, Resource, q.policy); q.trust != "" {
		r.Policy = parsed(t, Trust, q.trust)
	}
	return r
}

func parsed(t *testing.T, kind Kind, statements string) *Policy {
	t.Helper()
	if statements == "" {
		return nil
	}
	policy, err := parse(kind, statements)
	if err != nil {
		t.Fatal(err)
	}
	return &policy
}

func parse(kind Kind, statements string) (Policy, error) {
	var document any
	if err := json.Unmarshal([]byte(`{"Version":"2012-10-17","Statement":[`+statements+`]}`), &document); err != nil {
		return Policy{}, err
	}
	return Parse("policy", kind, document)
}

// A second opinion on the same questions, where somebody has it.
func TestDecisionsAgreeWithIAMSimulate(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("SPA_IAM_SIMULATE")
	if folder == "" {
		t.Skip("SPA_IAM_SIMULATE names no folder with npm's @cloud-copilot/iam-simulate: the decisions are not compared with it")
	}
	questions := append(decisions[:len(decisions):len(decisions)], conditionQuestions()...)
	requests := make([]Request, len(questions))
	for i, q := range questions {
		requests[i] = q.request(t)
	}
	answers := simulate(t, folder, requests)
	differ := 0
	for i, answer := range answers {
		decision, err := Decide(requests[i])
		differs := err != nil || decision.Allowed != (answer == "Allowed")
		// It wants a policy of the root of an account, which at AWS has none and needs none:
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user.html
		// And to it a session policy limits what everybody is given, which AWS denies:
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-roles
		expected := slices.Contains([]string{"root may do all in its account", "a session policy does not limit what a bucket gives everybody"}, questions[i].name)
		if differs != expected {
			t.Errorf("%s: here %+v, %v, there %s", questions[i].name, decision, err, answer)
		}
		if differs {
			differ++
		}
	}
	t.Logf("iam-simulate agrees on %d of %d questions", len(questions)-differ, len(questions))
}
