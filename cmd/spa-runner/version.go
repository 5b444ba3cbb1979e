package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker: -X main.version=….
var version = "dev"

// build is what identifies a binary.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func buildVersion() build {
	b := build{Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			b.Commit = s.Value + b.Commit
		case s.Key == "vcs.modified" && s.Value == "true":
			b.Commit += " with changes"
		}
	}
	return b
}

func (p *program) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version [flags]",
		Short: "Say what binary this is",
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := buildVersion()
			if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
				return p.printJSON(b)
			}
			_, err := fmt.Fprintf(p.stdout, "spa-runner %s\ncommit %s\n%s %s/%s\n", b.Version, cmp.Or(b.Commit, "unknown"), b.Go, b.OS, b.Arch)
			return err
		},
	}
	cmd.Flags().Bool("json", false, "print it as JSON")
	return cmd
}
