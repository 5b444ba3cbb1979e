package main

import (
	"errors"
	"strings"

	"spa-runner/internal/lazyregexp"
)

// externalIDForm and the length are what STS takes.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
var externalIDForm = lazyregexp.New(`^[\w+=,.@:/-]{2,}$`)

const maxExternalID = 1224

func externalID(to *string) func(string) error {
	return func(value string) error {
		*to = value
		if value != "" && (!externalIDForm.MatchString(value) || len(value) > maxExternalID) {
			return errors.New("an external id is 2 to 1224 letters, digits and _+=,.@:/-")
		}
		return nil
	}
}

// either is a variable that holds one of two words; to is set where it holds yes.
func either(to *bool, yes, no string) func(string) error {
	return func(value string) error {
		switch *to = false; strings.ToLower(value) {
		case yes:
			*to = true
		case no:
		default:
			return errors.New("write " + yes + " or " + no)
		}
		return nil
	}
}
