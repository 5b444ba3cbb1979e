package shellvars

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// driver runs programs, each in a subshell, and prints what it exports. A program
// is good if the shell comes to its end without a message.
const driver = `
for __f in "$@"; do
  ( . "$__f" >/dev/null 2>"$__f.err"
    { set +eua; } 2>/dev/null
    printf 'end\0'; /usr/bin/env -0 ) 2>/dev/null
  printf '\001\0'
done`

type verdict struct {
	good bool
	vars map[string]string
}

// seen are the variables that programs may change.
var seen = slices.Concat(names, []string{"i", "x", "R1", "R2", "R3", "R4", "R5", "N", "M", "IN_ENV", "IN_ENV_2", "HOME"})

func environment(dir string) []string {
	return []string{"HOME=/home/us er", "IN_ENV=a value  of*it", "IN_ENV_2=", "N=12", "M=-3", "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "PWD=" + dir}
}

// world is a folder with settings, in which programs are sourced.
func world(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"settings/e/x": "", "settings/lib/empty": "", "settings/lib/text": "some text\nof  two lines\n\n\n",
		"settings/lib/one.sh": "export ONE=1 A=\"$A-1\"\n", "settings/lib/two.sh": "[ -n \"$B\" ] && return 3\nB=${BASH_SOURCE:-two}\n",
		"settings/lib/three.sh": ". settings/lib/one.sh\nset -u\nfalse\n",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// askShell says what a shell makes of programs: of the variables in seen.
func askShell(t *testing.T, shell, dir string, programs []string) []verdict {
	t.Helper()
	verdicts := askShellForAll(t, shell, dir, programs)
	for _, v := range verdicts {
		maps.DeleteFunc(v.vars, func(name, _ string) bool { return !slices.Contains(seen, name) })
	}
	return verdicts
}

// file is the one of a program.
func file(dir string, i int) string { return filepath.Join(dir, fmt.Sprintf("settings/e/%d.sh", i)) }

// askShellForAll says what a shell makes of programs.
func askShellForAll(t *testing.T, shell, dir string, programs []string) []verdict {
	t.Helper()
	args := []string{"-c", driver, shell}
	if shell == "bash" {
		args = slices.Insert(args, 0, "--norc", "--noprofile")
	}
	for i, program := range programs {
		name := fmt.Sprintf("settings/e/%d.sh", i)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(program), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	cmd := exec.CommandContext(t.Context(), shell, args...)
	cmd.Dir, cmd.Env = dir, environment(dir)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", shell, err)
	}
	parts := strings.Split(string(out), "\x01\x00")
	if len(parts) != len(programs)+1 {
		t.Fatalf("%s gave %d answers to %d programs", shell, len(parts)-1, len(programs))
	}
	verdicts := make([]verdict, len(programs))
	for i := range programs {
		said, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("settings/e/%d.sh.err", i)))
		if err != nil {
			t.Fatal(err)
		}
		rest, ended := strings.CutPrefix(parts[i], "end\x00")
		verdicts[i] = verdict{good: ended && len(said) == 0, vars: map[string]string{}}
		for pair := range strings.SplitSeq(rest, "\x00") {
			if name, value, found := strings.Cut(pair, "="); found {
				verdicts[i].vars[name] = value
			}
		}
	}
	return verdicts
}

// ours is what this package makes of a program.
func ours(t *testing.T, dir string, i int) (map[string]string, error) {
	t.Helper()
	list, err := Source(t.Context(), Options{File: filepath.Join(dir, fmt.Sprintf("settings/e/%d.sh", i)), Root: filepath.Join(dir, "settings"), Env: environment(dir)})
	vars := map[string]string{}
	for _, v := range list {
		if v.Exported && slices.Contains(seen, v.Name) {
			vars[v.Name] = v.Value
		}
	}
	return vars, err
}

// TestProgramsLikeShells: what is accepted has the values of bash, and is good
// there; what is good there is accepted, or refused by a refusal that is counted.
func TestProgramsLikeShells(t *testing.T) {
	n, seed := 150, uint64(time.Now().UnixNano())
	if os.Getenv("SPA_RUNNER_LONG") != "" {
		n = 20000 // a minute
	}
	if text := os.Getenv("SPA_TEST_PROGRAMS"); text != "" {
		n, _ = strconv.Atoi(text)
	}
	if text := os.Getenv("SPA_TEST_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	dir := world(t)
	used, refused := map[string]int{}, map[string]int{}
	good, accepted, wrong := 0, 0, 0
	for done := 0; done < n && wrong < 10; {
		batch := min(500, n-done)
		posix := done/500%4 == 3
		programs := make([]string, batch)
		for i := range programs {
			g := &generator{Rand: rand.New(rand.NewPCG(seed, uint64(done+i))), used: used, posix: posix}
			programs[i] = g.program()
		}
		shells := map[string][]verdict{"bash": askShell(t, "bash", dir, programs)}
		if posix {
			shells["dash"] = askShell(t, "dash", dir, programs)
		}
		for i, program := range programs {
			got, err := ours(t, dir, i)
			for shell, verdicts := range shells {
				v := verdicts[i]
				if shell == "bash" && v.good {
					good++
				}
				var refusal *Error
				switch {
				case err != nil && !errors.As(err, &refusal):
					t.Errorf("program %d of seed %d: %v\n%s", done+i, seed, err, program)
					wrong++
				case err == nil && !v.good:
					said, _ := os.ReadFile(filepath.Join(dir, fmt.Sprintf("settings/e/%d.sh.err", i)))
					t.Errorf("program %d of seed %d is accepted, and %s does not take it: %s\n%s", done+i, seed, shell, said, program)
					wrong++
				case err == nil && !maps.Equal(got, v.vars):
					t.Errorf("program %d of seed %d: got %q, %s has %q\n%s", done+i, seed, got, shell, v.vars, program)
					wrong++
				case shell == "bash" && err == nil:
					accepted++
				case shell == "bash" && v.good:
					_, what, _ := strings.Cut(refusal.Problems[0], ": ")
					refused[what]++
				}
			}
		}
		done += batch
	}
	var report bytes.Buffer
	for _, what := range slices.SortedFunc(maps.Keys(refused), func(a, b string) int { return refused[b] - refused[a] }) {
		fmt.Fprintf(&report, "%6d %s\n", refused[what], what)
	}
	t.Logf("seed %d: of %d programs bash takes %d, of which %d are accepted; refused, though good:\n%s", seed, n, good, accepted, &report)
	for _, construct := range slices.Sorted(maps.Keys(used)) {
		if n >= 2000 && used[construct] < 5 {
			t.Errorf("%q was made %d times only", construct, used[construct])
		}
	}
}
