package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"spa-runner/internal/awsname"
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

func relativePath(to *string) func(string) error {
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
