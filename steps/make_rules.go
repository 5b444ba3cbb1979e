package steps

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"spa-runner/pipeline"
)

// rulesFor is a makefile that GNU make reads before all others, since MAKEFILES
// names it, in each make that a target starts, too. Of the makefiles that the user
// knows nothing changes: MAKEFILE_LIST begins with the first of them, which also has
// the default goal.
//
// Its rule for the Makefile has an empty recipe: without one, make looks for a
// built-in rule by which it could make the Makefile anew, from a file Makefile.sh
// for example, and executes what comes of that. A rule of the Makefile for itself
// takes precedence (make then warns that it overrides ours).
// https://www.gnu.org/software/make/manual/html_node/Remaking-Makefiles.html
//
// Its variable tells what make does: make expands it when it starts a command for
// the target, or for what the target depends on, and only then. The text of make
// does not tell that in all languages, and not at all if MAKEFLAGS has -s or -t.
// https://www.gnu.org/software/make/manual/html_node/Target_002dspecific.html
//
// Cancelled are patterns of built-in rules that the first make does without.
// https://www.gnu.org/software/make/manual/html_node/Canceling-Rules.html
func rulesFor(target string, cancelled []string) string {
	// $(file) is there since GNU make 4.0.
	const tell = `$(if $(filter 3.%%,$(MAKE_VERSION)),$(shell echo '%[1]s' >>"$$%[2]s"),$(file >>$(%[2]s),%[1]s))`
	return "MAKEFILE_LIST :=\n" +
		strings.Join(makefiles(), " ") + ": ;\n" +
		fmt.Sprintf(tell, "$(MAKELEVEL) read", madeVariable) + "\n" +
		cancel(cancelled) +
		target + ": export SPA_MAKE_STARTS = " + fmt.Sprintf(tell, "$(MAKELEVEL) made $(firstword -$(MAKEFLAGS))", madeVariable) + "\n"
}

// cancel is for the first make alone: what a recipe starts has all built-in rules.
func cancel(patterns []string) string {
	if len(patterns) == 0 {
		return ""
	}
	return "ifeq ($(MAKELEVEL),0)\n" + strings.Join(patterns, "\n") + "\nendif\n"
}

// madeVariable is the environment variable with the path of the file that make
// writes to.
const madeVariable = "SPA_MAKE_REPORT"

// watchMake makes the files for one run of make: env leads to them. Told reads,
// when make has ended, what it wrote.
func watchMake[S pipeline.Scope](rt *pipeline.Runtime, creds pipeline.Credentials[S], number int, dir, target string) (env []string, told func() (doing, error), err error) {
	rules, err := pipeline.File(rt, creds, fmt.Sprintf("rules-%d.mk", number), rulesFor(target, madeByItself(dir, target)), false)
	if err != nil {
		return nil, nil, err
	}
	made, err := pipeline.File(rt, creds, fmt.Sprintf("made-%d", number), "", true)
	if err != nil {
		return nil, nil, err
	}
	return []string{"MAKEFILES=" + rules, madeVariable + "=" + made}, func() (doing, error) { return readDoing(made) }, nil
}

// doing is what the first make told, and not one that it started.
type doing struct {
	read    bool // the rules: if not, it is no GNU make, or was told not to read them
	made    bool // it started a command for the target, and not to print, touch or ask only (-n, -t, -q)
	ignores bool // it was told to go on after a command that failed
}

func readDoing(file string) (d doing, err error) {
	f, err := os.Open(file)
	if err != nil {
		return d, fmt.Errorf("reading what make did: %w", err)
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		switch words := strings.Fields(lines.Text()); {
		case len(words) < 2 || words[0] != "0": // the level of make
		case words[1] == "read":
			d.read = true
		case words[1] == "made":
			options := "" // those of one letter, such as "-ik"; make starts some commands with -n too
			if len(words) > 2 && !strings.HasPrefix(words[2], "--") {
				options = words[2]
			}
			d.made = d.made || !strings.ContainsAny(options, "ntq")
			d.ignores = d.ignores || strings.Contains(options, "i")
		}
	}
	if err := lines.Err(); err != nil {
		return d, fmt.Errorf("reading what make did: %w", err)
	}
	return d, nil
}
