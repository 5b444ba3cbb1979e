package spa_test

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors has the packages of the module, each floor above those that it may import:
// arrows lead down. A package that is on no floor fails the test.
var floors = [][]string{
	{
		"internal/demo", "internal/globs", "internal/guard", "internal/hostfault", "internal/lazyregexp", "internal/rooted",
		"internal/shellnames", "internal/shellparse", "internal/typos", "internal/workfolder",
	},
	{
		"internal/awsname", "internal/doctor", "internal/environments", "internal/fault", "internal/gitsign", "internal/loopback", "internal/manifest",
		"internal/redact", "internal/retry", "internal/secretname", "internal/shellvars",
	},
	{"internal/codecommit", "internal/gitclone", "internal/logs"},
	{"internal/identity", "internal/record", "pipeline"},
	{"internal/report", "steps"},
	{"internal/config"},
	{"cmd/spa-runner", "cmd/spa-trigger"},
}

// support is what only tests import, or what is a program of its own.
var support = []string{"infra/cfn", "infra/iam", "internal/logs/screen", "internal/oracle", "internal/testrun"}

func TestArrowsLeadDown(t *testing.T) {
	floorOf := map[string]int{}
	for n, floor := range floors {
		for _, name := range floor {
			floorOf[name] = n
		}
	}
	there := map[string]bool{}
	for _, s := range sources(t) {
		from := filepath.ToSlash(filepath.Dir(s.path))
		if from == "." || from == "tools" || strings.HasPrefix(from, "tools/") || slices.Contains(support, from) {
			continue // in no product
		}
		there[from] = true
		floor, known := floorOf[from]
		if !known {
			t.Errorf("%s is on no floor", from)
			continue
		}
		for _, i := range s.ast.Imports {
			path, _ := strconv.Unquote(i.Path.Value)
			to, ours := strings.CutPrefix(path, "spa-runner/")
			if !ours {
				continue
			}
			if below, known := floorOf[to]; !known || below >= floor {
				t.Errorf("%s imports %s, which is not below it", s.path, to)
			}
		}
	}
	for name := range floorOf {
		if !there[name] {
			t.Errorf("%s is on a floor, and is no package", name)
		}
	}
}

// What no level says: who reads the plan need not know who else could hold an identity.
func TestWhoKnowsWhom(t *testing.T) {
	for _, s := range sources(t) {
		switch {
		case s.within("pipeline") && (s.imports("spa-runner/internal/identity") || s.imports("spa-runner/internal/gitclone")):
			t.Errorf("%s knows where credentials or code come from", s.path)
		case s.within("internal/identity") && s.imports("spa-runner/pipeline"):
			t.Errorf("%s knows what holds an identity", s.path)
		}
	}
}
