package steps

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"spa-runner/internal/fault"
	"spa-runner/internal/loopback"
	"spa-runner/pipeline"
)

func TestMain(m *testing.M) {
	if err := pipeline.AdoptStrays(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

const (
	settingsRole = "arn:aws:iam::111111111111:role/Spa-ReadSettingsRole"
	deployRole   = "arn:aws:iam::333333333333:role/Spa-DeployEnvironmentRole"
)

// stage is what a step acts on in a test: a runtime of which everything that
// comes out is kept. Like the real redactor, it masks what was registered before
// it was written and nothing else, so that the order of the two shows.
type stage struct {
	t      *testing.T
	rt     *pipeline.Runtime
	events *observer.ObservedLogs

	mu      sync.Mutex
	secrets []string
	out     bytes.Buffer
	streams []string
}

func newStage(t *testing.T, environ ...string) *stage {
	t.Helper()
	core, events := observer.New(zap.DebugLevel)
	s := &stage{t: t, events: events}
	s.rt = &pipeline.Runtime{
		Log: zap.New(core), Redact: s.redact,
		Output: func(_, _, stream string) io.WriteCloser { return streamWriter{s, stream} },
		Env:    pipeline.NewEnviron(append([]string{"PATH=" + os.Getenv("PATH")}, environ...)),
	}
	return s
}

func (s *stage) redact(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets = append(s.secrets, secrets...)
}

type streamWriter struct {
	*stage
	stream string
}

func (w streamWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := string(p)
	for _, secret := range w.secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	w.out.WriteString(text)
	w.streams = append(w.streams, w.stream)
	return len(p), nil
}

func (streamWriter) Close() error { return nil }

// output is what children printed, as the log would have it.
func (s *stage) output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// run runs steps as the program does.
func (s *stage) run(steps ...pipeline.Step) error {
	return s.runIn(s.t.Context(), steps...)
}

func (s *stage) runIn(ctx context.Context, steps ...pipeline.Step) error {
	return pipeline.Pipeline{Steps: steps}.Run(ctx, s.rt)
}

// mustRun runs steps that are to succeed.
func (s *stage) mustRun(steps ...pipeline.Step) {
	s.t.Helper()
	if err := s.run(steps...); err != nil {
		s.t.Fatalf("%v (hint: %s)", err, fault.Hint(err))
	}
}

// event gives the fields of the one event with this message.
func (s *stage) event(message string) map[string]any {
	s.t.Helper()
	found := s.events.FilterMessage(message).All()
	if len(found) != 1 {
		s.t.Fatalf("got %d events %q, want one, in:\n%s", len(found), message, s.everything())
	}
	return found[0].ContextMap()
}

func (s *stage) count(message string) int { return s.events.FilterMessage(message).Len() }

// everything that anybody could read of a run, error texts included.
func (s *stage) everything() string {
	var b strings.Builder
	for _, e := range s.events.All() {
		fmt.Fprintf(&b, "%s %s %v\n", e.Level, e.Message, e.ContextMap())
	}
	return b.String() + s.output()
}

// wantSilence fails if one of the secrets was logged or printed.
func (s *stage) wantSilence(secrets ...string) {
	s.t.Helper()
	for _, secret := range secrets {
		if secret == "" {
			s.t.Fatal("an empty secret proves nothing")
		}
		if text := s.everything(); strings.Contains(text, secret) {
			s.t.Errorf("%.12s… is in the log:\n%s", secret, text)
		}
	}
}

// contains says which of the wanted texts are missing.
func contains(t *testing.T, what, got string, want ...string) {
	t.Helper()
	for _, text := range want {
		if !strings.Contains(got, text) {
			t.Errorf("%s: got %q, want %q in it", what, got, text)
		}
	}
}

// write makes files below dir; a name that ends in * is executable.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		name, executable := strings.CutSuffix(name, "*")
		mode := fs.FileMode(0o644)
		if executable {
			mode = 0o755
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// treeOf describes every entry below dir: type, mode, and content or target.
func treeOf(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		line := fmt.Sprintf("%s %s", name, info.Mode())
		switch {
		case entry.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line += " -> " + target
		case entry.Type().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %q", content)
		}
		list = append(list, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// repository is a git repository with a work tree.
type repository struct {
	t   *testing.T
	dir string
}

func newRepository(t *testing.T) repository {
	t.Helper()
	r := repository{t: t, dir: t.TempDir()}
	r.git("init", "--quiet", "--initial-branch=main")
	return r
}

func (r repository) git(args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "git", args...)
	cmd.Dir = r.dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes files, commits them and gives the hash.
func (r repository) commit(files map[string]string) string {
	r.t.Helper()
	write(r.t, r.dir, files)
	r.git("add", "--all")
	r.git("commit", "--quiet", "--message=change")
	return r.git("rev-parse", "HEAD")
}

// bare is the part of it that a server serves.
func (r repository) bare() string { return filepath.Join(r.dir, ".git") }

func startAWS(t *testing.T, options loopback.Options) *loopback.Server {
	t.Helper()
	server, err := loopback.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// assumed mints the credentials of a role as main does, from a loopback STS.
func assumed[S pipeline.Scope](server *loopback.Server, role string, secret func(...string)) pipeline.Credentials[S] {
	service := server.ServiceCredentials()
	client := sts.New(sts.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL()),
		Credentials: credentials.NewStaticCredentialsProvider(service.AccessKeyID, service.SecretAccessKey, service.SessionToken),
	})
	provider := stscreds.NewAssumeRoleProvider(client, role, func(o *stscreds.AssumeRoleOptions) { o.Duration = time.Hour })
	return pipeline.Mint[S](provider, secret)
}
