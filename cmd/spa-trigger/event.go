package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// push is an update of the trunk, as far as the event tells it, with every value
// checked: a build runs with them.
type push struct {
	event      string // its id, the same in every delivery of it
	repository repository
	commit     string
	before     string // commit that the trunk was at; "" if it is new, or the event does not tell
	created    bool
	pusher     string // ARN; "" if unknown
	at         string // RFC 3339, UTC; "" if unknown
}

// event is both shapes. A trigger of the repository sends Records:
// https://docs.aws.amazon.com/lambda/latest/dg/services-codecommit.html
// EventBridge sends the rest:
// https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
type event struct {
	Records []record `json:"Records"`

	ID         string          `json:"id"`
	Source     string          `json:"source"`
	DetailType string          `json:"detail-type"`
	Time       string          `json:"time"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

type record struct {
	EventID         string `json:"eventId"`
	EventSource     string `json:"eventSource"`
	EventSourceARN  string `json:"eventSourceARN"`
	EventTime       string `json:"eventTime"`
	UserIdentityARN string `json:"userIdentityARN"`
	CodeCommit      struct {
		References []struct {
			Commit  string `json:"commit"`
			Ref     string `json:"ref"`
			Created bool   `json:"created"`
			Deleted bool   `json:"deleted"`
		} `json:"references"`
	} `json:"codecommit"`
}

type detail struct {
	Event             string `json:"event"`
	ReferenceType     string `json:"referenceType"`
	ReferenceName     string `json:"referenceName"`
	ReferenceFullName string `json:"referenceFullName"`
	CommitID          string `json:"commitId"`
	OldCommitID       string `json:"oldCommitId"`
	CallerUserARN     string `json:"callerUserArn"`
}

// reading is what an event comes to.
type reading struct {
	pushes   []push
	ignored  []string // why the rest of it starts nothing; at most maxTold, as the warnings
	warnings []string
	greeting bool // it is no event of any service: a person tries the function
}

// readEvent reads either shape. What claims to be an update of the trunk and
// cannot be read is an error, though Lambda's two retries of it are in vain: an answer would
// end the matter, and the push be lost in silence. An error ends in the on-failure
// destination, where somebody is told.
func readEvent(payload []byte, trunk string) (reading, error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return reading{}, malformed(fmt.Errorf("it is no JSON as CodeCommit sends it: %w", err))
	}
	var r reading
	var err error
	switch {
	case e.Records != nil:
		err = r.records(e.Records, trunk)
	case e.Source == "aws.codecommit":
		err = r.stateChange(e, trunk)
	case e.Source != "" || e.DetailType != "":
		err = fmt.Errorf("it is %.100q of %.100q: a rule must have the source aws.codecommit and the detail-type %s", e.DetailType, e.Source, stateChange)
	default:
		r.greeting = true
	}
	if err != nil {
		return reading{}, malformed(err)
	}
	return r, nil
}

func malformed(err error) error {
	return fail(kindEvent, "the event cannot be read, and Lambda's retries will not change that", err)
}

func (r *reading) records(records []record, trunk string) error {
	if len(records) == 0 {
		return errors.New("there is no record in it")
	}
	for i, record := range records {
		if record.EventSource != "aws:codecommit" {
			return fmt.Errorf("record %d is of %.100q, want aws:codecommit", i+1, record.EventSource)
		}
		if len(record.CodeCommit.References) == 0 {
			r.ignore("record %d has no references", i+1)
		}
		for _, reference := range record.CodeCommit.References {
			switch {
			case reference.Ref != trunk:
				r.ignore("%.200q is not %s", reference.Ref, trunk)
				continue
			case reference.Deleted:
				r.ignore("%s was deleted", trunk)
				continue
			}
			err := r.add(push{event: record.EventID, commit: reference.Commit, created: reference.Created}, record.EventSourceARN, record.UserIdentityARN, record.EventTime)
			if err != nil {
				return fmt.Errorf("record %d: %w", i+1, err)
			}
		}
	}
	return nil
}

const stateChange = "CodeCommit Repository State Change"

func (r *reading) stateChange(e event, trunk string) error {
	if e.DetailType != stateChange {
		r.ignore("it is a %.100q, not a %s", e.DetailType, stateChange)
		return nil
	}
	var d detail
	if err := json.Unmarshal(e.Detail, &d); err != nil {
		return fmt.Errorf("its detail is not as CodeCommit sends it: %w", err)
	}
	ref := d.ReferenceFullName
	if ref == "" && d.ReferenceType == "branch" {
		ref = "refs/heads/" + d.ReferenceName
	}
	switch {
	case d.Event != "referenceCreated" && d.Event != "referenceUpdated":
		r.ignore("the event is %.100q, not referenceCreated or referenceUpdated", d.Event)
		return nil
	case ref != trunk:
		r.ignore("%.200q is not %s", ref, trunk)
		return nil
	case len(e.Resources) != 1:
		return fmt.Errorf("it has %d resources, want one, the ARN of the repository", len(e.Resources))
	}
	p := push{event: e.ID, commit: d.CommitID, created: d.Event == "referenceCreated"}
	if strings.Trim(d.OldCommitID, "0") != "" { // git's name of no commit
		if p.before = d.OldCommitID; !fullCommit.MatchString(p.before) {
			return fmt.Errorf("oldCommitId is %.100q, want 40 hexadecimal digits", p.before)
		}
	}
	return r.add(p, e.Resources[0], d.CallerUserARN, e.Time)
}

// maxTold is how many lines of a kind are told of one event. It may have a thousand records.
const maxTold = 10

func (r *reading) ignore(format string, args ...any) { r.ignored = told(r.ignored, format, args...) }

func told(list []string, format string, args ...any) []string {
	switch {
	case len(list) < maxTold:
		return append(list, fmt.Sprintf(format, args...))
	case len(list) == maxTold:
		return append(list, "and more of that kind, which are not told")
	}
	return list
}

// newest is the push that a build is started for. One is enough, whatever the
// event holds: a build takes the head of the branch, which has them all, and a
// second would be refused because of the first. The last one counts where times are the same.
func (r *reading) newest() push {
	found := r.pushes[0]
	for _, p := range r.pushes[1:] {
		if p.at >= found.at { // all in UTC and one layout
			found = p
		}
	}
	return found
}
