package main

import (
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
