// Command mutants changes the code in one place at a time and runs the tests: what survives is a promise that no test
// holds. The files of the work tree are only read.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Whose tests may kill a mutant of a package, besides its own, which run first.
var others = []struct {
	pkg   string
	tests []string
}{
	{"./internal/retry", []string{"./steps"}},
	{"./internal/gitclone", []string{"./steps"}},
	{"./internal/shellvars", []string{"./steps"}},
	{"./pipeline", []string{"./steps", "./cmd/spa-runner"}},
	{"./steps", []string{"./cmd/spa-runner"}},
	{"./cmd/spa-runner", nil},
}

type options struct {
	packages, files, accepted string
	n                         int
	seed                      uint64
	list                      bool
	module
}

func main() {
	var known []string
	for _, row := range others {
		known = append(known, row.pkg)
	}
	var o options
	flag.StringVar(&o.packages, "packages", strings.Join(known, ","), "packages to change, separated by commas")
	flag.StringVar(&o.files, "files", "", "change only files with one of these names, separated by commas")
	flag.StringVar(&o.accepted, "accepted", "tools/mutants/accepted.txt", "survivors that are accepted, each with a reason")
	flag.IntVar(&o.n, "n", 20, "mutants for each package")
	flag.Uint64Var(&o.seed, "seed", 1, "another seed takes other mutants")
	flag.BoolVar(&o.list, "list", false, "list what mutants there are, and run nothing")
	flag.StringVar(&o.only, "run", "", "run only the tests with these names, as go test does, which is quick; what survives may be killed by others")
	flag.DurationVar(&o.timeout, "timeout", 10*time.Minute, "tests that take longer have failed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	escaped, err := run(ctx, o)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	case escaped > 0:
		os.Exit(1)
	}
}

// run tries the mutants of each package and tells how many survived without a reason.
func run(ctx context.Context, o options) (escaped int, err error) {
	accepted, err := readAccepted(o.accepted)
	if err != nil {
		return 0, err
	}
	if o.root, err = filepath.Abs("."); err != nil {
		return 0, err
	}
	if o.temp, err = os.MkdirTemp("", "mutants"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(o.temp)
	o.green = map[string]bool{}
	var totals []string
	for _, pkg := range strings.Split(o.packages, ",") {
		total, n, err := o.ofPackage(ctx, pkg, accepted)
		if err != nil {
			return escaped, err
		}
		escaped += n
		totals = append(totals, total)
	}
	fmt.Print(strings.Join(totals, ""))
	return escaped, nil
}

func (o options) ofPackage(ctx context.Context, pkg string, accepted map[string]string) (total string, escaped int, err error) {
	all, err := o.module.list(ctx, pkg)
	if err != nil {
		return "", 0, err
	}
	for name := range accepted {
		file, _, _ := strings.Cut(name, " ")
		if path.Dir(file) == path.Clean(pkg) && !slices.ContainsFunc(all, func(m mutant) bool { return m.String() == name }) {
			return "", 0, fmt.Errorf("%s: there is no such mutant any more, take it off the list: %s", o.accepted, name)
		}
	}
	if o.files != "" {
		names := strings.Split(o.files, ",")
		all = slices.DeleteFunc(all, func(m mutant) bool { return !slices.Contains(names, filepath.Base(m.file)) })
	}
	if o.list {
		for _, m := range all {
			fmt.Printf("%d\t%s\n", m.line, m)
		}
		return "", 0, nil
	}
	tests := []string{pkg}
	for _, row := range others {
		if row.pkg == pkg {
			tests = append(tests, row.tests...)
		}
	}
	count := map[verdict]int{}
	excused := 0
	for _, slot := range spread(all, o.n, o.seed) {
		for _, m := range slot {
			got, err := o.try(ctx, m, pkg, tests)
			if err != nil {
				return "", escaped, err
			}
			if got == broken {
				continue
			}
			count[got]++
			why := accepted[m.String()]
			switch {
			case got == survived && why != "":
				excused++
				fmt.Printf("accepted: %s (line %d): %s\n", m, m.line, why)
			case got == survived:
				escaped++
				fallthrough
			default:
				fmt.Printf("%s: %s (line %d)\n", got, m, m.line)
			}
			break
		}
	}
	return fmt.Sprintf("%s: %d of %d killed, %d accepted\n", pkg, count[killed], count[killed]+count[survived], excused), escaped, nil
}
