package loopback

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	plainPrefix = "/git/"
	// maxChunked limits what is held in memory of a fetch request, which is a
	// list of commits: 64 MB is over a million of them.
	maxChunked = 64 << 20
)

// GitRepository is a repository for everybody, or for whoever has the token.
type GitRepository struct {
	// Dir is a bare repository.
	Dir string
	// Token, if set, must be the password of basic authentication; the user
	// name does not matter, as with tokens of GitHub and GitLab.
	Token string
	// NoExactCommits makes the server refuse a commit that is not the head of
	// a branch, as a bare git does by default; GitHub does not refuse.
	NoExactCommits bool
}

// ServeGit serves a repository at URL()/git/NAME.git, or replaces what is
// served there. Pushes are always refused.
func (s *Server) ServeGit(name string, repo GitRepository) error {
	if !namePattern.MatchString(name) {
		return fmt.Errorf("serving %s: %q is no name of a repository, want letters, digits, dots, dashes and underscores", repo.Dir, name)
	}
	if err := checkBare(repo.Dir); err != nil {
		return fmt.Errorf("serving git repository %s: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plain[name] = repo
	return nil
}

// checkBare catches a wrong folder when it is named, not at the first clone.
func checkBare(dir string) error {
	if !filepath.IsAbs(dir) {
		return fmt.Errorf("folder %q is not an absolute path", dir)
	}
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); err != nil {
		return fmt.Errorf("folder is no bare repository: %w", err)
	}
	return nil
}

func (s *Server) servePlain(w http.ResponseWriter, r *http.Request) {
	folder, operation, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, plainPrefix), "/")
	name, hasSuffix := strings.CutSuffix(folder, ".git")
	s.mu.Lock()
	repo, known := s.plain[name]
	s.mu.Unlock()
	if !known || !hasSuffix {
		http.Error(w, fmt.Sprintf("repository %q not found", folder), http.StatusNotFound)
		return
	}
	_, password, _ := r.BasicAuth()
	if repo.Token != "" && subtle.ConstantTimeCompare([]byte(password), []byte(repo.Token)) != 1 {
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		http.Error(w, "this repository needs a token as the password", http.StatusUnauthorized)
		return
	}
	s.serveRepository(w, r, repository{dir: repo.Dir, root: plainPrefix + folder, operation: operation, exact: !repo.NoExactCommits})
}

// repository is what http-backend has to know to answer one request.
type repository struct {
	dir       string
	root      string // of the URL
	operation string // what follows it
	exact     bool
}

// serveRepository answers the two requests of a fetch and no other: the older
// protocol, which reads files, would go around uploadpack's settings.
func (s *Server) serveRepository(w http.ResponseWriter, r *http.Request, repo repository) {
	asked := r.Method + " " + repo.operation
	if repo.operation == "info/refs" {
		asked += "?" + r.URL.RawQuery // exact, since http-backend might read a second service in it
	}
	switch asked {
	case "GET info/refs?service=git-upload-pack", "POST git-upload-pack":
	case "GET info/refs?service=git-receive-pack", "POST git-receive-pack":
		http.Error(w, "this server is read only: pushes are refused", http.StatusForbidden)
		return
	default:
		http.Error(w, "not a request of git fetch over smart HTTP", http.StatusNotFound)
		return
	}
	request := r.Clone(r.Context())
	// Headers become environment variables of the child. Those that git reads
	// are enough, and the signature is not for it.
	request.Header = http.Header{}
	for _, name := range []string{"Content-Type", "Content-Encoding", "Git-Protocol"} {
		if v := r.Header.Get(name); v != "" {
			request.Header.Set(name, v)
		}
	}
	if r.ContentLength < 0 { // git sends long requests in chunks, which CGI cannot take
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxChunked))
		if err != nil {
			http.Error(w, "reading the request: "+err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		request.Body, request.ContentLength, request.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	}
	exact := fmt.Sprint(repo.exact)
	handler := cgi.Handler{
		Path: s.backend,
		Root: repo.root,
		Dir:  repo.dir,
		Env: append(sealedEnv(
			"uploadpack.allowTipSHA1InWant", exact,
			"uploadpack.allowReachableSHA1InWant", exact,
		),
			"GIT_PROJECT_ROOT="+repo.dir,
			"GIT_HTTP_EXPORT_ALL=1",
			// Before 2.34 http-backend does not read the header itself.
			"GIT_PROTOCOL="+r.Header.Get("Git-Protocol"),
		),
		Logger: log.New(s.log, "loopback AWS: ", 0),
		Stderr: s.log,
	}
	handler.ServeHTTP(w, request)
}

// findBackend asks git where its own programs are.
func findBackend(ctx context.Context) (string, error) {
	folder, err := git(ctx, command{env: sealedEnv(), args: []string{"--exec-path"}})
	if err != nil {
		return "", fmt.Errorf("looking for git's http-backend: %w", err)
	}
	backend := filepath.Join(strings.TrimSpace(folder), "git-http-backend")
	if _, err := os.Stat(backend); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("git has no %s: install it (Alpine has it in the package git-daemon)", backend)
	}
	return backend, nil
}

// command is one call of git. Its environment is never nil, since nil would
// hand down this process's own.
type command struct {
	dir   string
	env   []string
	stdin string
	args  []string
}

// git runs a command and gives its stdout; the error has its stderr.
func git(ctx context.Context, c command) (string, error) {
	cmd := exec.CommandContext(ctx, "git", c.args...)
	cmd.Dir, cmd.Env, cmd.Stdin = c.dir, c.env, strings.NewReader(c.stdin)
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(c.args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// sealedEnv is the environment of a git that reads no configuration but the
// given names and values, and that of the repository it is told to work on.
func sealedEnv(config ...string) []string {
	return append(configEnv(config...),
		"HOME="+os.DevNull,
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL="+os.DevNull,
	)
}

// configEnv is what every git child gets, and nothing else of this process.
func configEnv(config ...string) []string {
	// Whoever started the server named these folders, and in a container they
	// often belong to another user; git would refuse them.
	config = append(config, "safe.directory", "*")
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		"LC_ALL=C", // error messages are looked at
		"GIT_TERMINAL_PROMPT=0",
		fmt.Sprintf("GIT_CONFIG_COUNT=%d", len(config)/2),
	}
	for i := 0; i < len(config); i += 2 {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i/2, config[i]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i/2, config[i+1]))
	}
	return env
}
