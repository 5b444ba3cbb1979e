package main

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"spa-runner/internal/config"
	"spa-runner/internal/fault"
)

// endedBy says what ended a run before its time: "step limit", "run limit" or
// the name of a signal; "" if nothing did.
func endedBy(err error) string {
	var limit *fault.TimeLimitError
	var interrupted *fault.InterruptedError
	switch {
	case errors.As(err, &interrupted):
		return unix.SignalName(interrupted.Signal)
	case errors.As(err, &limit):
		return limit.Of + " limit"
	}
	return ""
}

// deployCutShort says that make was ended in the middle of deploying: by a
// signal, by a limit, or killed by somebody else. A target that fails by itself
// has seen to what it started.
func deployCutShort(deployStep string, err error) bool {
	var failed *fault.StepError
	var child *fault.ChildError
	return errors.As(err, &failed) && failed.Step == deployStep &&
		errors.As(err, &child) && (endedBy(err) != "" || child.Code > 128)
}

// hint is what to do about the failure, "" if nobody knows.
func (s summary) hint() string {
	c, hint, by := s.plan.config, fault.Hint(s.err), endedBy(s.err)
	switch {
	case !s.execution.rehearsal && !c.Previews() && deployCutShort(s.steps[len(s.steps)-1].Name(), s.err):
	case hint == "" && by == "step limit":
		return "look at what came last; if the step needs longer than " + c.StepTimeout.String() + ", raise SPA_RUNNER_STEP_TIMEOUT"
	case hint == "" && by == "run limit":
		return "look at what came last; if the run needs longer than " + c.Timeout.String() + ", raise SPA_RUNNER_TIMEOUT, and the timeout of the build with it"
	default:
		return hint
	}
	return fmt.Sprintf(`make %s was cut short, but CloudFormation goes on by itself with what it had begun.
Look, with an identity of account %s:
  aws cloudformation describe-stacks --region %s --query "Stacks[?ends_with(StackStatus, 'IN_PROGRESS')].[StackName,StackStatus]" --output table
As long as a stack is ..._IN_PROGRESS the next run waits for it or fails: start that when this list is empty`,
		strings.Join(c.DeployTargets, " "), config.AccountOf(c.DeployRole), c.DeployRegion)
}
