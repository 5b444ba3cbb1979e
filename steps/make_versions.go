package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"

	"spa-runner/internal/guard"
	"spa-runner/pipeline"
)

const (
	// versionLimit is how long one tool may take to tell its version. cdk and
	// npm start slowly on a cold disk; what takes longer than this hangs.
	versionLimit = 30 * time.Second
	// versionLength is more than any version has, in bytes.
	versionLength = 200
)

// logVersions writes the first line that each tool says of its version, so that
// a build that broke overnight can be compared with the one before. A tool that
// is missing, fails, hangs or never stops talking is no reason to fail.
//
// All are asked at once: it takes as long as the slowest, and not as all together.
func (m Make[S]) logVersions(ctx context.Context, rt *pipeline.Runtime, limit time.Duration) error {
	if len(m.Tools) == 0 {
		return nil
	}
	curt := *rt
	curt.Grace = time.Millisecond // a tool that only tells its version has nothing to put in order
	versions := make([]string, len(m.Tools))
	ends := make([]error, len(m.Tools))
	var group sync.WaitGroup
	for i, tool := range m.Tools {
		group.Go(func() {
			ends[i] = guard.Call(func() (err error) { versions[i], err = m.version(ctx, &curt, tool, limit); return err })
		})
	}
	group.Wait()
	fields := make([]zap.Field, 0, len(m.Tools))
	for i, tool := range m.Tools {
		if ctx.Err() != nil {
			return fmt.Errorf("asking for versions: %w", context.Cause(ctx))
		}
		if ends[i] != nil || versions[i] == "" {
			versions[i] = "none"
		}
		fields = append(fields, zap.String(tool, versions[i]))
	}
	rt.Log.Info("versions", fields...)
	return nil
}

// version asks one tool. It is run as nobody, whoever the step is.
func (m Make[S]) version(ctx context.Context, rt *pipeline.Runtime, tool string, limit time.Duration) (string, error) {
	out := &beginning{}
	command := pipeline.Command{
		Dir: m.Dir, Argv: []string{tool, "--version"}, Stdout: out, Stderr: out, Without: m.Without, Beside: true,
	}
	path, err := pipeline.Find(ctx, rt, command)
	if err != nil {
		return "", err
	}
	if version := packageVersion(path, tool); version != "" {
		return version, nil
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err = pipeline.Exec(limited, rt, pipeline.Credentials[pipeline.None]{}, command)
	return out.line(), err
}

const (
	maxPackage = 1 << 20 // bytes of a package.json
	maxAbove   = 3       // folders above a program in which its package may begin
)

// packageVersion reads the version of a program of a package of npm, "" if it is
// none: the package that it is in must name it as its program. It saves a start of
// npm, which takes 0.2 s, and of cdk, which takes a second.
func packageVersion(program, name string) string {
	program, err := filepath.EvalSymlinks(program)
	if err != nil {
		return ""
	}
	folder := filepath.Dir(program)
	for range maxAbove {
		if p, err := readPackage(filepath.Join(folder, "package.json")); err == nil {
			if bin, ok := p.Bin[name]; ok && filepath.Join(folder, bin) == program {
				version := &beginning{}
				_, _ = version.Write([]byte(p.Version))
				return version.line()
			}
		}
		folder = filepath.Dir(folder)
	}
	return ""
}

type npmPackage struct {
	Version string            `json:"version"`
	Bin     map[string]string `json:"bin"`
}

// readPackage reads a file that may be anybody's, and anything.
func readPackage(file string) (p npmPackage, err error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return p, err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > maxPackage {
		return p, fmt.Errorf("%s is no file, or a long one: %w", file, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPackage))
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	return p, err
}

// beginning keeps the beginning of what both streams of a tool say.
type beginning struct {
	mu   sync.Mutex
	text []byte
}

func (b *beginning) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p[:min(len(p), versionLength-len(b.text))]...)
	return len(p), nil
}

// line is the first that is not empty.
func (b *beginning) line() string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b.text)), "\n")
	return strings.TrimSpace(line)
}
