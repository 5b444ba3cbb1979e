// Package loopback is an AWS that fits on one address of this machine: STS,
// CodeCommit and a plain git server behind http://127.0.0.1:PORT, with
// credentials that open nothing else. `spa-runner dry-run` plays the whole
// pipeline against it, and tests use it where a fake client would prove
// nothing about signatures, credentials or git.
//
// It is honest in both directions. What it answers, it answers as AWS does:
// signatures are recomputed, sessions expire, a role assumed from a role lives
// an hour at most, the wrong account is refused. What it does not play, it
// answers with 501 and a sentence that says so, in the protocol of the caller,
// so that nobody takes silence for success. It knows no IAM policies: who may
// assume which role is decided by Options.AssumeRole.
//
// The three parts share one table of sessions:
//
//	POST /                          STS: AssumeRole, GetCallerIdentity;
//	                                Systems Manager: GetParameter (ServeParameter)
//	/v1/repos/NAME/...              CodeCommit, signed (ServeCodeCommit)
//	/git/NAME.git/...               plain git over HTTP (ServeGit)
//
// Repositories are bare ones on disk, served by `git upload-pack`; Snapshot
// makes one of a folder as it is, uncommitted edits included. The server
// listens on loopback, which keeps out other machines but not other users of
// this one: they can read what ServeGit serves without a token.
package loopback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"spa-runner/internal/guard"
)

// closeGrace is how long Close waits for answers that are under way, so that
// no git child still reads a repository that its owner is about to delete.
const closeGrace = 2 * time.Second

// Options of a server; the zero value is a working one.
type Options struct {
	// Clock is what signatures and sessions are judged by. Nil means time.Now.
	Clock func() time.Time
	// AssumeRole, if set, decides over every AssumeRole call that is signed and
	// well formed, before credentials are issued. A *Fault is answered as it
	// is, any other error as InternalFailure. Calls may come concurrently.
	AssumeRole func(Call) error
	// Life, if set, is how long an assumed role's session lives in the place of
	// what was asked for: STS gives no less than a quarter of an hour, and
	// nobody wants to wait for its end. STS tells it in whole seconds.
	Life func(Call) time.Duration
	// Middleware, if set, wraps everything the server answers: the place to
	// inject delays, cut connections and broken answers.
	Middleware func(http.Handler) http.Handler
	// Log receives what git children write to stderr and what the HTTP server
	// complains about. Nil drops it.
	Log io.Writer
}

// Call is an STS call that carried a valid signature, as Calls and
// Options.AssumeRole see it. For GetCallerIdentity only the first five fields
// are set.
type Call struct {
	Action    string // AssumeRole or GetCallerIdentity
	CallerARN string
	CallerKey string    // access key id of the caller, which changes with each renewal
	Time      time.Time // of the server's clock
	Code      string    // AWS error code of the answer, empty when it succeeded

	RoleARN     string
	SessionName string
	Policy      string // inline session policy, as sent
	ExternalID  string
	Duration    time.Duration // life of the session, the default of an hour filled in
}

// Server is a running loopback AWS. Its methods may be called concurrently.
type Server struct {
	opts    Options
	http    *http.Server
	url     string
	log     io.Writer
	git     string // its path
	service aws.Credentials
	stop    func() bool

	mu         sync.Mutex
	sessions   map[string]session // by access key id
	codecommit map[string]CodeCommitRepository
	plain      map[string]GitRepository
	parameters map[string]Parameter
	calls      []Call
	requests   []string
}

// Start listens on a free port of 127.0.0.1 and serves until Close, or until
// ctx ends, which cuts what is under way. It needs git.
func Start(ctx context.Context, opts Options) (*Server, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("starting the loopback AWS: it serves repositories by git: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the loopback AWS: %w", err)
	}
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	if opts.Log == nil {
		opts.Log = io.Discard
	}
	s := &Server{
		opts:       opts,
		url:        "http://" + listener.Addr().String(),
		log:        &lockedWriter{w: opts.Log},
		git:        git,
		sessions:   map[string]session{},
		codecommit: map[string]CodeCommitRepository{},
		plain:      map[string]GitRepository{},
		parameters: map[string]Parameter{},
	}
	s.service = s.issue(serviceRoleARN, "dry-run", 0)
	var handler http.Handler = http.HandlerFunc(s.route)
	if opts.Middleware != nil {
		handler = opts.Middleware(handler)
	}
	s.http = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(s.log, "loopback AWS: ", 0),
	}
	go func() {
		if err := guard.Call(func() error { return s.http.Serve(listener) }); !errors.Is(err, http.ErrServerClosed) {
			s.http.ErrorLog.Printf("serving %s: %v", s.url, err)
		}
	}()
	s.stop = context.AfterFunc(ctx, func() { s.http.Close() })
	return s, nil
}

// Close ends the server. Answers under way get two seconds; then they are cut.
// Calling it again does nothing.
func (s *Server) Close() {
	s.stop()
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
}

// URL is http://127.0.0.1:PORT, without a slash at its end: what
// AWS_ENDPOINT_URL and CODE_COMMIT_ENDPOINT are set to.
func (s *Server) URL() string { return s.url }

// ServiceCredentials are what the build's own identity would be: a session of
// a role in account 222222222222 that does not expire. They are new with each
// server, and like all keys of this package they begin with ASIAFAKE.
func (s *Server) ServiceCredentials() aws.Credentials { return s.service }

// ServiceSession is another session of the same role, which ends after life:
// what the container endpoint of a build would give next.
func (s *Server) ServiceSession(life time.Duration) aws.Credentials {
	return s.issue(serviceRoleARN, "dry-run", life)
}

// RoleSession is a session of any role, such as that of a person at a laptop.
func (s *Server) RoleSession(roleARN, name string, life time.Duration) aws.Credentials {
	return s.issue(roleARN, name, life)
}

// Calls are the STS calls so far, oldest first, whether granted or refused.
// Calls with an invalid signature are nobody's and are not among them.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	// Clients correct their clocks by this header, so it must not contradict
	// the clock that their signatures are judged by.
	w.Header().Set("Date", s.opts.Clock().UTC().Format(http.TimeFormat))
	s.noteRequest(r)
	switch {
	case strings.HasPrefix(r.URL.Path, codeCommitPrefix):
		s.serveCodeCommit(w, r)
	case strings.HasPrefix(r.URL.Path, plainPrefix):
		s.servePlain(w, r)
	case r.Method == http.MethodPost && r.URL.Path == "/" && isForm(r):
		s.serveQuery(w, r)
	case r.Method == http.MethodPost && r.URL.Path == "/" && r.Header.Get("X-Amz-Target") == ssmTarget && s.playsSSM():
		s.serveParameter(w, r)
	default:
		s.writeFault(w, r, notFaked(r, ""))
	}
}

// lockedWriter lets git children and the HTTP server share a writer that need
// not be safe for concurrent use.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
