package shellvars

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// runaways are files of 64 KB at most that would take much, if nothing ended them.
func runaways() map[string]string {
	fill := func(text string) string { return strings.Repeat(text, maxFile/len(text)) }
	nest := func(open, inner, closing string) string {
		n := (maxFile - len(inner)) / (len(open) + len(closing))
		return strings.Repeat(open, n) + inner + strings.Repeat(closing, n)
	}
	loops := ""
	for i := range 90 {
		loops += fmt.Sprintf("for i%d in a b c d e f g h; do ", i)
	}
	words := "for i in " + strings.Repeat("a ", 15000) + "; do "
	long := "A=" + strings.Repeat("a", 30000) + "\n"
	return map[string]string{
		"empty": "", "braces": "A=" + nest("{a,", "b", "}") + "\n", "braces in a row": "for i in " + fill("{1..9}")[:60000] + "; do :; done\n",
		"large braces": "echo {1..100000000}{1..100000000}\n", "parentheses": nest("(", "true", ")"), "subshells": nest("( ", "true", " )"),
		"arithmetic in parentheses": "A=$((" + nest("(", "1", ")")[:60000] + "))", "$(": fill("$("), "nested $( )": "A=" + nest("$(echo ", "a", ")"),
		"${:-": "A=" + nest("${B:-", "a", "}"), "ninety ${:-": "A=" + strings.Repeat("${B:-", 90) + "a" + strings.Repeat("}", 90),
		"ninety $(": "A=" + strings.Repeat("$(echo ", 90) + "a" + strings.Repeat(")", 90), "backquotes": fill("`"), "quotes": fill("'\""), "here-documents": fill("<<a "),
		"doubling": "X=aaaaaaaaaaaaaaaa\n" + fill("X=$X$X\n"), "doubling in a loop": "X=a; " + words + "X=$X$X; done\n", "in one word": long + "B=" + strings.Repeat("$A", 15000),
		"nested loops": loops + "X=$X.; " + strings.Repeat("done; ", 90), "a loop": words + strings.Repeat("A=b; ", 5000) + "done\n",
		"a loop over what is not taken": words + "if false; then " + strings.Repeat("A=b; ", 5000) + "fi; done\n", "while": "while ((1)); do ((i++)); done\n",
		"&&": strings.TrimSuffix(fill(":&&"), "&&"), "||": strings.TrimSuffix(fill("false||"), "||"), "return": strings.TrimSuffix(fill("false&&return;"), ";"),
		"if": nest("if :; then ", ":", "; fi"), "elif": "if false; then :; " + fill("elif false; then :; ")[:60000], "elif whole": "if false; then :; " + strings.Repeat("elif false; then :; ", 3000) + "fi\n",
		"case": "case a in " + strings.Repeat("b) ;; ", 9000) + "esac\n", "nested case": nest("case a in a) ", ":", ";; esac"), "{ }": nest("{ ", ":", "; }"), "ninety { }": strings.Repeat("{ ", 90) + ":" + strings.Repeat("; }", 90),
		"[[ && ]]": "[[ " + strings.Repeat("a && ", 12000) + "a ]]\n", "[[ ! ]]": "[[ " + strings.Repeat("! ", 30000) + "a ]]\n", "!": fill("! "), "[ ! ]": "[ " + strings.Repeat("! ", 30000) + "a ]\n",
		"sums": "A=$((" + strings.Repeat("1+", 30000) + "1))\n", "signs": "A=$((" + strings.Repeat("- ", 30000) + "1))\n", "?:": "A=$((" + strings.Repeat("1?1:", 15000) + "1))\n",
		"a pattern": long + "case $A in " + strings.Repeat("*a", 15000) + "b) ;; esac\n", "patterns in a loop": "A=" + strings.Repeat("a", 1000) + "\n" + words + "case $A in *a*a*a*a*a*a*a*a*b) ;; esac; done\n",
		"trimming": long + "B=${A##" + strings.Repeat("*a", 15000) + "b}\n", "many patterns": long + "case $A in " + strings.Repeat("*a*a*b|", 4000) + "x) ;; esac\n",
		"[[ pattern ]]": long + "[[ $A == " + strings.Repeat("*a", 15000) + "b ]]\n", "homes": "HOME=" + strings.Repeat("h", 30000) + "\nA=~" + strings.Repeat(":~", 15000) + "\n",
		"itself": ". settings/e/0.sh\n", "a file": words + "A=$(cat settings/big); done\n", "echo": long + words + "echo $A; done\n", "lines": fill("\n"), "comments": fill("#\n"), "backslashes": "A=" + fill(`\\`),
		"assignments": fill("A=b "), "exports": "export " + fill("A=b "), "many problems": fill("aws;"), "fields": "A='" + strings.Repeat("a ", 15000) + "'\n" + words + "for j in $A; do :; done; done\n",
		"functions": fill("f() { :; };"), "names": fill("$A"), "unset": "unset " + fill("A ")[:60000], "functions in each other": nest("f() { ", ":", "; }"),
	}
}

// TestRunawayFilesEnd: each ends, or is refused, by the budget and not by the clock.
func TestRunawayFilesEnd(t *testing.T) {
	dir := world(t)
	said := map[string]error{}
	for name, text := range runaways() {
		said[name] = evaluateRunaway(t, dir, name, text)
	}
	for _, name := range []string{"doubling in a loop", "in one word", "a loop", "echo", "a file", "fields", "patterns in a loop", "homes"} {
		if err := said[name]; err == nil || !strings.Contains(err.Error(), "more than 100,000 commands and expansions, or 1 MiB of values") {
			t.Errorf("%s is not ended by the budget: %v", name, err)
		}
	}
}

func evaluateRunaway(t *testing.T, dir, name, text string) error {
	t.Helper()
	for file, content := range map[string]string{"settings/e/0.sh": text, "settings/big": strings.Repeat("a", maxFile)} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := ours(t, dir, 0)
	var refusal *Error
	if err != nil && !errors.As(err, &refusal) {
		t.Errorf("%s: %v", name, err)
	}
	for _, problem := range strings.Split(fmt.Sprint(err), "\n") {
		if len(problem) > 600 {
			t.Errorf("%s: a problem has %d bytes: %.200s…", name, len(problem), problem)
		}
	}
	return err
}

const runaway = "SPA_TEST_RUNAWAY"

// TestWhatRunawayFilesTake measures each in a process of its own: a second at most, and
// 64 MB more than an empty file.
func TestWhatRunawayFilesTake(t *testing.T) {
	if name := os.Getenv(runaway); name != "" {
		_ = evaluateRunaway(t, world(t), name, runaways()[name])
		return
	}
	if os.Getenv("SPA_RUNNER_LONG") == "" {
		t.Skip("it measures: SPA_RUNNER_LONG=1 does")
	}
	measure := func(name string) (time.Duration, int64) {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "TestWhatRunawayFilesTake")
		cmd.Env = append(os.Environ(), runaway+"="+name, "GOMAXPROCS=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), usage.Maxrss >> 10
	}
	baseTime, baseMemory := measure("empty")
	for _, name := range slices.Sorted(maps.Keys(runaways())) {
		used, memory := measure(name)
		used, memory = used-baseTime, memory-baseMemory
		t.Logf("%6d ms %4d MB %s", used.Milliseconds(), memory, name)
		if used > time.Second || memory > 64 {
			t.Errorf("%s takes %v and %d MB", name, used, memory)
		}
	}
}
