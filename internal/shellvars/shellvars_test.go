package shellvars

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// evaluate evaluates a script in a world.
func evaluate(t *testing.T, dir, script string) ([]Var, error) {
	t.Helper()
	file := filepath.Join(dir, "settings/e/variables.sh")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	return Source(t.Context(), Options{File: file, Root: filepath.Join(dir, "settings"), Env: environment(dir)})
}

func problemsOf(err error) []string {
	var wrong *Error
	if !errors.As(err, &wrong) {
		return nil
	}
	return wrong.Problems
}

func TestVariablesAndWhereTheyWereSet(t *testing.T) {
	dir := world(t)
	vars, err := evaluate(t, dir, "export A=1\nB=2\n. settings/lib/one.sh\nunset IN_ENV\nunset IN_ENV_2; IN_ENV_2=own\nexport C\nN=12\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range vars {
		got = append(got, fmt.Sprintf("%s=%s %t %s:%d", v.Name, v.Value, v.Exported, filepath.Base(v.File), v.Line))
	}
	want := []string{
		"A=1-1 true one.sh:1", "B=2 false variables.sh:2", "HOME=/home/us er true .:0", "IN_ENV_2=own false variables.sh:5", "LC_ALL=C.UTF-8 true .:0", "M=-3 true .:0",
		"N=12 true variables.sh:7", "ONE=1 true one.sh:1", "PATH=/usr/bin:/bin true .:0", "PWD=" + dir + " true .:0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Values that a random program rarely has.
func TestValues(t *testing.T) {
	dir := world(t)
	for script, want := range map[string]string{
		"A=~:b:~": "/home/us er:b:/home/us er", "A=~": "/home/us er", "A=x:~": "x:/home/us er", "A=x~": "x~", "[ a:~ = 'a:~' ] && A=1": "1", "[[ a:~ = 'a:~' ]] && A=1": "1",
		"A=$(< settings/lib/empty)": "", "A=$(echo a; echo b)": "a\nb", "A=$(echo '  a ')": "  a ", "for x in $IN_ENV; do :; done 2>/dev/null; A=1": "",
		"A=abcabc; A=${A#*b}": "cabc", "A=abcabc; A=${A##*b}": "c", "A=abcabc; A=${A%b*}": "abca", "A=abcabc; A=${A%%b*}": "a", "A=a.b; A=${A#a.}": "b", "A='a*b'; A=${A#a\"*\"}": "b",
		"A=\"${NOPE:-\"a b\"}\"": "a b", "A=${IN_ENV_2-x}": "", "A=${IN_ENV_2:-x}": "x", "A=${N+y}": "y", "A=${NOPE+y}": "", "A=$(basename /a/b.sh)": "b.sh", "A=$(basename /a/b.sh .sh)": "b", "A=$(basename .sh .sh)": ".sh", "A=$(dirname a)": ".", "A=$(dirname /a//b//)": "/a",
		"A=$((N % 5 - 7))": "-5", "A=$((!N))": "0", "A=$((~N))": "-13",
	} {
		vars, err := evaluate(t, dir, script+"\n")
		got := ""
		for _, v := range vars {
			if v.Name == "A" {
				got = v.Value
			}
		}
		if strings.HasPrefix(script, "for x in $IN_ENV") { // a value with * in it
			if err == nil {
				t.Errorf("%s is taken", script)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", script, got, err, want)
		}
	}
}

// Whatever leads out of the settings is refused, and no more is told than that.
func TestNothingOutsideTheSettingsIsRead(t *testing.T) {
	dir := world(t)
	for name, content := range map[string]string{"outside": "A=outside", "private/x": "secret"} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"link": "../outside", "absolute": filepath.Join(dir, "outside"), "folder": "..", "twice": "link"} {
		if err := os.Symlink(target, filepath.Join(dir, "settings", name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{
		"./outside", "settings/../outside", "settings/link", "settings/absolute", "settings/folder/outside", "settings/twice", dir + "/outside", "/etc/passwd",
		"/proc/self/environ", "/dev/stdin", "./none", "/none/at/all",
	} {
		for _, use := range []string{
			". %s", "source %s || true", "A=$(cat %s)", "A=$(< %s)", "[ -f %s ] && A=1", "[[ -e %s ]] && A=1", "[ -s %s ] || A=1", "test -d %s || A=1",
		} {
			script := fmt.Sprintf(use, path)
			vars, err := evaluate(t, dir, script+"\n")
			problems := problemsOf(err)
			if len(problems) != 1 || vars != nil {
				t.Errorf("%s: %v, %v, want one problem", script, vars, err)
				continue
			}
			if !strings.Contains(problems[0], "outside the") && !strings.Contains(problems[0], "name a folder of the settings") {
				t.Errorf("%s: %s", script, problems[0])
			}
			if strings.Contains(problems[0], "secret") || strings.Contains(problems[0], "A=outside") {
				t.Errorf("%s: shows what is there: %s", script, problems[0])
			}
		}
	}
}

func TestNothingIsWritten(t *testing.T) {
	dir := world(t)
	for _, script := range []string{
		"echo x > settings/new", "echo x >> settings/lib/text", "echo x >| settings/new", "echo x &> settings/new", "A=$(echo x > settings/new)",
		"{ echo x; } > settings/new", "exec > settings/new", "> settings/new", ": ${A:=1} > settings/new", "cat <<E > settings/new\nE\n", "printf x > settings/new",
	} {
		if _, err := evaluate(t, dir, script+"\n"); len(problemsOf(err)) == 0 {
			t.Errorf("%s is taken: %v", script, err)
		}
		if _, err := os.Lstat(filepath.Join(dir, "settings/new")); err == nil {
			t.Errorf("%s made a file", script)
		}
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "settings/lib/text")); !strings.HasPrefix(string(text), "some text\n") || strings.Contains(string(text), "x\n") {
		t.Errorf("the file has %q", text)
	}
}

// All that is refused whatever the values are is told, in the order of the lines; what
// stands in a branch, and what a problem before may have caused, is not.
func TestProblemsAreToldAtOnce(t *testing.T) {
	dir := world(t)
	_, err := evaluate(t, dir, strings.Join([]string{
		"export A=$(aws sts get-caller-identity)", // 1
		"B=(a b)", // 2
		"if [ -n \"$NOPE\" ]; then curl x; fi",
		"f() { git status; }",
		": ${A:?}",            // A is not known
		"export C = 1",        // 6
		"X=\"$A\" | cat",      // 7
		"while :; do :; done", // 8
		"D=$((08))",           // 9: a number that no shell takes
		"f",                   // 10
	}, "\n")+"\n")
	problems := problemsOf(err)
	want := []string{
		":1: the command `aws`", ":2: an array", ":6: there is white space before `=`", ":7: a pipe", ":8: a loop with `while`", ":9: such arithmetic", ":10: the call of a function",
	}
	if len(problems) != len(want) {
		t.Fatalf("got\n%s\nwant %d problems", strings.Join(problems, "\n"), len(want))
	}
	for i, problem := range problems {
		if !strings.Contains(problem, "variables.sh"+want[i]) || !strings.Contains(problem, "; ") {
			t.Errorf("got %s, want %s in it, and what to write instead", problem, want[i])
		}
	}
	many := strings.Repeat("aws s3 ls\n", 30)
	if _, err := evaluate(t, dir, many); len(problemsOf(err)) != 20 {
		t.Errorf("of 30 problems %d are told, want 20", len(problemsOf(err)))
	}
}

func TestWhatIsReadIsText(t *testing.T) {
	dir := world(t)
	for script, want := range map[string]string{
		"A=1\r\nB=2\r\n": "CRLF", "\xef\xbb\xbfA=1\n": "byte order mark", "A=\xff\n": "UTF-8", "A=\x00\n": "control characters", "A=\x1b[0m\n": "control characters",
		strings.Repeat("#", maxFile+1): "more than 65536 bytes", "A='": "reached EOF", "A=1 # S:\\cloud\\\nexport B=1\n": "a comment ends in a backslash",
		"A=$(((((((1))))": "this cannot be read", strings.Repeat("{ ", 101) + "\n": "nested more than 100 deep",
	} {
		if _, err := evaluate(t, dir, script); len(problemsOf(err)) == 0 || !strings.Contains(problemsOf(err)[0], want) || !strings.Contains(problemsOf(err)[0], "variables.sh") {
			t.Errorf("%.40q: %v, want %s in it", script, err, want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "settings/nul"), []byte("a\x00b"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := evaluate(t, dir, "A=$(cat settings/nul)\n"); len(problemsOf(err)) != 1 || !strings.Contains(err.Error(), "NUL") {
		t.Errorf("a file with NUL: %v", err)
	}
}

func TestWhatIsPrinted(t *testing.T) {
	dir := world(t)
	file := filepath.Join(dir, "settings/e/variables.sh")
	script := "A=1\necho \"A is $A\" >&2\nprintf '%s\\n' dropped\nB=$(echo inner)\necho -n $B *\n"
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := Source(t.Context(), Options{File: file, Root: filepath.Join(dir, "settings"), Output: &out}); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "A is 1\n-n inner *\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

// countdown is a context that ends when it was asked so often.
type countdown struct {
	context.Context
	left int
}

var errCountdown = errors.New("counted down")

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return errCountdown
	}
	return nil
}

func TestTheContextIsAskedAtEachCommandAndExpansion(t *testing.T) {
	dir := world(t)
	file := filepath.Join(dir, "settings/e/variables.sh")
	script := "for i in 1 2 3; do A=$A$i; done\n[ -n \"$A\" ] && B=$(( A + 1 ))\n. settings/lib/one.sh\n"
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for ; asked < 1000; asked++ {
		parent, cancel := context.WithCancelCause(t.Context())
		cancel(errCountdown)
		vars, err := Source(&countdown{parent, asked}, Options{File: file, Root: filepath.Join(dir, "settings")})
		if err == nil {
			break
		}
		if !errors.Is(err, errCountdown) || vars != nil {
			t.Fatalf("after %d: %v, %v", asked, vars, err)
		}
	}
	if asked < 20 || asked == 1000 {
		t.Errorf("the context is asked %d times", asked)
	}
}

// A fault of another kind is not taken for the end of a script.
func TestAnotherPanicGoesOn(t *testing.T) {
	dir := world(t)
	defer func() {
		if why := recover(); why == nil {
			t.Error("a panic was swallowed")
		}
	}()
	file := filepath.Join(dir, "settings/lib/one.sh")
	_, _ = Source(&countdown{}, Options{File: file, Root: filepath.Join(dir, "settings")})
}

func TestOptionsThatLeadNowhere(t *testing.T) {
	dir := world(t)
	for _, o := range []Options{
		{File: filepath.Join(dir, "settings/e/x"), Root: filepath.Join(dir, "none")},
		{File: filepath.Join(dir, "settings/e/none"), Root: filepath.Join(dir, "settings")},
		{File: filepath.Join(dir, "settings/e"), Root: filepath.Join(dir, "settings")},
		{File: "/etc/passwd", Root: filepath.Join(dir, "settings")},
		{},
	} {
		if vars, err := Source(t.Context(), o); err == nil {
			t.Errorf("%+v: %v", o, vars)
		}
	}
}

// FuzzSource looks for a crash, and for what does not end.
func FuzzSource(f *testing.F) {
	for _, script := range runaways() {
		if len(script) < 1000 {
			f.Add(script)
		}
	}
	for _, script := range []string{
		"export A=${B:-\"$(pwd)\"} C=~/x:~\n", "case $A in a*|\"b\") . ./settings/lib/one.sh;; esac\n", "[[ ! -f x && $A == *\"b\"? || -n $C ]] || return 3\n",
		"for x in a $B \"c d\"; do D=$((D * 2 + ${#x})); done\n", "set -eu -o allexport; : \"${A:=$(dirname \"${BASH_SOURCE[0]}\")}\"\n", "echo $(echo a \"b\" | cat) >&2\n",
	} {
		f.Add(script)
	}
	dir := f.TempDir()
	file := filepath.Join(dir, "settings/variables.sh")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, script string) {
		if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		vars, err := Source(t.Context(), Options{File: file, Root: filepath.Join(dir, "settings"), Env: []string{"A=a", "HOME=/h", "N=1"}})
		if (err == nil) != (vars != nil) || err != nil && len(problemsOf(err)) == 0 {
			t.Errorf("%v, %v", vars, err)
		}
	})
}
