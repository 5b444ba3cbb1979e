package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"spa-runner/internal/identity"
	"spa-runner/internal/loopback"
)

// long says whether tests that need minutes are run; `make test-long` does.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("SPA_RUNNER_LONG") != "1" {
		t.Skip("it takes minutes: SPA_RUNNER_LONG=1 runs it")
	}
}

// trial is a run whose deploy target calls AWS all the time, with credentials
// that end early.
type trial struct {
	life    time.Duration // of the deploy role's sessions
	deploy  time.Duration // how long it calls
	outage  time.Duration // STS is down for so long, from the first renewal on,
	refused int           // or for so many requests
	clients []client
	keys    int // distinct keys that STS must have seen, at least
}

func (r trial) options() loopback.Options {
	var mu sync.Mutex
	given, since := 0, time.Time{}
	return loopback.Options{
		Life: func(c loopback.Call) time.Duration {
			if c.RoleARN == deployRole {
				return r.life
			}
			return c.Duration
		},
		AssumeRole: func(c loopback.Call) error {
			mu.Lock()
			defer mu.Unlock()
			if c.RoleARN != deployRole {
				return nil
			}
			if given++; given == 2 {
				since = time.Now()
			}
			if !since.IsZero() && (time.Since(since) < r.outage || given-2 < r.refused) {
				return &loopback.Fault{Status: 503, Code: "ServiceUnavailable", Message: "STS is down"}
			}
			return nil
		},
	}
}

// run runs it in a world that was made with its options, and checks that no call
// failed, whose they were and with how many keys they were signed.
func (r trial) run(t *testing.T, w *world) outcome {
	t.Helper()
	w.useTestBinary()
	w.env[realWaits] = "1"
	w.env["AWS_MAX_ATTEMPTS"] = "1" // nobody may try twice: the keys must be good at once
	if w.env["SPA_RUNNER_TEST_TARGETS"] == "" {
		w.env["SPA_RUNNER_TEST_TARGETS"] = "lint"
	}
	script := ""
	var names []string
	for _, c := range r.clients {
		c.prepare(w)
		names = append(names, c.name)
		script += fmt.Sprintf("{ %s; } & pids=\"$pids $!\"\n", c.command(r.deploy))
	}
	script += "failed=0; for pid in $pids; do wait $pid || failed=1; done; exit $failed\n"
	w.write("code", "clients.sh", script)
	w.write("code", "Makefile", "setup lint:\n\t@true\nall-tests:\n\t@sleep $(TESTS_TAKE)\ndeploy:\n\t@sh clients.sh 2>&1\n")
	w.serve()
	start := time.Now()
	o := w.run("run")
	if o.code != 0 {
		t.Fatalf("%v", o)
	}
	for _, name := range names {
		if !strings.Contains(o.output(t, "make-deploy"), name+" made all its calls") {
			t.Errorf("%s did not come to its end: %s", name, o.output(t, "make-deploy"))
		}
	}
	keys, calls, outages := map[string]bool{}, 0, 0
	for _, c := range w.aws.Calls() {
		switch {
		case c.Action == "AssumeRole" && c.Code != "":
			outages++
		case c.Action == "GetCallerIdentity" && !strings.HasPrefix(c.CallerARN, "arn:aws:sts::333333333333:assumed-role/Spa-DeployEnvironmentRole/"):
			t.Errorf("a call of the deployment was made as %s", c.CallerARN)
		case c.Action == "GetCallerIdentity":
			keys[c.CallerKey] = true
			calls++
		}
	}
	renewed := len(o.find(t, "credentials renewed", "make-deploy"))
	failed := len(o.find(t, "renewal failed", "make-deploy")) + len(o.find(t, "retrying", "make-deploy"))
	t.Logf("%s: %d calls of %s with %d keys; %d renewals, %d attempts failed, STS refused %d times",
		time.Since(start).Round(time.Second), calls, strings.Join(names, ", "), len(keys), renewed, failed, outages)
	if len(keys) < r.keys || renewed < r.keys-1 {
		t.Errorf("got %d keys and %d renewals, want at least %d keys", len(keys), renewed, r.keys)
	}
	if (r.outage > 0 || r.refused > 0) != (failed > 0) || failed != outages {
		t.Errorf("the log tells of %d attempts that failed, and STS refused %d times", failed, outages)
	}
	return o
}

func TestADeploymentOutlivesItsCredentials(t *testing.T) {
	t.Parallel()
	r := trial{life: 12 * time.Second, clients: []client{untilRenewed(2)}, keys: 2}
	r.run(t, newWorld(t, r.options()))
}

func TestADeploymentOutlastsAnOutageOfSTS(t *testing.T) {
	t.Parallel()
	r := trial{life: 12 * time.Second, refused: 2, clients: []client{untilRenewed(2)}, keys: 2}
	r.run(t, newWorld(t, r.options()))
}

// Two minutes of work of every client that is here, with credentials that live
// twenty seconds.
func TestLongADeploymentOutlivesItsCredentials(t *testing.T) {
	long(t)
	t.Parallel()
	r := trial{life: 20 * time.Second, deploy: 2 * time.Minute, clients: allClients(t), keys: 4}
	r.run(t, newWorld(t, r.options()))
}

// An outage of half a minute begins with the first renewal, which is the worst
// moment for it. Credentials that live twenty seconds cannot outlast it, so
// that these live eighty; an hour outlasts one of half an hour.
func TestLongADeploymentOutlastsAnOutageOfSTS(t *testing.T) {
	long(t)
	t.Parallel()
	r := trial{life: 80 * time.Second, deploy: 2 * time.Minute, outage: 30 * time.Second, clients: allClients(t), keys: 2}
	r.run(t, newWorld(t, r.options()))
}

// sources are ways by which a build has its own identity: one that ends early
// and is given again, as in CodeBuild.
func sources(t *testing.T, w *world, life time.Duration) map[string]map[string]string {
	t.Helper()
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	var mu sync.Mutex
	number := 0
	// rotate writes another token; the one before is no good any more.
	rotate := func() {
		number++
		if err := os.WriteFile(token, fmt.Appendf(nil, "token-of-the-build-%d", number), 0o600); err != nil {
			t.Error(err)
		}
	}
	rotate()
	container := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Header.Get("Authorization") != fmt.Sprintf("token-of-the-build-%d", number) {
			rw.WriteHeader(http.StatusForbidden)
			return
		}
		rotate()
		_ = json.NewEncoder(rw).Encode(answerOf(w.aws.ServiceSession(life)))
	}))
	t.Cleanup(container.Close)
	process := filepath.Join(dir, "process.sh")
	plain := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		answer := answerOf(w.aws.ServiceSession(life))
		answer["SessionToken"], answer["Version"] = answer["Token"], 1
		_ = json.NewEncoder(rw).Encode(answer)
	}))
	t.Cleanup(plain.Close)
	profile := "[profile build]\ncredential_process = sh " + process + "\n"
	for name, content := range map[string]string{
		process:                      fmt.Sprintf("env -u %s %s=%s %s\n", asMain, asClient, plain.URL, os.Args[0]),
		filepath.Join(dir, "config"): profile,
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]map[string]string{
		"a container": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": container.URL, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token},
		"a profile":   {"AWS_PROFILE": "build", "AWS_CONFIG_FILE": filepath.Join(dir, "config")},
	}
}

func answerOf(c aws.Credentials) map[string]any {
	return map[string]any{
		"AccessKeyId": c.AccessKeyID, "SecretAccessKey": c.SecretAccessKey, "Token": c.SessionToken,
		"Expiration": c.Expires.UTC().Format(time.RFC3339),
	}
}

// outliveTheService runs a trial as a build whose own credentials end while the
// tests run and all through the deployment.
func outliveTheService(t *testing.T, service, tests time.Duration, r trial) {
	t.Helper()
	for _, name := range []string{"a container", "a profile"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, r.options())
			for _, variable := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
				delete(w.env, variable)
			}
			for variable, value := range sources(t, w, service)[name] {
				w.env[variable] = value
			}
			w.env["TESTS_TAKE"], w.env["SPA_RUNNER_TEST_TARGETS"] = fmt.Sprint(int(tests.Seconds())), "all-tests"
			r.run(t, w)
			callers := map[string]bool{}
			for _, c := range w.aws.Calls() {
				if c.Action == "AssumeRole" {
					callers[c.CallerKey] = true
				}
			}
			if t.Logf("STS was asked with %d keys of the service role", len(callers)); len(callers) < r.keys {
				t.Errorf("STS was asked with %d keys of the service role, want at least %d", len(callers), r.keys)
			}
		})
	}
}

func TestTheServiceRoleMayRenewItself(t *testing.T) {
	t.Parallel()
	outliveTheService(t, 12*time.Second, 7*time.Second, // the keys of the service are asked for late, and must still be good
		trial{life: 12 * time.Second, clients: []client{untilRenewed(2)}, keys: 2})
}

func TestLongTheServiceRoleMayRenewItself(t *testing.T) {
	long(t)
	t.Parallel()
	outliveTheService(t, 30*time.Second, 2*time.Minute,
		trial{life: 20 * time.Second, deploy: time.Minute, clients: []client{goClient()}, keys: 4})
}

// A web identity is a token in a file, which others renew: each time it is asked
// for, the file is read again, although the variables that name it are gone. (The
// SDK sends this to the real STS whatever AWS_ENDPOINT_URL says, so the
// connection is taken to a server of the test.)
func TestAWebIdentityIsReadAgain(t *testing.T) {
	tokens := make(chan string, 3)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		form, _ := url.ParseQuery(readAndRestore(r))
		tokens <- form.Get("WebIdentityToken")
		_, _ = fmt.Fprintf(rw, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>`+
			`<AssumedRoleUser><Arn>arn:aws:sts::222222222222:assumed-role/Build/x</Arn><AssumedRoleId>A:x</AssumedRoleId></AssumedRoleUser>`+
			`<Credentials><AccessKeyId>ASIAX</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials>`+
			`</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, time.Now().Add(-time.Second).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "token")
	for name, value := range map[string]string{
		"AWS_WEB_IDENTITY_TOKEN_FILE": file, "AWS_ROLE_ARN": "arn:aws:iam::222222222222:role/Build", "AWS_CONFIG_FILE": os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_ACCESS_KEY_ID": "", "AWS_PROFILE": "",
	} {
		t.Setenv(name, value)
	}
	client, err := identity.NewHTTPClient("", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	client = client.WithTransportOptions(func(tr *http.Transport) {
		tr.DialTLSContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		}
	})
	cfg, err := ambientIdentity(t.Context(), client, "eu-west-1", func(...string) {})
	if err != nil {
		t.Fatal(err)
	}
	if value, ok := os.LookupEnv("AWS_WEB_IDENTITY_TOKEN_FILE"); ok {
		t.Errorf("AWS_WEB_IDENTITY_TOKEN_FILE is still %q", value)
	}
	for _, token := range []string{"first", "second", "third"} {
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := cfg.Credentials.Retrieve(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := <-tokens; got != token {
			t.Errorf("STS was shown %q, want %q", got, token)
		}
	}
}
