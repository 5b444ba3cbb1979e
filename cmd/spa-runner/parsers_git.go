package main

import (
	"errors"
	"strings"

	"spa-runner/internal/codecommit"
	"spa-runner/internal/lazyregexp"
)

// settingsURL leaves the forms of CodeCommit to the resolution as a whole: what
// they mean depends on AWS_REGION and CODE_COMMIT_ENDPOINT.
func settingsURL(to *string) func(string) error {
	return func(value string) error {
		*to = value
		if value == "" || codecommit.Is(value, codecommit.Defaults{}) {
			return nil
		}
		return checkGitURL(value)
	}
}

func codeURL(to *string) func(string) error {
	return func(value string) error {
		*to = value
		if codecommit.Is(value, codecommit.Defaults{}) {
			return errors.New("the code is cloned without an AWS identity, so it cannot be on CodeCommit: use an HTTPS URL, or lay it over from the settings")
		}
		return checkGitURL(value)
	}
}

// badInRef are what git-check-ref-format(1) forbids in a name.
var badInRef = lazyregexp.New(`[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|^/|/$|\.$|\.lock(/|$)|^@$|^\.`)

func ref(to *string) func(string) error {
	return func(value string) error {
		*to = value
		switch {
		case strings.HasPrefix(value, "-"):
			return errors.New("it begins with a dash, which is an option and not the name of a branch or tag")
		case badInRef.MatchString(value):
			return errors.New("it cannot be the name of a branch or tag (git-check-ref-format)")
		}
		return nil
	}
}

// branch is a ref that can be nothing else.
func branch(to *string) func(string) error {
	parse := ref(to)
	return func(value string) error {
		if strings.HasPrefix(value, "refs/") && !strings.HasPrefix(value, "refs/heads/") {
			return errors.New("it is not the name of a branch: write a name such as main")
		}
		return parse(value)
	}
}

var fullCommit = lazyregexp.New(`^[0-9a-f]{40}$`)

func commit(to *string) func(string) error {
	return func(value string) error {
		*to = strings.ToLower(value)
		if value != "" && !fullCommit.MatchString(*to) {
			return errors.New("it is not a full commit hash: write all 40 hexadecimal characters, as `git rev-parse` prints them")
		}
		return nil
	}
}

func endpoint(to *string) func(string) error {
	return func(value string) error {
		*to = ""
		scheme, host, isURL := strings.Cut(value, "://")
		if !isURL {
			scheme, host = "https", value
		}
		if value != "" && (scheme != "https" && scheme != "http" || strings.Trim(host, "/") == "" || strings.ContainsAny(host, " \t\r\n@?#")) {
			return errors.New("write a host such as git-codecommit-fips.us-east-1.amazonaws.com, or the URL of a test server, https://HOST")
		}
		*to = value
		return nil
	}
}
