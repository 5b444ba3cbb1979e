package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// smallest are all ten steps with as little work as there can be: what the
// runner adds to the network and to make. The settings are on CodeCommit for the
// runner, which assumes a role for them and signs; git has the same repository
// over plain HTTP.
func (w *world) smallest() contest {
	side := func(argv []string, env ...string) func(context.Context) (sample, error) {
		return func(ctx context.Context) (sample, error) {
			dir, err := os.MkdirTemp(w.dir, "smallest-")
			if err != nil {
				return sample{}, fmt.Errorf("making a work folder: %w", err)
			}
			defer func() { _ = os.RemoveAll(dir) }()
			log := filepath.Join(w.dir, "smallest.log")
			s, err := command{dir: dir, argv: argv, env: append(env, w.env...), out: log}.run(ctx)
			if err == nil && argv[0] == w.runner {
				s.parts, err = stepTimes(log)
			}
			return s, err
		}
	}
	settings, code := w.server.URL()+"/git/smallest-settings.git", w.server.URL()+"/git/smallest.git"
	const clone = "git clone --quiet --depth 1 "
	return contest{
		work: "all ten steps, make without work, two repositories of one file", peer: "git clone --depth 1, twice", aim: 1.0, memory: wholeMemory,
		runner: side([]string{w.runner, "run"}, "SETTINGS_GIT_URL=codecommit::"+region+"://Smallest", "SETTINGS_ENVIRONMENT_PATH=.",
			"CODE_GIT_URL="+code, "SPA_RUNNER_LOG_FORMAT=json"),
		base: side([]string{"sh", "-c", clone + settings + " settings && " + clone + code + " code"}),
	}
}
