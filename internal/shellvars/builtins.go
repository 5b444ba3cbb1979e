package shellvars

import (
	"slices"
	"strings"
)

// The interpreter answers what it does not know with a message and status 2,
// and goes on: `set -Eeu` sets nothing at all, `read -d ''` reads nothing. Here
// that is an error. The tables are those of mvdan.cc/sh/v3/interp/builtin.go.

// missing are builtins that the interpreter names but does not have; kill,
// ulimit and umask are among them, so the process of the runner is safe. An
// alias would be text that nobody has inspected.
var missing = []string{
	"alias", "bg", "bind", "caller", "compgen", "complete", "compopt", "disown", "enable", "fc", "fg",
	"history", "jobs", "kill", "logout", "newgrp", "suspend", "ulimit", "umask", "unalias",
	// These are there as keywords alone, not as \export or `command export`.
	"declare", "export", "let", "local", "readonly", "typeset",
}

// knownFlags are the flags of those builtins that have any.
var knownFlags = map[string]string{
	"cd": "", "command": "v", "mapfile": "dt", "pwd": "LP", "read": "aprs", "readarray": "dt",
	"type": "Ppt", "unset": "fv", "wait": "",
}

// flagValues are flags that take the next word.
var flagValues = map[string]string{"mapfile": "d", "readarray": "d", "read": "p"}

// withoutDashes are builtins that the interpreter does not let end their flags
// with `--`.
var withoutDashes = []string{"cd", "eval", ".", "source", "unset", "printf", "exec", "pwd", "exit", "return", "shift"}

var shellOptions = []string{"dotglob", "expand_aliases", "extglob", "globstar", "nocaseglob", "nullglob"}

// unsupported returns the part of a command that the interpreter would not do,
// or "".
func unsupported(args []string) string {
	name := args[0]
	if slices.Contains(missing, name) {
		return name
	}
	if name == "shopt" {
		for _, a := range args[1:] {
			if !strings.HasPrefix(a, "-") && !slices.Contains(shellOptions, a) {
				return "shopt"
			}
		}
	}
	known, ok := knownFlags[name]
	if !ok {
		return ""
	}
	for i := 1; i < len(args); i++ {
		a := args[i]
		if len(a) < 2 || a[0] != '-' || a == "--" {
			break
		}
		for _, flag := range a[1:] {
			if !strings.ContainsRune(known, flag) {
				return name + " -" + string(flag)
			}
		}
		if last := a[len(a)-1:]; strings.Contains(flagValues[name], last) {
			i++
		}
	}
	return ""
}

// set passes on the flags that change what a script does, drops those that
// change nothing here, and refuses the rest.
func (s *session) set(args []string) []string {
	out := args[:1:1]
	for i := 1; i < len(args); i++ {
		a := args[i]
		if len(a) < 2 || a == "--" || a[0] != '-' && a[0] != '+' {
			return append(out, args[i:]...)
		}
		var keep strings.Builder
		for _, flag := range a[1:] {
			option, on := string(flag), a[0] == '-'
			if flag == 'o' {
				if i++; i == len(args) {
					return out
				}
				option = args[i]
			}
			switch option {
			case "a", "e", "f", "u":
				keep.WriteString(option)
			case "allexport", "errexit", "noglob", "nounset", "pipefail":
				out = append(out, a[:1]+"o", option)
			case "B", "E", "T", "b", "h", "m", "braceexpand", "errtrace", "functrace", "hashall", "monitor", "notify":
			case "v", "x", "verbose", "xtrace":
				if on {
					s.problem(s.last, "`set -x` would print every value into the log", "remove it")
					return nil
				}
			default:
				s.problem(s.last, "an option of `set`", notSupported)
				return nil
			}
		}
		if keep.Len() > 0 {
			out = append(out, a[:1]+keep.String())
		}
	}
	if len(out) == 1 {
		return []string{":"}
	}
	return out
}

// splitFlags makes `-n -e` of `-ne`, which the interpreter's echo would print.
func splitFlags(args []string, flags string) []string {
	out := args[:1:1]
	for i, a := range args[1:] {
		if len(a) < 2 || a[0] != '-' || strings.Trim(a[1:], flags) != "" {
			return append(out, args[i+1:]...)
		}
		for _, f := range a[1:] {
			out = append(out, "-"+string(f))
		}
	}
	return out
}
