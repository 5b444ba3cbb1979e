package main

import (
	"container/heap"
	"math/rand/v2"
	"strconv"
	"time"
)

// A simulation of the system around the runner: people push, CodeCommit tells a
// Lambda function, that starts a build of a project that runs one at a time, and
// the runner decides by the real function (afterPass.decide) whether to go on.
// Time is a number. Everything follows from the seed.

// design is what is compared.
type design struct {
	token    bool            // a duplicate of an event starts no second build for five minutes
	attempts []time.Duration // when Lambda tries an event, counted from its arrival
	passes   int             // SPA_RUNNER_MAX_PASSES; 1 never looks again
	schedule bool            // starts a build every so often
	tail     time.Duration   // the longest time between the end of the runner and that of its build
}

// faults are what may go wrong in a history, each with its probability in a
// build, a pass or a delivery.
type faults struct {
	crash     float64 // a build ends in the middle, without a look
	failure   float64 // a pass fails for a reason that passes
	noAnswer  float64 // of a look
	lost      float64 // an event that never arrives
	timeLimit bool    // SPA_RUNNER_TIMEOUT is set, and may be too short
}

const (
	pushing    = 4 * time.Hour // people push
	quiet      = pushing       // from then on nothing goes wrong by accident
	horizon    = quiet + 14*time.Hour
	tokenLives = 5 * time.Minute
)

// pushed is a commit on the branch; its number is its place in the history.
type pushed struct {
	at       time.Duration
	broken   int             // the exit code that this commit always ends with, 0 if it is good
	arrivals []time.Duration // of its event at the function
}

// history is what happens to any design.
type history struct {
	seed   uint64
	pushes []pushed
	every  time.Duration // the period of the schedule
	limit  time.Duration // SPA_RUNNER_TIMEOUT, 0 if there is none
	faults faults
}

func between(r *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(r.Int64N(int64(to-from)+1))
}

func newHistory(seed uint64, f faults) history {
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a simulation
	h := history{seed: seed, faults: f, every: between(r, 20*time.Minute, 4*time.Hour)}
	if f.timeLimit {
		h.limit = between(r, 14*time.Minute, time.Hour)
	}
	at := time.Duration(0)
	for range 1 + r.IntN(12) {
		if r.IntN(2) == 0 { // a burst: during the same build
			at += between(r, time.Second, 4*time.Minute)
		} else {
			at += between(r, time.Minute, time.Hour)
		}
		if at > pushing {
			break
		}
		p := pushed{at: at}
		switch n := r.IntN(20); {
		case n == 0:
			p.broken = 64
		case n <= 2:
			p.broken = 2
		}
		for n := r.IntN(12); r.Float64() >= f.lost; n-- {
			delay := between(r, 500*time.Millisecond, 8*time.Second)
			if r.IntN(10) == 0 {
				delay = between(r, 8*time.Second, 10*time.Minute)
			}
			p.arrivals = append(p.arrivals, at+delay)
			if n != 0 { // one in twelve is delivered twice
				break
			}
		}
		h.pushes = append(h.pushes, p)
	}
	return h
}

// head is the number of the commit that the branch is at, -1 before the first.
func (h history) head(at time.Duration) int {
	n := -1
	for i, p := range h.pushes {
		if p.at <= at {
			n = i
		}
	}
	return n
}

// attempt is one call of StartBuild.
type attempt struct {
	at      time.Duration
	push    int // -1: the schedule
	arrived time.Duration
	n       int // of the attempts for this arrival
}

type attempts []attempt

func (a attempts) Len() int           { return len(a) }
func (a attempts) Less(i, j int) bool { return a[i].at < a[j].at }
func (a attempts) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *attempts) Push(x any)        { *a = append(*a, x.(attempt)) }
func (a *attempts) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// told is what came of a history under a design.
type told struct {
	lost                                   int // pushes
	builds, rejected, dropped, extraPasses int
	settled                                int // the newest commit that was deployed, or that failed by its own fault
}

// playOut runs a history under a design.
func playOut(h history, d design) told {
	result, busy, started := told{settled: -1}, time.Duration(-1), map[int]time.Duration{}
	queue := &attempts{}
	for i, p := range h.pushes {
		for _, arrival := range p.arrivals {
			heap.Push(queue, attempt{at: arrival, push: i, arrived: arrival})
		}
	}
	if d.schedule {
		for at := h.every; at < horizon; at += h.every {
			heap.Push(queue, attempt{at: at, push: -1})
		}
	}
	for queue.Len() > 0 {
		a := heap.Pop(queue).(attempt)
		since, ok := started[a.push]
		switch {
		case d.token && a.push >= 0 && ok && a.at-since < tokenLives:
			// CodeBuild answers with the build that it started for this token.
		case a.at < busy:
			result.rejected++
			if a.push < 0 {
				break // the next time
			}
			if a.n+1 == len(d.attempts) {
				result.dropped++ // to the on-failure destination
				break
			}
			a.n++
			a.at = a.arrived + d.attempts[a.n]
			heap.Push(queue, a)
		default:
			started[a.push] = a.at
			result.builds++
			busy = h.build(&result, a.at, d)
		}
	}
	result.lost = len(h.pushes) - 1 - result.settled
	return result
}

// build is one build, from its start to the time when the project is free again.
func (h history) build(result *told, at time.Duration, d design) (free time.Duration) {
	r := rand.New(rand.NewPCG(h.seed, uint64(result.builds))) //nolint:gosec // a simulation
	f := h.faults
	if at > quiet {
		f.crash, f.failure, f.noAnswer = 0, 0, 0
	}
	crash := horizon * 2
	if r.Float64() < f.crash {
		crash = at + between(r, 0, 40*time.Minute)
	}
	at += between(r, 8*time.Second, time.Minute) // the machine is provided
	deadline, longest := at+h.limit, time.Duration(0)
	for pass := 1; ; pass++ {
		start, state := at, afterPass{pass: pass, limit: d.passes, timeLimit: h.limit > 0}
		took := h.pass(r, f, &at, &state)
		if h.limit > 0 && at > deadline {
			at, state.exitCode = deadline, 124
		}
		if at > crash {
			at = crash
			break
		}
		if state.exitCode == 0 || took >= 0 && state.exitCode == h.pushes[took].broken {
			result.settled = max(result.settled, took)
		}
		longest = max(longest, at-start)
		state.left, state.longest = deadline-at, longest
		if what, _ := state.decide(); what != lookFirst {
			break
		}
		at += between(r, 100*time.Millisecond, 2*time.Second) // until the server answers
		if r.Float64() < f.noAnswer {
			at += 30 * time.Second
			break
		}
		state.head, state.left = strconv.Itoa(h.head(at)), deadline-at
		at += between(r, 50*time.Millisecond, 2*time.Second) // until the answer is here
		if at > crash {
			at = crash
			break
		}
		if what, _ := state.decide(); what != startOver {
			break
		}
		result.extraPasses++
	}
	return at + between(r, 2*time.Second, d.tail)
}

// pass is one pass of a build: it takes the head, and some time.
func (h history) pass(r *rand.Rand, f faults, at *time.Duration, state *afterPass) (took int) {
	*at += between(r, time.Second, 5*time.Second) // until the settings are cloned
	took, whole, some := h.head(*at), between(r, time.Minute, 12*time.Minute), r.Float64()
	switch {
	case took < 0: // the schedule, before the first push
		state.took = strconv.Itoa(took)
	case r.Float64() < f.failure/4:
		took, state.exitCode = -1, 125                           // they were not: by a server,
		state.mayPass, state.ofMachine = some < 0.5, some > 0.75 // by this machine, or by neither
		whole = between(r, time.Second, 5*time.Minute)
	default:
		state.took, state.exitCode = strconv.Itoa(took), h.pushes[took].broken
		if state.exitCode == 0 && r.Float64() < f.failure {
			state.exitCode = 2
		}
	}
	switch state.exitCode {
	case 64:
		whole = between(r, time.Second, 5*time.Second)
	case 2:
		whole = time.Duration(some * float64(whole))
	}
	*at += whole
	return took
}
