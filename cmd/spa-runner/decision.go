package main

import (
	"fmt"
	"slices"
	"time"

	"spa-runner/internal/fault"
)

// afterPass is all that decides whether there is another pass.
type afterPass struct {
	pass, limit int           // the one that is over, counted from 1; how many there may be
	exitCode    int           // of that one
	pinned      bool          // to a commit of the settings
	ofMachine   bool          // this machine is the cause of its failure: a full disk, a limit, a permission
	mayPass     bool          // a server was, whose fault may be over by now
	took        string        // the commit of the settings that it took, "" if it did not come to that
	head        string        // the one that the branch is at, "" if nobody has looked
	timeLimit   bool          // the run has one
	left        time.Duration // of it
	longest     time.Duration // of the passes so far
}

// decision is what to do after a pass.
type decision int

const (
	runIsOver decision = iota
	lookFirst          // at the branch, and decide again
	startOver          // with what the branch is at
	leaveIt            // the branch has moved, but somebody else must deploy that
	giveUp             // another pass would end as this one did
)

// final are the exit codes after which there is no other pass: the project is to be
// mended first, the time is over, or somebody wants the run to stop.
func final(exitCode int) bool {
	return slices.Contains([]int{fault.ExitConfig, fault.ExitTimeLimit, 128 + 1, 128 + 2, 128 + 3, 128 + 15}, exitCode) // HUP, INT, QUIT, TERM
}

// decide says what comes after a pass, and why. It asks nobody, so that the
// simulation of the whole system can use it as it is.
func (a afterPass) decide() (decision, string) {
	switch {
	case a.limit <= 1:
		return runIsOver, "there is one pass (SPA_RUNNER_MAX_PASSES)"
	case a.pinned:
		return runIsOver, "the settings are pinned (SETTINGS_GIT_PIN)"
	case final(a.exitCode):
		return runIsOver, fmt.Sprintf("exit code %d ends a run", a.exitCode)
	case a.ofMachine:
		return giveUp, "this machine is the cause of the failure, and another pass would meet it too"
	case a.exitCode != 0 && a.took == "" && !a.mayPass:
		return giveUp, "the pass failed before it knew the settings, and by no fault that passes"
	case a.head == "":
		return lookFirst, "a push may have come meanwhile"
	case a.head == a.took:
		return runIsOver, "the settings did not move"
	case a.pass >= a.limit:
		return leaveIt, fmt.Sprintf("this was pass %d of %d (SPA_RUNNER_MAX_PASSES)", a.pass, a.limit)
	case a.timeLimit && a.left < a.longest:
		return leaveIt, fmt.Sprintf("the time limit leaves %s, and the longest pass took %s (SPA_RUNNER_TIMEOUT)", rounded(max(0, a.left)), rounded(a.longest))
	}
	if a.took == "" {
		return startOver, "the settings can be read again"
	}
	return startOver, "the settings moved"
}
