package shellnames

import (
	"os/exec"
	"strings"
	"testing"
)

// manual has the variables of the section "Shell Variables" of bash 5.3's manual.
var manual = strings.Fields(`
	_ auto_resume BASH BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_COMMAND BASH_COMPAT BASH_ENV
	BASH_EXECUTION_STRING BASH_LINENO BASH_LOADABLES_PATH BASH_MONOSECONDS BASH_REMATCH BASH_SOURCE BASH_SUBSHELL BASH_TRAPSIG BASH_VERSINFO BASH_VERSION
	BASH_XTRACEFD CDPATH CHILD_MAX COLUMNS COMP_CWORD COMP_KEY COMP_LINE COMP_POINT COMP_TYPE COMP_WORDBREAKS COMP_WORDS COMPREPLY COPROC DIRSTACK
	EMACS ENV EPOCHREALTIME EPOCHSECONDS EUID EXECIGNORE FCEDIT FIGNORE FUNCNAME FUNCNEST GLOBIGNORE GLOBSORT GROUPS histchars HISTCMD HISTCONTROL
	HISTFILE HISTFILESIZE HISTIGNORE HISTSIZE HISTTIMEFORMAT HOME HOSTFILE HOSTNAME HOSTTYPE IFS IGNOREEOF INPUTRC INSIDE_EMACS LANG LC_ALL LC_COLLATE
	LC_CTYPE LC_MESSAGES LC_NUMERIC LC_TIME LINENO LINES MACHTYPE MAIL MAILCHECK MAILPATH MAPFILE OLDPWD OPTARG OPTERR OPTIND OSTYPE PATH PIPESTATUS
	POSIXLY_CORRECT PPID PROMPT_COMMAND PROMPT_DIRTRIM PS0 PS1 PS2 PS3 PS4 PWD RANDOM READLINE_ARGUMENT READLINE_LINE READLINE_MARK READLINE_POINT
	REPLY SECONDS SHELL SHELLOPTS SHLVL SRANDOM TERM TIMEFORMAT TMOUT UID`)

// TestOfShell asks bash about each variable of its manual: one that is not listed is
// unset at the beginning, if it is not one that bash sets where it is missing, and has
// what it was set to.
func TestOfShell(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("needs bash")
	}
	for _, name := range manual {
		if OfShell(name) {
			continue
		}
		cmd := exec.CommandContext(t.Context(), bash, "--norc", "--noprofile", "-c",
			`a=${`+name+`-unset}; export `+name+`='a 7/b'; b=x; c=$(echo); d=$`+name+`; /usr/bin/printf '%s|%s|' "$a" "$d"; exec /usr/bin/printenv `+name)
		cmd.Env = []string{"NONE="}
		out, err := cmd.Output()
		before, after, _ := strings.Cut(string(out), "|")
		if after != "a 7/b|a 7/b\n" {
			t.Errorf("%s: set to \"a 7/b\", bash has %q (%v)", name, after, err)
		}
		if got := before != "unset"; got != SetIfMissing(name) {
			t.Errorf("%s: SetIfMissing is %t, and bash has %q", name, SetIfMissing(name), before)
		}
	}
}

func TestValid(t *testing.T) {
	for name, want := range map[string]bool{"A": true, "_a1": true, "": false, "1A": false, "A-B": false, "é": false, "A B": false, "A=": false} {
		if got := Valid(name); got != want {
			t.Errorf("%q: %t, want %t", name, got, want)
		}
	}
}
