package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	spa "spa-runner"
	"spa-runner/internal/record"
)

// version is set by the linker: -X main.version=….
var version = "dev"

// buildDetails is all that a binary knows of itself. Of the modules it is what a bill of
// materials is made of, and what go.sum has.
type buildDetails struct {
	Version         string        `json:"version"`
	Commit          string        `json:"commit"`
	Modified        bool          `json:"modified"`
	CommitTime      string        `json:"commit_time"`
	Go              string        `json:"go"`
	OS              string        `json:"os"`
	Arch            string        `json:"arch"`
	SHA256          string        `json:"sha256"` // of the binary, as SHA256SUMS has it
	BuildspecSHA256 string        `json:"buildspec_sha256"`
	RecordSchema    int           `json:"record_schema"`
	Modules         []buildModule `json:"modules"`
}

// buildModule is a module that is built in, the one that replaces it if it is replaced.
type buildModule struct {
	Path    string `json:"path"`
	Version string `json:"version"`
	Sum     string `json:"sum"`
}

// ownDetails are those of the program that runs, but for its digest.
func ownDetails() buildDetails {
	info, _ := debug.ReadBuildInfo()
	return detailsOf(info)
}

// ParseCommit is for people: a binary may hold what no commit has.
func (d buildDetails) commit() string {
	if d.Modified {
		return d.Commit + " with changes"
	}
	return d.Commit
}

// detailsOf takes what there is to know of what Go wrote into the binary, which may be nothing.
func detailsOf(info *debug.BuildInfo) buildDetails {
	buildspec := sha256.Sum256([]byte(spa.Buildspec))
	d := buildDetails{
		Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		BuildspecSHA256: hex.EncodeToString(buildspec[:]), RecordSchema: record.Schema, Modules: []buildModule{},
	}
	if info == nil {
		return d
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			d.Commit = s.Value
		case "vcs.time":
			d.CommitTime = s.Value
		case "vcs.modified":
			d.Modified = s.Value == "true"
		}
	}
	for _, m := range info.Deps {
		m = cmp.Or(m.Replace, m)
		d.Modules = append(d.Modules, buildModule{Path: m.Path, Version: m.Version, Sum: m.Sum})
	}
	return d
}

// ownDigest is the SHA-256 of the program that runs, whatever is at its path by now.
func ownDigest() (string, error) {
	self := "/proc/self/exe"
	if runtime.GOOS != "linux" {
		var err error
		if self, err = os.Executable(); err != nil {
			return "", fmt.Errorf("finding this program: %w", err)
		}
	}
	file, err := os.Open(self)
	if err != nil {
		return "", fmt.Errorf("reading this program: %w", err)
	}
	defer file.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, file); err != nil {
		return "", fmt.Errorf("reading this program: %w", err)
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

const versionHelp = `Say what binary this is: its version, its commit, the Go it was built with.

--json adds the modules that are built in, with their sums as in go.sum, and
digests: sha256 is that of this very file, to be compared with SHA256SUMS of the
release, and buildspec_sha256 that of the buildspec that came with it.`

func (p *program) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version [flags]",
		Short: "Say what binary this is",
		Long:  versionHelp,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			asJSON, _ := cmd.Flags().GetBool("json")
			if !asJSON {
				return p.printVersion()
			}
			d := ownDetails()
			if d.SHA256, err = ownDigest(); err != nil {
				return err
			}
			p.unguard() // perhaps nobody reads what it says
			return p.printJSON(d)
		},
	}
	cmd.Flags().Bool("json", false, "print all of it, as JSON")
	return cmd
}

// printVersion is `spa-runner version`, and --version.
func (p *program) printVersion() error {
	p.unguard() // perhaps nobody reads what it says
	d := ownDetails()
	_, err := fmt.Fprintf(p.stdout, "spa-runner %s\ncommit %s\n%s %s/%s\n", d.Version, cmp.Or(d.commit(), "unknown"), d.Go, d.OS, d.Arch)
	return err
}
