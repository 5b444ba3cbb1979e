package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

const (
	overlaidFiles = 20_000
	// anySize is the mean of 20,000 files of 155 MB, as the rows about clones have
	// them; some are long and many are short. smallSize is that of files of which
	// only their number counts.
	anySize   = 7_750
	smallSize = 350
)

// overlay is the step that lays an environment of many files over a clone of
// code, as it is in a run: with its inspection, its manifest and an event for
// each file in the log. The peer lays the same files over the same code.
func (w *world) overlay(what string, mean int) contest {
	name := fmt.Sprintf("Overlay%d", mean)
	files := filepath.Join(w.dir, name+".git.files")
	serve := sync.OnceValue(func() error { return w.manySettings(name, files, mean) })
	return contest{
		work: fmt.Sprintf("overlay of %d files %s", overlaidFiles, what), peer: "cp -rf", aim: 1.0, memory: 2 * wholeMemory,
		runner: func(ctx context.Context) (sample, error) {
			if err := serve(); err != nil {
				return sample{}, err
			}
			env := []string{
				"SETTINGS_ENVIRONMENT_PATH=environment", "CODE_GIT_URL=" + w.server.URL() + "/git/smallest.git", "SPA_RUNNER_LOG_FORMAT=json",
				"SPA_RUNNER_SETUP_TARGETS=", "SPA_RUNNER_LINT_TARGETS=", "SPA_RUNNER_TEST_TARGETS=", "SPA_RUNNER_DEPLOY_TARGETS=",
			}
			return w.step(ctx, "overlay-settings", name, filepath.Join(w.dir, "overlay.log"), env)
		},
		base: func(ctx context.Context) (sample, error) {
			code, err := os.MkdirTemp(w.dir, "code-")
			if err != nil {
				return sample{}, fmt.Errorf("making a folder for the code: %w", err)
			}
			defer func() { _ = os.RemoveAll(code) }()
			clone := exec.CommandContext(ctx, "git", "clone", "--quiet", "--depth", "1", w.server.URL()+"/git/smallest.git", code)
			if out, err := clone.CombinedOutput(); err != nil {
				return sample{}, fmt.Errorf("cloning the code for cp: %w\n%s", err, out)
			}
			s, err := command{
				dir: w.dir, argv: []string{"bash", "-c", "cp -rf " + files + "/environment/* " + code}, env: w.env, out: filepath.Join(w.dir, "cp.log"),
			}.run(ctx)
			s.cpu = 0 // there is none of the step alone to compare it with
			return s, err
		},
	}
}

// manySettings makes a repository of settings with many files in its one
// environment, in folders of two levels, and serves it.
func (w *world) manySettings(name, files string, mean int) error {
	random := rand.New(rand.NewPCG(20, 155))
	for i := range overlaidFiles {
		content := make([]byte, int(random.ExpFloat64()*float64(mean)))
		for j := range content {
			content[j] = byte(random.Uint32())
		}
		path := filepath.Join("environment", fmt.Sprintf("folder%d/folder%d/file%d", i%40, i%400, i))
		if err := writeFiles(files, map[string]string{path: string(content)}); err != nil {
			return err
		}
	}
	bare := filepath.Join(w.dir, name+".git")
	if err := w.repository(context.Background(), nil, bare); err != nil {
		return err
	}
	return w.serveSettings(name, bare)
}
