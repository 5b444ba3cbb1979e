// Command mutants changes the program in small ways, one at a time, and runs the tests: a
// mutant that no test notices is one that survived. It changes no file of the work tree.
//
// It tries -n mutants of each package, chosen by -seed, and ends with 1 if one survived
// that accepted.txt does not give a reason for.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// target is a package that is changed, and the tests that should notice.
type target struct {
	files string   // the folder, and perhaps names of files in it
	tests []string // arguments of go test, the quickest first
}

// targets are the packages with most of the guarantees.
var targets = []target{
	{"internal/retry", []string{"./internal/retry"}},
	{"internal/gitclone", []string{"./internal/gitclone"}},
	{"pipeline", []string{"./pipeline"}},
	{"steps", []string{"./steps"}},
	{"internal/shellvars", []string{"./internal/shellvars"}},
	{"internal/redact", []string{"./internal/redact", "./internal/logs"}},
	{"internal/manifest", []string{"./internal/manifest", "./steps"}},
	{"internal/workfolder", []string{"./internal/workfolder", "./cmd/spa-runner -run Folder|Workdir|Rehearsal|Earlier|Kill|Second"}},
	{"cmd/spa-runner plan.go main.go run.go passes.go", []string{"./cmd/spa-runner"}},
}

func main() {
	n := flag.Int("n", 12, "mutants of each package")
	seed := flag.Uint64("seed", 1, "which ones")
	only := flag.String("only", "", "packages, a beginning of their paths, separated by commas")
	list := flag.Bool("list", false, "print the mutants, and try none")
	flag.Parse()
	ok, err := run(*n, *seed, *only, *list)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(n int, seed uint64, only string, list bool) (ok bool, err error) {
	accepted, err := readAccepted("tools/mutants/accepted.txt")
	if err != nil {
		return false, err
	}
	temp, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(temp)
	ok = true
	for _, t := range targets {
		if only != "" && !slices.ContainsFunc(strings.Split(only, ","), func(prefix string) bool { return strings.HasPrefix(t.files, prefix) }) {
			continue
		}
		all, err := t.mutants()
		if err != nil {
			return false, err
		}
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] }) //nolint:gosec // to choose
		killed, tried, reasons := 0, 0, 0
		for _, m := range all {
			if tried == n {
				break
			}
			if list {
				fmt.Printf("%s:%d: %s\n", m.file, m.line, m.name())
				tried++
				continue
			}
			switch survived, compiles, err := t.survives(m, temp); {
			case err != nil:
				return false, err
			case !compiles:
			case !survived:
				tried, killed = tried+1, killed+1
			case accepted[m.name()]:
				tried, reasons = tried+1, reasons+1
			default:
				tried, ok = tried+1, false
				fmt.Printf("SURVIVED %s:%d: %s\n", m.file, m.line, m.name())
			}
		}
		fmt.Printf("%-40s %d of %d killed, %d of the others accepted\n", t.files, killed, tried, reasons)
	}
	return ok, nil
}

// mutants are all of a target.
func (t target) mutants() ([]mutant, error) {
	names := strings.Fields(t.files)
	folder, names := names[0], names[1:]
	if len(names) == 0 {
		out, err := exec.Command("go", "list", "-f", "{{join .GoFiles \" \"}}", "./"+folder).Output()
		if err != nil {
			return nil, fmt.Errorf("listing the files of %s: %w", folder, err)
		}
		names = strings.Fields(string(out))
	}
	var all []mutant
	for _, name := range names {
		list, err := mutantsOf(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// hangs is after what time tests count as having noticed.
const hangs = 5 * time.Minute

// survives says whether all tests pass with the mutant, and whether it compiles at all.
func (t target) survives(m mutant, temp string) (survived, compiles bool, err error) {
	changed, err := m.apply()
	if err != nil {
		return false, false, err
	}
	path, err := filepath.Abs(m.file)
	if err != nil {
		return false, false, err
	}
	file, overlay := filepath.Join(temp, "changed.go"), filepath.Join(temp, "overlay.json")
	text, err := json.Marshal(map[string]map[string]string{"Replace": {path: file}})
	if err := errors.Join(err, os.WriteFile(file, changed, 0o600), os.WriteFile(overlay, text, 0o600)); err != nil {
		return false, false, err
	}
	for _, tests := range t.tests {
		args := append([]string{"test", "-overlay=" + overlay, "-vet=off", "-count=1", "-failfast", "-parallel=8", "-timeout=" + hangs.String()}, strings.Fields(tests)...)
		ctx, cancel := context.WithTimeout(context.Background(), 2*hangs)
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.WaitDelay = time.Second
		out, err := cmd.CombinedOutput()
		cancel()
		if bytes.Contains(out, []byte("[build failed]")) || bytes.Contains(out, []byte("[setup failed]")) {
			return false, false, nil
		}
		if err != nil {
			return false, true, nil
		}
	}
	return true, true, nil
}

// readAccepted reads the names of mutants that may survive. Each line has a name, and
// behind " # " the reason.
func readAccepted(path string) (map[string]bool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	accepted := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		name, reason, found := strings.Cut(strings.TrimSpace(line), " # ")
		if name == "" || strings.HasPrefix(name, "#") {
			continue
		}
		if !found || strings.TrimSpace(reason) == "" {
			return nil, fmt.Errorf("%s: %q has no reason", path, name)
		}
		accepted[name] = true
	}
	return accepted, nil
}
