package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// arn is any ARN of somebody: IAM has no name with white space in it, or with
// letters beyond ASCII.
var arn = regexp.MustCompile(`^arn:[a-z0-9-]+:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:[\x21-\x7e]+$`)

// maxARN is more than the ARN of anybody has, in bytes: IAM's paths have up to 512.
const maxARN = 1024

// pusher takes what CodeCommit's event calls userIdentityARN.
func pusher(to *string) func(string) error {
	return func(value string) error {
		*to = value
		if value != "" && (len(value) > maxARN || !arn.MatchString(value)) {
			return errors.New("it is not the ARN of a user or session, such as arn:aws:iam::111111111111:user/alice")
		}
		return nil
	}
}

func moment(to *string) func(string) error {
	return func(value string) error {
		*to = ""
		if value == "" {
			return nil
		}
		at, err := time.Parse(time.RFC3339, value)
		if year := at.UTC().Year(); err != nil || year < 0 || year > 9999 { // the zone may lead out of what can be written
			return errors.New("write a time in RFC 3339, such as 2026-03-01T12:00:00Z")
		}
		*to = at.UTC().Format(time.RFC3339)
		return nil
	}
}

const (
	// passesInCodeBuild are enough for a push during each of two passes; who pushes
	// more often than a deployment takes is served by the next build.
	passesInCodeBuild = 3
	// maxPasses bounds a run that has no time limit.
	maxPasses = 10
)

func passLimit(to *int, inCodeBuild bool) func(string) error {
	return func(value string) (err error) {
		switch {
		case value != "":
			*to, err = strconv.Atoi(value)
		case inCodeBuild:
			*to = passesInCodeBuild
		default:
			*to = 1
		}
		if err != nil || *to < 1 || *to > maxPasses {
			return fmt.Errorf("write a number from 1, which is never to look again, to %d", maxPasses)
		}
		return nil
	}
}
