package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"spa-runner/internal/loopback"
)

// fakeAWS is the STS of internal/loopback, which checks signatures, and in front
// of it CodeBuild and CodeCommit, answering as the test says.
type fakeAWS struct {
	t   *testing.T
	sts *loopback.Server

	mu       sync.Mutex
	identity map[string]aws.Credentials // by access key id
	who      map[string]string          // ARN of it; "function" for the function's own
	calls    []awsCall

	// assume refuses an AssumeRole call. A nil one refuses none.
	assume func(loopback.Call) error
	// answers are by operation: a value is the answer, a fault the refusal.
	answers map[string]func(awsCall) any
	// raw, if set, answers in the place of a service, if it says so.
	raw func(w http.ResponseWriter, target string) bool
	// ahead is how far the clocks of all services are.
	ahead time.Duration
}

// awsCall is a signed call to CodeBuild or CodeCommit.
type awsCall struct {
	op, region, who string
	body            map[string]any
}

func (c awsCall) text(name string) string { s, _ := c.body[name].(string); return s }

// fault is an error in the JSON protocol.
type fault struct {
	status     int
	code, text string
}

func newFakeAWS(t *testing.T) *fakeAWS {
	t.Helper()
	f := &fakeAWS{t: t, identity: map[string]aws.Credentials{}, who: map[string]string{}, answers: map[string]func(awsCall) any{}}
	f.answers["StartBuild"] = func(c awsCall) any {
		return map[string]any{"build": map[string]any{"id": c.text("projectName") + ":build-1", "startTime": 1700000000.5}}
	}
	var err error
	f.sts, err = loopback.Start(t.Context(), loopback.Options{
		Middleware: f.middleware,
		Clock: func() time.Time {
			f.mu.Lock()
			defer f.mu.Unlock()
			return time.Now().Add(f.ahead)
		},
		AssumeRole: func(c loopback.Call) error {
			f.mu.Lock()
			assume := f.assume
			f.mu.Unlock()
			if assume != nil {
				return assume(c)
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.sts.Close)
	own := f.sts.ServiceCredentials()
	f.identity[own.AccessKeyID], f.who[own.AccessKeyID] = own, "function"
	return f
}

// env is what Lambda would give the function, and the variables of the test. What
// was set before is then visible to the servers.
func (f *fakeAWS) env(variables ...string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	own := f.sts.ServiceCredentials()
	return append([]string{
		"AWS_REGION=eu-west-1", "AWS_LAMBDA_FUNCTION_NAME=Spa-OnCodeCommitUpdate", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ACCESS_KEY_ID=" + own.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + own.SecretAccessKey, "AWS_SESSION_TOKEN=" + own.SessionToken,
		"AWS_ENDPOINT_URL_STS=" + f.sts.URL(), "AWS_ENDPOINT_URL_CODEBUILD=" + f.sts.URL(), "AWS_ENDPOINT_URL_CODECOMMIT=" + f.sts.URL(),
	}, variables...)
}

func (f *fakeAWS) middleware(sts http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target := r.Header.Get("X-Amz-Target")
		f.mu.Lock()
		raw, ahead := f.raw, f.ahead
		f.mu.Unlock()
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		if raw != nil && raw(w, target) {
			return
		}
		if target != "" {
			f.serveJSON(w, r, target)
			return
		}
		answer := httptest.NewRecorder()
		sts.ServeHTTP(answer, r)
		var issued struct {
			Result struct {
				User        struct{ Arn string } `xml:"AssumedRoleUser"`
				Credentials struct {
					AccessKeyID                   string `xml:"AccessKeyId"`
					SecretAccessKey, SessionToken string
				}
			} `xml:"AssumeRoleResult"`
		}
		if xml.Unmarshal(answer.Body.Bytes(), &issued) == nil {
			c := issued.Result.Credentials
			f.mu.Lock()
			f.identity[c.AccessKeyID] = aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
			f.who[c.AccessKeyID] = issued.Result.User.Arn
			f.mu.Unlock()
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

func (f *fakeAWS) serveJSON(w http.ResponseWriter, r *http.Request, target string) {
	raw, _ := io.ReadAll(r.Body)
	service, op, _ := strings.Cut(target, ".")
	service = map[string]string{"CodeBuild_20161006": "codebuild", "CodeCommit_20150413": "codecommit"}[service]
	call := awsCall{op: op}
	var err error
	if call.who, call.region, err = f.signer(r, raw, service); err == nil {
		err = json.Unmarshal(raw, &call.body)
	}
	var answer any
	f.mu.Lock()
	f.calls = append(f.calls, call)
	reply := f.answers[op]
	f.mu.Unlock()
	switch {
	case err != nil:
		f.t.Errorf("%s: %v", target, err)
		answer = fault{403, "InvalidSignatureException", err.Error()}
	case reply == nil:
		f.t.Errorf("%s was not expected", target)
		answer = fault{501, "NotImplemented", op}
	default:
		answer = reply(call)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if refusal, ok := answer.(fault); ok {
		w.WriteHeader(refusal.status)
		answer = map[string]string{"__type": refusal.code, "message": refusal.text}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// signer says who signed a request and for which region, by signing it again.
func (f *fakeAWS) signer(r *http.Request, body []byte, service string) (who, region string, err error) {
	header := r.Header.Get("Authorization")
	_, rest, _ := strings.Cut(header, "Credential=")
	credential, _, _ := strings.Cut(rest, ",")
	scope := strings.Split(credential, "/")
	_, rest, _ = strings.Cut(header, "SignedHeaders=")
	signed, _, _ := strings.Cut(rest, ",")
	if len(scope) != 5 || scope[3] != service {
		return "", "", fmt.Errorf("%q is no signature for %s", header, service)
	}
	f.mu.Lock()
	keys, ok := f.identity[scope[0]]
	who = f.who[scope[0]]
	f.mu.Unlock()
	if !ok {
		return "", "", fmt.Errorf("nobody has the key %s", scope[0])
	}
	again, err := http.NewRequest(r.Method, f.sts.URL()+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		return "", "", err
	}
	for name := range strings.SplitSeq(signed, ";") {
		if name != "host" && name != "content-length" {
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	when, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return "", "", err
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(r.Context(), keys, again, hex.EncodeToString(sum[:]), service, scope[2], when); err != nil {
		return "", "", err
	}
	if got := again.Header.Get("Authorization"); got != header {
		return "", "", fmt.Errorf("the signature is\n%s, want\n%s", header, got)
	}
	return who, scope[2], nil
}

// of gives the calls of one operation.
func (f *fakeAWS) of(op string) (list []awsCall) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c.op == op {
			list = append(list, c)
		}
	}
	return list
}

// environmentOf reads the overrides of a start.
func environmentOf(t *testing.T, c awsCall) map[string]string {
	t.Helper()
	values := map[string]string{}
	list, _ := c.body["environmentVariablesOverride"].([]any)
	for _, one := range list {
		v, _ := one.(map[string]any)
		if v["type"] != "PLAINTEXT" {
			t.Errorf("variable %v is not plain text", v)
		}
		values[fmt.Sprint(v["name"])] = fmt.Sprint(v["value"])
	}
	return values
}
