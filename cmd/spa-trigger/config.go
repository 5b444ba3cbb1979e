package main

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"spa-runner/internal/awsname"
	"spa-runner/internal/environments"
)

// config is what the function's variables say.
type config struct {
	trunk   string   // full name of the ref, refs/heads/main
	targets []target // what a push starts; with START_BATCH one, without a folder
	batch   bool     // the target is started as a batch, one build an environment
	folder  string   // below which the environments of a batch are
}

// target is a project that a push may start.
type target struct {
	folder  string // of its environment in the settings; "" if every push starts it
	project project
	role    awsname.Role // that may start it
}

// project is where a CodeBuild project is. Its account is that of its role.
type project struct{ partition, region, account, name string }

func (p project) String() string {
	return "arn:" + p.partition + ":codebuild:" + p.region + ":" + p.account + ":project/" + p.name
}

// newConfig reads the variables. The error holds everything that is wrong, each
// a sentence that names the variable. Empty is unset: a template has no other way
// to leave a variable out.
func newConfig(getenv func(string) string) (config, error) {
	get := func(name string) string { return strings.TrimSpace(getenv(name)) }
	var problems []error
	wrong := func(name string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	c := config{folder: environments.Folder}
	var err error
	c.trunk, err = trunk(get("SETTINGS_GIT_BRANCH"))
	wrong("SETTINGS_GIT_BRANCH", err)
	c.batch, err = boolean(get("START_BATCH"))
	wrong("START_BATCH", err)
	if folder := get("ENVIRONMENTS_FOLDER"); folder != "" {
		c.folder = strings.TrimSuffix(folder, "/")
		wrong("ENVIRONMENTS_FOLDER", checkFolder(c.folder))
	}
	region := get("AWS_REGION")
	if region == "" {
		wrong("AWS_REGION", errors.New("it is not set, which Lambda does"))
	}
	var role *awsname.Role
	if arn := get("ARN_OF_ROLE_TO_ASSUME"); arn != "" {
		parsed, err := awsname.ParseRole(arn)
		wrong("ARN_OF_ROLE_TO_ASSUME", err)
		role = &parsed
	}

	name, list := get("NAME_OF_PROJECT_TO_START"), get("ENVIRONMENTS")
	switch {
	case list != "" && c.batch:
		wrong("START_BATCH", errors.New("it is true, and ENVIRONMENTS is set too: start one batch of one project, or the projects of ENVIRONMENTS; unset one of the two"))
	case list != "":
		c.targets, err = parseEnvironments(list, role, region)
		wrong("ENVIRONMENTS", err)
	case name != "" && role != nil:
		one := target{role: *role}
		one.project, err = parseProject(name, *role, region)
		wrong("NAME_OF_PROJECT_TO_START", err)
		c.targets = []target{one}
	default:
		if name == "" {
			wrong("NAME_OF_PROJECT_TO_START", errors.New("it is not set: write the name or the ARN of the CodeBuild project"))
		}
		if role == nil {
			wrong("ARN_OF_ROLE_TO_ASSUME", errors.New("it is not set: write the ARN of the role that may start the project"))
		}
	}
	if len(problems) > 0 {
		return config{}, fail(kindConfig, "the configuration of the function is wrong (Lambda console, Configuration, Environment variables)", errors.Join(problems...))
	}
	return c, nil
}

// branchName leaves out what git-check-ref-format(1) does, as far as a typing
// mistake would have it.
var branchName = regexp.MustCompile(`^[^\s~^:?*\[\\-][^\s~^:?*\[\\]*$`)

func trunk(name string) (string, error) {
	if name == "" {
		name = "main"
	}
	name = strings.TrimPrefix(name, "refs/heads/")
	if !branchName.MatchString(name) || strings.HasPrefix(name, "refs/") {
		return "", fmt.Errorf("%.100q is not the name of a branch: write a name such as main", name)
	}
	return "refs/heads/" + name, nil
}

func boolean(value string) (bool, error) {
	switch strings.ToLower(value) {
	case "true":
		return true, nil
	case "", "false":
		return false, nil
	}
	return false, fmt.Errorf("it is %.100q: write true or false", value)
}

// checkFolder takes what the runner takes as SETTINGS_ENVIRONMENT_PATH.
func checkFolder(folder string) error {
	if !fs.ValidPath(folder) || folder == "." || strings.ContainsAny(folder, " \t\r\n\x00\\") {
		return fmt.Errorf("%.200q is no folder of the settings: write it as seen from their top, such as environments/production", folder)
	}
	return nil
}

// Names of projects: https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html
var (
	projectName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{1,254}$`)
	projectARN  = regexp.MustCompile(`^arn:([a-z-]+):codebuild:([a-z0-9-]+):([0-9]{12}):project/(.+)$`)
)

// parseProject reads the name or the ARN of a project that role may start. A
// name is one in the region of the function. Of a role that could not be read, which is
// told, nothing is said again.
func parseProject(s string, role awsname.Role, region string) (project, error) {
	p := project{partition: role.Partition, region: region, account: role.Account, name: s}
	if strings.HasPrefix(s, "arn:") {
		m := projectARN.FindStringSubmatch(s)
		if m == nil {
			return project{}, fmt.Errorf("%.200q is not the ARN of a project, which looks like arn:aws:codebuild:eu-west-1:222222222222:project/NAME", s)
		}
		p = project{partition: m[1], region: m[2], account: m[3], name: m[4]}
		if err := awsname.Region(p.region); err != nil {
			return project{}, fmt.Errorf("%s: %w", s, err)
		}
		if role != (awsname.Role{}) && (p.account != role.Account || p.partition != role.Partition) {
			return project{}, fmt.Errorf("the project %s is in account %s (%s), and the role %s, which is to start it, in %s (%s): a role starts projects of its own account", s, p.account, p.partition, role, role.Account, role.Partition)
		}
	}
	if !projectName.MatchString(p.name) {
		return project{}, fmt.Errorf("%.200q is not the name of a project: 2 to 255 letters, digits, _ and -", p.name)
	}
	return p, nil
}
