// Package shellnames says what a name of a variable means to a shell.
package shellnames

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Valid says whether a shell could export a name.
func Valid(name string) bool { return syntax.ValidName(name) }

// ofShells are variables that bash sets, changes or obeys by itself where it evaluates
// a script, apart from BASH_*: of its manual's section "Shell Variables", those of
// which a script sees more than what it set.
var ofShells = strings.Fields(`
	CDPATH COMP_WORDBREAKS DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME GLOBIGNORE GROUPS HISTCMD HOSTTYPE IFS LINENO MACHTYPE OLDPWD OPTERR OPTIND
	OSTYPE PIPESTATUS POSIXLY_CORRECT PPID PS4 PWD RANDOM SECONDS SHELLOPTS SHLVL SRANDOM UID _`)

// OfShell says whether a shell sets a variable, or obeys it.
func OfShell(name string) bool {
	return slices.Contains(ofShells, name) || strings.HasPrefix(name, "BASH")
}

// SetIfMissing says whether bash sets a variable that the environment does not.
func SetIfMissing(name string) bool {
	return slices.Contains([]string{"PATH", "TERM", "SHELL", "HOSTNAME"}, name)
}
