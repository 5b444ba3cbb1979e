// Command bench compares spa-runner with what it replaces: the shell steps of
// the workbook's buildspec, and plain make for the output of a target. Both
// sides run on this machine, against the same servers on loopback, with warm
// caches, in turn. It prints one table; `make bench` runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	work := run
	if len(os.Args) > 1 && os.Args[1] == cloneCommand {
		work = cloneOnly
	}
	if err := work(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	runner := flags.String("runner", "bin/spa-runner", "the spa-runner to measure")
	code := flags.String("code", os.Getenv("SPA_REPOSITORY"),
		"bare clone of SPA's public repository [SPA_REPOSITORY]; without it a stand-in of the same size is made")
	parent := flags.String("dir", memory(), "folder for the files of both sides")
	pairs := flags.Int("n", 7, "how often both sides run")
	only := flags.String("only", "", "measure the rows whose name contains this text")
	strict := flags.Bool("strict", false, "exit with 1 if an aim is missed, for a machine that does nothing else")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *pairs < 1 {
		return errors.New("-n must be at least 1")
	}
	if *runner, err = exec.LookPath(*runner); err != nil {
		return fmt.Errorf("finding spa-runner: %w; `make build` makes it", err)
	}
	if *runner, err = filepath.Abs(*runner); err != nil {
		return fmt.Errorf("finding spa-runner: %w", err)
	}
	if *code != "" {
		if *code, err = filepath.Abs(*code); err != nil {
			return fmt.Errorf("finding the code: %w", err)
		}
	}
	dir, err := os.MkdirTemp(*parent, "spa-runner-bench-")
	if err != nil {
		return fmt.Errorf("making a folder for the servers: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w, err := newWorld(ctx, dir, *runner, *code)
	if err != nil {
		return err
	}
	defer w.server.Close()

	busy := load()
	results, err := w.measure(ctx, *pairs, *only, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nfiles of both sides in %s\n", *parent)
	missed := report(out, results, busy)
	if missed > 0 && *strict {
		return fmt.Errorf("%d rows miss an aim", missed)
	}
	return nil
}

// measure runs the contests that are wanted and can be run here.
func (w *world) measure(ctx context.Context, pairs int, only string, out io.Writer) ([]result, error) {
	var contests []contest
	if aws := w.awsVersion(ctx); aws != "" {
		contests = append(contests, w.buildspec(aws))
	} else {
		_, _ = fmt.Fprint(out, "SKIPPED: all but make, against the shell: the aws CLI, or bash, is not installed\n")
	}
	long := fmt.Sprintf("python3 prints %d lines of %d bytes", lines, len(pythonLine)+len(" 123456\n"))
	short := fmt.Sprintf("seq prints %d lines of 7 bytes", lines)
	contests = append(contests,
		w.smallest(),
		w.overlay("of any size", anySize),
		w.overlay("of 1 KB at most", smallSize),
		w.output(long, "python", "json", contest{aim: 1.1}),
		w.output(short, "seq", "mixed", contest{aim: 1.1, times: 9}),
		w.output(short, "seq", "json", contest{lines: lines, aLine: time.Microsecond}),
	)
	contests = append(append(contests, w.clones(ctx)...), redaction())
	var results []result
	for _, c := range contests {
		if !strings.Contains(c.work, only) {
			continue
		}
		r, err := c.measure(ctx, pairs)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

// memory is a folder in memory, where there is one: a disk that is busy with
// something else would be measured in place of the programs.
func memory() string {
	const shm = "/dev/shm"
	if info, err := os.Stat(shm); err == nil && info.IsDir() {
		return shm
	}
	return os.TempDir()
}
