package main

import (
	"errors"
	"fmt"
	"strings"

	"spa-runner/internal/awsname"
)

// parseEnvironments reads ENVIRONMENTS: folder=project entries between commas or
// white space. An entry may end in @ROLE_ARN; role is that of the others, nil if
// there is none. The error has every wrong entry.
func parseEnvironments(list string, role *awsname.Role, region string) ([]target, error) {
	var targets []target
	var problems []error
	for _, entry := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' || r == '\r' }) {
		t, err := parseEnvironment(entry, role, region)
		if err == nil {
			err = conflict(targets, t)
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		targets = append(targets, t)
	}
	if len(targets) == 0 && len(problems) == 0 {
		problems = append(problems, errors.New("there is no entry in it: write folder=project entries"))
	}
	return targets, errors.Join(problems...)
}

func parseEnvironment(entry string, role *awsname.Role, region string) (target, error) {
	folder, rest, found := strings.Cut(entry, "=")
	name, arn, own := strings.Cut(rest, "@")
	if !found || name == "" {
		return target{}, fmt.Errorf("%.200q is no entry: write folder=project, or folder=project@ROLE_ARN", entry)
	}
	folder = strings.TrimSuffix(folder, "/")
	if err := checkFolder(folder); err != nil {
		return target{}, err
	}
	if own {
		parsed, err := awsname.ParseRole(arn)
		if err != nil {
			return target{}, fmt.Errorf("%s: %w", folder, err)
		}
		role = &parsed
	}
	if role == nil {
		return target{}, fmt.Errorf("%s has no role that may start its project: set ARN_OF_ROLE_TO_ASSUME, or end the entry in @ROLE_ARN", folder)
	}
	p, err := parseProject(name, *role, region)
	if err != nil {
		return target{}, fmt.Errorf("%s: %w", folder, err)
	}
	return target{folder: folder, project: p, role: *role}, nil
}

// conflict finds what cannot be meant: a file of two environments, and a project
// of two, the second start of which its limit of one build refuses.
func conflict(before []target, t target) error {
	for _, other := range before {
		switch {
		case other.folder == t.folder:
			return fmt.Errorf("%s has two entries", t.folder)
		case strings.HasPrefix(other.folder, t.folder+"/"), strings.HasPrefix(t.folder, other.folder+"/"):
			return fmt.Errorf("%s and %s lie one in the other: a file would belong to both", other.folder, t.folder)
		case other.project == t.project:
			return fmt.Errorf("%s and %s have the same project, %s: a project deploys one environment", other.folder, t.folder, t.project.name)
		}
	}
	return nil
}
