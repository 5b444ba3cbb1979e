package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// sample is one run of one side.
type sample struct {
	took time.Duration
	// memory is the largest resident set, in bytes, of the process or of any
	// child that it waited for.
	memory int64
	cpu    time.Duration // user and system, of the same processes
	parts  []part
}

// part is a piece of a run, by the name of a step.
type part struct {
	name string
	took time.Duration
}

// contest is one row of the table: the runner and a peer that do the same work.
type contest struct {
	work, peer   string
	runner, base func(context.Context) (sample, error)
	aim          float64 // runner over peer at most; 0 is no aim
	memory       int64   // bytes at most; 0 is no aim
	memoryAim    float64 // memory of the runner over that of the peer at most; 0 is no aim
	times        int     // as many pairs as asked for, where a run takes so few milliseconds that chance decides; 0 is 1

	bytes int64         // that one run goes through
	speed float64       // of the runner, in MB/s at least; 0 is no aim
	lines int64         // that one run prints
	aLine time.Duration // that each may take longer than the peer's; 0 is no aim
}

// result is what a row shows.
type result struct {
	contest
	runnerTook, baseTook   time.Duration // medians
	runnerCPU, baseCPU     time.Duration // medians
	ratio                  float64       // of the medians
	pairs                  int
	least, most            float64 // ratios of the pairs
	best                   float64 // ratio of the fastest runs
	peak, basePeak         int64   // of all runs
	runnerParts, baseParts []part  // medians
}

// missed says which aims were.
func (r result) missed() string {
	var what []string
	switch {
	case r.aim == 0 || r.ratio <= r.aim:
	case r.best <= r.aim:
		what = append(what, "slow, or disturbed: BEST is within the aim")
	default:
		what = append(what, "slow")
	}
	if r.speed > 0 && r.rate() < r.speed || r.aLine > 0 && r.moreALine() > r.aLine {
		what = append(what, "slow by BESIDES")
	}
	if r.memory > 0 && r.peak > r.memory || r.memoryAim > 0 && float64(r.peak) > r.memoryAim*float64(r.basePeak) {
		what = append(what, "big")
	}
	return strings.Join(what, ", ")
}

// rate is that of the runner, in MB/s.
func (r result) rate() float64 { return float64(r.bytes) / 1e6 / r.runnerTook.Seconds() }

// moreALine is what each line took longer than with the peer.
func (r result) moreALine() time.Duration {
	return (r.runnerTook - r.baseTook) / time.Duration(r.lines)
}

// measure runs both sides in turn, so that what else the machine does meets
// both alike. The first pair only warms the caches.
func (c contest) measure(ctx context.Context, pairs int) (result, error) {
	var runners, bases []sample
	for i := range pairs*max(1, c.times) + 1 {
		runner, err := c.runner(ctx)
		if err != nil {
			return result{}, fmt.Errorf("%s: spa-runner: %w", c.work, err)
		}
		base, err := c.base(ctx)
		if err != nil {
			return result{}, fmt.Errorf("%s: %s: %w", c.work, c.peer, err)
		}
		if i > 0 {
			runners, bases = append(runners, runner), append(bases, base)
		}
	}
	return c.compare(runners, bases), nil
}

func (c contest) compare(runners, bases []sample) result {
	r := result{
		contest: c, pairs: len(runners),
		runnerTook: median(durations(runners)), baseTook: median(durations(bases)),
		runnerCPU: median(cpuTimes(runners)), baseCPU: median(cpuTimes(bases)),
		runnerParts: medianParts(runners), baseParts: medianParts(bases),
	}
	r.ratio = float64(r.runnerTook) / float64(r.baseTook)
	r.best = float64(slices.Min(durations(runners))) / float64(slices.Min(durations(bases)))
	for i := range runners {
		pair := float64(runners[i].took) / float64(bases[i].took)
		if i == 0 {
			r.least, r.most = pair, pair
		}
		r.least, r.most = min(r.least, pair), max(r.most, pair)
		r.peak, r.basePeak = max(r.peak, runners[i].memory), max(r.basePeak, bases[i].memory)
	}
	return r
}

func durations(samples []sample) []time.Duration {
	list := make([]time.Duration, 0, len(samples))
	for _, s := range samples {
		list = append(list, s.took)
	}
	return list
}

func cpuTimes(samples []sample) []time.Duration {
	list := make([]time.Duration, 0, len(samples))
	for _, s := range samples {
		list = append(list, s.cpu)
	}
	return list
}

// median is the middle one, or the mean of the middle two; 0 of none.
func median(list []time.Duration) time.Duration {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// medianParts takes the median of each part, in the order of the first run.
func medianParts(samples []sample) []part {
	var parts []part
	for i, p := range samples[0].parts {
		var took []time.Duration
		for _, s := range samples {
			if i < len(s.parts) {
				took = append(took, s.parts[i].took)
			}
		}
		parts = append(parts, part{p.name, median(took)})
	}
	return parts
}

// command is one process to measure.
type command struct {
	dir  string
	argv []string
	env  []string
	out  string // file that receives stdout, made anew
}

// run runs a command and measures it from before its start to after its end.
func (c command) run(ctx context.Context) (sample, error) {
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stderr = c.dir, c.env, &stderr
	// SIGTERM, which both sides pass on to what they started.
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(syscall.SIGTERM) }, 10*time.Second
	// A file of its own each time: to truncate a big one takes time.
	if err := os.Remove(c.out); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return sample{}, fmt.Errorf("removing the output of the run before: %w", err)
	}
	out, err := os.Create(c.out)
	if err != nil {
		return sample{}, fmt.Errorf("making a file for the output: %w", err)
	}
	defer func() { _ = out.Close() }()
	cmd.Stdout = out
	start := time.Now()
	err = cmd.Run()
	took := time.Since(start)
	if err != nil {
		return sample{}, fmt.Errorf("%v in %s: %w\n%s", c.argv, c.dir, err, stderr.Bytes())
	}
	return sample{took: took, memory: peakMemory(cmd.ProcessState), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}, nil
}

// peakMemory is ru_maxrss in bytes. On Linux a process begins with the peak of
// the one that started it (setmax_mm_hiwater_rss in fs/exec.c): what is read
// here is never too small, and right as long as this program stays small.
func peakMemory(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return usage.Maxrss // bytes there, KiB elsewhere
	}
	return usage.Maxrss << 10
}
