package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.uber.org/zap"

	"spa-runner/internal/config"
	"spa-runner/internal/fault"
	"spa-runner/pipeline"
)

// untrusted finds the user that all children run as that do not deploy, and makes
// a home. It is nil where the project names none. Whatever is in the way is an
// error: the project demanded a border, and nothing runs without it. Only a
// rehearsal on somebody's laptop does, with a warning.
func untrusted(c *config.Config, e execution) (user *pipeline.User, err error) {
	defer func() {
		if warning := warnOfSaved(savedEnvironment, user); warning != "" {
			c.Warnings = append(c.Warnings, warning)
		}
	}()
	if c.Untrusted == "" {
		return nil, nil
	}
	if os.Geteuid() != 0 && e.rehearsal {
		c.Warnings = append(c.Warnings, "SPA_RUNNER_UNTRUSTED_USER is not applied: only root can run children as another user, and this is not root")
		return nil, nil
	}
	if user, err = findUntrusted(c); err != nil {
		return nil, err
	}
	if err := user.MakeHome(); err != nil {
		return nil, wrongUser(c, errors.Join(err, user.RemoveHome()))
	}
	if warning := warnOfPath(user, c.Environ["PATH"]); warning != "" {
		c.Warnings = append(c.Warnings, warning)
	}
	if files := pipeline.HomeFiles(c.Environ["HOME"]); len(files) > 0 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("setup, lint and tests have the home folder of the user %s, without these files of %s: %s. What they need of them "+
			"can be set by variables of the project, such as npm_config_registry, PIP_INDEX_URL or GIT_CONFIG_COUNT", user.Name, c.Environ["HOME"], strings.Join(files, ", ")))
	}
	return user, nil
}

// findUntrusted finds the user whom the project names, and what is in the way.
// It makes nothing.
func findUntrusted(c *config.Config) (*pipeline.User, error) {
	if os.Geteuid() != 0 {
		return nil, wrongUser(c, errors.New("only root can run children as another user, and this is not root: unset it, or run as root, as CodeBuild does"))
	}
	user, err := pipeline.LookupUser(c.Untrusted)
	if err != nil {
		return nil, wrongUser(c, err)
	}
	if err := user.CanReach(c.Workdir); err != nil {
		return nil, wrongUser(c, err)
	}
	return user, nil
}

func wrongUser(c *config.Config, err error) error {
	return &fault.ConfigError{Problems: []string{fmt.Sprintf("SPA_RUNNER_UNTRUSTED_USER is %q: %v", c.Untrusted, err)}}
}

// warnOfPath says which folders of a PATH are closed to the user, "" if none is.
func warnOfPath(user *pipeline.User, path string) string {
	folders := outOfReach(user, path)
	if len(folders) == 0 {
		return ""
	}
	return fmt.Sprintf("the user %s cannot reach these folders of the PATH: %s. Setup, lint and tests find other programs than a shell of the build, or none; "+
		"install what they need elsewhere, or open the way in the buildspec (chmod o+x)", user.Name, strings.Join(folders, ", "))
}

// outOfReach are the folders of a PATH that are there, but not for the user. The
// images of CodeBuild have their Python in /root/.pyenv, and a shell that cannot
// get there takes that of the system in silence.
func outOfReach(user *pipeline.User, path string) (folders []string) {
	for _, folder := range filepath.SplitList(path) {
		if info, err := os.Stat(folder); err == nil && info.IsDir() && filepath.IsAbs(folder) && user.CanReach(folder) != nil && !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	return folders
}

// warnOfUser tells, before the deploy role is assumed, what setup, lint and tests left
// in the home of their user and make deploy does not read, since it has that of root.
func warnOfUser(rt *pipeline.Runtime) {
	if rt.Untrusted == nil {
		return
	}
	if files := pipeline.HomeFiles(rt.Untrusted.Home); len(files) > 0 {
		rt.Log.Warn("setup, lint or tests configured tools in the home folder of their user, and make deploy, which has another home folder, does not see that",
			zap.Strings("files", files))
	}
}

// savedEnvironment is where older images of CodeBuild keep the environment of a
// build, the address of the service role's credentials included. (Seen in the
// wild: tools that look for identities in a build read this file.)
const savedEnvironment = "/codebuild/output/tmp/env.sh"

// warnOfSaved says that children can read in a file what is kept out of their
// environment, "" if they cannot.
func warnOfSaved(file string, user *pipeline.User) string {
	content, err := os.ReadFile(file)
	if err != nil || user != nil && !user.CanRead(file) {
		return ""
	}
	for line := range strings.Lines(string(content)) {
		name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		if pipeline.Forbidden(name) == "" && pipeline.Foreign(name) == "" {
			continue
		}
		who := "every child can read that; set SPA_RUNNER_UNTRUSTED_USER, or use a newer image"
		if user != nil {
			who = "the user " + user.Name + " can read that; use a newer image, or chmod o-r it in the buildspec"
		}
		return fmt.Sprintf("this image keeps the environment of the build in %s, %s in it: %s", file, name, who)
	}
	return ""
}
