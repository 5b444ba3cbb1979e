package main

import (
	"os"
	"strings"
	"testing"

	"spa-runner/internal/loopback"
)

// useTestBinary lets the targets of a Makefile call $(TEST_BINARY).
func (w *world) useTestBinary() { w.env["TEST_BINARY"] = os.Args[0] }

// A child that prints all that it can learn of its credentials, the answer of
// the endpoint included, shows none of it.
func TestWhatTheEndpointGivesIsMasked(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"json", "mixed", "console"} {
		heard := &listener{}
		w := newWorld(t, loopback.Options{Middleware: heard.middleware})
		w.env["SPA_RUNNER_LOG_FORMAT"] = format
		w.useTestBinary()
		w.write("code", "Makefile", "setup lint all-tests:\n\t@true\ndeploy:\n"+
			"\t@echo token $$AWS_CONTAINER_AUTHORIZATION_TOKEN; echo $$AWS_CONTAINER_AUTHORIZATION_TOKEN >$(HOME)/token\n"+
			"\t@TEST_AS_CLIENT=print $(TEST_BINARY)\n")
		w.serve()
		o := w.run("run")
		token, err := os.ReadFile(w.home + "/token")
		if o.code != 0 || err != nil || len(strings.TrimSpace(string(token))) != 64 {
			t.Fatalf("%v, %v", err, o)
		}
		secrets := append(heard.secrets, strings.TrimSpace(string(token)))
		for _, secret := range secrets {
			if secret != tokenUserForTest && strings.Contains(o.stdout+o.stderr, secret) {
				t.Errorf("%s: %.12s… is in the output", format, secret)
			}
		}
		for _, text := range []string{"token ***", "AccessKeyId", "Expiration", "status 200"} {
			if !strings.Contains(o.stdout, text) {
				t.Errorf("%s: no %q in the output: the child learned nothing: %v", format, text, o)
			}
		}
	}
}

func TestEachTargetOfDeployFindsItsCredentials(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"endpoint", "env"} {
		w := newWorld(t, loopback.Options{})
		w.env["SPA_RUNNER_DEPLOY_CREDENTIALS"] = way
		w.env["SPA_RUNNER_DEPLOY_TARGETS"] = "bootstrap deploy"
		w.env["HTTP_PROXY"] = "http://127.0.0.1:9" // of the discard service: nobody is there
		w.env["NO_PROXY"] = "localhost,127.0.0.1"
		w.useTestBinary()
		w.write("code", "Makefile", "setup lint all-tests:\n\t@true\nbootstrap deploy:\n\t@TEST_AS_SDK=1 $(TEST_BINARY)\n\t@echo uri=$$AWS_CONTAINER_CREDENTIALS_FULL_URI\n")
		w.serve()
		o := w.run("run")
		if got := strings.Count(o.output(t, "make-deploy"), "go sdk found credentials: true as 333333333333"); o.code != 0 || got != 2 {
			t.Errorf("%s: %d targets found credentials, %v", way, got, o)
		}
		if served := strings.Contains(o.stdout, "uri=http://127.0.0.1:"); served != (way == "endpoint") {
			t.Errorf("%s: got %s", way, o.output(t, "make-deploy"))
		}
		if calls := w.aws.Calls(); len(w.assumed()) != 2 {
			t.Errorf("%s: two targets made %d calls of STS: %v", way, len(calls), calls)
		}
	}
}

// A rehearsal deploys by way of an endpoint too.
func TestARehearsalServesCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	delete(w.env, "SPA_RUNNER_WORKDIR")
	w.useTestBinary()
	w.write("code", "Makefile", whoAmI)
	o := w.run("dry-run", "--settings", w.dirs["settings"], "--code", w.dirs["code"], "--execute-deploy")
	if got := o.output(t, "make-deploy"); o.code != 0 || !strings.Contains(got, "true as 333333333333") {
		t.Errorf("got %q, %v", got, o)
	}
	if got := o.output(t, "make-setup"); !strings.Contains(got, "credentials: false") {
		t.Errorf("setup: got %q", got)
	}
}
