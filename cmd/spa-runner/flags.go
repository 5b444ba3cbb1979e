package main

import (
	"slices"

	"github.com/spf13/cobra"
)

// addVariableFlags gives a command one flag for each variable of the table, or for
// those that are named.
func (p *program) addVariableFlags(cmd *cobra.Command, names ...string) {
	for _, v := range new(Config).variables() {
		if v.secret || v.name == "SETTINGS_ROLE" || len(names) > 0 && !slices.Contains(names, v.name) {
			continue
		}
		usage := v.usage
		if v.preset != "" {
			usage += " (default " + v.preset + ")"
		}
		value := &flagValue{kind: "VALUE"}
		flag := cmd.Flags().VarPF(value, v.flag(), "", usage+" ["+v.name+"]")
		if v.preset == "true" || v.preset == "false" {
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
func (p *program) config(cmd *cobra.Command, environ []string) (*Config, error) {
	c := newConfig(flagsOf(cmd), environ)
	return c, c.resolve()
}

// flagsOf are the variables that the flags of a command line set.
func flagsOf(cmd *cobra.Command) map[string]string {
	flags := map[string]string{}
	for _, v := range new(Config).variables() {
		if cmd.Flags().Changed(v.flag()) {
			flags[v.name] = cmd.Flags().Lookup(v.flag()).Value.String()
		}
	}
	return flags
}
