package loopback

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/subtle"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	plainPrefix = "/git/"
	// maxRequest limits a fetch request, in bytes. It is a list of commits: 64 MB is over a million of them.
	maxRequest = 64 << 20
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
	s.serveRepository(w, r, repository{dir: repo.Dir, operation: operation, exact: !repo.NoExactCommits})
}

// repository is what there is to know to answer one request.
type repository struct {
	dir       string
	operation string // what follows it
	exact     bool
}

// serveRepository answers the two requests of a fetch and no other: the older
// protocol, which reads files, would go around uploadpack's settings.
func (s *Server) serveRepository(w http.ResponseWriter, r *http.Request, repo repository) {
	asked := r.Method + " " + repo.operation
	if repo.operation == "info/refs" {
		asked += "?" + r.URL.RawQuery
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
	s.uploadPack(w, r, repo)
}

// uploadPack is what git's own http-backend does for such a request, in one process less. The child gets nothing of the
// client but what it asks for: its headers, the signature among them, are not for it.
func (s *Server) uploadPack(w http.ResponseWriter, r *http.Request, repo repository) {
	protocol := r.Header.Get("Git-Protocol")
	args, kind := []string{"upload-pack", "--stateless-rpc"}, "result"
	if r.Method == http.MethodGet {
		args, kind = append(args, "--advertise-refs"), "advertisement"
	}
	var asked io.Reader = http.MaxBytesReader(w, r.Body, maxRequest)
	if r.Header.Get("Content-Encoding") == "gzip" {
		plain, err := gzip.NewReader(asked)
		if err != nil {
			http.Error(w, "reading the request: "+err.Error(), http.StatusBadRequest)
			return
		}
		asked = io.LimitReader(plain, maxRequest)
	}
	exact := fmt.Sprint(repo.exact)
	cmd := exec.CommandContext(r.Context(), s.git, append(args, repo.dir)...)
	cmd.Dir = repo.dir
	cmd.Env = append(sealedEnv("uploadpack.allowTipSHA1InWant", exact, "uploadpack.allowReachableSHA1InWant", exact), "GIT_PROTOCOL="+protocol)
	cmd.Stdin, cmd.Stderr = asked, s.log
	cmd.WaitDelay = 5 * time.Second
	answer := &answering{w: w, kind: kind, announce: kind == "advertisement" && !strings.Contains(protocol, "version=2")}
	cmd.Stdout = answer
	if err := cmd.Run(); err != nil {
		_, _ = fmt.Fprintf(s.log, "loopback AWS: git %s: %v\n", strings.Join(args, " "), err)
		if !answer.begun {
			http.Error(w, "git upload-pack failed", http.StatusInternalServerError)
		}
	}
}

// answering begins an answer with the first byte of it, so that until then it can be an error.
type answering struct {
	w        http.ResponseWriter
	kind     string
	announce bool // the service comes first, as in the protocol before version 2
	begun    bool
}

func (a *answering) Write(p []byte) (int, error) {
	if !a.begun {
		a.begun = true
		a.w.Header().Set("Content-Type", "application/x-git-upload-pack-"+a.kind)
		a.w.Header().Set("Cache-Control", "no-cache, max-age=0, must-revalidate")
		if a.announce {
			if _, err := io.WriteString(a.w, "001e# service=git-upload-pack\n0000"); err != nil {
				return 0, err
			}
		}
	}
	return a.w.Write(p)
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
