package main

import (
	"context"
	"crypto/rand"

	"github.com/spf13/cobra"

	"spa-runner/internal/config"
	"spa-runner/internal/loopback"
)

// serveCode serves a snapshot of the code, if the code is to come from here.
func (r *rehearsal) serveCode(ctx context.Context, cmd *cobra.Command, forced, vars map[string]string) error {
	if r.code == "" && (r.settings != "" || cmd.Flags().Changed("code-git-url")) {
		return nil
	}
	repository, commit, err := r.snapshot(ctx, "code", r.code)
	if err != nil {
		return err
	}
	// Other users of this machine reach the server too: they need the token.
	vars["CODE_GIT_TOKEN"] = rand.Text()
	if err := r.server.ServeGit("code", loopback.GitRepository{Dir: repository, Token: vars["CODE_GIT_TOKEN"]}); err != nil {
		return err
	}
	forced["code-git-url"] = r.server.URL() + "/git/code.git"
	forced["code-git-branch"] = "main"
	forced["code-git-commit"] = commit // in place of a pin that variables.sh may set
	r.dropPins(cmd, forced, vars)
	return nil
}

// dropPins takes out the demands that a snapshot of a folder cannot meet.
func (r *rehearsal) dropPins(cmd *cobra.Command, forced, vars map[string]string) {
	for name, flag := range map[string]string{"CODE_GIT_REACHABLE_FROM": "code-git-reachable-from", "CODE_GIT_VERIFY_KEYS": "code-git-verify-keys"} {
		if vars[name] == "" && !cmd.Flags().Changed(flag) {
			continue
		}
		r.unmade = append(r.unmade, name)
		delete(vars, name)
		forced[flag] = ""
	}
}

// warnOfPins says which they were.
func (r *rehearsal) warnOfPins(c *config.Config) {
	for _, name := range r.unmade {
		c.Warnings = append(c.Warnings, "the check of "+name+" is not made: the code is a snapshot of a folder, which has neither history nor signature")
	}
}
