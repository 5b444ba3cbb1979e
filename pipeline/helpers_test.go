package pipeline

import (
	"bytes"
	"context"
	"io"
	"os"
	"regexp"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestMain(m *testing.M) {
	actSupervised()
	if err := AdoptStrays(); err != nil {
		panic(err)
	}
	if os.Geteuid() == 0 {
		syscall.Umask(0o022) // what other users may reach is a part of the tests, and 077 would close it
	}
	os.Exit(m.Run())
}

// buffer is a bytes.Buffer for two writers.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// stepFile is the path of a file that was made for the children of a step.
var stepFile = regexp.MustCompile(`=\S*/spa-runner-step-[0-9]+/aws-(config|credentials)-[a-z]+`)

// step is a step of scope None around a function.
type step struct {
	Credentials[None]
	name string
	run  func(context.Context, *Runtime) error
}

func (s step) Name() string                               { return s.name }
func (s step) Params() []Param                            { return []Param{{"color", "green"}} }
func (s step) Run(ctx context.Context, rt *Runtime) error { return s.run(ctx, rt) }

// testRuntime is a runtime whose log and output can be looked at.
func testRuntime(environ ...string) (*Runtime, *observer.ObservedLogs, *buffer) {
	core, events := observer.New(zap.DebugLevel)
	out := &buffer{}
	rt := &Runtime{
		Log:    zap.New(core),
		Output: func(string, string, string) io.WriteCloser { return nopCloser{out} },
		Redact: func(...string) {},
		Env:    NewEnviron(append([]string{"PATH=" + os.Getenv("PATH")}, environ...)),
	}
	own := rt.forStep(step{name: "test"})
	own.scratch = nil // each child has files of its own, which end with it
	return own, events, out
}
