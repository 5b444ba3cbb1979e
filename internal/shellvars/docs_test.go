package shellvars

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// row is one of the list in docs/variables-sh.md.
type row struct {
	construct, example string
	words              []string // that stand after a colon in construct
}

var inCode = regexp.MustCompile("`([^`]+)`")

func listOfTheDocs(t *testing.T) []row {
	t.Helper()
	page, err := os.ReadFile("../../docs/variables-sh.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(page), "<!-- The list.")
	list, _, _ = strings.Cut(list, "<!-- end -->")
	var rows []row
	for line := range strings.Lines(list) {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
		if len(cells) != 5 || strings.HasPrefix(cells[1], "---") || strings.Contains(cells[1], " construct ") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(strings.ReplaceAll(cells[i], "\x00", "|"))
		}
		r := row{construct: cells[1], example: strings.Trim(cells[2], "`")}
		if i := strings.Index(r.construct, ": `"); i >= 0 {
			for _, found := range inCode.FindAllStringSubmatch(r.construct[i:], -1) {
				r.words = append(r.words, found[1])
			}
		}
		rows = append(rows, r)
	}
	if len(rows) < 20 {
		t.Fatalf("%d rows", len(rows))
	}
	return rows
}

// TestTheListOfTheDocs: each example is taken, with the values of bash, and where the
// docs enumerate, they name what the code has, no more and no less.
func TestTheListOfTheDocs(t *testing.T) {
	rows := listOfTheDocs(t)
	dir := world(t)
	var programs []string
	for _, r := range rows {
		programs = append(programs, r.example+"\nset -a; _h=$A G_1=$B D=$C; export A B C D\n")
	}
	said := askShell(t, "bash", dir, programs)
	words := map[string][]string{}
	for i, r := range rows {
		got, err := ours(t, dir, i)
		switch {
		case err != nil:
			t.Errorf("%s: %v", r.example, err)
		case !said[i].good:
			t.Errorf("%s: bash does not take it", r.example)
		case !maps.Equal(got, said[i].vars):
			t.Errorf("%s: got %q, bash has %q", r.example, got, said[i].vars)
		}
		name, _, _ := strings.Cut(r.construct, ":")
		words[name] = r.words
	}
	places := map[place][]string{}
	for name, b := range newBuiltins() {
		places[b.place] = append(places[b.place], name)
	}
	outsideAndAnywhere := slices.Concat(places[outside], places[anywhere], []string{"export", "readonly"})
	named := slices.Concat(words["declarations"], words["sourcing"], words["printing"], words["other commands"], []string{"[", "test", "set", "exit"})
	options := []string{"errexit", "nounset", "allexport", "pipefail"}
	for _, name := range options {
		if !shellOptions.MatchString("-o " + name) {
			t.Errorf("set -o %s is refused", name)
		}
	}
	for what, pair := range map[string][2][]string{
		"commands within $( )": {words["commands within `$( )`"], places[within]},
		"commands":             {named, outsideAndAnywhere},
		"defaults":             {words["defaults"], substitutes},
		"trimming":             {words["trimming"], slices.Collect(maps.Keys(trims))},
		"arithmetic":           {words["arithmetic"], slices.Concat(binaryArithmetic, unaryArithmetic)},
		"tests":                {words["tests in `[ ]` and `test`"], slices.Concat(unaryTests, comparisons)},
		"redirections":         {words["redirections"], silencing},
		"options":              {words["options"], options},
	} {
		slices.Sort(pair[0])
		slices.Sort(pair[1])
		if docs, code := slices.Compact(pair[0]), slices.Compact(pair[1]); !slices.Equal(docs, code) {
			t.Errorf("%s: the docs name %q, the code has %q", what, docs, code)
		}
	}
}

// TestKindsOfCommandsAndWords: of each kind that the parser knows, one that is taken
// stands in the list of the docs, and the others are refused.
func TestKindsOfCommandsAndWords(t *testing.T) {
	var docs strings.Builder
	for _, r := range listOfTheDocs(t) {
		docs.WriteString(r.construct + "\n")
	}
	dir := world(t)
	for program, construct := range map[string]string{
		"true": "other commands", "A=1": "assignments", "if true; then :; fi": "`if`", "for x in a; do :; done": "`for`",
		"case a in a) ;; esac": "`case`", "{ :; }": "`{ }`", "true && true": "`&&`", "true || true": "`||`", "f() { :; }": "functions",
		"[[ a ]]": "`[[ ]]`", "export A": "declarations", "! true": "`!`",
		"while false; do :; done": "", "until true; do :; done": "", "for ((i=0; i<1; i++)); do :; done": "", "select x in a; do :; done </dev/null": "",
		"(A=1)": "", "true | true": "", "true |& true": "", "((A=1))": "", "let A=1": "", "time true": "", "coproc true": "", "true &": "",
		"declare A=1": "", "local A=1": "", "typeset A=1": "", "function f { :; }; f": "", "eval A=1": "", "A+=1": "", "A=(a b)": "", "A[0]=1": "", "A=1 true": "",
		"A=a": "assignments", "A='a'": "quotes", `A="a"`: "quotes", "A=$B": "parameters", "A=$(pwd)": "the working folder", "A=$((1))": "arithmetic",
		"A=`pwd`": "", "A=$'a'": "", `A=$"a"`: "", "A=<(true)": "", "export A={a,b}": "", "echo a@(b)": "", "A=${!B}": "", "A=${B:0:1}": "", "A=${B/a/b}": "",
		"A=${B^^}": "", "A=${B@Q}": "", "A=${!B*}": "", "A=${B[1]}": "", "A=$[1]": "", "A=$?": "", "A=$$": "", "A=$1": "", "A=$#": "", "A=$@": "", "A=$-": "", "A=$!": "", "A=$0": "",
		"[[ a =~ a ]]": "", "[[ a -nt b ]]": "", "[[ a < b ]]": "", "[ a -a b ]": "", "[ -n a": "", "[": "", "case a in a) ;& b) ;; esac": "", "case a in a) ;;& esac": "", "case a in [a]) ;; esac": "",
		"cat <<E\nE": "", "true >file": "", "true <file": "", "true 3>/dev/null": "", "A=$((A=1))": "", "A=$((A++))": "", "A=$((1, 2))": "", "A=$((1 << 2))": "", "A=$((2 ** 2))": "",
		"A=$(aws)": "", "A=$(echo x <settings/lib/text)": "", "A=$(pwd; <settings/lib/text)": "", `A=x:~\a`: "", "A=~user": "", "A=a~": "quotes", "A=$(A=1)": "", "A=$(export A=1)": "", "A=$(for x in a; do echo; done)": "", "A=$(f() { :; })": "functions", "A=$(return)": "", "A=$(exit)": "", "aws s3 ls": "", "exec true": "",
		"hash aws": "", "trap : EXIT": "", "read A </dev/null": "", "shopt -s nullglob": "", "alias a=b": "", "set -x": "", "unset PWD": "", "unset 1A": "", "A=$(basename)": "", "A=$(basename a b c)": "", "A=$(dirname)": "", "PATH=/none; A=$(dirname a/b)": "", "PATH=$PATH:/x; A=$(dirname a/b)": "commands within", "unset PATH; A=$(cat settings/lib/text)": "", "PATH=/x; A=$(< settings/lib/text)": "a file", "A=$(dirname a b)": "", "A=$(cat)": "", "A=$(pwd a)": "", "set -- a": "", "set": "", "cd /": "", "pwd": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, "settings/e/0.sh"), []byte(program+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ours(t, dir, 0)
		switch {
		case construct == "" && err == nil:
			t.Errorf("%q is taken", program)
		case construct != "" && err != nil:
			t.Errorf("%q: %v", program, err)
		case !strings.Contains(docs.String(), construct):
			t.Errorf("%q: the docs have no %s", program, construct)
		}
	}
}
