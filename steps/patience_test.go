package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"spa-runner/internal/gitclone"
	"spa-runner/internal/loopback"
	"spa-runner/internal/retry"
	"spa-runner/pipeline"
)

// pausing is a clock whose waits are looked at in place of being waited for.
type pausing struct{ wait func(time.Duration) }

func (p pausing) Now() time.Time { return time.Now() }

func (p pausing) Sleep(ctx context.Context, d time.Duration) error {
	p.wait(d)
	return ctx.Err()
}

// Whatever was there of a clone that failed is gone before the next one begins.
func TestACloneIsRetriedInACleanFolder(t *testing.T) {
	r := newRepository(t)
	commit := r.commit(map[string]string{"file": strings.Repeat("a line of it\n", 5000)})
	var mu sync.Mutex
	packs := 0
	server := startAWS(t, loopback.Options{Middleware: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if strings.HasSuffix(r.URL.Path, "/git-upload-pack") {
				if packs++; packs < 3 {
					w = &limitedWriter{ResponseWriter: w, left: 150}
				}
			}
			next.ServeHTTP(w, r)
		})
	}})
	if err := server.ServeGit("code", loopback.GitRepository{Dir: r.bare()}); err != nil {
		t.Fatal(err)
	}
	s := newStage(t)
	step := CloneCode{
		From: &Source{URL: server.URL() + "/git/code.git", Ref: "main"},
		Into: t.TempDir() + "/code", Cloned: &gitclone.Result{},
	}
	waits := 0
	step.Patience = retry.Policy{Budget: time.Minute, Clock: pausing{func(time.Duration) {
		waits++
		wantNothing(t, step.Into)
	}}}
	s.mustRun(step)
	if waits != 2 || packs != 3 || step.Cloned.Commit != commit || len(readFile(t, step.Into, "file")) != 13*5000 {
		t.Errorf("%d waits, %d packs, %+v", waits, packs, step.Cloned)
	}
	if got := s.events.FilterMessage("retrying").All(); len(got) != 2 || got[0].ContextMap()["step"] != "clone-code" || got[0].ContextMap()["scope"] != "none" {
		t.Errorf("got %v", got)
	}
	// Without patience it is not retried.
	packs, step.Into, step.Patience = 0, t.TempDir()+"/code", retry.Policy{}
	if err := s.run(step); !errors.Is(err, gitclone.ErrBrokenOff) || packs != 1 {
		t.Errorf("got %v after %d packs", err, packs)
	}
	wantNothing(t, step.Into)
}

// limitedWriter swallows what comes after so many bytes.
type limitedWriter struct {
	http.ResponseWriter
	left int
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	n := min(w.left, len(p))
	w.left -= n
	_, err := w.ResponseWriter.Write(p[:n])
	return len(p), err
}

// A folder that is not ours is in nobody's way twice.
func TestAFolderThatIsThereIsNotRetried(t *testing.T) {
	c := startCode(t, "")
	step := c.step(t, "main", "")
	if err := os.Mkdir(step.Into, 0o755); err != nil {
		t.Fatal(err)
	}
	step.Patience = retry.Policy{Budget: time.Minute}
	s := newStage(t)
	if err := s.run(step); !errors.Is(err, gitclone.ErrTargetExists) || s.count("retrying") != 0 {
		t.Errorf("got %v after %d retries", err, s.count("retrying"))
	}
}

// Each attempt asks for the credentials again and signs again.
func TestEachAttemptIsSignedAnew(t *testing.T) {
	r := newRepository(t)
	r.commit(map[string]string{"file": "content"})
	var users, stamps []string
	server := startAWS(t, loopback.Options{Middleware: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, password, signed := r.BasicAuth()
			if !signed {
				next.ServeHTTP(w, r) // STS
				return
			}
			users, stamps = append(users, user), append(stamps, password[:16])
			if len(users) < 3 {
				http.Error(w, "busy", http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	if err := server.ServeCodeCommit("SpaSettings", loopback.CodeCommitRepository{Dir: r.bare(), Account: "111111111111"}); err != nil {
		t.Fatal(err)
	}
	s := newStage(t)
	genuine := assumed[pipeline.Settings](server, settingsRole, s.redact)
	asked := 0
	step := onCodeCommit(t, server.URL(), pipeline.Mint[pipeline.Settings](aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		if asked++; asked < 3 {
			fake := keys("111111111111")
			fake.AccessKeyID, fake.Expires = fmt.Sprintf("ASIAATTEMPT%d", asked), time.Now().Add(2*time.Second) // to be renewed after one
			return fake, nil
		}
		return genuine.Retrieve(ctx)
	}), s.redact))
	step.Patience = retry.Policy{Budget: time.Minute, Clock: pausing{func(time.Duration) { time.Sleep(1100 * time.Millisecond) }}}
	s.mustRun(step)
	if asked != 3 || len(users) != 4 || users[0][:12] != "ASIAATTEMPT1" || users[1][:12] != "ASIAATTEMPT2" || users[2] != users[3] {
		t.Errorf("asked %d times, %d requests", asked, len(users))
	}
	if stamps[0] >= stamps[1] || stamps[1] >= stamps[2] {
		t.Errorf("signed at %v", stamps)
	}
	s.wantSilence(s.secrets...)
}

// Credentials that cannot be had were retried where they come from, or not at all.
func TestCredentialsAreNotRetriedByTheClone(t *testing.T) {
	s := newStage(t)
	asked := 0
	step := onCodeCommit(t, "", pipeline.Mint[pipeline.Settings](aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		asked++
		return aws.Credentials{}, errors.New("connection reset")
	}), s.redact))
	step.Patience = retry.Policy{Budget: time.Minute, Clock: pausing{func(time.Duration) {}}}
	if err := s.run(step); err == nil || asked != 1 || s.count("retrying") != 0 {
		t.Errorf("got %v after asking %d times", err, asked)
	}
}

// The clock is corrected once, aloud, and only if it is to blame.
func TestSigningClock(t *testing.T) {
	forbidden := func(ahead time.Duration) error {
		return fmt.Errorf("cloning: %w", &gitclone.StatusError{Code: 403, Header: http.Header{"Date": {time.Now().Add(ahead).UTC().Format(http.TimeFormat)}}})
	}
	for ahead, want := range map[time.Duration]bool{
		0: false, 4 * time.Minute: false, -4 * time.Minute: false, 6 * time.Minute: true, -6 * time.Minute: true, 48 * time.Hour: true,
	} {
		s := newStage(t)
		clock := &signingClock{server: "server", log: s.rt.Log}
		got := clock.corrects(forbidden(ahead))
		if off := time.Until(clock.now()) - ahead; got != want || want && off.Abs() > 3*time.Second {
			t.Errorf("ahead by %s: got %v, and %s off", ahead, got, off)
		}
		if want && (clock.corrects(forbidden(ahead)) || s.count("the clock of this machine is wrong: requests are signed by that of the server") != 1) {
			t.Errorf("ahead by %s: corrected twice, or in silence: %s", ahead, s.everything())
		}
	}
	clock := &signingClock{}
	for _, err := range []error{errors.New("a fault"), &gitclone.StatusError{Code: 403}, &gitclone.StatusError{Code: 404, Header: http.Header{"Date": {"Sun, 01 Mar 2020 12:10:00 GMT"}}}} {
		if clock.corrects(err) {
			t.Errorf("the clock is blamed for %v", err)
		}
	}
}

// An error of this machine ends it, whatever else there is in what a clone says.
func TestACloneThatThisMachineCannotMakeIsNotRetried(t *testing.T) {
	t.Parallel()
	for _, other := range []error{gitclone.ErrBrokenOff, gitclone.ErrNoAnswer, gitclone.ErrRefused, &gitclone.StatusError{Code: 503}} {
		err := fmt.Errorf("%w (and removing the unfinished clone: %w)", other, &fs.PathError{Op: "unlinkat", Path: "settings", Err: syscall.EACCES})
		if got := judgeClone(err); got != (retry.Verdict{}) {
			t.Errorf("%v: got %+v", err, got)
		}
	}
}
