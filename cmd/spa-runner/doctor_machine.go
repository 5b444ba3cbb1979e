package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"

	"spa-runner/internal/doctor"
	"spa-runner/internal/workfolder"
	"spa-runner/pipeline"
)

// lookAtWorkFolder opens the folder as a run does, and closes it at once.
func (d *diagnosis) lookAtWorkFolder(context.Context) doctor.Finding {
	looked := d.config.Workdir
	opened, err := workfolder.Open(d.config.Workdir, "settings", "code")
	if errors.Is(err, workfolder.ErrInUse) {
		return doctor.Finding{State: doctor.Warn, Looked: looked, Cause: err.Error() + ", so one that begins now is refused"}
	}
	if opened != nil {
		opened.Close()
	}
	before := len(d.config.Warnings)
	f, err := openWorkFolder(d.config)
	if err != nil {
		result := finding(looked, nil, err)
		if len(result.Fixes) == 0 {
			result.Fixes = []doctor.Fix{{Do: "set SPA_RUNNER_WORKDIR to a folder that this user can write to"}}
		}
		return result
	}
	f.Close()
	return finding(looked, d.config.Warnings[before:], nil)
}

// What a run needs on the disk: two clones, and what setup installs. SPA's venv
// and node_modules alone take half a gigabyte.
const (
	leastFree = 512 << 20
	safeFree  = 2 << 30
)

func (d *diagnosis) lookAtDisk(context.Context) doctor.Finding {
	space := d.disk
	if space == nil {
		space = freeSpace
	}
	free, err := space(d.config.Workdir)
	f := finding(fmt.Sprintf("%d MiB free in %s", free>>20, d.config.Workdir), nil, err)
	f.Fixes = []doctor.Fix{{Do: "make room, take a larger compute type for the project, or set SPA_RUNNER_WORKDIR to a folder with more of it:", Paste: command("df -h --", d.config.Workdir)}}
	switch {
	case err != nil:
	case free < leastFree:
		f.State, f.Cause = doctor.Mend, fmt.Sprintf("a run takes at least %d MiB: both clones, and what make setup installs", leastFree>>20)
	case free < safeFree:
		f.State, f.Cause = doctor.Warn, "that may be too little for what make setup installs"
	default:
		f.Fixes = nil
	}
	return f
}

// freeSpace is what a user who is not root may still write, in bytes; none where
// the file system can hold no further file.
func freeSpace(folder string) (uint64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(folder, &fs); err != nil {
		return 0, fmt.Errorf("asking for the free space of %s: %w", folder, err)
	}
	if fs.Files > 0 && fs.Ffree == 0 {
		return 0, nil
	}
	return fs.Bavail * uint64(fs.Bsize), nil //nolint:gosec // a block has a size
}

func (d *diagnosis) lookAtUser(context.Context) doctor.Finding {
	name := d.config.Untrusted
	if name == "" {
		if warning := warnOfSaved(savedEnvironment, nil); warning != "" {
			return finding("SPA_RUNNER_UNTRUSTED_USER is unset", []string{warning}, nil)
		}
		return doctor.Finding{State: doctor.Unneeded, Because: "SPA_RUNNER_UNTRUSTED_USER is unset, so setup, lint and tests run as the user of the runner"}
	}
	user, err := findUntrusted(d.config)
	if err != nil {
		f := finding(name, nil, err)
		f.Fixes = []doctor.Fix{{Do: "name a user of the build image in SPA_RUNNER_UNTRUSTED_USER, in CodeBuild's images:", Paste: "SPA_RUNNER_UNTRUSTED_USER=codebuild-user"}}
		return f
	}
	d.user = user
	var warnings []string
	for _, warning := range []string{warnOfPath(user, d.config.Environ["PATH"]), warnOfSaved(savedEnvironment, user)} {
		if warning != "" {
			warnings = append(warnings, warning)
		}
	}
	return finding(name, warnings, nil)
}

// packages are what brings a program, on Ubuntu and on Amazon Linux 2023.
func packages() map[string][2]string {
	return map[string][2]string{"make": {"make", "make"}, "python3": {"python3-venv python3", "python3"}, "node": {"nodejs", "nodejs"}, "npm": {"npm", "nodejs-npm"}}
}

// programOf says which program of a name setup, lint and tests will get. With
// SPA_RUNNER_UNTRUSTED_USER that is one that this user can start, but for make: there is
// one of it for all targets.
func (d *diagnosis) programOf(name string) (looked string, err error) {
	env, code := d.rt.Env, d.inTemp("code")
	if name == "make" {
		rt := *d.rt
		rt.Untrusted = d.user
		return (&pipeline.Given{Workdir: d.config.Workdir}).Path(&rt)
	}
	file, err := env.LookPath(name, code)
	if err != nil || d.user == nil {
		return file, err
	}
	theirs, err := d.user.LookPath(env, name, code)
	if err == nil && theirs != file {
		return fmt.Sprintf("%s, which is what the user %s gets; make deploy, which runs as root, gets %s", theirs, d.user.Name, file), nil
	}
	return theirs, err
}

// lookForProgram looks along the PATH that children will have, and starts nothing.
// Without the program a run fails if the Makefile of the code names it, or something
// that needs it.
func (d *diagnosis) lookForProgram(name string, words ...string) func(context.Context) doctor.Finding {
	return func(context.Context) doctor.Finding {
		looked, err := d.programOf(name)
		f := finding(looked, nil, err)
		if err == nil {
			return f
		}
		f.Looked = "the PATH of make"
		f.Fixes = []doctor.Fix{{
			Do:    "take an image for the project that has it, such as aws/codebuild/amazonlinux-x86_64-standard:5.0, or install it there:",
			Paste: fmt.Sprintf("apt-get install -y %s   # Ubuntu\ndnf install -y %s   # Amazon Linux", packages()[name][0], packages()[name][1]),
		}}
		if _, ofRoot := d.rt.Env.LookPath(name, d.inTemp("code")); ofRoot == nil { // and so only the user has none
			f.Fixes[0].Do = "open the way to it in the buildspec, such as by chmod o+x /root, or install one that every user can reach, in the image of the project:"
		}
		if name != "make" && !d.makefileNames(words) {
			f.State = doctor.Warn
			f.Cause += "; the Makefile of the code does not name it, so a run may do without"
		}
		return f
	}
}

// makefileNames is also true where there is no code to look at.
func (d *diagnosis) makefileNames(words []string) bool {
	if !d.code {
		return true
	}
	word := regexp.MustCompile(`(^|[^\w-])(` + strings.Join(words, "|") + `)($|[^\w-])`)
	for _, name := range []string{"GNUmakefile", "makefile", "Makefile"} { // in the order of make
		if content, err := readBelow(d.inTemp("code"), name); err == nil {
			return word.Match(content)
		}
	}
	return true
}
