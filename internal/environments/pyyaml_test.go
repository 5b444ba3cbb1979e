package environments

import (
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	spa "spa-runner"
)

// odder are names that mean something to a YAML parser, or that one of YAML 1.1 reads
// otherwise than one of 1.2, and random ones.
func odder() []string {
	names := slices.Concat(odd, []string{"&a", "*a", "!!python/object/new:os.system", "{a: b}", "yes", "1:30", "<<", "---", "...", "a\x00b", "\U0010ffff", "\ufffe"})
	random := rand.New(rand.NewPCG(4, 4))
	special := []rune("\"'\\\n{}[]&*!|>%@`#:-, \t\u2028\u0085")
	for range 500 {
		name := "a"
		for range 1 + random.IntN(12) {
			letters := []rune{rune(random.IntN(0x80)), rune(random.IntN(0xd800)), rune(0xe000 + random.IntN(0x102000)), special[random.IntN(len(special))]}
			name += string(letters[random.IntN(len(letters))])
		}
		names = append(names, strings.ReplaceAll(name, "/", "_"))
	}
	return names
}

// What is read of a batch is what was written, by PyYAML too, which knows YAML 1.1:
// whose parser CodeBuild has, nobody says. So the names are in ASCII.
func TestNoNameWritesIntoABatch(t *testing.T) {
	t.Parallel()
	var all [][2]string
	for _, name := range odder() {
		folder := "environments/" + name
		text, err := Batch(spa.Buildspec, []string{folder})
		if err != nil {
			t.Fatalf("%q: %v", folder, err)
		}
		for _, letter := range text {
			if letter >= 0x7f || letter < ' ' && letter != '\n' {
				t.Fatalf("%q is written with %q", folder, letter)
			}
		}
		check(t, text, []string{folder})
		if back := Batched(text); len(back) != 1 {
			t.Errorf("%q is read back as %q", folder, back)
		} else {
			for _, got := range back {
				if got != folder {
					t.Errorf("%q is read back as %q", folder, got)
				}
			}
		}
		all = append(all, [2]string{folder, text})
	}
	if exec.Command("python3", "-c", "import yaml").Run() != nil {
		t.Skip("python3 with PyYAML is not on this machine: it was not asked")
	}
	input, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	python := exec.CommandContext(t.Context(), "python3", "-c", `
import json, sys, yaml
for folder, text in json.load(sys.stdin):
    read = yaml.safe_load(text)
    builds = read["batch"]["build-list"]
    if set(read) != {"version", "phases", "reports", "artifacts", "batch"} or len(builds) != 1 or builds[0]["env"] != {"variables": {"SETTINGS_ENVIRONMENT_PATH": folder}}:
        sys.exit(ascii(folder) + " is read as " + ascii(read))
`)
	python.Stdin = strings.NewReader(string(input))
	if out, err := python.CombinedOutput(); err != nil {
		t.Errorf("PyYAML: %v: %s", err, out)
	}
}
