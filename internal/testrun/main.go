// Command testrun runs `go test`, as `make test` and `make check` do, and says at the end what was not tried.
//
//	testrun [-keep FILE] [-after FILE] [-promised] -- ARGUMENTS
//
// The arguments are those of `go test`. What is printed is what `go test` prints: packages, and of tests those that
// failed. Then each test that skipped itself is named. With SPA_TEST_NO_SKIP=1 the run fails if such a test is not in
// testdata/skips.txt, if a line there names no test, and if a test that SECURITY.md names was not tried.
//
// Temporary folders are on tmpfs where there is room for them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"spa-runner/internal/guard"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	r := runner{dir: ".", out: os.Stdout, noSkip: os.Getenv("SPA_TEST_NO_SKIP") == "1", oracles: os.Getenv("SPA_TEST_ORACLES") == "1"}
	if err := r.run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "testrun:", err)
		stop()
		os.Exit(1)
	}
}

type runner struct {
	dir    string // of the module
	out    io.Writer
	noSkip bool
	// With the programs of others, nothing is left to a later run.
	oracles bool
	// Which files the results are kept in and added from, and whether the tests are those that need long.
	keep, after string
	promised    bool
}

func (r runner) run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("testrun", flag.ContinueOnError)
	flags.StringVar(&r.keep, "keep", "", "file that keeps what was tried, for a second run with -after")
	flags.StringVar(&r.after, "after", "", "file of a run before this one: what either has tried was tried; it is removed")
	flags.BoolVar(&r.promised, "promised", false, "only the tests of which SECURITY.md says that they are in make test-long")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if args = flags.Args(); len(args) == 0 {
		return errors.New("no packages are named")
	}
	known, err := readSkips(filepath.Join(r.dir, skipsFile))
	if err != nil {
		return err
	}
	promised, err := readPromised(filepath.Join(r.dir, "SECURITY.md"), r.promised)
	if err != nil {
		return err
	}
	all := !r.promised && slices.Contains(args, "./...") && !slices.Contains(args, "-run")
	if r.promised {
		args = append([]string{"-run", "^(" + strings.Join(promised, "|") + ")$"}, args...)
	}
	tried, failure := r.goTest(ctx, args)
	if r.keep != "" {
		failure = errors.Join(failure, tried.keep(r.keep))
	}
	if r.after != "" {
		failure = errors.Join(failure, tried.add(r.after))
	}
	if r.oracles {
		tried.leaveNothing()
	}
	tried.report(r.out, known)
	if failure != nil || !r.noSkip {
		return failure
	}
	wrong := tried.unlisted(known)
	if all {
		wrong = append(wrong, tried.stale(known)...)
	}
	if all || r.promised {
		wrong = append(wrong, tried.broken(promised)...)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("SPA_TEST_NO_SKIP=1:\n  %s", strings.Join(wrong, "\n  "))
	}
	return nil
}

// goTest runs the tests and passes on what people read.
func (r runner) goTest(ctx context.Context, args []string) (results, error) {
	env := os.Environ()
	temp, err := tempOnTmpfs()
	if err != nil {
		return results{}, err
	}
	if r.promised {
		env = append(env, "SPA_RUNNER_LONG=1")
	}
	if temp != "" {
		env = append(env, "TMPDIR="+temp)
		defer func() {
			if err := os.RemoveAll(temp); err != nil {
				fmt.Fprintln(r.out, "testrun: this is left:", err)
			}
		}()
	}
	all, out := results{}, &lockedWriter{w: r.out}
	type answer struct {
		results results
		err     error
	}
	modules := modulesOf(args)
	answers := make(chan answer, len(modules))
	for _, m := range modules { // at once: the tests of tools take seconds of one processor
		go func() {
			var a answer
			a.err = guard.Call(func() (err error) { a.results, err = r.testModule(ctx, m, env, out); return err })
			answers <- a
		}()
	}
	for range modules {
		a := <-answers
		maps.Copy(all, a.results)
		err = errors.Join(err, a.err)
	}
	return all, err
}

func (r runner) testModule(ctx context.Context, m goModule, env []string, out io.Writer) (results, error) {
	c := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, m.args...)...)
	c.Dir, c.Env, c.Stderr = filepath.Join(r.dir, m.folder), env, os.Stderr
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	pipe, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	s := newStream(out)
	err = s.read(pipe)
	return s.results, errors.Join(err, c.Wait())
}

// lockedWriter lets several runs of tests write lines.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// toolsFolder holds a module of its own, with what is in no product.
const toolsFolder = "tools"

// goModule is what `go test` is given in a module.
type goModule struct {
	folder string
	args   []string
}

// modulesOf gives each module its packages: ./tools/x is ./x of the tools.
func modulesOf(args []string) (list []goModule) {
	var flags, main, tools []string
	for _, arg := range args {
		switch rest, ofTools := strings.CutPrefix(arg, "./"+toolsFolder+"/"); {
		case ofTools:
			tools = append(tools, "./"+rest)
		case strings.HasPrefix(arg, "./"), arg == ".":
			main = append(main, arg)
		default:
			flags = append(flags, arg)
		}
	}
	if len(main) > 0 || len(tools) == 0 {
		list = append(list, goModule{".", append(slices.Clone(flags), main...)})
	}
	if len(tools) > 0 {
		list = append(list, goModule{toolsFolder, append(slices.Clone(flags), tools...)})
	}
	return list
}

// tempRoom is what all tests together have at most in their temporary folders, and the programs that Go builds for them.
const tempRoom = 4 << 30

// tempOnTmpfs makes a folder in memory, or none where that cannot be. As /tmp, it is open to all users: some tests act
// as others.
func tempOnTmpfs() (string, error) {
	const shm = "/dev/shm"
	if !roomForPrograms(shm, tempRoom) {
		return "", nil
	}
	temp, err := os.MkdirTemp(shm, "spa-runner-tests-")
	if err != nil {
		return "", nil // it may not be written to: the usual folder is as good, and slower
	}
	return temp, os.Chmod(temp, 0o777|os.ModeSticky)
}
