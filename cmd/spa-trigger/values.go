package main

import (
	"fmt"
	"regexp"
	"time"

	"spa-runner/internal/awsname"
)

// repository is the ARN of a repository, taken apart.
type repository struct{ partition, region, account, name string }

func (r repository) String() string {
	return "arn:" + r.partition + ":codecommit:" + r.region + ":" + r.account + ":" + r.name
}

var (
	// CodeCommit has SHA-1 repositories alone, and the runner takes no other hash.
	fullCommit    = regexp.MustCompile(`^[0-9a-f]{40}$`)
	repositoryARN = regexp.MustCompile(`^arn:(aws[a-z-]*):codecommit:([a-z0-9-]+):([0-9]{12}):([A-Za-z0-9_.-]{1,100})$`)
	// Of users, roles' sessions, federated users and root. The runner refuses to run with one of more than 1,024 bytes.
	identityARN = regexp.MustCompile(`^arn:aws[a-z-]{0,20}:(iam|sts)::[0-9]{12}:[\w+=,.@/-]{1,900}$`)
	eventID     = regexp.MustCompile(`^[\x21-\x7e]{1,200}$`)
)

// add checks a push and keeps it. Who pushed, and when, is told to the build for
// the record: what is odd there is left out with a warning, and the push counts.
func (r *reading) add(p push, arn, pusher, at string) error {
	m := repositoryARN.FindStringSubmatch(arn)
	switch {
	case m == nil || awsname.Region(m[2]) != nil:
		return fmt.Errorf("%.200q is not the ARN of a repository", arn)
	case !fullCommit.MatchString(p.commit):
		return fmt.Errorf("the commit is %.100q, want 40 hexadecimal digits (the example event of the Lambda console has 39)", p.commit)
	case !eventID.MatchString(p.event):
		return fmt.Errorf("its id is %.100q, want 1 to 200 printable characters: without it a duplicate cannot be told from a test", p.event)
	}
	p.repository = repository{partition: m[1], region: m[2], account: m[3], name: m[4]}
	if identityARN.MatchString(pusher) {
		p.pusher = pusher
	} else if pusher != "" {
		r.warnings = told(r.warnings, "who pushed is not passed on: %.200q is not the ARN of an identity", pusher)
	}
	if when, ok := parseTime(at); ok {
		p.at = when.UTC().Format(timeLayout)
	} else if at != "" {
		r.warnings = told(r.warnings, "the time of the push is not passed on: %.100q is no time", at)
	}
	r.pushes = append(r.pushes, p)
	return nil
}

// timeLayout is RFC 3339 with milliseconds, which all have, so that texts compare as times do.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// parseTime also takes the zone as triggers write it, +0000.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 0 && t.UTC().Year() <= 9999 {
			return t, true
		}
	}
	return time.Time{}, false
}
