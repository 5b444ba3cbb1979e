package shellvars

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestVariables(t *testing.T) {
	o := script(t, "# first\nexport A=1\nB=2\nKEPT=new\nSAME=same\nunset GONE\nexport L=(x y)\n\nA=3\n")
	o.Env = []string{"KEPT=old", "SAME=same", "GONE=1"}
	res, err := run(t, o)
	if err != nil {
		t.Fatal(err)
	}
	want := []Var{
		{Name: "A", Value: "3", Exported: true, File: o.File, Line: 9},
		{Name: "B", Value: "2", File: o.File, Line: 3},
		{Name: "KEPT", Value: "new", Exported: true, File: o.File, Line: 4},
	}
	if !slices.Equal(res.Set, want) {
		t.Errorf("Set:\n got %+v\nwant %+v", res.Set, want)
	}
	if want := []string{"GONE"}; !slices.Equal(res.Unset, want) {
		t.Errorf("Unset: got %q, want %q", res.Unset, want)
	}
}

func TestSourcedFileHasItsOwnLines(t *testing.T) {
	o := build(t, map[string]string{
		"variables.sh":   "A=1\n. settings/env/more.sh\n",
		"env/more.sh":    "\n\nexport MORE=1\n. settings/env/deeper.sh\n",
		"env/deeper.sh":  "\n\n\n\naws x\n",
		"env/unused.txt": "",
	})
	mustFail(t, o, "env/deeper.sh:5: the external command `aws`")
	o = build(t, map[string]string{"variables.sh": ". settings/more.sh\n", "more.sh": "\nexport MORE=1\n"})
	if got := mustSource(t, o)["MORE"]; got.File != "more.sh" || got.Line != 2 {
		t.Errorf("got %s:%d, want more.sh:2", got.File, got.Line)
	}
}

// TestInterpreterOwnVariables also covers a script that does nothing.
func TestInterpreterOwnVariables(t *testing.T) {
	o := script(t, "cd settings\npushd .. > /dev/null\npopd >/dev/null\n")
	o.Env = []string{"PWD=/elsewhere", "PATH=/bin"}
	res, err := run(t, o)
	if err != nil || len(res.Set) != 0 || len(res.Unset) != 0 {
		t.Errorf("got %+v, %v, want nothing", res, err)
	}
}

func TestRefusedNames(t *testing.T) {
	refuse := func(name string) string {
		if strings.HasPrefix(name, "NO_") {
			return "it is an identity"
		}
		return ""
	}
	tests := []struct{ text, want string }{
		{"\nNO_A=1", "variables.sh:2: `NO_A` may not be changed here: it is an identity"},
		{"\nexport NO_A=1", ":2: `NO_A`"},
		{"declare -x NO_A=1", ":1: `NO_A`"},
		{"export NO_A", ":1: `NO_A`"},
		{"\nfor NO_A in 1; do :; done", ":2: `NO_A`"},
		{"\nread -r NO_A <<< x", ":2: `NO_A`"},
		{"\nprintf -v NO_A x", ":2: `NO_A`"},
		{"getopts a NO_A -a", ":1: `NO_A`"},
		{"\n\nunset NO_ENV", ":3: `NO_ENV`"},
		{"NO_ENV=x", ":1: `NO_ENV`"},
		{"((NO_A = 5))", ":1: `NO_A`"},
		{": ${NO_A:=5}", ":1: `NO_A`"},
		{"mapfile NO_A <<< x", ":1: `NO_A`"},
		{"NO_ENV=(1 2)", ":1: `NO_ENV`"},
		{"f() { NO_A=1; }\nf", ":1: `NO_A`"},
		{"n=NO_A\neval \"$n=1\"", "variables.sh:2: `NO_A`"},
		{"n=NO_A\nexport \"$n=1\"", "variables.sh: `NO_A`"},
		{"n=_A\nread NO$n <<< 1", "variables.sh: `NO_A`"},
	}
	for _, tt := range tests {
		o := script(t, tt.text)
		o.Env, o.Refuse = []string{"NO_ENV=1"}, refuse
		t.Run(tt.text, func(t *testing.T) { mustFail(t, o, tt.want) })
	}
	for _, harmless := range []string{
		"(NO_A=1)", "X=$(NO_A=1; echo $NO_A)", "f() { local NO_A=1; }\nf", "if false; then NO_A=1; fi",
		"NO_A=1 true", "NO_ENV=1", "f() { declare NO_A=1; }\nf",
	} {
		o := script(t, harmless)
		o.Env, o.Refuse = []string{"NO_ENV=1"}, refuse
		mustSource(t, o)
	}
}

func TestRefusedConstructs(t *testing.T) {
	tests := []struct{ text, want string }{
		{"\nsleep 1 &", ":2: a background job"},
		{"if false; then\nf() { true & }; fi", ":2: a background job"},
		{"coproc x { true; }", ":1: a coprocess"},
		{"A=1\nread A < <(true)", ":2: a process substitution"},
		{"true > >(true)", ":1: a process substitution"},
		{"true | true", ":1: a pipeline"},
		{"\neval 'true &'", ":2: a background job"},
		{"x='true &'\neval \"$x\"", ":2: a background job"},
		{"command eval 'true &'", ":1: a background job"},
		{"command -- eval 'true &'", ":1: a background job"},
		{"builtin eval 'true &'", ":1: a background job"},
		{"command builtin eval 'eval \"true &\"'", ":1: a background job"},
		{"trap 'true &' ERR", ":1: a background job"},
		{"trap 'A=1' EXIT", ":1: a trap"},
		{"A=$(\nexec env)", ":2: `exec env`"},
		{"\nexec env", ":2: `exec env`"},
		{"set -x", ":1: `set -x`"},
		{"set -o xtrace", ":1: `set -x`"},
		{"set -n", ":1: an option of `set`"},
		{"alias a=b", ":1: `alias`"},
		{"kill -9 $PPID", ":1: `kill`"},
		{"kill -9 $$", ":1: `kill`"},
		{"umask 0777", ":1: `umask`"},
		{"ulimit -n 3", ":1: `ulimit`"},
		{"read -d '' A <<< x", ":1: `read -d`"},
		{"read -t 1 A <<< x", ":1: `read -t`"},
		{"declare -i A=1", ":1: `declare -i`"},
		{"declare -n A=B", ":1: `declare -n`"},
		{"export -n A", ":1: `export -n`"},
		{"\\export A=1", ":1: `export`"},
		{"shopt -s lastpipe", ":1: `shopt`"},
		{"echo x >| /dev/null", ":1: the redirection `>|`"},
		{"exec 3< settings/variables.sh", ":1: the redirection `3<`"},
		{"eval() { :; }", ":1: a function with the name of the builtin `eval`"},
		{"A=${BASH_SOURCE[0]}", ":1: `BASH_SOURCE` is not known"},
		{"A=\"${B:-'x'}\"", ":1: single quotes"},
		{"P=$P:~/bin", ":1: `:~`"},
		{"A=$((1/0))", ":1: at or after this line, an expansion failed: division by zero"},
		{"A=$((1/0)) 2>/dev/null", ":1: at or after this line, an expansion failed: division by zero"},
		{"A=$(printf '%.2f' 1)", ":1: at or after this line, an expansion failed: invalid format char"},
		{"printf -v A '%q' x", ":1: a format of printf"},
		{"\nunset ''", ":2: the interpreter cannot run this"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) { mustFail(t, script(t, tt.text), tt.want) })
	}
	o := build(t, map[string]string{"variables.sh": ". settings/b.sh", "b.sh": "\ntrue &\n"})
	mustFail(t, o, "b.sh:2: a background job")
}

// TestInterpreterDifferences covers what the interpreter gets wrong silently.
func TestInterpreterDifferences(t *testing.T) {
	for text, want := range map[string]string{
		"\n[[ ! -f x || a == a ]]":      ":2: `!` before && or ||",
		"[[ ! a == b && a == a ]]":      ":1: `!` before && or ||",
		"[ ! a = a -o a = a ]":          ":1: -a, -o and !",
		"[ a = b -a a = a -o x = x ]":   ":1: -a, -o and !",
		"[[ abc =~ \"a.c\" ]]":          ":1: a quoted part",
		"r=a.c\n[[ abc =~ \"$r\" ]]":    ":2: a quoted part",
		"a=5\n[[ a -eq 5 ]]":            ":2: an expression in a numeric test",
		"A=${B/#x/y}":                   ":1: ${X/#…}",
		"A=${B/%x/y}":                   ":1: ${X/#…}",
		"A=${B%'*'}":                    ":1: a quoted pattern character",
		"\nfor ((;;)); do return; done": ":2: `for ((…))`",
		"eval 'for ((;;)); do f; done'": ":1: `for ((…))`",
		"readonly A=1\nA=2":             ":1: at or after this line, `A` is set",
		"A=\"${B:-'x'}\"":               ":1: single quotes",
		`A="${B:-[{\"K\":1}]}"`:         ":1: a backslash inside",
		`A="${B:=a\}b}"`:                ":1: a backslash inside",
		"declare -rx A=1":               ":1: `declare -rx`",
		"f() { declare -gx A=1; }\nf":   ":1: `declare -g -x`",
		"let \"N = 3 * 4\"":             ":1: `let` with quotes",
		"declare -A M\nN=${#M[@]}":      ":2: the length of an associative array",
		"A=${B##+([[:space:]])}":        ":1: an extended pattern",
		"A=${B//+(-)/-}":                ":1: an extended pattern",
		"A=${B@Q}":                      ":1: ${X@…}",
		"A=$HOSTNAME":                   ":1: `HOSTNAME` is not",
	} {
		t.Run(text, func(t *testing.T) { mustFail(t, script(t, text), want) })
	}
	mustSource(t, script(t, "declare -r -x RX=1\ndeclare -xr XR=1\nlet N=3*4\nL=(a b)\nN=${#L[@]}\nJ=${J:-\"{\\\"a\\\": 1}\"}\nK=\"${K:-a\\ b}\"\n[ abc \\< abd ]\n"))
	mustSource(t, script(t, "[[ ! a == b ]] && [[ abc =~ 'abc' ]] && A=${B#'x'}${B//#/x}\n[[ ! ( a == b || a == c ) ]]\n[[ $A -eq 5 || $# -gt 1 ]]\n"))
}

func TestEndings(t *testing.T) {
	tests := []struct{ text, want string }{
		{"A=1\nexit 0\nA=2", ":2: `exit` would have ended"},
		{"exit 1", ":1: `exit`"},
		{"f() {\n exit\n}\nf\n", ":2: `exit`"},
		{"command exit 3", ":1: `exit`"},
		{"\neval 'exit 3'", ":2: `exit`"},
		{". settings/exits.sh\n", "exits.sh:3: `exit`"},
		{"set -e\ntrue\nfalse\n", ":3: a command at or after this line failed, and `set -e`"},
		{"set -e\nA=$(exit 3)\n", ":2: a command at or after this line failed"},
		{"set -u\n\nA=$NOPE\n", ":3: NOPE is not set"},
		{"\n: ${NOPE:?it is needed}\n", ":2: NOPE is not set"},
		{"\nA=1\nif true; then\n", ":3:10: syntax error"},
		{"A='x", ":1:3: syntax error"},
		{"A=1\neval 'if'", ":2: syntax error in the string"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			mustFail(t, build(t, map[string]string{"variables.sh": tt.text, "exits.sh": "\n\nexit 2\n"}), tt.want)
		})
	}
	for _, fine := range []string{"(exit 3)", "A=$(exit 3)", "false", "[ -n \"$X\" ] && export Y=1", "return 3", "trap - EXIT", "trap 'A=1' ERR\nfalse"} {
		mustSource(t, script(t, fine))
	}
}

func TestEncodings(t *testing.T) {
	for name, text := range map[string]string{
		"CRLF":       "export A=1\r\nif true; then\r\nexport B='x'\r\nfi\r\n",
		"BOM":        "\xef\xbb\xbfexport A=1\nexport B=x\n",
		"no newline": "export A=1; export B=x",
	} {
		got := mustSource(t, script(t, text))
		if got["A"].Value != "1" || got["B"].Value != "x" {
			t.Errorf("%s: got A=%q B=%q, want 1 and x", name, got["A"].Value, got["B"].Value)
		}
	}
	mustSource(t, script(t, ""))
	mustFail(t, script(t, "\xff\xfeA\x00=\x001\x00"), "UTF-16")
	mustFail(t, script(t, "A=1\n\x00"), "NUL")
	mustFail(t, script(t, strings.Repeat("#", maxFile+1)), "1 MiB")
	mustSource(t, script(t, strings.Repeat("#", maxFile-1)+"\n"))
}

func TestNotAFile(t *testing.T) {
	o := script(t, "")
	o.File = o.Root
	mustFail(t, o, "not a regular file")
	o.File = filepath.Join(o.Root, "fifo")
	if err := syscall.Mkfifo(o.File, 0o600); err != nil {
		t.Skipf("no FIFOs here: %v", err)
	}
	mustFail(t, o, "not a regular file")
	o = script(t, ". settings/fifo")
	if err := syscall.Mkfifo(filepath.Join(o.Root, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustFail(t, o, ":1: cannot source settings/fifo: this is something that is not a regular file")
	o.File = filepath.Join(o.Root, "none.sh")
	mustFail(t, o, "no such file")
}

func TestCancellation(t *testing.T) {
	for _, text := range []string{"while :; do :; done", "f() { while :; do (:); done; }; f", "while true; do (A=1); done", "until false; do X=$(echo); done"} {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
		_, err := Source(ctx, script(t, text))
		cancel()
		var e *Error
		if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &e) {
			t.Errorf("%s: got %v, want the deadline", text, err)
		}
	}
}

// TestDepth would end the test process, not fail, without the guards.
func TestDepth(t *testing.T) {
	for _, text := range []string{
		"f() { f; }\nf",
		"f() { A=$(f); }\nf",
		"f() { eval f; }\nf",
		"f() { if true; then for i in 1; do case x in x) ( f ) ;; esac; done; fi; }\nf",
		". settings/variables.sh",
		strings.Repeat("(", 1<<19),
		strings.Repeat("$(", 1<<19),
		"A=" + strings.Repeat("${A:-", 1<<17),
		strings.Repeat("if ", 1<<18),
		"A=$((" + strings.Repeat("(", 1<<19),
	} {
		t.Run(text[:min(len(text), 20)], func(t *testing.T) {
			t.Parallel()
			mustFail(t, script(t, text), "nests or recurses too deeply")
		})
	}
	mustSource(t, script(t, "n=0\nf() { n=$((n+1)); [ $n -ge 1000 ] || f; }\nf\nexport n"))
}

func TestTooManyCommands(t *testing.T) {
	s, err := newSession(script(t, "i=0\nwhile :; do i=$((i+1)); done"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.root.Close()
	s.calls = maxCalls - 100 // as if the rest had been run
	if _, err := s.run(context.Background(), s.loadMain()); err != nil {
		t.Fatal(err)
	}
	if got := s.failure().Error(); !strings.Contains(got, ":2: the script runs more than a million commands") {
		t.Errorf("got %s", got)
	}
}

func TestProblemsAreBoundedAndSorted(t *testing.T) {
	_, err := run(t, script(t, strings.Repeat("A=$(nothing-there) || true\n", 50)))
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) != maxProblems || !e.More {
		t.Fatalf("got %v, want %d problems and More", err, maxProblems)
	}
	if text := e.Error(); !strings.HasSuffix(text, "\nthere are more problems than these") {
		t.Errorf("the text does not say that there are more problems: %s", text)
	}
	if text := (&Error{Problems: e.Problems}).Error(); strings.Contains(text, "there are more") {
		t.Errorf("the text of all problems says that there are more: %s", text)
	}
	if e.Problems[0].Line != 1 || e.Problems[maxProblems-1].Line != maxProblems {
		t.Errorf("got lines %d to %d, want 1 to %d", e.Problems[0].Line, e.Problems[maxProblems-1].Line, maxProblems)
	}
}

func TestErrorsHoldNoValues(t *testing.T) {
	const secret = "hunter2"
	var out bytes.Buffer
	for _, text := range []string{
		"S=hunter2\naws ssm --token $S", "aws hunter2", "S=hunter2\n$S", "S=hunter2\nexec $S", "S=hunter2\necho > /tmp/$S",
		"S=hunter2\n. settings/$S", "S=hunter2\neval \"( $S\"", "A=$((hunter2 hunter3))", "if hunter2; then", "A=\"hunter2", "S=hunter2\nset -u; A=$NOPE",
		"S=hunter2\n: ${NOPE:?$S}", "export NO=hunter2", "S=hunter2\nread A < $S", "A=${!hunter2@Z}", "A=(hunter2", "for hunter2", "function hunter2",
		"S=hunter2\nset -$S", "S=hunter2\nunset \"$S[\"", "S=hunter2\n\"$S\"() { :; }", "declare -hunter2 A",
	} {
		o := script(t, text)
		o.Stdout, o.Stderr = &out, &out
		o.Refuse = func(name string) string {
			if name == "NO" {
				return "no"
			}
			return ""
		}
		_, err := run(t, o)
		if err != nil && strings.Contains(err.Error(), secret) && !strings.Contains(text, "declare -hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestCanary looks for the process's own environment by every way there is.
func TestCanary(t *testing.T) {
	const canary = "canary-5c1d"
	o := script(t, "") // before TMPDIR is changed
	t.Setenv("CANARY", canary)
	t.Setenv("HOME", "/"+canary)
	t.Setenv("TMPDIR", "/"+canary)
	for _, text := range []string{
		"export A=$CANARY", "export A=${CANARY:-none}", "n=CANARY; export A=${!n}", "export A=$HOME", "export A=~", "export A=~/x", "export A=$TMPDIR",
		"env", "export A=$(env)", "export A=$(printenv CANARY)", "A=$(< /proc/self/environ); export A", "export A=$(</proc/self/environ)",
		"read -r A < /proc/self/environ; export A", "mapfile A < /proc/self/environ", "cd /proc/self; export A=$(< environ)",
		"export -p", "declare -p", "declare -p CANARY", "set", "export A=$(export -p; declare -p; set)", "export A=${!C*} B=${!H*}",
		". /proc/self/environ", "export A=$(< /proc/$$/environ)", "export A=$(eval 'echo $CANARY')", "export A=$(command -p env)", "cd; export A=$PWD",
	} {
		var out bytes.Buffer
		if err := os.WriteFile(o.File, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		o.Stdout, o.Stderr = &out, &out
		res, err := run(t, o)
		for _, v := range res.Set {
			if strings.Contains(v.Value, canary) {
				t.Errorf("%q: %s has it", text, v.Name)
			}
		}
		if strings.Contains(out.String(), canary) {
			t.Errorf("%q: printed it", text)
		}
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("%q: the error has it", text)
		}
	}
	if os.Getenv("CANARY") != canary {
		t.Fatal("the canary was not there")
	}
}

func TestPrinting(t *testing.T) {
	var out, errs bytes.Buffer
	o := script(t, "echo to out\nprintf '%s\\n' x >&2\n")
	o.Stdout, o.Stderr = &out, &errs
	mustSource(t, o)
	if out.String() != "to out\n" || errs.String() != "x\n" {
		t.Errorf("got %q and %q, want %q and %q", out.String(), errs.String(), "to out\n", "x\n")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	var e *Error
	if _, err := Source(context.Background(), Options{File: "x"}); err == nil || errors.As(err, &e) {
		t.Errorf("no root: got %v, want an error that is not about the script", err)
	}
	if _, err := Source(context.Background(), Options{File: "x", Root: "/none/such"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("root that is not there: got %v", err)
	}
}
