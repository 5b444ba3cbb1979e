package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"spa-runner/internal/fault"
)

func decode(r io.Reader) map[string]string {
	body := map[string]string{}
	_ = json.NewDecoder(r).Decode(&body)
	return body
}

// visit is a child that waits, and what its environment says of the endpoint.
type visit struct {
	uri, token string
	registered []string
	end        func() error // lets the child end, and gives what Exec said
}

// visiting starts a child in scope Deploy and waits until it runs, and has done what
// first says.
func visiting(t *testing.T, ctx context.Context, rt *Runtime, p aws.CredentialsProvider, first string) *visit {
	t.Helper()
	v := &visit{}
	var mu sync.Mutex
	redact := func(s ...string) {
		mu.Lock()
		defer mu.Unlock()
		v.registered = append(v.registered, s...)
	}
	rt.Redact = redact
	creds := Mint[Deploy](p, redact)
	dir := t.TempDir()
	fifo := filepath.Join(dir, "hold")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	hold, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	said, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- Exec(ctx, rt, creds, Command{
			Dir: dir, Stdout: out,
			Argv: []string{"sh", "-c", first + `; exec <hold; echo "$` + endpointURI + ` $` + endpointToken + `"; read -r _; read -r _; read -r _; true`},
		})
	}()
	line := make([]byte, 200)
	n, err := said.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, said) }()
	v.uri, v.token, _ = strings.Cut(strings.TrimSpace(string(line[:n])), " ")
	v.end = sync.OnceValue(func() error { _ = hold.Close(); return <-ended })
	t.Cleanup(func() { _ = v.end() })
	mu.Lock()
	defer mu.Unlock()
	v.registered = slices.Clone(v.registered)
	return v
}

func (v *visit) get(t *testing.T, change func(*http.Request)) (int, http.Header, map[string]string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.uri, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", v.token)
	if change != nil {
		change(r)
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	return answer.StatusCode, answer.Header, decode(answer.Body)
}

func TestTheEndpointAnswersAsAContainerDoes(t *testing.T) {
	rt, _, _ := testRuntime()
	v := visiting(t, t.Context(), rt, &authority{life: time.Hour}, ":")
	if !regexp.MustCompile(`^http://127\.0\.0\.1:\d+/credentials$`).MatchString(v.uri) || !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(v.token) {
		t.Fatalf("the child was told %q and %q", v.uri, v.token)
	}
	if !slices.Contains(v.registered, v.token) {
		t.Error("the token of the endpoint was not registered as a secret")
	}
	status, header, body := v.get(t, nil)
	names := slices.Sorted(maps.Keys(body))
	if want := []string{"AccessKeyId", "AccountId", "Expiration", "SecretAccessKey", "Token"}; status != 200 || !slices.Equal(names, want) {
		t.Errorf("got %d %v", status, names)
	}
	if body["AccessKeyId"] != "ASIAFAKE00000001" || body["SecretAccessKey"] != testSecret || body["Token"] != "token-of-nobody" || body["AccountId"] != "333333333333" {
		t.Error("the credentials are not those of the scope")
	}
	if end, err := time.Parse("2006-01-02T15:04:05Z", body["Expiration"]); err != nil || time.Until(end) < 59*time.Minute {
		t.Errorf("Expiration is %q", body["Expiration"])
	}
	if header.Get("Cache-Control") != "no-store" || header.Get("Content-Type") != "application/json" {
		t.Errorf("headers: %v", header)
	}
	if err := v.end(); err != nil {
		t.Error(err)
	}
}

func TestTheEndpointRefuses(t *testing.T) {
	rt, _, _ := testRuntime()
	v := visiting(t, t.Context(), rt, &authority{life: time.Hour}, ":")
	for name, test := range map[string]struct {
		status int
		change func(*http.Request)
	}{
		"no token":                   {403, func(r *http.Request) { r.Header.Del("Authorization") }},
		"an empty token":             {403, func(r *http.Request) { r.Header.Set("Authorization", "") }},
		"a wrong token":              {403, func(r *http.Request) { r.Header.Set("Authorization", strings.Repeat("0", 64)) }},
		"a part of the token":        {403, func(r *http.Request) { r.Header.Set("Authorization", v.token[:63]) }},
		"the token and more":         {403, func(r *http.Request) { r.Header.Set("Authorization", v.token+"0") }},
		"a bearer":                   {403, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+v.token) }},
		"the name of a browser":      {403, func(r *http.Request) { r.Host = "localhost" + r.Host[strings.IndexByte(r.Host, ':'):] }},
		"a name of somebody else":    {403, func(r *http.Request) { r.Host = "evil.example" }},
		"another path":               {404, func(r *http.Request) { r.URL.Path = "/" }},
		"a path below":               {404, func(r *http.Request) { r.URL.Path += "/x" }},
		"another path, and no token": {404, func(r *http.Request) { r.URL.Path = "/"; r.Header.Del("Authorization") }},
		"POST":                       {405, func(r *http.Request) { r.Method = http.MethodPost }},
		"HEAD":                       {405, func(r *http.Request) { r.Method = http.MethodHead }},
		"OPTIONS, and no token":      {405, func(r *http.Request) { r.Method = http.MethodOptions; r.Header.Del("Authorization") }},
		"OPTIONS of all there is":    {404, func(r *http.Request) { r.Method, r.URL.Opaque = http.MethodOptions, "*" }},
		"a method that nobody has":   {405, func(r *http.Request) { r.Method = "STEAL" }},
		"headers that have no end":   {431, func(r *http.Request) { r.Header.Set("X", strings.Repeat("x", 4*endpointHeader)) }},
		"PUT of much, and no token": {405, func(r *http.Request) {
			r.Method = http.MethodPut
			r.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", 1<<10)))
		}},
		"a query, which changes none": {200, func(r *http.Request) { r.URL.RawQuery = "a=b" }},
	} {
		status, header, body := v.get(t, test.change)
		if status != test.status {
			t.Errorf("%s: got %d, want %d", name, status, test.status)
		}
		if status == 405 && header.Get("Allow") != http.MethodGet {
			t.Errorf("%s: Allow is %q", name, header.Get("Allow"))
		}
		if status != 200 && (body["AccessKeyId"] != "" || header.Get("Cache-Control") != "no-store" && status != 431) {
			t.Errorf("%s: got %v with %v", name, body, header)
		}
		if (status == 403 || status == 404) && (body["code"] == "" || body["message"] == "") {
			t.Errorf("%s: got %v, want code and message", name, body)
		}
	}
}

// A client that gives up after two seconds never waits for STS.
func TestTheEndpointAnswersAtOnceWhileSTSHangs(t *testing.T) {
	rt, _, _ := testRuntime()
	hangs := make(chan struct{})
	a := &authority{life: 4 * time.Second}
	p := aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		if a.given > 0 {
			close(hangs)
			<-ctx.Done()
			return aws.Credentials{}, ctx.Err()
		}
		creds, err := a.Retrieve(ctx)
		creds.Expires = time.Now().Add(4 * time.Second)
		return creds, err
	})
	v := visiting(t, t.Context(), rt, p, ":")
	<-hangs // for ever, so that what waits for it does not come to an end
	if status, _, _ := v.get(t, nil); status != 200 {
		t.Errorf("got %d", status)
	}
	if err := v.end(); err != nil {
		t.Errorf("the child's end with a renewal under way: %v", err)
	}
}

func TestTheEndpointIsGoneWithItsChild(t *testing.T) {
	rt, _, _ := testRuntime()
	v := visiting(t, t.Context(), rt, &authority{life: time.Hour}, ":")
	at, err := url.Parse(v.uri)
	if err != nil {
		t.Fatal(err)
	}
	idle, err := new(net.Dialer).DialContext(t.Context(), "tcp", at.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = idle.Close() }()
	v.get(t, nil) // the connection before it has been accepted
	if err := v.end(); err != nil {
		t.Fatal(err)
	}
	if _, err := new(net.Dialer).DialContext(t.Context(), "tcp", at.Host); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("after the child: got %v, want the connection refused", err)
	}
	if n, err := idle.Read(make([]byte, 1)); n != 0 || err == nil { // it would wait for ever
		t.Errorf("an idle connection outlived the child: %v", err)
	}
}

// A child that was asked to stop still puts its things in order: its
// credentials are there, and are renewed, until it has.
func TestTheEndpointOutlivesTheContext(t *testing.T) {
	rt, _, _ := testRuntime()
	ctx, cancel := context.WithCancelCause(t.Context())
	a := &authority{life: 4 * time.Second}
	v := visiting(t, ctx, rt, a, "trap : TERM")
	cancel(&fault.InterruptedError{Signal: syscall.SIGTERM})
	for ; ; time.Sleep(50 * time.Millisecond) {
		status, _, body := v.get(t, nil)
		if status != 200 {
			t.Fatalf("got %d", status)
		}
		if body["AccessKeyId"] != "ASIAFAKE00000001" {
			break
		}
	}
}

func TestEachChildHasAnEndpointOfItsOwn(t *testing.T) {
	rt, _, _ := testRuntime()
	first := visiting(t, t.Context(), rt, &authority{life: time.Hour}, ":")
	other, _, _ := testRuntime()
	second := visiting(t, t.Context(), other, &authority{life: time.Hour}, ":")
	if first.token == second.token || first.uri == second.uri {
		t.Error("two children share an endpoint")
	}
	if status, _, _ := second.get(t, func(r *http.Request) { r.Header.Set("Authorization", first.token) }); status != 403 {
		t.Errorf("the token of another child: got %d", status)
	}
}

func TestEndlessCredentialsAreSaidToLastAWhile(t *testing.T) {
	h := &holder{}
	h.lease.Store(&lease{creds: aws.Credentials{AccessKeyID: "ASIAX", SecretAccessKey: "s", SessionToken: "t"}})
	status, body := ask(&endpoint{holder: h, host: "h", token: "t"}, http.MethodGet, endpointPath, "h", "t")
	if end, err := time.Parse(time.RFC3339, body["Expiration"]); status != 200 || err != nil || time.Until(end) < 59*time.Minute {
		t.Errorf("got %d %q, %v", status, body["Expiration"], err)
	}
}

func TestBypassProxy(t *testing.T) {
	for name, test := range map[string]struct{ given, want map[string]string }{
		"no proxy at all":       {map[string]string{"NO_PROXY": "a"}, map[string]string{"NO_PROXY": "a"}},
		"for https alone":       {map[string]string{"HTTPS_PROXY": "p"}, map[string]string{"HTTPS_PROXY": "p"}},
		"without exceptions":    {map[string]string{"HTTP_PROXY": "p"}, map[string]string{"HTTP_PROXY": "p", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}},
		"in the other spelling": {map[string]string{"http_proxy": "p", "NO_PROXY": "a,b"}, map[string]string{"http_proxy": "p", "NO_PROXY": "a,b,127.0.0.1", "no_proxy": "a,b,127.0.0.1"}},
		"in both":               {map[string]string{"all_proxy": "p", "NO_PROXY": "a", "no_proxy": "b"}, map[string]string{"all_proxy": "p", "NO_PROXY": "a,127.0.0.1", "no_proxy": "b,127.0.0.1"}},
		"there already":         {map[string]string{"ALL_PROXY": "p", "NO_PROXY": "127.0.0.1,a", "no_proxy": "*"}, map[string]string{"ALL_PROXY": "p", "NO_PROXY": "127.0.0.1,a", "no_proxy": "*"}},
	} {
		vars := maps.Clone(test.given)
		if bypassProxy(vars); !maps.Equal(vars, test.want) {
			t.Errorf("%s: got %v, want %v", name, vars, test.want)
		}
	}
}
