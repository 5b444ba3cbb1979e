package main

import (
	"strings"
	"testing"
	"time"
)

func TestCompare(t *testing.T) {
	run := func(ms, mb int64, lint time.Duration) sample {
		return sample{took: time.Duration(ms) * time.Millisecond, memory: mb, parts: []part{{"make-lint", lint}}}
	}
	c := contest{aim: 0.2, memory: 40}
	got := c.compare(
		[]sample{run(10, 30, 3), run(900, 41, 1), run(20, 20, 2)},
		[]sample{run(100, 0, 0), run(1000, 0, 0), run(50, 0, 0)},
	)
	if got.runnerTook != 20*time.Millisecond || got.baseTook != 100*time.Millisecond || got.ratio != 0.2 {
		t.Errorf("medians: got %s and %s, ratio %g, want 20ms and 100ms, 0.2", got.runnerTook, got.baseTook, got.ratio)
	}
	if got.least != 0.1 || got.most != 0.9 || got.best != 0.2 || got.peak != 41 {
		t.Errorf("got pairs from %g to %g, best %g, a peak of %d, want 0.1, 0.9, 0.2, 41", got.least, got.most, got.best, got.peak)
	}
	if len(got.runnerParts) != 1 || got.runnerParts[0] != (part{"make-lint", 2}) {
		t.Errorf("parts: got %v, want the median of each", got.runnerParts)
	}
	if missed := got.missed(); missed != "big" {
		t.Errorf("missed: got %q, want %q: an aim that is met exactly is met", missed, "big")
	}
	got.ratio, got.best = 0.21, 0.21
	if missed := got.missed(); missed != "slow, big" {
		t.Errorf("missed: got %q, want %q", missed, "slow, big")
	}
	got.best = 0.2
	if missed := got.missed(); missed != "slow, or disturbed: BEST is within the aim, big" {
		t.Errorf("missed, but not by the best run: got %q", missed)
	}
	got.aim, got.memory = 0, 41
	if missed := got.missed(); missed != "" {
		t.Errorf("missed: got %q, want nothing: there is no aim", missed)
	}
}

// What counts beside the ratio, each met exactly and then missed by a little.
func TestOtherAims(t *testing.T) {
	row := func(c contest) result {
		return c.compare(
			[]sample{{took: 3 * time.Second, cpu: 5 * time.Second, memory: 12 * mebibyte}},
			[]sample{{took: time.Second, cpu: 2 * time.Second, memory: 10 * mebibyte}},
		)
	}
	if r := row(contest{}); r.runnerCPU != 5*time.Second || r.baseCPU != 2*time.Second || r.basePeak != 10*mebibyte {
		t.Errorf("got CPU times of %s and %s and a peak of %d for the peer", r.runnerCPU, r.baseCPU, r.basePeak)
	}
	for _, test := range []struct {
		met, missed contest
		shown, want string
	}{
		{contest{memoryAim: 1.2}, contest{memoryAim: 1.19}, "-", "big"},
		{contest{bytes: 1200e6, speed: 400}, contest{bytes: 1200e6, speed: 401}, "400 MB/s (400 at least)", "slow by BESIDES"},
		{contest{lines: 1e6, aLine: 2 * time.Microsecond}, contest{lines: 1e6, aLine: time.Microsecond}, "2.00 µs more a line (2 at most)", "slow by BESIDES"},
	} {
		if got := row(test.met); got.missed() != "" || got.besides() != test.shown {
			t.Errorf("%+v: missed %q, want nothing; beside it shows %q, want %q", test.met, got.missed(), got.besides(), test.shown)
		}
		if got := row(test.missed).missed(); got != test.want {
			t.Errorf("%+v: missed %q, want %q", test.missed, got, test.want)
		}
	}
}

func TestReportShowsEachRowAndWhatItMissed(t *testing.T) {
	row := contest{work: "work", peer: "peer", aim: 1, memory: 32 * mebibyte, memoryAim: 1.2}.compare(
		[]sample{{took: 3 * time.Second, memory: 11 * mebibyte, parts: []part{{"make-lint", time.Second}}}},
		[]sample{{took: 2 * time.Second, memory: 10 * mebibyte}},
	)
	var out strings.Builder
	if missed := report(&out, []result{row}, ""); missed != 1 {
		t.Errorf("%d rows miss an aim, want 1", missed)
	}
	for _, want := range []string{
		"work  peer  3.000 s      2.000 s    1.50   1.00  1: 1.50-1.50  1.50  -         -       11 MiB  10 MiB  32 MiB, 1.20 x  -        OVER: slow\n",
		"\nwork:\n  spa-runner  make-lint 1.000\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("want %q in\n%s", want, out.String())
		}
	}
}

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		list []time.Duration
		want time.Duration
	}{
		{nil, 0},
		{[]time.Duration{7}, 7},
		{[]time.Duration{9, 1}, 5},
		{[]time.Duration{9, 1, 2}, 2},
	} {
		if got := median(test.list); got != test.want {
			t.Errorf("median of %v: got %d, want %d", test.list, got, test.want)
		}
	}
}
