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
	"runtime"
	"strings"
	"syscall"
	"text/tabwriter"
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
	missed := report(out, results, *pairs, busy)
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
		w.output(long, "python", "json", 1.2),
		w.output(short, "seq", "mixed", 1.2),
		w.output(short, "seq", "json", 0),
		redaction(),
	)
	contests = append(contests, w.clones(ctx)...)
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

// report prints the table and what the parts took, and returns how many rows miss an aim.
func report(out io.Writer, results []result, pairs int, busy string) (missed int) {
	_, _ = fmt.Fprintf(out, "\nspa-runner against what it replaces: medians of %d pairs, run in turn on %d CPUs%s\n\n",
		pairs, runtime.NumCPU(), busy)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "WORK\tPEER\tRUNNER TOOK\tPEER TOOK\tRATIO\tAIM\tPAIRS\tBEST\tMEMORY\tAT MOST\t")
	for _, r := range results {
		aim, verdict := "-", "ok"
		if r.aim > 0 {
			aim = fmt.Sprintf("%.2f", r.aim)
		}
		if what := r.missed(); what != "" {
			missed++
			verdict = "OVER: " + what
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%.2f\t%s\t%.2f-%.2f\t%.2f\t%d MiB\t%d MiB\t%s\n", r.work, r.peer,
			seconds(r.runnerTook), seconds(r.baseTook), r.ratio, aim, r.least, r.most, r.best,
			(r.peak+mebibyte-1)/mebibyte, r.memory/mebibyte, verdict)
	}
	_ = table.Flush()
	for _, r := range results {
		if len(r.baseParts) > 0 {
			_, _ = fmt.Fprintf(out, "\n%s:\n  bash        %s\n  spa-runner  %s\n", r.work, listParts(r.baseParts), listParts(r.runnerParts))
		}
	}
	for _, r := range results {
		if r.bytes > 0 {
			_, _ = fmt.Fprintf(out, "\n%s: %.0f MB/s, the peer %.0f MB/s\n", r.work,
				float64(r.bytes)/1e6/r.runnerTook.Seconds(), float64(r.bytes)/1e6/r.baseTook.Seconds())
		}
	}
	_, _ = fmt.Fprint(out, "\nPAIRS: the least and the greatest ratio of one pair. BEST: the ratio of the fastest runs of each side,\n"+
		"which other work on the machine disturbs least. MEMORY: the most that the runner had resident (ru_maxrss).\n")
	return missed
}

// load says how busy the machine is besides, where that can be known.
func load() string {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	minute, _, _ := strings.Cut(string(content), " ")
	return ", load " + minute + " before"
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }

// listParts leaves out what takes no time.
func listParts(parts []part) string {
	var list []string
	for _, p := range parts {
		if p.took >= time.Millisecond {
			list = append(list, fmt.Sprintf("%s %.3f", p.name, p.took.Seconds()))
		}
	}
	return strings.Join(list, ", ")
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
