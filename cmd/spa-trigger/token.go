package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// token is the idempotency token of a start: for five minutes CodeBuild answers
// the same token with the build that it started, so that a duplicate of an event
// and Lambda's retries after one and two minutes start nothing twice. A test of
// the trigger, or a push of the same commit later on, is another event. What else
// is asked for goes in as well, since CodeBuild refuses a token with other parameters.
// https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html
func token(p push, where project, parameters ...string) string {
	parts := append([]string{p.repository.String(), p.commit, p.event, where.String()}, parameters...)
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return hex.EncodeToString(sum[:])
}
