package gitclone

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"spa-runner/internal/hostfault"
)

// What a caller may want to tell apart, with errors.Is.
var (
	ErrRefNotFound        = errors.New("ref not found")        // no such branch, tag or commit
	ErrCommitMismatch     = errors.New("commit mismatch")      // Ref is not at Request.Commit
	ErrNotReachable       = errors.New("commit not reachable") // it is not in the history of Request.ReachableFrom
	ErrUnauthorized       = errors.New("unauthorized")         // 401 or 403
	ErrRepositoryNotFound = errors.New("repository not found") // 404, or a folder that is no repository
	ErrEmptyRepository    = errors.New("repository is empty")  // it has no commit yet
	ErrTargetExists       = errors.New("target folder exists") // Request.Dir is there already
	ErrNoAnswer           = errors.New("no answer")            // no HTTP answer at all: the cause says why
	ErrBrokenOff          = errors.New("broken off")           // the answer did not come to its end
	ErrRefused            = errors.New("refused")              // the server does not give what it had just offered
)

// failure is a sentence for a person with a kind for the program.
type failure struct {
	kind, cause error
	text        string
}

func (f *failure) Error() string { return f.text }

func (f *failure) Unwrap() []error {
	var errs []error
	for _, err := range []error{f.kind, f.cause} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

func fault(kind, cause error, format string, args ...any) error {
	return &failure{kind: kind, cause: cause, text: fmt.Sprintf(format, args...)}
}

// StatusError is an answer of a server that is no success. It is in the chain of
// the sentence that explains it.
type StatusError struct {
	Code   int
	Header http.Header
	Signed bool // the request carried credentials
}

func (s *StatusError) Error() string { return fmt.Sprintf("HTTP status %d", s.Code) }

// explainStatus says what an HTTP status means for somebody who clones.
func explainStatus(res *http.Response, from string, signed bool) error {
	said := ""
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain") {
		said = serverSays(res.Body)
	}
	as := "without credentials"
	if signed {
		as = "with the given credentials"
	}
	what := fmt.Sprintf("cloning %s: the server answered %d %s%s", from, res.StatusCode, http.StatusText(res.StatusCode), said)
	cause := &StatusError{Code: res.StatusCode, Header: res.Header, Signed: signed}
	switch code := res.StatusCode; {
	case code == http.StatusUnauthorized && signed:
		return fault(ErrUnauthorized, cause, "%s %s: they are wrong or have expired; check them", what, as)
	case code == http.StatusUnauthorized:
		return fault(ErrUnauthorized, cause, "%s %s: the repository is private or does not exist; check the URL, or give a token", what, as)
	case code == http.StatusForbidden:
		return fault(ErrUnauthorized, cause, "%s %s: they do not suffice to read it; check what they are allowed to do", what, as)
	case code == http.StatusNotFound:
		return fault(ErrRepositoryNotFound, cause, "%s %s: there is no such repository, or it is private "+
			"(GitHub answers 404 for what the credentials may not see); check the URL and the token", what, as)
	case code == http.StatusTooManyRequests:
		wait := "later"
		if after := res.Header.Get("Retry-After"); after != "" {
			wait = fmt.Sprintf("after %q (Retry-After)", after)
		}
		return fault(nil, cause, "%s: too many requests from here; try again %s", what, wait)
	case code >= http.StatusInternalServerError:
		return fault(nil, cause, "%s: the fault is on its side; try again later", what)
	}
	return fault(nil, cause, "%s, which a git server does not do; check the URL", what)
}

// serverSays quotes the first line of an answer in plain text, cut to a length
// and to characters that cannot disturb a log.
func serverSays(body io.Reader) string {
	text, err := io.ReadAll(io.LimitReader(body, 300))
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if err != nil || line == "" {
		return ""
	}
	return fmt.Sprintf(" (%q)", line)
}

// explainTransport says what went wrong before there was an answer. The text
// of *url.Error is left out, since it shows the whole URL of a redirect.
func explainTransport(err error, from, host string) error {
	if uerr := (*url.Error)(nil); errors.As(err, &uerr) {
		err = uerr.Err
	}
	if f := (*failure)(nil); errors.As(err, &f) {
		return err
	}
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
	)
	say := func(format string, args ...any) error {
		return fault(ErrNoAnswer, err, "cloning %s: "+format, append([]any{from}, args...)...)
	}
	_, ours := hostfault.Of(err)
	switch {
	case ours:
		return say("this machine cannot ask %s: %v", host, err)
	case errors.Is(err, context.Canceled):
		return say("interrupted: %v", err)
	case errors.Is(err, context.DeadlineExceeded):
		return say("%s took too long: %v; try again, or allow more time", host, err)
	case errors.As(err, &dns):
		return say("the name of %s cannot be resolved (%v); check the URL, and the network and its DNS", host, dns)
	case errors.Is(err, syscall.ECONNREFUSED):
		return say("%s refused the connection (%v); check host and port, and that the server runs", host, err)
	case errors.As(err, &authority):
		return say("the certificate of %s is signed by an unknown authority (%v); if a proxy or a private "+
			"authority is meant to be there, name its certificates in AWS_CA_BUNDLE or SSL_CERT_FILE", host, err)
	case errors.As(err, &hostname), errors.As(err, &invalid):
		return say("the certificate of %s is not valid (%v); check the URL, and the clock of this machine", host, err)
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return say("%s does not speak TLS there (%v); check the port, or write http://", host, err)
	}
	return say("the exchange with %s failed (%v); try again, and check the network", host, err)
}

// inFolder adds to an error of this machine the folder of the clone: paths in it are as
// seen from there.
func inFolder(err error, dir string) error {
	var (
		file    *fs.PathError
		renamed *os.LinkError
	)
	if _, ours := hostfault.Of(err); !ours || !errors.As(err, &file) && !errors.As(err, &renamed) {
		return err
	}
	return fmt.Errorf("%w (in %s)", err, dir)
}
