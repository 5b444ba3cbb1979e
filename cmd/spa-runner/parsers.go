package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"spa-runner/internal/awsname"
	"spa-runner/internal/codecommit"
	"spa-runner/internal/logs"
	"spa-runner/pipeline"
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
var badInRef = regexp.MustCompile(`[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|^/|/$|\.$|\.lock(/|$)|^@$|^\.`)

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

var fullCommit = regexp.MustCompile(`^[0-9a-f]{40}$`)

func commit(to *string) func(string) error {
	return func(value string) error {
		*to = strings.ToLower(value)
		if value != "" && !fullCommit.MatchString(*to) {
			return errors.New("it is not a full commit hash: write all 40 hexadecimal characters, as `git rev-parse` prints them")
		}
		return nil
	}
}

func relativePath(to *string) func(string) error {
	return func(value string) error {
		*to = ""
		switch {
		case value == "":
			return nil
		case filepath.IsAbs(value):
			return errors.New("it is absolute: write the folder as seen from the top of the settings, such as environments/production")
		case slices.Contains(strings.Split(value, "/"), ".."):
			return errors.New("it has .. in it: write the folder as seen from the top of the settings")
		case strings.ContainsAny(value, " \t\r\n\x00\\"):
			return errors.New("it has white space or a backslash in it, which the shell and make would trip over")
		case slices.ContainsFunc(strings.Split(value, "/"), func(element string) bool { return strings.EqualFold(element, ".git") }):
			return errors.New("it leads into .git")
		}
		*to = filepath.Clean(value)
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

// target is what may stand on make's command line: no option, no assignment.
var target = regexp.MustCompile(`^[A-Za-z0-9_./%@+][A-Za-z0-9_./%@+-]*$`)

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

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func names(to *[]string) func(string) error {
	return func(value string) error {
		*to = strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' || r == '\t' })
		for _, name := range *to {
			if !variableName.MatchString(name) {
				return fmt.Errorf("%q is not the name of a variable", name)
			}
		}
		return nil
	}
}

func folder(to *string) func(string) error {
	return func(value string) error {
		*to = value
		if info, err := os.Stat(value); err != nil || !info.IsDir() {
			return errors.New("there is no such folder")
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

func logFormat(to *logs.Format) func(string) error {
	return func(value string) error {
		*to = logs.Format(strings.ToLower(value))
		if !slices.Contains(logs.Formats, *to) {
			return fmt.Errorf("write one of %v", logs.Formats)
		}
		return nil
	}
}
