package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// event is a line of `go test -json`; see `go doc test2json`.
type event struct{ Action, Package, Test, Output string }

func (e event) id() string { return e.Package + " " + e.Test }

// stream takes the events, prints what `go test` prints without -v, and collects what became of each test.
type stream struct {
	out     io.Writer
	output  map[string][]string // by id, until it is known what became of it
	order   map[string][]string // of a package: ids, as they began
	results results
}

func newStream(out io.Writer) *stream {
	return &stream{out: out, output: map[string][]string{}, order: map[string][]string{}, results: results{}}
}

func (s *stream) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		switch {
		case json.Unmarshal(line, &e) == nil:
			s.take(e)
		case len(line) > 0:
			fmt.Fprintf(s.out, "%s", line)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *stream) take(e event) {
	switch {
	case e.Action == "build-output":
		fmt.Fprint(s.out, e.Output)
	case e.Action == "output":
		s.output[e.id()] = append(s.output[e.id()], e.Output)
	case e.Test == "":
		s.takePackage(e)
	case e.Action == "run":
		s.order[e.Package] = append(s.order[e.Package], e.id())
	case e.Action == "pass":
		s.results[e.id()] = result{Tried: true}
		delete(s.output, e.id())
	case e.Action == "fail":
		s.results[e.id()] = result{Tried: true} // its output is kept until the package ends
	case e.Action == "skip":
		s.results[e.id()] = s.skipped(e)
		delete(s.output, e.id())
	}
}

// takePackage prints what there is to say when a package has ended: a line, or all that its failed tests had to say,
// and those that did not come to an end.
func (s *stream) takePackage(e event) {
	if e.Action != "pass" && e.Action != "fail" && e.Action != "skip" {
		return
	}
	for _, id := range append(s.order[e.Package], e.id()) {
		for _, line := range s.output[id] {
			ours := strings.HasPrefix(line, "=== ") || line == "PASS\n"
			if !ours && (e.Action == "fail" || strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "? ")) {
				fmt.Fprint(s.out, line)
			}
		}
		delete(s.output, id)
	}
	delete(s.order, e.Package)
}

// logged is a line by which a test says something: where, and what.
var logged = regexp.MustCompile(`^ *\w+\.go:\d+: (.*)\n$`)

// skipped finds the reason of a skip, which a test says last. One that has to do with oracles is left to the run that has them.
func (s *stream) skipped(e event) (r result) {
	for _, line := range s.output[e.id()] {
		if said := logged.FindStringSubmatch(line); said != nil {
			r.Reason = said[1]
		}
	}
	top, _, _ := strings.Cut(e.Test, "/")
	said := strings.Join(append(s.output[e.id()], s.output[e.Package+" "+top]...), "")
	r.Later = strings.Contains(said, "SPA_TEST_ORACLES")
	return r
}
