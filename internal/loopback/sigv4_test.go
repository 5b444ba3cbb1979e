package loopback

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// The example of AWS's own documentation, with its published signature.
func TestSignatureOfAWSExample(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("X-Amz-Date", "20150830T123600Z")
	canonical := canonicalRequest(r, []string{"content-type", "host", "x-amz-date"}, nil)
	got := signature("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam", "20150830T123600Z", canonical)
	if want := "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"; got != want {
		t.Errorf("got %s, want %s, of\n%s", got, want, canonical)
	}
}

const identityForm = "Action=GetCallerIdentity&Version=2011-06-15"

// signedBy makes a request with the SDK's signer, for a service and a time.
func signedBy(t *testing.T, s *Server, c aws.Credentials, service string, at time.Time, form string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	hash := sha256.Sum256([]byte(form))
	if err := v4.NewSigner().SignHTTP(t.Context(), c, r, hex.EncodeToString(hash[:]), service, "eu-west-1", at); err != nil {
		t.Fatal(err)
	}
	return r
}

// send answers with the status and the AWS error, which has to be well formed.
func send(t *testing.T, r *http.Request) (status int, code, message string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.StatusCode, "", ""
	}
	var answer struct {
		XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
		Code      string   `xml:"Error>Code"`
		Message   string   `xml:"Error>Message"`
		RequestID string   `xml:"RequestId"`
	}
	if err := xml.Unmarshal(body, &answer); err != nil {
		t.Fatalf("answer is no ErrorResponse: %v\n%s", err, body)
	}
	if answer.RequestID == "" || answer.RequestID != resp.Header.Get("X-Amzn-Requestid") {
		t.Errorf("got request id %q in the body and %q in the header", answer.RequestID, resp.Header.Get("X-Amzn-Requestid"))
	}
	return resp.StatusCode, answer.Code, answer.Message
}

func TestAuthentication(t *testing.T) {
	clock := &movable{}
	s := start(t, Options{Clock: clock.now})
	c := s.ServiceCredentials()
	settings := assume(t, s, settingsRole)
	now := time.Now()
	with := func(change func(*aws.Credentials)) aws.Credentials { altered := c; change(&altered); return altered }
	sign := func(c aws.Credentials, at time.Time) *http.Request { return signedBy(t, s, c, "sts", at, identityForm) }
	header := func(name, value string) *http.Request { r := sign(c, now); r.Header.Set(name, value); return r }
	replaced := func(old, replacement string) *http.Request {
		return header("Authorization", strings.Replace(sign(c, now).Header.Get("Authorization"), old, replacement, 1))
	}

	tests := []struct {
		name    string
		request *http.Request
		status  int
		code    string // and, after a colon, what the message has
	}{
		{"service role", sign(c, now), 200, ""},
		{"assumed role", sign(settings, now), 200, ""},
		{"four minutes slow", sign(c, now.Add(-4*time.Minute)), 200, ""},
		{"four minutes fast", sign(c, now.Add(4*time.Minute)), 200, ""},
		{"six minutes slow", sign(c, now.Add(-6*time.Minute)), 403, "SignatureDoesNotMatch"},
		{"six minutes fast", sign(c, now.Add(6*time.Minute)), 403, "SignatureDoesNotMatch"},
		{"unknown key", sign(with(func(c *aws.Credentials) { c.AccessKeyID = "ASIAFAKEUNKNOWN" }), now), 403, "InvalidClientTokenId"},
		{"wrong secret", sign(with(func(c *aws.Credentials) { c.SecretAccessKey += "x" }), now), 403, "SignatureDoesNotMatch"},
		{"no token", sign(with(func(c *aws.Credentials) { c.SessionToken = "" }), now), 403, "InvalidClientTokenId"},
		{"token of another session", sign(with(func(c *aws.Credentials) { c.SessionToken = settings.SessionToken }), now), 403, "InvalidClientTokenId"},
		{"other service", signedBy(t, s, c, "iam", now, identityForm), 403, "SignatureDoesNotMatch"},
		{"signed header changed", header("X-Amz-Date", now.Add(time.Second).UTC().Format(timeFormat)), 403, "SignatureDoesNotMatch"},
		{"date is no date", header("X-Amz-Date", "yesterday"), 400, "IncompleteSignature"},
		{"no signature", header("Authorization", ""), 403, "MissingAuthenticationToken"},
		{"other algorithm", header("Authorization", "Bearer x"), 400, "IncompleteSignature"},
		{"signature missing in header", replaced("Signature=", "S="), 400, "IncompleteSignature"},
		{"scope cut short", replaced("/aws4_request", ""), 400, "IncompleteSignature"},
		{"host not signed", replaced("host;", ""), 403, "SignatureDoesNotMatch: must be signed"},
		{"other region in scope", replaced("eu-west-1", "eu-west-2"), 403, "SignatureDoesNotMatch"},
		{"scope of another day", replaced(now.UTC().Format("20060102"), "20200101"), 403, "SignatureDoesNotMatch: Date in Credential scope"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, code, message := send(t, test.request)
			wantCode, wantMessage, _ := strings.Cut(test.code, ": ")
			if status != test.status || code != wantCode || !strings.Contains(message, wantMessage) {
				t.Errorf("got %d %s (%s), want %d %s", status, code, message, test.status, test.code)
			}
		})
	}
	if got, want := len(s.Calls()), 1+4; got != want { // AssumeRole, and the four that are granted above
		t.Errorf("got %d calls recorded, want %d: only those with a valid signature", got, want)
	}
}

func TestBodyAndQueryAreSigned(t *testing.T) {
	s := start(t, Options{})
	changed := signedBy(t, s, s.ServiceCredentials(), "sts", time.Now(), identityForm)
	body := strings.Replace(identityForm, "2011", "2012", 1) // of the same length
	changed.Body = io.NopCloser(strings.NewReader(body))
	if _, code, _ := send(t, changed); code != "SignatureDoesNotMatch" {
		t.Errorf("changed body: got %q, want SignatureDoesNotMatch", code)
	}
	query := signedBy(t, s, s.ServiceCredentials(), "sts", time.Now(), identityForm)
	query.URL.RawQuery = url.Values{"a": {"b c"}}.Encode()
	if _, code, _ := send(t, query); code != "SignatureDoesNotMatch" {
		t.Errorf("added query: got %q, want SignatureDoesNotMatch", code)
	}
}

func TestSessionExpires(t *testing.T) {
	clock := &movable{}
	s := start(t, Options{Clock: clock.now})
	c := assume(t, s, settingsRole)
	clock.move(59 * time.Minute)
	if status, code, _ := send(t, signedBy(t, s, c, "sts", clock.now(), identityForm)); status != 200 {
		t.Errorf("after 59 minutes: got %d %s, want 200", status, code)
	}
	clock.move(2 * time.Minute)
	if status, code, _ := send(t, signedBy(t, s, c, "sts", clock.now(), identityForm)); status != 403 || code != "ExpiredToken" {
		t.Errorf("after 61 minutes: got %d %s, want 403 ExpiredToken", status, code)
	}
	if status, code, _ := send(t, signedBy(t, s, s.ServiceCredentials(), "sts", clock.now(), identityForm)); status != 200 {
		t.Errorf("service role after 61 minutes: got %d %s, want 200", status, code)
	}
}

func TestDateHeaderIsTheServersClock(t *testing.T) {
	clock := &movable{}
	clock.move(-48 * time.Hour)
	s := start(t, Options{Clock: clock.now})
	resp, err := http.Get(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil || clock.now().Sub(date).Abs() > time.Minute {
		t.Errorf("got Date %q (%v), want the server's clock %s", resp.Header.Get("Date"), err, clock.now())
	}
}
