package main

import (
	"os"
	"testing"
	"time"

	"spa-runner/internal/config"
)

// lambda is when AWS Lambda tries an asynchronous event: at once, after one minute,
// and after two more. Then the event goes to the on-failure destination.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
func lambda() []time.Duration { return []time.Duration{0, time.Minute, 3 * time.Minute} }

// tail is the longest that a build is supposed to be busy after its runner has
// ended. The two retries reach past it.
const tail = 45 * time.Second

func ofTheWorkbook() design { return design{attempts: lambda(), passes: 1, tail: tail} }

func ours() design {
	return design{token: true, attempts: lambda(), passes: config.PassesInCodeBuild, schedule: true, tail: tail}
}

// withoutSchedule is ours where nothing but the trigger starts builds, and pushes
// never outrun the passes.
func withoutSchedule() design {
	d := ours()
	d.schedule, d.passes = false, 1000
	return d
}

func everything() faults {
	return faults{crash: 0.1, failure: 0.15, noAnswer: 0.1, lost: 0.05, timeLimit: true}
}

// histories is how many are tried: enough for a second, or for some minutes.
func histories() uint64 {
	if os.Getenv("SPA_RUNNER_LONG") == "1" {
		return 500_000
	}
	return 10_000
}

// total plays histories, those that go wrong as f says, under a design.
func total(t *testing.T, name string, n uint64, f faults, d design) told {
	t.Helper()
	var sum told
	pushes := 0
	for seed := range n {
		h := newHistory(seed, f)
		one := playOut(h, d)
		pushes += len(h.pushes)
		sum.lost += one.lost
		sum.builds += one.builds
		sum.rejected += one.rejected
		sum.dropped += one.dropped
		sum.extraPasses += one.extraPasses
	}
	t.Logf("%-52s %d interleavings, %d pushes, %d builds, %d starts rejected, %d events dropped, %d further passes: %d pushes lost",
		name, n, pushes, sum.builds, sum.rejected, sum.dropped, sum.extraPasses, sum.lost)
	return sum
}

// Whatever goes wrong, at the end every push is deployed, or a later one is; one
// that fails by its own fault has failed in a build that says so. The design of the
// workbook loses some over the same histories.
func TestNoUpdateIsLost(t *testing.T) {
	t.Parallel()
	n := histories()
	for name, f := range map[string]faults{"nothing goes wrong": {}, "everything goes wrong": everything()} {
		if got := total(t, "ours, "+name, n, f, ours()); got.lost != 0 || got.extraPasses == 0 || got.rejected == 0 {
			t.Errorf("%s: ours lost %d", name, got.lost)
		}
		if got := total(t, "the workbook's, "+name, n, f, ofTheWorkbook()); got.lost == 0 {
			t.Errorf("%s: the workbook's design lost nothing: the simulation finds nothing", name)
		}
	}
}

// As long as nothing goes wrong, look and retries are enough without a schedule;
// and neither is without the other, nor with a build that stays busy after its look
// for longer than the retries last.
func TestTheLookAndTheRetriesNeedEachOther(t *testing.T) {
	t.Parallel()
	n := histories()
	if got := total(t, "look and retries, no schedule", n, faults{}, withoutSchedule()); got.lost != 0 {
		t.Errorf("look and retries lost %d", got.lost)
	}
	for name, change := range map[string]func(*design){
		"no look":              func(d *design) { d.passes = 1 },
		"no retries":           func(d *design) { d.attempts = d.attempts[:1] },
		"builds that end late": func(d *design) { d.tail = 5 * time.Minute },
	} {
		d := withoutSchedule()
		change(&d)
		if got := total(t, "no schedule, "+name, n, faults{}, d); got.lost == 0 {
			t.Errorf("%s: nothing was lost, so the simulation would not notice", name)
		}
	}
}

// What only a schedule brings back, each alone: the documentation says so.
func TestWhatIsLostWithoutASchedule(t *testing.T) {
	t.Parallel()
	n := histories() / 2
	for name, class := range map[string]struct {
		faults faults
		passes int
	}{
		"builds that are killed":       {faults{crash: 0.1}, 1000},
		"passes that fail by accident": {faults{failure: 0.15}, 1000},
		"looks without an answer":      {faults{noAnswer: 0.1}, 1000},
		"events that never arrive":     {faults{lost: 0.05}, 1000},
		"a time limit":                 {faults{timeLimit: true}, 1000},
		"more pushes than passes (3)":  {faults{}, config.PassesInCodeBuild},
	} {
		d := withoutSchedule()
		d.passes = class.passes
		if got := total(t, "no schedule, "+name, n, class.faults, d); got.lost == 0 {
			t.Errorf("%s: nothing was lost: infra/README.md says too little of the design", name)
		}
		if d.schedule = true; total(t, "with a schedule, "+name, n, class.faults, d).lost != 0 {
			t.Errorf("%s: lost in spite of the schedule", name)
		}
	}
}
