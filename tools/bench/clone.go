package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"spa-runner/internal/gitclone"
	"spa-runner/internal/loopback"
)

// cloneCommand has this program clone and do nothing else, so that what the
// package takes is what a process of its own takes.
const cloneCommand = "clone"

// cloneOnly is `bench clone URL REF DIR`.
func cloneOnly(ctx context.Context, args []string, _ io.Writer) error {
	if len(args) != 4 {
		return errors.New("clone takes URL, REF and DIR")
	}
	_, err := gitclone.Clone(ctx, gitclone.Request{URL: args[1], Ref: args[2], Dir: args[3]})
	return err
}

// The repositories that are made for their size.
const (
	manyFiles = 20_000
	manyBytes = 155_000_000
	bigBytes  = 300 * mebibyte
	bigMemory = 128 * mebibyte
)

// clones are the rows about a clone against git's: the whole process of either,
// of which ours does nothing else.
func (w *world) clones(ctx context.Context) []contest {
	made := func(name string, files, bytes int) func() error {
		return sync.OnceValue(func() error { return w.generated(ctx, name, files, bytes) })
	}
	there := func() error { return nil }
	return []contest{
		w.clone("clone "+w.spa, "spa", tag, there, contest{aim: 1.0, memory: wholeMemory}),
		w.clone(fmt.Sprintf("clone %d files, %d MB", manyFiles, manyBytes/1_000_000), "many", "main",
			made("many", manyFiles, manyBytes), contest{aim: 1.2, memoryAim: 1.2}),
		w.clone(fmt.Sprintf("clone one blob of %d MiB", bigBytes/mebibyte), "big", "main",
			made("big", 1, bigBytes), contest{aim: 1.2, memory: bigMemory}),
		w.clone("clone one small file", "one", "main", made("one", 1, 100), contest{aim: 1.0, memory: wholeMemory}),
	}
}

// clone is a row. The repository is made at the first run, which is not counted.
func (w *world) clone(work, name, ref string, made func() error, c contest) contest {
	url := w.server.URL() + "/git/" + name + ".git"
	side := func(argv ...string) func(context.Context) (sample, error) {
		return func(ctx context.Context) (s sample, err error) {
			if err := made(); err != nil {
				return sample{}, err
			}
			dir, err := os.MkdirTemp(w.dir, "clone-")
			if err != nil {
				return sample{}, fmt.Errorf("making a work folder: %w", err)
			}
			defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
			argv := append(argv[:len(argv):len(argv)], filepath.Join(dir, "to"))
			return command{dir: dir, argv: argv, env: w.env, out: filepath.Join(w.dir, "clone.log")}.run(ctx)
		}
	}
	c.work, c.peer = work, "git clone --depth 1 -b"
	c.runner = side(w.self, cloneCommand, url, ref)
	c.base = side("git", "clone", "--quiet", "--depth", "1", "--branch", ref, url)
	return c
}

// generated makes a repository of so many files, and serves it. The seed is
// fixed: it is the same one each time.
func (w *world) generated(ctx context.Context, name string, files, bytes int) error {
	bare := filepath.Join(w.dir, name+".git")
	if err := generate(ctx, bare, files, bytes); err != nil {
		return fmt.Errorf("making the repository %s: %w", name, err)
	}
	return w.server.ServeGit(name, loopback.GitRepository{Dir: bare})
}
