package main

import (
	"time"

	"spa-runner/internal/retry"
)

// patience is how long the runner waits for servers, and for faults to pass.
type patience struct {
	sts    retry.Policy
	clone  retry.Policy
	look   lookPatience
	answer time.Duration // for a server to begin its answer
	stall  time.Duration // for the next byte of one
}

func usualPatience() patience {
	return patience{
		sts:    retry.Policy{Budget: 2 * time.Minute, Attempt: 30 * time.Second},
		clone:  retry.Policy{Budget: 5 * time.Minute},
		look:   lookPatience{retry.Policy{Budget: 20 * time.Second}, 30 * time.Second},
		answer: 2 * time.Minute, // a git server may count the objects of a large repository first
		stall:  30 * time.Second,
	}
}

// lookPatience is the patience with a look at the settings after a pass. What comes
// after a look, nobody looks for again: the shorter, the better, and a run that failed
// is to say so soon. Without an answer the run ends as it is, with a warning.
type lookPatience struct {
	retry.Policy
	limit time.Duration // of all attempts together
}
