package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// pinned is a release as it is pinned: the digests are of the runner, by GOARCH. A
// program cannot hold its own digest, and it holds buildspec.yml, so that what is pinned
// is always the release before.
type pinned struct {
	tag, commit  string
	amd64, arm64 string
}

// place is where something is pinned: a file, and in it what stands there, with the
// value as its one group, "" as long as nothing is.
type place struct {
	file, what string
	pattern    *regexp.Regexp
	text       func(value string) string
	value      func(*pinned) *string
}

// sentence is what a buildspec says of it.
func (p *pinned) sentence() string {
	if p.tag == "" {
		return "# Without the last two, nothing runs.\n"
	}
	return "# Without the last two, those of " + p.tag + ", commit " + p.commit + ".\n"
}

// digestFor is where the digest for a GOARCH is.
func digestFor(arch string) func(*pinned) *string {
	return func(p *pinned) *string {
		if arch == "arm64" {
			return &p.arm64
		}
		return &p.amd64
	}
}

// places are all of them. The digests are what the commands of a buildspec fall back to
// if the project sets none, or an empty one, and the defaults of the template.
func places() (all []place) {
	devops := filepath.Join("infra", "devops.yaml")
	for _, file := range []string{"buildspec.yml", filepath.Join("infra", "buildspec-preview.yml"), devops} {
		for _, arch := range []string{"amd64", "arm64"} {
			variable := "SPA_RUNNER_SHA256_" + strings.ToUpper(arch)
			all = append(all, place{
				file: file, what: variable, value: digestFor(arch),
				pattern: regexp.MustCompile(`\$\{` + variable + `:(?:\?[^}]*|-([0-9a-f]{64}))\}`),
				text: func(value string) string {
					if value == "" {
						return "${" + variable + ":?set it to the SHA-256 of spa-runner-linux-" + arch + "}"
					}
					return "${" + variable + ":-" + value + "}"
				},
			})
		}
	}
	for name, arch := range map[string]string{"RunnerSha256Amd64": "amd64", "RunnerSha256Arm64": "arm64"} {
		all = append(all, place{
			file: devops, what: name, value: digestFor(arch),
			pattern: regexp.MustCompile(`(?m)^  ` + name + `:\n(?:    .*\n)*?    Default: "([0-9a-f]{64})?"$`),
			text:    func(value string) string { return `"` + value + `"` },
		})
	}
	return append(all, place{
		file: devops, what: "RunnerVersion", value: func(p *pinned) *string { return &p.tag },
		pattern: regexp.MustCompile(`(?m)^  RunnerVersion:\n    Description: .*\n    Type: String\n(?:    Default: (\S+)\n)?`),
		text: func(value string) string {
			if value == "" {
				return ""
			}
			return "    Default: " + value + "\n"
		},
	})
}

// released finds that sentence.
var released = regexp.MustCompile(`# Without the last two, (?:nothing runs|those of (\S+), commit ([0-9a-f]{40}))\.\n`)

// digest of a file.
func digest(name string) (string, error) {
	content, err := os.ReadFile(name)
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), err
}

// rebuild gives a tag as it is pinned, from its own Makefile.
func (r repository) rebuild(ctx context.Context, tag, commit string) (p pinned, err error) {
	p = pinned{tag: tag, commit: commit}
	dir, err := r.clone(ctx, "tag", commit)
	if err != nil {
		return p, err
	}
	if err := r.make(ctx, dir, nil, "dist"); err != nil {
		return p, err
	}
	var other error
	p.amd64, err = digest(filepath.Join(dir, "dist", "spa-runner-linux-amd64"))
	p.arm64, other = digest(filepath.Join(dir, "dist", "spa-runner-linux-arm64"))
	return p, errors.Join(err, other)
}

// pins says whether what is pinned is the last release, built again.
func (r repository) pins(ctx context.Context) error {
	is, err := readPins(r.dir)
	if err != nil {
		return err
	}
	tag, commit, err := r.lastTag(ctx, false)
	switch {
	case err != nil:
		return err
	case tag == "" && is != (pinned{}):
		return fmt.Errorf("%s is pinned, and there is no tag before this commit", is.tag)
	case tag == "":
		fmt.Fprintln(r.out, "there is no tag before this commit, and nothing is pinned")
		return nil
	case is == pinned{}:
		return fmt.Errorf("nothing is pinned, and the last tag is %s: make pin", tag)
	case is.tag != tag:
		return fmt.Errorf("%s is pinned, and the last tag is %s: make pin", is.tag, tag)
	case is.commit != commit:
		return moved(is, commit)
	}
	want, err := r.rebuild(ctx, tag, commit)
	if err != nil {
		return err
	}
	for _, one := range []struct{ name, is, want string }{{"AMD64", is.amd64, want.amd64}, {"ARM64", is.arm64, want.arm64}} {
		if one.is != one.want {
			err = errors.Join(err, fmt.Errorf("SPA_RUNNER_SHA256_%s is pinned as %s, and %s built again is %s: the pin was tampered with", one.name, one.is, tag, one.want))
		}
	}
	return err
}

func moved(is pinned, commit string) error {
	return fmt.Errorf("the tag %s is at %s, and was at %s when it was pinned: it was moved, and a release is not to change. Put it back, or make a new one", is.tag, commit, is.commit)
}

// pin writes the last release to where it is pinned.
func (r repository) pin(ctx context.Context) error {
	if err := r.clean(ctx); err != nil {
		return err
	}
	is, err := readPins(r.dir)
	if err != nil {
		return err
	}
	tag, commit, err := r.lastTag(ctx, true)
	switch {
	case err != nil:
		return err
	case tag == "":
		return errors.New("there is no tag to pin: git tag -a v1.0.0")
	case is.tag == tag && is.commit != commit:
		return moved(is, commit)
	}
	want, err := r.rebuild(ctx, tag, commit)
	if err != nil {
		return err
	}
	if is == want {
		fmt.Fprintf(r.out, "pin: %s is pinned already, as it is built again: nothing changed\n", tag)
		return nil
	}
	if err := writePins(r.dir, want); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "pin: %s is pinned, commit it:\n  amd64 %s\n  arm64 %s\n", want.tag, want.amd64, want.arm64)
	return nil
}
