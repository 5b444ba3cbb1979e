// Command release proves that a commit can be released, and pins the last release
// where people pin it; `make release-check` and `make pin` run it.
//
//	release [-skip check,vuln] check
//	release pin
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], ".", os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, dir string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	skip := flags.String("skip", "", "parts to leave out: check, vuln, or both with a comma")
	if err := flags.Parse(args); err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "spa-runner-release-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	r := repository{dir: dir, temp: temp, out: out}
	left := strings.FieldsFunc(*skip, func(r rune) bool { return r == ',' || r == ' ' })
	for _, name := range left {
		if name != "check" && name != "vuln" {
			return fmt.Errorf("-skip knows check and vuln, and not %q", name)
		}
	}
	switch {
	case flags.NArg() == 1 && flags.Arg(0) == "check":
		return r.check(ctx, left)
	case flags.NArg() == 1 && flags.Arg(0) == "pin" && len(left) == 0:
		return r.pin(ctx)
	}
	return errors.New("usage: release [-skip check,vuln] check, or release pin")
}

// part is a part of what a release must pass.
type part struct {
	name, says string // says what has been proved when it passes
	run        func(context.Context) error
	// needs is a part without which this one says nothing.
	needs string
}

func (r repository) parts() []part {
	target := func(name string) func(context.Context) error {
		return func(ctx context.Context) error { return r.make(ctx, r.dir, nil, name) }
	}
	return []part{
		{name: "clean", says: "nothing here but what is committed", run: r.clean},
		{name: "check", says: "`make check`", run: target("check"), needs: "clean"},
		{name: "vuln", says: "no known vulnerability, today", run: target("vuln"), needs: "clean"},
		{name: "builds", says: "two builds in different folders, time zones, umasks, GOFLAGS and caches are the same bits", run: r.builds, needs: "clean"},
		{name: "sums", says: "SHA256SUMS has every file", run: r.sums, needs: "builds"},
		{name: "bills", says: "each program has a valid bill of materials, with its modules and no others", run: r.bills, needs: "builds"},
		{name: "programs", says: "static, small enough, built from this commit, and they say so", run: r.programs, needs: "builds"},
		{name: "pins", says: "what is pinned is the release before this one, built again", run: r.pins, needs: "clean"},
	}
}

// check runs all parts, also after one that failed. The last line says of each what
// became of it: what was left out or could not be asked has not passed.
func (r repository) check(ctx context.Context, skip []string) error {
	version, err := r.git(ctx, "describe", "--tags", "--always", "--dirty")
	if err != nil {
		return err
	}
	var proved, failed, not []string
	for _, p := range r.parts() {
		switch {
		case ctx.Err() != nil:
			not = append(not, p.name+" (interrupted)")
		case slices.Contains(skip, p.name):
			not = append(not, p.name+" (left out, as asked)")
		case p.needs != "" && !slices.Contains(proved, p.needs):
			not = append(not, p.name+" (needs "+p.needs+")")
		default:
			fmt.Fprintf(r.out, "release-check: %s\n", p.name)
			err := p.run(ctx)
			if ctx.Err() != nil { // what a part says then is about the interruption
				not = append(not, p.name+" (interrupted)")
				continue
			}
			if err != nil {
				fmt.Fprintf(r.out, "release-check: %s FAILED: %v\n", p.name, err)
				failed = append(failed, p.name)
				continue
			}
			fmt.Fprintf(r.out, "release-check: %s passed: %s\n", p.name, p.says)
			proved = append(proved, p.name)
		}
	}
	not = append(not, otherArch()+" was not run on this machine")
	line := fmt.Sprintf("of %s proved: %s; NOT proved: %s", version, list(proved), list(not))
	switch {
	case ctx.Err() != nil && len(failed) == 0:
		return fmt.Errorf("release-check: NOT PASSED, interrupted; %s", line)
	case len(failed) > 0:
		return fmt.Errorf("release-check: NOT PASSED, %s FAILED; %s", list(failed), line)
	}
	fmt.Fprintf(r.out, "release-check: passed, and is in dist/; %s\n", line)
	return nil
}

func list(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
