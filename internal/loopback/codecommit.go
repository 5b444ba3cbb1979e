package loopback

import (
	"crypto/hmac"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"spa-runner/internal/lazyregexp"
)

const (
	codeCommitPrefix = "/v1/repos/"
	// signatureLife is how long a password of CodeCommit can be used.
	signatureLife = 15 * time.Minute
)

var (
	accountPattern = lazyregexp.New(`^[0-9]{12}$`)
	// namePattern is CodeCommit's: https://docs.aws.amazon.com/codecommit/latest/APIReference/API_RepositoryMetadata.html
	namePattern     = lazyregexp.New(`^[\w.-]{1,100}$`)
	passwordPattern = lazyregexp.New(`^[0-9]{8}T[0-9]{6}Z[0-9a-f]{64}$`)
)

// CodeCommitRepository is a repository that only signed requests can read.
type CodeCommitRepository struct {
	// Dir is a bare repository.
	Dir string
	// Account owns the repository: 12 digits, required. Sessions of other
	// accounts get 403.
	Account string
	// Region that clients sign for; empty means eu-west-1.
	Region string
	// Host that clients sign for, without a port. Empty means the host that
	// the request itself names, which is 127.0.0.1 unless a client differs.
	Host string
	// NoExactCommits makes the server refuse a commit that is not the head of
	// a branch, as a bare git does by default; CodeCommit does not refuse.
	NoExactCommits bool
}

// ServeCodeCommit serves a repository at URL()/v1/repos/NAME, or replaces what
// is served there. Pushes are always refused.
func (s *Server) ServeCodeCommit(name string, repo CodeCommitRepository) error {
	if !namePattern.MatchString(name) || strings.HasSuffix(name, ".git") {
		return fmt.Errorf("serving %s: %q is no name of a CodeCommit repository", repo.Dir, name)
	}
	if !accountPattern.MatchString(repo.Account) {
		return fmt.Errorf("serving CodeCommit repository %s: its account is %q, want 12 digits", name, repo.Account)
	}
	if err := checkBare(repo.Dir); err != nil {
		return fmt.Errorf("serving CodeCommit repository %s: %w", name, err)
	}
	if repo.Region == "" {
		repo.Region = "eu-west-1"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codecommit[name] = repo
	return nil
}

func (s *Server) serveCodeCommit(w http.ResponseWriter, r *http.Request) {
	name, operation, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, codeCommitPrefix), "/")
	s.mu.Lock()
	repo, known := s.codecommit[name]
	s.mu.Unlock()
	user, password, ok := r.BasicAuth()
	if !ok {
		// git asks its credential helper only after a 401.
		w.Header().Set("WWW-Authenticate", `Basic realm="codecommit"`)
		http.Error(w, "CodeCommit needs a signed user name and password", http.StatusUnauthorized)
		return
	}
	// Who the caller is comes before what there is: strangers are not told
	// which repositories exist.
	who, err := s.checkKeys(user)
	if err != nil {
		refuse(w, err)
		return
	}
	if !known {
		http.Error(w, fmt.Sprintf("repository %q does not exist", name), http.StatusNotFound)
		return
	}
	if err := s.checkPassword(r, who, name, repo, password); err != nil {
		refuse(w, err)
		return
	}
	if who.account != repo.Account {
		//lint:ignore ST1005 the sentence is AWS's
		refuse(w, fmt.Errorf("User: %s is not authorized to perform: codecommit:GitPull on %s, which belongs to account %s", who.arn, name, repo.Account))
		return
	}
	s.serveRepository(w, r, repository{dir: repo.Dir, operation: operation, exact: !repo.NoExactCommits})
}

func refuse(w http.ResponseWriter, err error) { http.Error(w, err.Error(), http.StatusForbidden) }

// checkKeys finds the session of a user name: the access key id and, after a
// percent sign, the session token.
func (s *Server) checkKeys(user string) (session, error) {
	keyID, token, _ := strings.Cut(user, "%")
	who, ok := s.session(keyID)
	if !ok || subtle.ConstantTimeCompare([]byte(who.token), []byte(token)) != 1 {
		return session{}, fmt.Errorf("the security token included in the request is invalid")
	}
	return who, nil
}

// checkPassword recomputes the signature, as the AWS CLI's credential helper
// makes it: a request of method GIT, nothing after its signed headers, and a
// time without Z in what is signed, though the password has one.
func (s *Server) checkPassword(r *http.Request, who session, name string, repo CodeCommitRepository, password string) error {
	if !passwordPattern.MatchString(password) {
		return fmt.Errorf("the password is no signature: want YYYYMMDDTHHMMSSZ and 64 hex digits")
	}
	stamp, got := password[:16], password[16:]
	signed, err := time.Parse(timeFormat, stamp)
	if err != nil {
		return fmt.Errorf("the password does not begin with a time: %w", err)
	}
	now := s.opts.Clock()
	if now.Sub(signed).Abs() > signatureLife {
		return fmt.Errorf("signature expired: %s is more than %s from %s", stamp, signatureLife, now.UTC().Format(timeFormat))
	}
	host := repo.Host
	if host == "" {
		host = withoutPort(r.Host)
	}
	canonical := "GIT\n" + codeCommitPrefix + name + "\n\nhost:" + host + "\n\nhost\n"
	want := signature(who.secret, stamp[:8], repo.Region, "codecommit", strings.TrimSuffix(stamp, "Z"), canonical)
	if !hmac.Equal([]byte(want), []byte(got)) {
		return fmt.Errorf("the signature does not match: it was to be made for host %s, region %s and path %s%s", host, repo.Region, codeCommitPrefix, name)
	}
	if who.expired(now) {
		return fmt.Errorf("the security token included in the request is expired")
	}
	return nil
}

func withoutPort(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return host
}
