package steps

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"spa-runner/internal/fault"
)

// realCases are what real files hold, with the values that bash gives. Data mode has the
// same value, or refuses the file with its line and says what to write.
var realCases = []struct {
	kind, script string
	bash         map[string]string // nil: bash does not come to a good end, or says nothing but an error
	refused      string            // in data mode; "": it has the values of bash
}{
	{"a comment that ends in a backslash", "export ROLE=arn:aws:iam::1:role/Deploy # docs in S:\\cloud\\\nexport A=1\n", map[string]string{"ROLE": "arn:aws:iam::1:role/Deploy", "A": "1"}, "variables.sh:1: a comment ends in a backslash"},
	{"a comment of its own that does", "# S:\\cloud\\\nexport A=1\n", map[string]string{"A": "1"}, "variables.sh:1: a comment ends in a backslash"},
	{"a backslash that continues a line", "export A=1\\\n2\n", map[string]string{"A": "12"}, ""},
	{"a # within a word", "export A=a#b\\\nc\n", map[string]string{"A": "a#bc"}, ""},
	{"replacement", "A=a/b; export X=\"${A//\\//\\\\/}\"\n", map[string]string{"X": "a\\/b"}, "variables.sh:1: such an expansion"},
	{"replacement of a dot", "A=a.b; export X=${A//./\\.}\n", map[string]string{"X": "a.b"}, "variables.sh:1: such an expansion"},
	{"empty fields", "IFS=,; L=\"eu-west-1,,prod\"; A=($L); export N=${#A[@]}\n", map[string]string{"N": "3"}, "variables.sh:1: `IFS`"},
	{"read", "IFS=, read -r A B C <<< \"1,,3\"; export A B C\n", map[string]string{"A": "1", "B": "", "C": "3"}, "variables.sh:1:"},
	{"several assignments in export", "export ENVIRONMENT=prod STACK=app-$ENVIRONMENT\n", map[string]string{"ENVIRONMENT": "prod", "STACK": "app-"}, ""},
	{"several assignments", "E=prod S=app-$E; export E S\n", map[string]string{"E": "prod", "S": "app-prod"}, ""},
	{"+=", "declare -A M=([a]=1); M+=([b]=2); export K=${M[b]}\n", map[string]string{"K": "2"}, "variables.sh:1:"},
	{"+= of a string", "A=a; A+=b; export A\n", map[string]string{"A": "ab"}, "variables.sh:1: `+=`"},
	{"variables that a shell sets", "[[ $OSTYPE == linux-gnu* ]] && export K=linux\n", map[string]string{"K": "linux"}, "variables.sh:1: `$OSTYPE`"},
	{"the version of bash", "[ -n \"$BASH_VERSION\" ] || return 0\nexport A=1\n", map[string]string{"A": "1"}, "variables.sh:1: `$BASH_VERSION`"},
	{"a name that no shell obeys here", "export ENV=production MAIL=a@b COLUMNS=80\n", map[string]string{"ENV": "production", "MAIL": "a@b", "COLUMNS": "80"}, ""},
	{"hash", "hash no-such-program 2>/dev/null || export X=none\n", map[string]string{"X": "none"}, "variables.sh:1: the command `hash`"},
	{"command -v", "command -v no-such-program >/dev/null || export X=none\n", map[string]string{"X": "none"}, "variables.sh:1: the command `command`"},
	{"a regular expression", "[[ production =~ (prod|production) ]]; export K=${BASH_REMATCH[1]}\n", map[string]string{"K": "production"}, "variables.sh:1: such a test in [[ ]]"},
	{"an element by name", "A=(x y); [[ -v A[1] ]] && export K=yes\n", map[string]string{"K": "yes"}, "variables.sh:1: an array"},
	{"arithmetic in a value", "T=\"60*5\"; export X=$((T))\n", map[string]string{"X": "300"}, "variables.sh:1: a value in $(( ))"},
	{"a number with a leading zero", "m=08; export X=$((m+1))\n", nil, "variables.sh:1: a value in $(( ))"},
	{"an octal number", "m=010; export X=$((m+1))\n", map[string]string{"X": "9"}, "variables.sh:1: a value in $(( ))"},
	{"braces in a declaration", "export SUBNETS=subnet-{a,b,c}\n", map[string]string{"SUBNETS": "subnet-c"}, "variables.sh:1: { without quotes"},
	{"braces in an assignment", "SUBNETS=subnet-{a,b,c}; export SUBNETS\n", map[string]string{"SUBNETS": "subnet-{a,b,c}"}, ""},
	{"large braces", "for i in {1..20000}; do N=$i; done; export N\n", map[string]string{"N": "20000"}, "variables.sh:1: { without quotes"},
	{"white space around =", "export CODE_GIT_BRANCH = v1.0\n", nil, "variables.sh:1: there is white space before `=`"},
	{"white space before =", "A =x\n", nil, "variables.sh:1: there is white space before `=`"},
	{"white space after =", "A= 1\n", nil, "variables.sh:1: there is white space after `A=`"},
	{"white space after = of a command", "A= true\n", nil, "variables.sh:1: there is white space after `A=`"},
	{"white space in readonly", "readonly X = 1\n", nil, "variables.sh:1: there is white space before `=`"},
	{"white space after = in export", "export A= B=2\n", map[string]string{"A": "", "B": "2"}, ""},
	{"typographic quotes", "export NAME=“prod env”\n", nil, "variables.sh:1: there are typographic quotes"},
	{"typographic single quotes", "A=‘x’\n", nil, "variables.sh:1: there are typographic quotes"},
	{"typographic quotes in quotes", "export A='“x”'\n", map[string]string{"A": "“x”"}, ""},
	{"export of what is no name", "export A-B=1\n", nil, "variables.sh:1: this cannot be read: invalid var name"},
	{"export of a value", "B=A; export $B\n", map[string]string{}, "variables.sh:1: an option of `export`, or what is no name"},
	{"a function that is not called", "f() { cat x | y; echo ${BASH_SOURCE[0]}; }\nexport A=1\n", map[string]string{"A": "1"}, ""},
	{"a branch that is not taken", "if [ -n \"$NOPE\" ]; then X=$(aws sts | jq .); fi\nexport A=1\n", map[string]string{"A": "1"}, ""},
	{"the commonest first line", "DIR=$(cd \"$(dirname \"${BASH_SOURCE[0]}\")\" && pwd); export LAST=${DIR##*/}\n", map[string]string{"LAST": "test"}, ""},
	{"the same with >/dev/null", "DIR=\"$( cd \"$( dirname \"${BASH_SOURCE[0]}\" )\" >/dev/null 2>&1 && pwd )\"; export LAST=${DIR##*/}\n", map[string]string{"LAST": "test"}, ""},
	{"another file, if it is there", ". ../common.sh 2>/dev/null || true\nexport A=1\n", map[string]string{"A": "1"}, "variables.sh:1: what is sourced here cannot be used: it is outside the repository"},
	{"a file of the settings, if it is there", ". settings/common.sh 2>/dev/null || true\nexport A=1\n", map[string]string{"A": "1"}, ""},
	{"a file beside it", ". \"$(dirname \"${BASH_SOURCE[0]}\")/settings.sh\"\n", map[string]string{"BESIDE": "yes"}, ""},
	{"a bare set -e and a failed test", "set -e\n[ -n \"$NOPE\" ] && export A=1\nexport B=2\n", map[string]string{"B": "2"}, ""},
	{"a last command that fails", "export A=1\n[ -n \"$NOPE\" ] && export B=2\n", map[string]string{"A": "1"}, ""},
	{"an empty value in a test", "[ -n $NOPE ] && export A=1\n", map[string]string{"A": "1"}, ""},
	{"a default that is a path", "export A=${NOPE:-~/z} B=\"${NOPE:-~/z}\"\n", map[string]string{"B": "~/z"}, "variables.sh:1:"},
}

func TestWhatRealFilesHold(t *testing.T) {
	for _, c := range realCases {
		for _, by := range []string{Data, "bash"} {
			if by == "bash" && c.bash == nil {
				continue // bash complains, and goes on
			}
			v := newVariables(t, c.script)
			v.By = by
			write(t, v.Settings, map[string]string{testEnvironment + "/settings.sh": "export BESIDE=yes\n"})
			s := newStage(t, "HOME=/home/user")
			err := s.run(v)
			if by == Data && c.refused != "" {
				var wrong *fault.ConfigError
				if !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("%s, %s: got %v, want %q", c.kind, by, err, c.refused)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s, %s: %v", c.kind, by, err)
				continue
			}
			for name, want := range c.bash {
				if got := s.env(name); got != want {
					t.Errorf("%s, %s: %s is %q, want %q", c.kind, by, name, got, want)
				}
			}
		}
	}
}

// Files that may have been meant to be variables.sh are named.
func TestFilesThatLookLikeVariables(t *testing.T) {
	v := newVariables(t, "")
	write(t, v.Settings, map[string]string{
		testEnvironment + "/Variables.sh": "", testEnvironment + "/variable.sh": "", testEnvironment + "/variables.sh.txt": "", testEnvironment + "/variables.hs": "",
		testEnvironment + "/values.sh": "", "variables.sh": "",
	})
	s := newStage(t)
	s.mustRun(v)
	got := s.event("these files of the settings look like a variables.sh, and are not evaluated: rename them, or move them to the folder of the environment")
	want := "[environments/test/Variables.sh environments/test/variable.sh environments/test/variables.hs environments/test/variables.sh.txt variables.sh]"
	if files := fmt.Sprint(got["files"]); files != want {
		t.Errorf("got %s, want %s", files, want)
	}
	v = newVariables(t, "A=1\n")
	write(t, v.Settings, map[string]string{testEnvironment + "/variables.sh~": ""})
	s = newStage(t)
	s.mustRun(v)
	if !strings.Contains(s.everything(), "variables.sh~") {
		t.Errorf("one such file is not named: %s", s.everything())
	}
	v = newVariables(t, "A=1\n")
	s = newStage(t)
	s.mustRun(v)
	if strings.Contains(s.everything(), "look like") {
		t.Errorf("a warning without a cause: %s", s.everything())
	}
}
