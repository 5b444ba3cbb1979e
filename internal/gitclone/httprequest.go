package gitclone

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

const maxRedirects = 10

func (s *server) newRequest(ctx context.Context, method string, base *url.URL, path string, body io.Reader) (*http.Request, error) {
	u := *base
	u.Path += path
	if u.RawPath != "" {
		u.RawPath += path
	}
	u.RawQuery = ""
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("cloning %s: that is not a valid URL", s.shown)
	}
	req.Header.Set("User-Agent", capability.DefaultAgent())
	req.Header.Set("Accept", "*/*")
	req.Header.Set("Accept-Encoding", "identity") // else net/http unpacks gzip, however much that makes
	if s.signs(req.URL) {
		s.auth.SetAuth(req)
	}
	return req, nil
}

// signs tells whether a request to u may carry the credentials: only to the
// very origin that was configured, and never again once redirects have left it.
func (s *server) signs(u *url.URL) bool {
	return s.auth != nil && !s.strayed && origin(u) == origin(s.url)
}

func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// do sends req and makes an error of whatever is not a git server's answer.
func (s *server) do(req *http.Request, contentType string) (*http.Response, error) {
	client := s.client
	client.CheckRedirect = s.checkRedirect
	ctx, cancel := context.WithCancelCause(req.Context())
	res, err := client.Do(req.WithContext(ctx))
	if err != nil {
		cancel(nil)
		return nil, explainTransport(err, s.shown, req.URL.Host)
	}
	watch(res, s.stall, cancel)
	got, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if res.StatusCode == http.StatusOK && got == contentType {
		return res, nil
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, explainStatus(res, s.shown, s.signs(res.Request.URL))
	}
	what := fmt.Sprintf("answered with %q", got)
	switch got {
	case "text/html":
		what = "answered with a web page"
	case "text/plain":
		what = "offers the files of a repository, but no git service"
	}
	return nil, fault(nil, nil, "cloning %s: that is not the URL of a git server, %s %s; use the URL that git clone takes", s.shown, res.Request.URL.Host, what)
}

// checkRedirect follows what git follows by default (http.followRedirects=initial):
// redirects of the GET. Those of the POST would carry its body to another place.
func (s *server) checkRedirect(req *http.Request, via []*http.Request) error {
	to, from := req.URL, via[len(via)-1].URL
	refuse := func(why string) error {
		return fault(nil, nil, "cloning %s: %s redirects to %s, %s; check the URL", s.shown, from.Host, to.Host, why)
	}
	switch {
	case !s.follow:
		return refuse("and redirects are not followed here")
	case via[0].Method != http.MethodGet:
		return refuse("in the middle of a clone")
	case to.Scheme != "https" && to.Scheme != "http":
		return refuse("with a scheme that is neither http nor https")
	case from.Scheme == "https" && to.Scheme == "http":
		return refuse("and from https to http")
	case len(via) > maxRedirects:
		return refuse(fmt.Sprintf("the last of %d redirects", len(via)))
	}
	if origin(to) != origin(s.url) {
		s.strayed = true
	}
	if s.strayed {
		// net/http keeps what a type of Auth calls X-My-Token, and keeps
		// Authorization for subdomains, so only what is known to be harmless stays.
		req.Header = http.Header{
			"User-Agent": req.Header["User-Agent"], "Accept": req.Header["Accept"],
			"Accept-Encoding": req.Header["Accept-Encoding"],
		}
		to.User = nil
	}
	return nil
}
