package config

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"spa-runner/internal/awsname"
	"spa-runner/internal/codecommit"
	"spa-runner/internal/globs"
	"spa-runner/internal/lazyregexp"
	"spa-runner/internal/logs"
	"spa-runner/pipeline"
	"spa-runner/steps"
)

// The parsers check one value each and store it. Their errors say what the
// value should look like; who set it, and what it is, the caller adds. An empty
// value is stored as the zero value: whether it may be is the table's matter.

func role(to *string) func(string) error {
	return func(value string) error {
		*to = ""
		if value == "" {
			return nil
		}
		arn, err := awsname.ParseRole(value)
		if err != nil {
			return err
		}
		*to = arn.String()
		return nil
	}
}

func region(to *string) func(string) error {
	return func(value string) error {
		*to = ""
		if value == "" {
			return nil
		}
		if err := awsname.Region(value); err != nil {
			return err
		}
		*to = value
		return nil
	}
}

func secret(to *pipeline.Secret) func(string) error {
	return func(value string) error {
		*to = pipeline.NewSecret(strings.TrimSpace(value))
		return nil
	}
}

// ParseRelativePath takes a path that stays in the folder that it begins at.
func ParseRelativePath(to *string) func(string) error {
	return func(value string) error {
		*to = ""
		switch {
		case value == "":
			return nil
		case filepath.IsAbs(value):
			return errors.New("it is absolute: write the path as seen from the top of the settings, such as environments/production")
		case slices.Contains(strings.Split(value, "/"), ".."):
			return errors.New("it has .. in it: write the path as seen from the top of the settings")
		case strings.ContainsAny(value, " \t\r\n\x00\\"):
			return errors.New("it has white space or a backslash in it, which the shell and make would trip over")
		case slices.ContainsFunc(strings.Split(value, "/"), func(element string) bool { return strings.EqualFold(element, ".git") }):
			return errors.New("it leads into .git")
		}
		*to = filepath.Clean(value)
		return nil
	}
}

// target is what may stand on make's command line: no option, no assignment.
var target = lazyregexp.New(`^[A-Za-z0-9_./%@+][A-Za-z0-9_./%@+-]*$`)

func targets(to *[]string) func(string) error {
	return func(value string) error {
		*to = append([]string{}, strings.Fields(value)...) // not nil: none is what was asked for
		for _, name := range *to {
			if !target.MatchString(name) {
				return fmt.Errorf("%q is not the name of a make target: options and assignments are not taken", name)
			}
		}
		return nil
	}
}

var variableName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)

func names(to *[]string) func(string) error {
	return func(value string) error {
		*to = splitNames(value)
		for _, name := range *to {
			if !variableName.MatchString(name) {
				return fmt.Errorf("%q is not the name of a variable", name)
			}
		}
		return nil
	}
}

// splitNames gives the words of a list, also of one that names would refuse.
func splitNames(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' || r == '\t' })
}

// user is a name as useradd(8) takes it, or a uid.
var user = lazyregexp.New(`^([A-Za-z_][A-Za-z0-9_.-]*|[0-9]+)$`)

// untrustedUser leaves it to the run to find the user: a plan may be made elsewhere.
func untrustedUser(to *string) func(string) error {
	return func(value string) error {
		*to = value
		if value != "" && !user.MatchString(value) {
			return errors.New("write the name of a user of the build image, such as codebuild-user, or its number")
		}
		return nil
	}
}

func patterns(to *globs.List) func(string) error {
	return func(value string) (err error) {
		*to, err = globs.Parse(value)
		return err
	}
}

// required takes patterns, or the word for what SPA needs.
func required(to *globs.List, settings *bool) func(string) error {
	return func(value string) error {
		*to, *settings = nil, strings.TrimSpace(value) == steps.RequireSettings
		if *settings {
			return nil
		}
		return patterns(to)(value)
	}
}

func folder(to *string) func(string) error {
	return func(value string) error {
		*to = value
		if info, err := os.Stat(value); err != nil || !info.IsDir() {
			return errors.New("there is no such folder: make it with mkdir, or name another")
		}
		return nil
	}
}

func duration(to *time.Duration) func(string) error {
	return func(value string) (err error) {
		*to = 0
		if value == "" {
			return nil
		}
		if *to, err = time.ParseDuration(value); err != nil || *to <= 0 {
			return errors.New("write a time such as 90s, 50m or 1h30m")
		}
		return nil
	}
}

func boolean(to *bool) func(string) error {
	return func(value string) (err error) {
		if *to, err = strconv.ParseBool(strings.ToLower(value)); err != nil {
			return errors.New("write true or false")
		}
		return nil
	}
}

// oneOf takes one of some words.
func oneOf(to *string, words ...string) func(string) error {
	return func(value string) error {
		if *to = strings.ToLower(value); !slices.Contains(words, *to) {
			return fmt.Errorf("write one of %v", words)
		}
		return nil
	}
}

func logFormat(to *logs.Format) func(string) error {
	return func(value string) error {
		*to = logs.Format(strings.ToLower(value))
		if !slices.Contains(logs.Formats, *to) {
			return fmt.Errorf("write one of %v", logs.Formats)
		}
		return nil
	}
}

// artifactsURL is checked for what it should look like, and never asked for anything.
func artifactsURL(to *string) func(string) error {
	return func(value string) error {
		*to = ""
		if value == "" {
			return nil
		}
		u, err := url.Parse(value)
		if err != nil || u.Scheme != "s3" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
			strings.ContainsAny(value, " \t\r\n") {
			return errors.New("write the folder in which the builds have theirs, such as s3://BUCKET/runs")
		}
		*to = strings.TrimRight(value, "/")
		return nil
	}
}

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

// FullCommit is a commit with all of its digits.
var FullCommit = lazyregexp.New(`^[0-9a-f]{40}$`)

// ParseCommit takes a full commit, and nothing.
func ParseCommit(to *string) func(string) error {
	return func(value string) error {
		*to = strings.ToLower(value)
		if value != "" && !FullCommit.MatchString(*to) {
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
	// PassesInCodeBuild are enough for a push during each of two passes; who pushes
	// more often than a deployment takes is served by the next build.
	PassesInCodeBuild = 3
	// maxPasses bounds a run that has no time limit.
	maxPasses = 10
)

func passLimit(to *int, inCodeBuild bool) func(string) error {
	return func(value string) (err error) {
		switch {
		case value != "":
			*to, err = strconv.Atoi(value)
		case inCodeBuild:
			*to = PassesInCodeBuild
		default:
			*to = 1
		}
		if err != nil || *to < 1 || *to > maxPasses {
			return fmt.Errorf("write a number from 1, which is never to look again, to %d", maxPasses)
		}
		return nil
	}
}
