package gitclone

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// DisplayURL is raw without user info, query and fragment: where people put
// tokens. It is fit for logs, also if raw is not a valid URL.
func DisplayURL(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return raw
	}
	// A password may hold a slash, ? or # that should have been escaped, so everything
	// before the last @ goes first, even at the price of a piece of the path.
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = rest[at+1:]
	}
	if end := strings.IndexAny(rest, "?#"); end >= 0 {
		rest = rest[:end]
	}
	return scheme + "://" + rest
}

// open decides between a server and a local folder.
func open(r Request) (remote, error) {
	shown := DisplayURL(r.URL)
	scheme, path, isURL := strings.Cut(r.URL, "://")
	switch scheme = strings.ToLower(scheme); {
	case r.URL == "":
		return nil, fmt.Errorf("cloning: no URL given")
	case isURL && scheme == "file":
		return openFileURL(path, shown)
	case isURL && scheme != "http" && scheme != "https":
		return nil, fmt.Errorf("cloning %s: only https, http and local paths are supported; write https://", shown)
	case isURL:
		return openHTTP(r, shown)
	}
	return openFolder(r.URL, shown)
}

func openHTTP(r Request, shown string) (remote, error) {
	u, err := url.Parse(r.URL)
	if err != nil || u.Hostname() == "" {
		// The error of url.Parse repeats the URL with its password.
		return nil, fmt.Errorf("cloning %s: that is not a valid URL; write https://host/path, and escape special characters of a password", shown)
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("cloning %s: its URL has a part after ? or #, which no git server asks for; remove it", shown)
	}
	auth := r.Auth
	if auth == nil && u.User != nil {
		password, _ := u.User.Password()
		auth = &githttp.BasicAuth{Username: u.User.Username(), Password: password}
	}
	u.User = nil
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")

	client := http.Client{Transport: http.DefaultTransport}
	if r.Client != nil {
		client = *r.Client
	}
	client.Jar = nil // a domain's cookie would follow a redirect to another host of it
	stall := r.Stall
	if stall <= 0 {
		stall = defaultStall
	}
	return &server{client: client, url: u, stall: stall, auth: auth, follow: r.FollowRedirects, shown: shown, maxHead: maxHead}, nil
}

func openFileURL(rest, shown string) (remote, error) {
	host, path, _ := strings.Cut(rest, "/")
	if host != "" && host != "localhost" {
		return nil, fmt.Errorf("cloning %s: a file URL cannot name another host; write file:///path", shown)
	}
	path, err := url.PathUnescape("/" + path)
	if err != nil {
		return nil, fmt.Errorf("cloning %s: the path of that URL is not valid: %w", shown, err)
	}
	return openFolder(path, shown)
}
