package shellvars

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

const (
	maxFile = 1 << 20 // bytes of one script
	maxCode = 4 << 20 // bytes of all files and evaluated strings together
	// maxFrames bounds the Go stack, since the parser and the interpreter
	// recurse with the script and a Go stack overflow cannot be recovered
	// from. A shell function takes 8 frames, in the middle of other things 25.
	maxFrames = 15_000
)

// codeSet holds every piece of shell code that has been loaded, side by side
// in one space of offsets, as go/token.FileSet does: the interpreter hands its
// handlers a position but not the file it is in. Each piece is given to the
// interpreter with as many blanks in front as make its offsets those.
type codeSet struct {
	sources []*source
	next    int
}

// source is a file, or a string given to eval or trap.
type source struct {
	name  string // of the file, for messages
	line  int    // for a string, the line that evaluates it; 0 for a file
	index int
	base  int
	given string // as it was read
	text  string // as it runs: see unescape
	facts facts
}

// token stands for the source in a `.` command. No file can have this name.
func (src *source) token() string { return tokenPrefix + strconv.Itoa(src.index) }

const tokenPrefix = "/\x00"

func (src *source) padded() string { return strings.Repeat(" ", src.base) + src.text }

// at returns the file and line of an offset.
func (c *codeSet) at(off int) Problem {
	src := c.find(off)
	if src == nil {
		return Problem{}
	}
	if src.line > 0 {
		return Problem{File: src.name, Line: src.line}
	}
	n := min(max(off-src.base, 0), len(src.text))
	return Problem{File: src.name, Line: 1 + strings.Count(src.text[:n], "\n")}
}

func (c *codeSet) find(off int) *source {
	var found *source
	for _, src := range c.sources {
		if src.base <= off {
			found = src
		}
	}
	return found
}

// loadMain loads the file that Source was asked for.
func (s *session) loadMain() *source {
	at := Problem{File: s.opts.File}
	text, _, why := s.readScript(s.opts.File, "")
	if why != "" {
		s.add(at, why, "")
		return nil
	}
	return s.load(at, text)
}

// load parses and inspects a piece of code. Problems are recorded; nil means
// that it cannot be run. at.Line is 0 for a file.
func (s *session) load(at Problem, text string) *source {
	for _, src := range s.code.sources {
		if src.name == at.File && src.line == at.Line && src.given == text {
			return src // a loop that sources or evaluates the same again
		}
	}
	if s.code.next+len(text) > maxCode || len(s.code.sources) >= 1000 {
		s.add(at, "this evaluates too much shell code", "write it more simply")
		s.cancel()
		return nil
	}
	file, err := parse(text)
	if err != nil {
		s.syntaxProblem(at, err)
		return nil
	}
	src := &source{name: at.File, line: at.Line, index: len(s.code.sources), base: s.code.next, given: text, text: unescape(text, file)}
	if src.text != text {
		if file, err = parse(src.text); err != nil {
			s.syntaxProblem(at, err)
			return nil
		}
	}
	s.code.next += len(src.text) + 1
	s.code.sources = append(s.code.sources, src)
	before := len(s.problems)
	s.inspect(src, file)
	if len(s.problems) > before {
		return nil
	}
	return src
}

func parse(text string) (*syntax.File, error) {
	return syntax.NewParser().Parse(&shallow{r: strings.NewReader(text)}, "")
}

func (s *session) syntaxProblem(at Problem, err error) {
	var parse syntax.ParseError
	var lang syntax.LangError
	pos, text := syntax.Pos{}, "cannot be parsed"
	switch {
	case errors.Is(err, errTooDeep):
		s.add(at, errTooDeep.Error(), "write it more simply")
		return
	case errors.As(err, &parse):
		pos, text = parse.Pos, unquoted(parse.Text)
	case errors.As(err, &lang):
		pos, text = lang.Pos, unquoted(lang.Feature)+" are not bash"
	}
	if at.Line == 0 {
		at.Line, at.Col = int(pos.Line()), int(pos.Col())
		s.add(at, "syntax error: "+text, "")
		return
	}
	s.add(at, "syntax error in the string that is evaluated here: "+text, "")
}

var quoted = regexp.MustCompile("`[^`]*`" + `|"[^"]*"`)

// unquoted takes out of a message of the parser what it quotes from the
// script, which may be a secret, unless it is a keyword or an operator.
func unquoted(text string) string {
	return quoted.ReplaceAllStringFunc(text, func(q string) string {
		word := q[1 : len(q)-1]
		if syntax.IsKeyword(word) || !strings.ContainsFunc(word, func(r rune) bool { return r >= '0' && r <= '9' || r >= 'A' }) {
			return q
		}
		switch word {
		case "EOF", "for", "foo(", "case", "x in", "in", "do", "done", "then", "fi", "esac":
			return q
		}
		return "…"
	})
}

// clean makes a file's bytes what a Linux shell expects, or says why not.
func clean(b []byte) (text, why string) {
	switch {
	case len(b) > maxFile:
		return "", "the file is larger than 1 MiB"
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}), bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		return "", "the file is UTF-16: save it as UTF-8"
	case bytes.IndexByte(b, 0) >= 0:
		return "", "the file holds NUL bytes: it is not text, or UTF-16; save it as UTF-8"
	}
	// A byte order mark would become part of the first word.
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	return strings.ReplaceAll(string(b), "\r\n", "\n"), ""
}

var errTooDeep = errors.New("this nests or recurses too deeply")

// tooDeep reports whether the Go stack holds more than maxFrames.
func tooDeep() bool {
	var pc [1]uintptr
	return runtime.Callers(maxFrames, pc[:]) > 0
}

// shallow is a reader that fails when the parser, which reads from deep inside
// its recursion and in small pieces, has gone too deep.
type shallow struct{ r io.Reader }

func (r *shallow) Read(p []byte) (int, error) {
	if tooDeep() {
		return 0, errTooDeep
	}
	return r.r.Read(p[:min(len(p), 1024)])
}
