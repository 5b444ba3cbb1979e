package main

import (
	"slices"

	"spa-runner/internal/config"

	"github.com/spf13/cobra"
)

// addVariableFlags gives a command one flag for each variable of the table, or for
// those that are named.
func (p *program) addVariableFlags(cmd *cobra.Command, names ...string) {
	for _, v := range new(config.Config).Variables() {
		if v.Secret || v.Name == "SETTINGS_ROLE" || len(names) > 0 && !slices.Contains(names, v.Name) {
			continue
		}
		usage := v.Usage
		if v.Preset != "" {
			usage += " (default " + v.Preset + ")"
		}
		value := &flagValue{kind: "VALUE"}
		flag := cmd.Flags().VarPF(value, v.Flag(), "", usage+" ["+v.Name+"]")
		if v.Preset == "true" || v.Preset == "false" {
			value.kind, flag.NoOptDefVal = "bool", "true" // --require-pinned is enough
		}
	}
}

// flagValue is the text after a flag; kind is what --help calls it.
type flagValue struct{ text, kind string }

func (f *flagValue) String() string { return f.text }

// Set takes any text: the table's parsers check it, with all else.
func (f *flagValue) Set(text string) error { f.text = text; return nil }

// Type is what --help shows after the name; pflag shows nothing for a bool.
func (f *flagValue) Type() string { return f.kind }

// config reads the configuration for a command. Every problem is in the error.
func (p *program) config(cmd *cobra.Command, environ []string) (*config.Config, error) {
	c := config.New(flagsOf(cmd), environ)
	return c, c.Resolve()
}

// flagsOf are the variables that the flags of a command line set.
func flagsOf(cmd *cobra.Command) map[string]string {
	flags := map[string]string{}
	for _, v := range new(config.Config).Variables() {
		if cmd.Flags().Changed(v.Flag()) {
			flags[v.Name] = cmd.Flags().Lookup(v.Flag()).Value.String()
		}
	}
	return flags
}
