package codecommit

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// Auth signs the requests of go-git to one repository. It may be used by several goroutines if clock and register may.
//
// What is secret lives in the closure: fmt prints a function as an address, whatever the verb and however deep Auth lies in
// something else, where it would print the fields of a struct.
type Auth struct {
	sign func() (user, password string)
	base *url.URL
}

var _ githttp.AuthMethod = (*Auth)(nil)

// NewAuth makes the authentication for cloning repo. Each request is signed anew with the time that now tells, and
// register is given the secrets of a request (password, user name, the header as it is sent) before the request has them.
//
// It takes credentials and not their provider on purpose: SetAuth, which go-git calls, can neither return an error nor see the
// caller's context, and a renewal that failed there would leave a request without signature, or with an old one. So retrieve
// right before each clone, where an error can be handled; a clone makes its two requests at its start. Credentials that
// are empty or have expired are an error here.
func NewAuth(creds aws.Credentials, repo Repository, now func() time.Time, register func(secrets ...string)) (*Auth, error) {
	if now == nil || register == nil {
		return nil, errors.New("signing for CodeCommit: a clock and a place to register secrets are required")
	}
	base, err := url.Parse(repo.URL)
	if err != nil || repo.Name == "" || repo.Host == "" || base.Hostname() != repo.Host {
		return nil, errors.New("signing for CodeCommit: the repository does not come from Parse")
	}
	if !creds.HasKeys() {
		return nil, fmt.Errorf("signing for %s: the credentials are empty", repo.URL)
	}
	if creds.CanExpire && !creds.Expires.After(now()) {
		return nil, fmt.Errorf("signing for %s: the credentials expired at %s", repo.URL, creds.Expires.UTC().Format(time.RFC3339))
	}
	sign := func() (user, password string) {
		user, password = Sign(creds, repo, now())
		register(password, user, url.QueryEscape(user), base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
		return user, password
	}
	return &Auth{sign: sign, base: base}, nil
}

// SetAuth signs a request to the repository, and leaves a request to any other server or path alone: what a redirect leads
// to is not told who we are.
func (a *Auth) SetAuth(r *http.Request) {
	if r.URL.Scheme != a.base.Scheme || r.URL.Host != a.base.Host || !strings.HasPrefix(r.URL.Path, a.base.Path+"/") {
		return
	}
	r.SetBasicAuth(a.sign())
}

// Name is what go-git calls the method.
func (*Auth) Name() string { return "codecommit-sigv4" }

// String says nothing but the name: the user name holds a session token, which go-git's own BasicAuth would print.
func (a *Auth) String() string { return a.Name() }
