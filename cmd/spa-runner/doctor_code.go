package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"spa-runner/internal/config"
	"spa-runner/internal/doctor"
	"spa-runner/internal/gitclone"
	"spa-runner/steps"
)

// lookAtCode clones the code by the step of a run. One clone answers four checks:
// is the repository there, the ref in it, is that pinned, and is it whose it should be?
func (d *diagnosis) lookAtCode(ctx context.Context) doctor.Finding {
	c := d.config
	if !d.sourced && d.sourceOf("CODE_GIT_BRANCH") == "default" && d.sourceOf("CODE_GIT_COMMIT") == "" {
		return unknown()
	}
	clone := step[steps.CloneCode](d)
	clone.RequirePinned = false // a check of its own
	if !d.settings {
		clone.VerifyKeys = "" // where the keys are
	}
	var warnings []string
	warnings, d.codeErr = d.run(ctx, clone)
	d.code = d.codeErr == nil
	looked := config.ShownURL(c.Code.URL)
	if !d.code && (ctx.Err() != nil || !d.isOfRef(d.codeErr) && !d.isOfProof(d.codeErr)) {
		f := finding(looked, nil, d.codeErr)
		f.Fixes = append(f.Fixes, doctor.Fix{Do: "correct CODE_GIT_URL, or give the project a CODE_GIT_TOKEN; from here, this lists what is there:", Paste: command("git ls-remote --", looked)})
		return f
	}
	warnings = withoutPrefix(warnings, "the code is at a branch") // a check of its own
	return finding(looked, warnings, nil)
}

func withoutPrefix(list []string, prefix string) []string {
	return slices.DeleteFunc(list, func(text string) bool { return strings.HasPrefix(text, prefix) })
}

// isOfRef says that the repository is there, and the ref is not what it should be.
func (d *diagnosis) isOfRef(err error) bool {
	return errors.Is(err, gitclone.ErrRefNotFound) || errors.Is(err, gitclone.ErrCommitMismatch)
}

// isOfProof says that the ref is there and the proofs that the project demands are
// not: what the transport and the disk have no part in.
func (d *diagnosis) isOfProof(err error) bool {
	if d.config.VerifyKeys == "" && d.config.ReachableFrom == "" || err == nil {
		return false
	}
	var status *gitclone.StatusError
	for _, other := range []error{
		gitclone.ErrUnauthorized, gitclone.ErrRepositoryNotFound, gitclone.ErrEmptyRepository, gitclone.ErrNoAnswer,
		gitclone.ErrBrokenOff, gitclone.ErrRefused, context.DeadlineExceeded, context.Canceled,
	} {
		if errors.Is(err, other) {
			return false
		}
	}
	return !errors.As(err, &status) && !d.isOfRef(err)
}

func (d *diagnosis) lookAtCodeRef(context.Context) doctor.Finding {
	c := d.config
	if !errors.Is(d.codeErr, gitclone.ErrRefNotFound) {
		looked := c.Code.Ref + " (from " + d.sourceOf("CODE_GIT_BRANCH") + ")"
		if d.code {
			looked = fmt.Sprintf("%s %s, at %s", d.facts.code.Kind, looked, d.facts.code.Commit)
		}
		return finding(looked, nil, nil)
	}
	f := finding(c.Code.Ref, nil, d.codeErr)
	f.Fixes = append(f.Fixes, doctor.Fix{
		Do:    "set CODE_GIT_BRANCH, where it is set now (" + d.sourceOf("CODE_GIT_BRANCH") + "), to a tag that is there; this lists them:",
		Paste: command("git ls-remote --tags --", config.ShownURL(c.Code.URL)),
	})
	return f
}

func (d *diagnosis) lookAtPin(context.Context) doctor.Finding {
	c, target := d.config, d.facts.code.Target
	switch {
	case !d.sourced:
		return unknown()
	case errors.Is(d.codeErr, gitclone.ErrCommitMismatch):
		f := finding(c.Code.Ref+" against CODE_GIT_COMMIT", nil, d.codeErr)
		f.Fixes = append(f.Fixes, doctor.Fix{Do: "this shows where it is now:", Paste: command("git ls-remote --", config.ShownURL(c.Code.URL), c.Code.Ref)})
		return f
	case c.Code.Commit != "":
		return finding("at CODE_GIT_COMMIT, "+c.Code.Commit, nil, nil)
	case !d.code: // for want of a proof
		return doctor.Finding{State: doctor.Unneeded, Because: "the next check says why the code is not taken"}
	case target.Kind == gitclone.Commit:
		return finding("at a commit", nil, nil)
	case target.Kind == gitclone.Tag:
		return finding("at a tag; CODE_GIT_COMMIT would tell if somebody moved it", nil, nil)
	}
	f := finding(c.Code.Ref, nil, nil)
	f.State = doctor.Warn
	f.Cause = fmt.Sprintf("%s is a %s, which moves: the next run may deploy something else", c.Code.Ref, target.Kind)
	f.Fixes = []doctor.Fix{inProject("set these in the project or in variables.sh, better with a tag in the place of the commit and the commit beside it:", "CODE_GIT_BRANCH="+target.Commit, "CODE_GIT_COMMIT="+target.Commit)}
	if c.RequirePinned {
		f.State, f.Cause = doctor.Mend, f.Cause+", and SPA_RUNNER_REQUIRE_PINNED refuses that"
	}
	return f
}

// lookAtProof is about who made the code, where the project wants to know.
func (d *diagnosis) lookAtProof(context.Context) doctor.Finding {
	c := d.config
	var looked []string
	if c.ReachableFrom != "" {
		looked = append(looked, "merged to "+c.ReachableFrom)
	}
	if c.VerifyKeys != "" {
		looked = append(looked, "signed by a key of "+c.VerifyKeys)
	}
	if looked == nil {
		return doctor.Finding{State: doctor.Unneeded, Because: "neither CODE_GIT_REACHABLE_FROM nor CODE_GIT_VERIFY_KEYS is set"}
	}
	f := finding(strings.Join(looked, ", "), nil, d.codeErr)
	if f.State == doctor.Mend && len(f.Fixes) == 0 {
		f.Fixes = []doctor.Fix{{Do: "find out who made this commit before you change CODE_GIT_REACHABLE_FROM, CODE_GIT_VERIFY_KEYS or the file of keys"}}
	}
	return f
}
