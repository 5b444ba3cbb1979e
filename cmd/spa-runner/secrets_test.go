package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"spa-runner/internal/loopback"
)

func awsConfigOfNobody() aws.Config { return aws.Config{} }

// listener hears every secret that goes over the wire: what STS gives out and
// what git sends.
type listener struct {
	mu      sync.Mutex
	secrets []string
}

func (l *listener) middleware(next http.Handler) http.Handler {
	issued := regexp.MustCompile(`<(?:SecretAccessKey|SessionToken)>([^<]+)<`)
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		if user, password, ok := r.BasicAuth(); ok {
			l.secrets = append(l.secrets, user, password)
		}
		l.mu.Unlock()
		if r.Method != http.MethodPost || r.URL.Path != "/" {
			next.ServeHTTP(rw, r)
			return
		}
		answer := &recorded{header: http.Header{}}
		next.ServeHTTP(answer, r)
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, match := range issued.FindAllStringSubmatch(answer.body.String(), -1) {
			l.secrets = append(l.secrets, match[1])
		}
		_, _ = rw.Write(answer.body.Bytes())
	})
}

// Everything that is secret, printed by a child in every way, in every format
// of the log: none of it comes out.
func TestNoSecretInAnyOutput(t *testing.T) {
	t.Parallel()
	const (
		gitToken = "ghp_AbCdEf0123456789+/x"
		password = "pass:word@of/a-proxy"
		webhook  = "https://example.com/hook?sig=Zm9vYmFyLXNpZ25hdHVyZQ"
	)
	print := strings.Join([]string{
		`@env`,
		`@printf '%s' "$${AWS_SECRET_ACCESS_KEY%??????????}"; sleep 0.2; printf '%s\n' "$${AWS_SECRET_ACCESS_KEY#$${AWS_SECRET_ACCESS_KEY%??????????}}"`,
		`@printf '%s' "x$$AWS_SESSION_TOKEN" | base64 -w0; echo`,
		`@printf '%s\n' "$$AWS_SESSION_TOKEN" | sed 's:+:%2B:g; s:/:%2F:g; s:=:%3D:g'`,
		`@echo "$$CANARY_WEBHOOK" >&2`,
	}, "\n\t")
	for _, format := range []string{"json", "mixed", "console"} {
		heard := &listener{}
		w := newWorld(t, loopback.Options{Middleware: heard.middleware})
		w.env["SPA_RUNNER_LOG_FORMAT"] = format
		w.env["SPA_RUNNER_DEPLOY_CREDENTIALS"] = "env" // so that there is more to print
		w.env["CODE_GIT_TOKEN"] = gitToken
		w.env["CANARY_WEBHOOK"] = webhook
		w.env["UNUSED_PROXY"] = "http://user:" + url.QueryEscape(password) + "@127.0.0.1:1"
		w.write("code", "Makefile", "setup lint all-tests deploy:\n\t"+print+"\n")
		w.write("settings", environmentPath+"/variables.sh", "export API_TOKEN=born-in-the-script-0123\necho $API_TOKEN\n")
		w.serve()
		o := w.run("run")
		if o.code != 0 {
			t.Fatalf("%s: %v", format, o)
		}
		service := w.aws.ServiceCredentials()
		secrets := append(heard.secrets, service.SecretAccessKey, service.SessionToken, gitToken, webhook,
			url.QueryEscape(password), "born-in-the-script-0123")
		if len(heard.secrets) < 8 {
			t.Fatalf("heard only %d secrets on the wire", len(heard.secrets))
		}
		slices.Sort(secrets)
		written := o.stdout + o.stderr + w.written(t)
		for _, secret := range slices.Compact(secrets) {
			if secret == tokenUserForTest {
				continue
			}
			inner := base64.StdEncoding.EncodeToString([]byte("xy" + secret))
			for _, form := range []string{secret, url.QueryEscape(secret), inner[4 : len(inner)-4]} {
				if strings.Contains(written, form) {
					t.Errorf("%s: a secret is in the output, or in the record, as %.12s…", format, form)
				}
			}
		}
		if strings.Count(o.stdout, "***") < 10 {
			t.Errorf("%s: the children printed nothing that was masked: %v", format, o)
		}
	}
}

// tokenUserForTest is the user name beside a git token, which is no secret.
const tokenUserForTest = "x-access-token"

// STS quotes the request when it refuses a signature, the session token of the
// service role included. In CodeBuild that comes from a container endpoint, and
// stands in no variable.
func TestTheServiceRolesTokenIsMaskedToo(t *testing.T) {
	t.Parallel()
	const token = "IQoJb3JpZ2luX2VjEBASE/TOKEN+of+the+service+role=="
	container := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(rw, `{"AccessKeyId":"ASIAFAKE00000000","SecretAccessKey":"secret-of-the-service-role","Token":%q,"Expiration":%q}`,
			token, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(container.Close)
	refuses := func(http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprintf(rw, "<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>x-amz-security-token:%s</Message></Error></ErrorResponse>",
				r.Header.Get("X-Amz-Security-Token"))
		})
	}
	w := newWorld(t, loopback.Options{Middleware: refuses})
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		delete(w.env, name)
	}
	w.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = container.URL
	w.env["AWS_MAX_ATTEMPTS"] = "1"
	o := w.run("run")
	if o.code != 125 || !strings.Contains(o.stdout, "x-amz-security-token:***") || strings.Contains(o.stdout+o.stderr, "TOKEN+of") {
		t.Errorf("got %v", o)
	}
}

// Values of variables that are no secrets stay readable, and those that the
// project named as deploy's own are masked whatever their names.
func TestWhatIsMaskedByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.env["CODEBUILD_WEBHOOK_HEAD_REF"] = "refs/heads/main"
	w.env["ODD_NAME"], w.env["SPA_RUNNER_DEPLOY_ONLY"] = "supersecretvalue123", "ODD_NAME"
	w.env["INDEX_URLS"] = "https://a:first-password@h/ https://b:second-pa%20ssword@h/"
	w.write("code", "Makefile", "setup lint all-tests deploy:\n\t@echo refs/heads/main $$ODD_NAME first-password 'second-pa ssword'\n")
	w.serve()
	o := w.run("run")
	if got := o.output(t, "make-deploy"); got != "refs/heads/main *** *** ***\n" {
		t.Errorf("got %q, %v", got, o)
	}
}

func TestSecretsOfTheScript(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"named as deploy's own":           "export ODD_NAME=verysecretvalue123\necho $ODD_NAME\n",
		"not exported, in a failure":      "API_TOKEN=verysecretvalue123\nX=$(ls \"/nope/$API_TOKEN\")\n",
		"of a URL, which a child may not": "export LEAK=$CODE_GIT_URL\ntest -z \"${LEAK##*verysecretvalue123*}\" && exit 1\n",
	} {
		w := newWorld(t, loopback.Options{})
		w.env["SPA_RUNNER_VARIABLES"], w.env["SPA_RUNNER_DEPLOY_ONLY"] = "bash", "ODD_NAME"
		w.env["CODE_GIT_URL"] = strings.Replace(w.env["CODE_GIT_URL"], "http://", "http://user:verysecretvalue123@", 1)
		w.write("code", "Makefile", "setup lint all-tests deploy:\n\t@env\n")
		w.write("settings", environmentPath+"/variables.sh", script)
		w.serve()
		o := w.run("run")
		if strings.Contains(o.stdout+o.stderr, "verysecretvalue123") || strings.Contains(o.output(t, "make-setup"), "LEAK=http://user") {
			t.Errorf("%s: it is in the log: %v", name, o)
		}
	}
}
