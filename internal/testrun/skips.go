package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
)

// skipsFile lists the tests that may skip themselves in CI.
const skipsFile = "testdata/skips.txt"

// module is what the packages of this module begin with.
const module = "spa-runner/"

// result is what became of a test.
type result struct {
	Tried  bool
	Reason string // why it was not tried
	Later  bool   // the run with SPA_TEST_ORACLES=1 tries it
}

// results are by package and test, with a space between.
type results map[string]result

// keep leaves a whole file, also for another run that reads it now.
func (rs results) keep(file string) error {
	content, err := json.Marshal(rs)
	if err != nil {
		return err
	}
	part := fmt.Sprintf("%s.%d", file, os.Getpid())
	return errors.Join(os.WriteFile(part, content, 0o666), os.Rename(part, file))
}

// add takes the results of the run before, if there was one, whose file is then used up.
func (rs results) add(file string) error {
	content, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil
	}
	var before results
	if err == nil {
		err = json.Unmarshal(content, &before)
	}
	if err != nil {
		return err
	}
	for id, b := range before {
		if _, here := rs[id]; b.Tried || !here {
			rs[id] = b
		}
	}
	if err := os.Remove(file); !os.IsNotExist(err) {
		return err
	}
	return nil // another run was quicker
}

func (rs results) notTried() (ids []string) {
	for _, id := range slices.Sorted(maps.Keys(rs)) {
		if !rs[id].Tried {
			ids = append(ids, id)
		}
	}
	return ids
}

// leaveNothing says that there is no later run.
func (rs results) leaveNothing() {
	for id, r := range rs {
		r.Later = false
		rs[id] = r
	}
}

// report names what was not tried.
func (rs results) report(out io.Writer, known []skip) {
	not, later := 0, 0
	for _, id := range rs.notTried() {
		if rs[id].Later {
			later++
			continue
		}
		not++
		listed := ""
		if find(known, id) < 0 {
			listed = " (not in " + skipsFile + ")"
		}
		fmt.Fprintf(out, "not tried: %s: %s%s\n", strings.TrimPrefix(id, module), rs[id].Reason, listed)
	}
	fmt.Fprintf(out, "of %d tests, those in tables counted, %d were not tried", len(rs), not)
	if later > 0 {
		fmt.Fprintf(out, ", and %d are left to make check", later)
	}
	fmt.Fprintln(out)
}

// unlisted are the tests that skipped themselves and may not.
func (rs results) unlisted(known []skip) (list []string) {
	for _, id := range rs.notTried() {
		if !rs[id].Later && find(known, id) < 0 {
			list = append(list, fmt.Sprintf("%s skipped itself, which %s does not list: %s", id, skipsFile, rs[id].Reason))
		}
	}
	return list
}

// stale are the lines of the list that name no test.
func (rs results) stale(known []skip) (list []string) {
	for _, k := range known {
		if rs.lacks(k) {
			list = append(list, fmt.Sprintf("%s lists %s %s, and there is no such test", skipsFile, k.pkg, k.test))
		}
	}
	return list
}

// broken are the promised tests that were not tried.
func (rs results) broken(promised []string) (list []string) {
	for _, name := range promised {
		tried := false
		for id, r := range rs {
			tried = tried || strings.HasSuffix(id, " "+name) && (r.Tried || r.Later)
		}
		if !tried {
			list = append(list, "SECURITY.md names "+name+", which was not tried")
		}
	}
	return list
}

// lacks says whether the package of a line was tested, and had no such test. What a test that skipped itself would have
// in its table is not known.
func (rs results) lacks(k skip) bool {
	tested := false
	top, _, _ := strings.Cut(k.test, "/")
	for id, r := range rs {
		pkg, test, _ := strings.Cut(id, " ")
		if short(pkg) != k.pkg {
			continue
		}
		tested = true
		if k.names(id) || test == top && !r.Tried {
			return false
		}
	}
	return tested
}

// skip is a line of the list.
type skip struct{ pkg, test string }

// short is how the list names a package.
func short(pkg string) string {
	if pkg+"/" == module {
		return "."
	}
	return strings.TrimPrefix(pkg, module)
}

func (k skip) names(id string) bool {
	pkg, test, _ := strings.Cut(id, " ")
	same, err := path.Match(k.test, test)
	return err == nil && same && short(pkg) == k.pkg
}

func find(known []skip, id string) int {
	return slices.IndexFunc(known, func(k skip) bool { return k.names(id) })
}

// readSkips reads lines of a package, a test, and the reason why it may skip itself in CI.
func readSkips(file string) (known []skip, err error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for i, line := range strings.Split(string(content), "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) < 3 {
			return nil, fmt.Errorf("%s:%d: want a package, a test, and a reason", file, i+1)
		}
		if _, err := path.Match(fields[1], ""); err != nil {
			return nil, fmt.Errorf("%s:%d: %q: %w", file, i+1, fields[1], err)
		}
		known = append(known, skip{pkg: fields[0], test: fields[1]})
	}
	return known, nil
}

var promise = regexp.MustCompile("`((?:Test|Fuzz)\\w+)`( in `make test-long`| where )?")

// readPromised reads which tests hold what SECURITY.md says: those of which it says that they need long, or the others.
// Those of which it says where they hold it are neither: that is not everywhere.
func readPromised(file string, long bool) (names []string, err error) {
	content, err := os.ReadFile(file)
	for _, found := range promise.FindAllStringSubmatch(string(content), -1) {
		if found[2] != " where " && (found[2] != "") == long && !slices.Contains(names, found[1]) {
			names = append(names, found[1])
		}
	}
	return names, err
}
