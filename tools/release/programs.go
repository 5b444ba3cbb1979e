package main

import (
	"archive/zip"
	"context"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// maxRunner is how long the runner may be, in bytes.
const maxRunner = 16_000_000

// program is one that is released, as a file.
type program struct{ name, arch, file, bill string }

// programs of dist. Those of the function are taken out of their zips.
func (r repository) released() (list []program, err error) {
	dist := filepath.Join(r.dir, "dist")
	for _, arch := range []string{"amd64", "arm64"} {
		unpacked := filepath.Join(r.temp, "bootstrap-"+arch)
		if err := unpack(filepath.Join(dist, "spa-trigger-linux-"+arch+".zip"), unpacked); err != nil {
			return nil, err
		}
		list = append(list,
			program{"spa-runner", arch, filepath.Join(dist, "spa-runner-linux-"+arch), filepath.Join(dist, "spa-runner-"+arch+".cdx.json")},
			program{"spa-trigger", arch, unpacked, filepath.Join(dist, "spa-trigger-"+arch+".cdx.json")})
	}
	return list, nil
}

func unpack(packed, to string) error {
	archive, err := zip.OpenReader(packed)
	if err != nil {
		return err
	}
	defer archive.Close()
	file, err := archive.Open("bootstrap")
	if err != nil {
		return fmt.Errorf("%s: %w", packed, err)
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		return fmt.Errorf("%s: %w", packed, err)
	}
	return os.WriteFile(to, content, 0o755)
}

// programs are what they are said to be.
func (r repository) programs(ctx context.Context) error {
	list, err := r.released()
	if err != nil {
		return err
	}
	commit, err := r.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	for _, p := range list {
		err = errors.Join(err, static(p), builtFrom(p, commit))
		if info, statErr := os.Stat(p.file); statErr != nil || p.name == "spa-runner" && info.Size() > maxRunner {
			err = errors.Join(err, statErr, fmt.Errorf("%s is not there, or has more than %d bytes", p.file, maxRunner))
		}
		if p.name == "spa-runner" && p.arch == runtime.GOARCH && runtime.GOOS == "linux" {
			err = errors.Join(err, r.says(ctx, p, commit))
		}
	}
	return err
}

func static(p program) error {
	file, err := elf.Open(p.file)
	if err != nil {
		return fmt.Errorf("%s: %w", p.file, err)
	}
	defer file.Close()
	libraries, err := file.ImportedLibraries()
	dynamic := slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
	if len(libraries) > 0 || dynamic {
		err = errors.Join(err, fmt.Errorf("%s for %s is not static: libraries %v, interpreter %v", p.name, p.arch, libraries, dynamic))
	}
	return err
}

// builtFrom reads what Go wrote into a program.
func builtFrom(p program, commit string) error {
	info, err := buildinfo.ReadFile(p.file)
	if err != nil {
		return err
	}
	is := map[string]string{}
	for _, s := range info.Settings {
		is[s.Key] = s.Value
	}
	for key, want := range map[string]string{"vcs.revision": commit, "vcs.modified": "false", "GOARCH": p.arch, "GOOS": "linux", "CGO_ENABLED": "0"} {
		if is[key] != want {
			err = errors.Join(err, fmt.Errorf("%s for %s has %s=%q, want %q", p.name, p.arch, key, is[key], want))
		}
	}
	return err
}

// says runs the runner, which must know itself.
func (r repository) says(ctx context.Context, p program, commit string) error {
	text, err := r.output(ctx, r.temp, p.absolute(), "version", "--json")
	if err != nil {
		return err
	}
	var is struct {
		Version, Commit, SHA256 string
		Modified                bool
	}
	if err := json.Unmarshal([]byte(text), &is); err != nil {
		return err
	}
	version, err := r.git(ctx, "describe", "--tags", "--always")
	if err != nil {
		return err
	}
	sum, err := digest(p.file)
	if err != nil {
		return err
	}
	if is.Version != version || is.Commit != commit || is.Modified || is.SHA256 != sum {
		return fmt.Errorf("it says it is %+v, and is version %s, commit %s, digest %s", is, version, commit, sum)
	}
	return nil
}

func (p program) absolute() string {
	path, err := filepath.Abs(p.file)
	if err != nil {
		return p.file
	}
	return path
}

// otherArch is what was built and cannot be run here.
func otherArch() string {
	switch {
	case runtime.GOOS != "linux":
		return "what was built"
	case runtime.GOARCH == "arm64":
		return "amd64"
	}
	return "arm64"
}
