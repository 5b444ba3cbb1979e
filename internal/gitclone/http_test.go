package gitclone

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// spyAuth signs in a way that net/http's own list of secret headers does not know.
type spyAuth struct{}

func (spyAuth) Name() string   { return "spy" }
func (spyAuth) String() string { return "spy" }
func (spyAuth) SetAuth(r *http.Request) {
	r.SetBasicAuth("user", "s3cret")
	r.Header.Set("X-Token", "s3cret")
	r.Header.Set("Cookie", "s=s3cret")
}

// recorder keeps each request as text.
type recorder struct {
	mu       sync.Mutex
	requests []string
}

func (r *recorder) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		req.Body = io.NopCloser(bytes.NewReader(body))
		r.mu.Lock()
		r.requests = append(r.requests, fmt.Sprintf("%s %s %v %s", req.Method, req.URL, req.Header, body))
		r.mu.Unlock()
		h.ServeHTTP(w, req)
	})
}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.requests
	r.requests = nil
	return taken
}

func hasSecret(request string) bool {
	return strings.Contains(request, "s3cret") || strings.Contains(request, "Authorization")
}

func TestRedirectKeepsCredentialsHome(t *testing.T) {
	t.Parallel()
	source := newRepo(t, map[string]string{"a": "a\n"})
	var home, away recorder
	elsewhere := strings.Replace(serve(t, source, away.wrap), "http://", "http://of:redirect@", 1) // net/http would send that
	homeURL := listen(t, home.wrap(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, elsewhere+strings.TrimPrefix(req.URL.Path, "/repo")+"?"+req.URL.RawQuery, http.StatusMovedPermanently)
	}))) + "/repo"
	// Cookies know no ports, so this jar's would go to the other server too.
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(homeURL)
	if err != nil {
		t.Fatal(err)
	}
	jar.SetCookies(u, []*http.Cookie{{Name: "jar", Value: "s3cret", Path: "/"}})
	withUser := strings.Replace(homeURL, "http://", "http://user:s3cret@", 1)
	for name, r := range map[string]Request{"auth": {URL: homeURL, Auth: spyAuth{}}, "user info": {URL: withUser}} {
		t.Run(name, func(t *testing.T) {
			r.Ref, r.Dir, r.FollowRedirects, r.Client = "main", target(t), true, &http.Client{Jar: jar}
			if _, err := Clone(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if got := home.take(); len(got) != 1 || !hasSecret(got[0]) {
				t.Errorf("the configured server got %q; want one GET with credentials", got)
			}
			got := away.take()
			if len(got) != 2 || !strings.HasPrefix(got[0], "GET") || !strings.HasPrefix(got[1], "POST") {
				t.Fatalf("the other server got %q; want a GET and a POST", got)
			}
			for _, request := range got {
				if hasSecret(request) {
					t.Errorf("credentials reached the other server: %s", request)
				}
			}
		})
	}
}

func TestCredentialsGoToTheConfiguredOriginAlone(t *testing.T) {
	t.Parallel()
	configured, err := url.Parse("https://git.example/code.git")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		url           string
		strayed, want bool
	}{
		{"https://git.example/other", false, true},
		{"https://GIT.example:443/code.git", false, true},
		{"https://git.example/code.git", true, false}, // redirects led away, and back
		{"http://git.example/code.git", false, false},
		{"http://git.example:443/code.git", false, false},
		{"https://git.example:8443/code.git", false, false},
		{"https://sub.git.example/code.git", false, false},
	} {
		u, err := url.Parse(test.url)
		if err != nil {
			t.Fatal(err)
		}
		s := &server{url: configured, auth: spyAuth{}, strayed: test.strayed}
		if got := s.signs(u); got != test.want {
			t.Errorf("%s, strayed %v: signed %v, want %v", test.url, test.strayed, got, test.want)
		}
	}
}

func TestRedirectRefused(t *testing.T) {
	t.Parallel()
	source := newRepo(t, map[string]string{"a": "a\n"})
	var away recorder
	elsewhere := serve(t, source, away.wrap)
	host := strings.TrimPrefix(elsewhere[:strings.LastIndex(elsewhere, "/")], "http://")
	to := func(target string) string {
		return listen(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, target+strings.TrimPrefix(req.URL.Path, "/repo")+"?"+req.URL.RawQuery, http.StatusFound)
		})) + "/repo"
	}
	onPost := listen(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPost {
			http.Redirect(w, req, elsewhere+"/git-upload-pack", http.StatusTemporaryRedirect)
			return
		}
		u, _ := url.Parse(elsewhere)
		req.URL.Path = u.Path + "/info/refs"
		backend(source[:strings.LastIndex(source, "/")]).ServeHTTP(w, req)
	})) + "/repo"
	loop := listen(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, req.URL.String(), http.StatusFound)
	}))
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, elsewhere+"/info/refs?"+req.URL.RawQuery, http.StatusFound)
	}))
	defer secure.Close()
	for name, test := range map[string]struct {
		url    string
		follow bool
		client *http.Client
		want   []string
	}{
		"not wanted":    {to(elsewhere), false, nil, []string{host, "not followed"}},
		"scheme":        {to("ftp://example.org"), true, nil, []string{"example.org", "neither http nor https"}},
		"in the middle": {onPost, true, nil, []string{host, "in the middle"}},
		"endless":       {loop, true, nil, []string{"redirects"}},
		"downgrade":     {secure.URL, true, secure.Client(), []string{host, "from https to http"}},
		"elsewhere":     {to(elsewhere + "/x?"), true, nil, []string{"check the URL"}},
	} {
		t.Run(name, func(t *testing.T) {
			away.take()
			dir := target(t)
			_, err := Clone(t.Context(), Request{URL: test.url, Ref: "main", Dir: dir, FollowRedirects: test.follow, Client: test.client})
			contains(t, err, append(test.want, DisplayURL(test.url))...)
			gone(t, dir)
			if got := away.take(); len(got) > 0 && name != "elsewhere" {
				t.Errorf("the target of the redirect was asked: %q", got)
			}
		})
	}
}

func TestServerErrors(t *testing.T) {
	t.Parallel()
	answer := func(code int, contentType, body string) string {
		return listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(code)
			io.WriteString(w, body)
		}))
	}
	const advertisement = "application/x-git-upload-pack-advertisement"
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.TLS = &tls.Config{}
	secure.StartTLS()
	defer secure.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + listener.Addr().String() + "/r"
	listener.Close()
	plain := answer(200, "text/html", "<html>")
	for name, test := range map[string]struct {
		url  string
		auth githttp.AuthMethod
		kind error
		want []string
	}{
		"401 anonymous":    {answer(401, "text/plain", "no entry\x1b[2J\nsecond"), nil, ErrUnauthorized, []string{"401", "without credentials", "private", `no entry\x1b[2J`}},
		"401 signed":       {answer(401, "text/html", "<p>"), spyAuth{}, ErrUnauthorized, []string{"401", "expired"}},
		"403":              {answer(403, "text/plain", ""), spyAuth{}, ErrUnauthorized, []string{"403", "allowed"}},
		"404":              {answer(404, "text/plain", ""), nil, ErrRepositoryNotFound, []string{"404", "private"}},
		"429":              {answer(429, "text/plain", ""), nil, nil, []string{"429", `after "30"`}},
		"503":              {answer(503, "text/plain", ""), nil, nil, []string{"503", "later"}},
		"418":              {answer(418, "text/plain", ""), nil, nil, []string{"418"}},
		"web page":         {plain, nil, nil, []string{"web page", "not the URL of a git server"}},
		"dumb server":      {answer(200, "text/plain", strings.Repeat("a", 40)+"\trefs/heads/main\n"), nil, nil, []string{"no git service"}},
		"ERR":              {answer(200, advertisement, "0015ERR access denied"), nil, nil, []string{`the server says "access denied"`}},
		"garbage":          {answer(200, advertisement, "garbage"), nil, nil, []string{"not that of a git server"}},
		"broken off":       {answer(200, advertisement, "001e# service=git-upload-pack\n0000zzzz"), nil, nil, []string{"broken"}},
		"refused":          {closed, nil, nil, []string{"refused the connection"}},
		"no such name":     {"https://no-such-host.invalid/r", nil, nil, []string{"no-such-host.invalid", "resolved"}},
		"unknown CA":       {secure.URL, nil, nil, []string{"unknown authority", "AWS_CA_BUNDLE", "SSL_CERT_FILE"}},
		"TLS to plain":     {strings.Replace(plain, "http:", "https:", 1), nil, nil, []string{"does not speak TLS"}},
		"SSH":              {"git@example.org:a/b.git", nil, nil, []string{"SSH is not supported", "https://"}},
		"ssh URL":          {"ssh://git:s3cret@example.org/a", nil, nil, []string{"ssh://example.org/a", "https://"}},
		"query":            {plain + "/?token=s3cret", nil, nil, []string{"after ?"}},
		"broken user info": {"http://user:s3cret%zz@example.org/a", nil, nil, []string{"valid URL"}},
		"no folder":        {"/no/such/folder", nil, ErrRepositoryNotFound, []string{"/no/such/folder"}},
		"no repository":    {t.TempDir(), nil, ErrRepositoryNotFound, []string{"not a git repository"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := target(t)
			_, err := Clone(t.Context(), Request{URL: test.url, Ref: "main", Dir: dir, Auth: test.auth})
			contains(t, err, append(test.want, DisplayURL(test.url))...)
			for _, kind := range []error{ErrUnauthorized, ErrRepositoryNotFound} {
				if errors.Is(err, kind) != (kind == test.kind) {
					t.Errorf("errors.Is(%v) is %v", kind, errors.Is(err, kind))
				}
			}
			if shown := fmt.Sprintf("%v %+v", err, err); strings.Contains(shown, "s3cret") || strings.ContainsAny(shown, "\n\x1b") {
				t.Errorf("error shows a secret or controls the terminal: %q", shown)
			}
			gone(t, dir)
		})
	}
}

// TestRequest is about what CodeCommit and Azure DevOps demand: multi_ack.
func TestRequest(t *testing.T) {
	t.Parallel()
	source := newRepo(t, map[string]string{"a": "a\n"})
	var seen recorder
	url := serve(t, source, seen.wrap)
	if _, err := Clone(t.Context(), Request{URL: url, Ref: "main", Dir: target(t)}); err != nil {
		t.Fatal(err)
	}
	got := seen.take()
	if len(got) != 2 {
		t.Fatalf("%d requests; want one GET and one POST", len(got))
	}
	for _, want := range []string{" multi_ack_detailed ", " side-band-64k ", " ofs-delta ", " no-progress ", " shallow ", "deepen 1\n"} {
		if !strings.Contains(got[1], want) {
			t.Errorf("request lacks %q: %s", want, got[1])
		}
	}
	for _, request := range got {
		if !strings.Contains(request, "Accept-Encoding:[identity]") {
			t.Errorf("request lets the server compress: %s", request)
		}
	}
	if strings.Contains(got[1], "thin-pack") {
		t.Errorf("request asks for a thin pack: %s", got[1])
	}
}

// cut ends or stalls the answer to a POST after n bytes.
func cut(n int, then func(*http.Request)) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodGet {
				h.ServeHTTP(w, req)
				return
			}
			whole := httptest.NewRecorder()
			h.ServeHTTP(whole, req)
			w.Header().Set("Content-Type", whole.Header().Get("Content-Type"))
			w.Write(whole.Body.Bytes()[:min(n, whole.Body.Len())])
			w.(http.Flusher).Flush()
			then(req)
		})
	}
}

func TestTruncatedPack(t *testing.T) {
	t.Parallel()
	source := newRepo(t, map[string]string{"a": strings.Repeat("some text\n", 10), "b": "b\n"})
	for _, n := range []int{1, 60, 70, 100, 150, 200, 250, 300} {
		dir := target(t)
		_, err := Clone(t.Context(), Request{URL: serve(t, source, cut(n, func(*http.Request) {})), Ref: "main", Dir: dir})
		contains(t, err, "try again")
		gone(t, dir)
	}
}

func TestCancelStalledTransfer(t *testing.T) {
	source := newRepo(t, map[string]string{"a": strings.Repeat("some text\n", 10)})
	stalled := make(chan bool, 1)
	url := serve(t, source, cut(200, func(req *http.Request) {
		stalled <- true
		<-req.Context().Done()
	}))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-stalled
		cancel()
	}()
	dir := target(t)
	_, err := Clone(ctx, Request{URL: url, Ref: "main", Dir: dir})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	gone(t, dir)
}

func TestEmptyAndSHA256Repositories(t *testing.T) {
	t.Parallel()
	empty, sha256 := t.TempDir(), t.TempDir()
	git(t, empty, "init", "-q")
	git(t, sha256, "init", "-q", "-b", "main", "--object-format=sha256")
	commitFiles(t, sha256, map[string]string{"a": "a\n"})
	for _, url := range []string{empty, serve(t, empty, nil)} {
		_, err := Lookup(t.Context(), Request{URL: url, Ref: "main"})
		contains(t, err, url, "is empty")
		if !errors.Is(err, ErrEmptyRepository) {
			t.Errorf("%v is not ErrEmptyRepository", err)
		}
	}
	for _, url := range []string{sha256, serve(t, sha256, nil)} {
		_, err := Lookup(t.Context(), Request{URL: url, Ref: "main"})
		contains(t, err, url, "not supported", "SHA-1")
	}
}

func TestDisplayURL(t *testing.T) {
	for raw, want := range map[string]string{
		"https://u:p@h/a": "https://h/a", "https://h/a?token=x": "https://h/a", "https://h/a#x": "https://h/a", "https://u:p/q@h/a": "https://h/a",
		"https://u:p@q@h/a": "https://h/a", "/a/b": "/a/b", "../c": "../c", "https://u:%zz@h": "https://h",
	} {
		if got := DisplayURL(raw); got != want {
			t.Errorf("%s: got %s, want %s", raw, got, want)
		}
	}
}

// cutSecond ends the answer to the second POST after n bytes.
func cutSecond(n int) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		posts := 0
		short := cut(n, func(*http.Request) {})(h)
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodPost {
				posts++
			}
			if posts == 2 {
				short.ServeHTTP(w, req)
				return
			}
			h.ServeHTTP(w, req)
		})
	}
}
