package loopback

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"spa-runner/internal/oracle"
)

func TestGoSDKRoundTrip(t *testing.T) {
	s := start(t, Options{})
	service := stsClient(s, s.ServiceCredentials())
	provider := stscreds.NewAssumeRoleProvider(service, settingsRole, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = "spa-runner@build=1"
		o.Duration = 20 * time.Minute
		o.ExternalID = aws.String("external")
		o.Policy = aws.String(`{"Version":"2012-10-17"}`)
	})
	before := time.Now()
	c, err := provider.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(c.AccessKeyID, "ASIAFAKE") || len(c.AccessKeyID) != 20 || len(c.SecretAccessKey) != 40 {
		t.Errorf("got key id %q and a secret of %d characters, want ASIAFAKE and 20 in all, and 40", c.AccessKeyID, len(c.SecretAccessKey))
	}
	// Always, and not only as it falls: what breaks careless quoting.
	if token := c.SessionToken; len(token) < 500 || !strings.Contains(token, "+/+/") || !strings.HasSuffix(token, "==") {
		t.Errorf("got a token of %d characters, want a long one with +/+/ in it and == at its end", len(token))
	}
	if life := c.Expires.Sub(before); life < 19*time.Minute || life > 21*time.Minute {
		t.Errorf("got a session of %s, want 20 minutes", life)
	}
	if c.AccountID != "111111111111" {
		t.Errorf("the SDK found account %q in the assumed role's ARN, want 111111111111", c.AccountID)
	}
	who, err := stsClient(s, c).GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	const arn = "arn:aws:sts::111111111111:assumed-role/Settings/spa-runner@build=1"
	if *who.Arn != arn || *who.Account != "111111111111" || !strings.HasSuffix(*who.UserId, ":spa-runner@build=1") {
		t.Errorf("got %s, %s, %s, want %s and its account", *who.Arn, *who.Account, *who.UserId, arn)
	}

	calls := s.Calls()
	if len(calls) != 2 {
		t.Fatalf("got %d calls, want 2", len(calls))
	}
	got := calls[0]
	if got.Time.Before(before) || got.Time.After(time.Now()) {
		t.Errorf("got time %s of the call, want now", got.Time)
	}
	got.Time = time.Time{}
	want := Call{
		Action: "AssumeRole", CallerARN: "arn:aws:sts::222222222222:assumed-role/loopback-service-role/dry-run", RoleARN: settingsRole,
		CallerKey:   s.ServiceCredentials().AccessKeyID,
		SessionName: "spa-runner@build=1", Policy: `{"Version":"2012-10-17"}`, ExternalID: "external", Duration: 20 * time.Minute,
	}
	if got != want {
		t.Errorf("got call %+v, want %+v", got, want)
	}
	if got := calls[1]; got.Action != "GetCallerIdentity" || got.CallerARN != arn {
		t.Errorf("got call %+v, want GetCallerIdentity by %s", got, arn)
	}
}

func TestSessionsOfAShortLife(t *testing.T) {
	now := time.Now()
	s := start(t, Options{Clock: func() time.Time { return now }, Life: func(Call) time.Duration { return 20 * time.Second }})
	provider := stscreds.NewAssumeRoleProvider(stsClient(s, s.ServiceCredentials()), settingsRole)
	c, err := provider.Retrieve(t.Context())
	if want := now.UTC().Truncate(time.Second).Add(20 * time.Second); err != nil || !c.Expires.Equal(want) {
		t.Fatalf("got %v, %v, want %s", c.Expires, err, want)
	}
	service := s.ServiceSession(30 * time.Second)
	for _, creds := range []aws.Credentials{c, service} {
		if _, err := stsClient(s, creds).GetCallerIdentity(t.Context(), nil); err != nil {
			t.Error(err)
		}
	}
	who, _ := s.session(service.AccessKeyID)
	if own, _ := s.session(s.ServiceCredentials().AccessKeyID); who.arn != own.arn {
		t.Errorf("another session of the service role is %s", who.arn)
	}
	now = now.Add(31 * time.Second)
	for _, creds := range []aws.Credentials{c, service} {
		if _, err := stsClient(s, creds).GetCallerIdentity(t.Context(), nil); errorCode(err) != "ExpiredToken" {
			t.Errorf("after their end: got %v", err)
		}
	}
}

func TestKeysAreNewWithEachServer(t *testing.T) {
	one, two := start(t, Options{}), start(t, Options{})
	_, err := stsClient(two, one.ServiceCredentials()).GetCallerIdentity(t.Context(), nil)
	if code := errorCode(err); code != "InvalidClientTokenId" {
		t.Errorf("got %v, want InvalidClientTokenId for the keys of another server", err)
	}
}

func errorCode(err error) string {
	var api interface{ ErrorCode() string }
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func TestAssumeRoleValidation(t *testing.T) {
	asked := 0
	s := start(t, Options{AssumeRole: func(Call) error { asked++; return nil }})
	tests := []struct {
		name, field, value string // an empty field changes nothing; the value "-" removes it
		status             int
		code, message      string
	}{
		{"as it should be", "", "", 200, "", ""},
		{"no role", "RoleArn", "-", 400, "ValidationError", "'roleArn' failed"},
		{"role too short", "RoleArn", "arn:aws:iam", 400, "ValidationError", "'roleArn' failed"},
		{"a user", "RoleArn", "arn:aws:iam::111111111111:user/Somebody", 400, "ValidationError", "is invalid"},
		{"account of 11 digits", "RoleArn", "arn:aws:iam::11111111111:role/Settings", 400, "ValidationError", "is invalid"},
		{"a session", "RoleArn", "arn:aws:sts::111111111111:assumed-role/a/b", 400, "ValidationError", "is invalid"},
		{"line feed after the role", "RoleArn", settingsRole + "\n", 400, "ValidationError", "is invalid"},
		{"GovCloud", "RoleArn", "arn:aws-us-gov:iam::111111111111:role/Settings", 200, "", ""},
		{"no name", "RoleSessionName", "-", 400, "ValidationError", "'roleSessionName' failed"},
		{"name of 1", "RoleSessionName", "a", 400, "ValidationError", "greater than or equal to 2"},
		{"name of 2", "RoleSessionName", "ab", 200, "", ""},
		{"name of 64", "RoleSessionName", strings.Repeat("a", 64), 200, "", ""},
		{"name of 65", "RoleSessionName", strings.Repeat("a", 65), 400, "ValidationError", "less than or equal to 64"},
		{"name with a colon", "RoleSessionName", "project:build", 400, "ValidationError", "regular expression"},
		{"all characters", "RoleSessionName", "aZ0_+=,.@-", 200, "", ""},
		{"899 s", "DurationSeconds", "899", 400, "ValidationError", "greater than or equal to 900"},
		{"900 s", "DurationSeconds", "900", 200, "", ""},
		{"3600 s", "DurationSeconds", "3600", 200, "", ""},
		{"3601 s", "DurationSeconds", "3601", 400, "ValidationError", "1 hour session limit for roles assumed by role chaining"},
		{"43201 s", "DurationSeconds", "43201", 400, "ValidationError", "less than or equal to 43200"},
		{"no number", "DurationSeconds", "1h", 400, "MalformedInput", "not a number"},
		{"policy is no JSON", "Policy", "{", 400, "MalformedPolicyDocument", "Json"},
		{"policy too long", "Policy", `"` + strings.Repeat("a", 2047) + `"`, 400, "ValidationError", "'policy' failed"},
	}
	granted := 0
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			form := url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {settingsRole}, "RoleSessionName": {"test"}}
			if test.field != "" {
				form.Set(test.field, test.value)
			}
			if test.value == "-" {
				form.Del(test.field)
			}
			status, code, message := send(t, signedBy(t, s, s.ServiceCredentials(), "sts", time.Now(), form.Encode()))
			if status != test.status || code != test.code || !strings.Contains(message, test.message) {
				t.Errorf("got %d %s (%s), want %d %s (…%s…)", status, code, message, test.status, test.code, test.message)
			}
			calls := s.Calls()
			if got := calls[len(calls)-1].Code; got != test.code {
				t.Errorf("got code %q in the record, want %q", got, test.code)
			}
		})
		if test.status == 200 {
			granted++
		}
	}
	if asked != granted {
		t.Errorf("the hook was asked %d times, want %d: for valid calls alone", asked, granted)
	}
}

func TestHookRefuses(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		status int
		code   string
	}{
		{"denied", &Fault{403, "AccessDenied", "not authorized to perform: sts:AssumeRole"}, 403, "AccessDenied"},
		{"throttled", &Fault{400, "Throttling", "Rate exceeded"}, 400, "Throttling"},
		{"broken", &Fault{500, "InternalFailure", "try again"}, 500, "InternalFailure"},
		{"wrapped", errors.Join(errors.New("x"), &Fault{503, "ServiceUnavailable", ""}), 503, "ServiceUnavailable"},
		{"any error", errors.New("oops"), 500, "InternalFailure"},
		{"no status", &Fault{Code: "Strange"}, 500, "Strange"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, Options{AssumeRole: func(c Call) error {
				if c.RoleARN != settingsRole {
					return nil
				}
				return test.err
			}})
			_, err := stsClient(s, s.ServiceCredentials()).AssumeRole(t.Context(), &sts.AssumeRoleInput{
				RoleArn: aws.String(settingsRole), RoleSessionName: aws.String("test"),
			})
			var status interface{ HTTPStatusCode() int }
			if !errors.As(err, &status) || status.HTTPStatusCode() != test.status || errorCode(err) != test.code {
				t.Errorf("got %v, want %d %s", err, test.status, test.code)
			}
			if got := s.Calls(); len(got) != 1 || got[0].Code != test.code {
				t.Errorf("got calls %+v, want one with code %s", got, test.code)
			}
			assume(t, s, "arn:aws:iam::333333333333:role/Other")
		})
	}
}

func TestConcurrentCallers(t *testing.T) {
	s := start(t, Options{})
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			_, err := stsClient(s, s.ServiceCredentials()).AssumeRole(t.Context(), &sts.AssumeRoleInput{
				RoleArn: aws.String(settingsRole), RoleSessionName: aws.String("test"),
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if got := len(s.Calls()); got != 8 {
		t.Errorf("got %d calls recorded, want 8", got)
	}
}

func TestNotFakedIsSaid(t *testing.T) {
	s := start(t, Options{})
	if status, code, message := send(t, signedBy(t, s, s.ServiceCredentials(), "cloudformation", time.Now(), "Action=DescribeStacks")); status != 501 ||
		code != "NotImplemented" || !strings.Contains(message, "does not fake") || !strings.Contains(message, "cloudformation POST / DescribeStacks") {
		t.Errorf("Query protocol: got %d %s (%s)", status, code, message)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810.ListTables")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 501 || got.Type != "NotImplemented" || !strings.Contains(got.Message, "DynamoDB_20120810.ListTables") {
		t.Errorf("JSON protocol: got %d %+v", resp.StatusCode, got)
	}
	if got := s.Calls(); len(got) != 0 {
		t.Errorf("got %+v recorded, want nothing", got)
	}
}

func TestAWSCommandLine(t *testing.T) {
	t.Parallel()
	oracle.Need(t, os.Getenv)
	needsAWS(t)
	s := start(t, Options{})
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "aws", append(args, "--endpoint-url", s.URL(), "--output", "text")...)
		cmd.Env = awsEnv(s, s.ServiceCredentials())
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	got, err := run("sts", "get-caller-identity", "--query", "Arn")
	if want := "arn:aws:sts::222222222222:assumed-role/loopback-service-role/dry-run"; err != nil || got != want {
		t.Errorf("get-caller-identity: got %q, %v, want %q", got, err, want)
	}
	got, err = run("sts", "assume-role", "--role-arn", settingsRole, "--role-session-name", "cli", "--query", "AssumedRoleUser.Arn")
	if want := "arn:aws:sts::111111111111:assumed-role/Settings/cli"; err != nil || got != want {
		t.Errorf("assume-role: got %q, %v, want %q", got, err, want)
	}
}

// Each line is a client of another protocol; all have to show the sentence.
const boto3Script = `
import boto3, botocore
sts = boto3.client("sts")
c = sts.assume_role(RoleArn="` + settingsRole + `", RoleSessionName="boto", DurationSeconds=900)["Credentials"]
assert c["Expiration"].tzinfo is not None
print(boto3.client("sts", aws_access_key_id=c["AccessKeyId"], aws_secret_access_key=c["SecretAccessKey"],
    aws_session_token=c["SessionToken"]).get_caller_identity()["Arn"])
for service, action, args in [
    ("sts", "get_session_token", {}), ("cloudformation", "describe_stacks", {}), ("ec2", "describe_vpcs", {}),
    ("s3", "list_buckets", {}), ("s3", "put_object", dict(Bucket="bucket", Key="a//b", Body=b"x")), ("route53", "list_hosted_zones", {}),
    ("ssm", "get_parameter", dict(Name="x")), ("lambda", "list_functions", {}), ("codecommit", "list_repositories", {}), ("sts", "assume_role",
    dict(RoleArn="` + settingsRole + `", RoleSessionName="boto", DurationSeconds=3601))]:
    try:
        getattr(boto3.client(service), action)(**args)
        print(service, action, "succeeded")
    except botocore.exceptions.ClientError as e:
        print(service, action, e.response["ResponseMetadata"]["HTTPStatusCode"], e.response["Error"]["Code"],
            "does not fake" in e.response["Error"]["Message"])
`

func TestBoto3(t *testing.T) {
	t.Parallel()
	oracle.Need(t, os.Getenv)
	if err := exec.Command("python3", "-c", "import boto3").Run(); err != nil {
		t.Skipf("boto3 is not installed: %v", err)
	}
	s := start(t, Options{})
	cmd := exec.CommandContext(t.Context(), "python3", "-c", boto3Script)
	cmd.Env = awsEnv(s, s.ServiceCredentials())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const want = `arn:aws:sts::111111111111:assumed-role/Settings/boto
sts get_session_token 501 NotImplemented True
cloudformation describe_stacks 501 NotImplemented True
ec2 describe_vpcs 501 NotImplemented True
s3 list_buckets 501 NotImplemented True
s3 put_object 501 NotImplemented True
route53 list_hosted_zones 501 NotImplemented True
ssm get_parameter 501 NotImplemented True
lambda list_functions 501 NotImplemented True
codecommit list_repositories 501 NotImplemented True
sts assume_role 400 ValidationError False
`
	if got := string(out); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
