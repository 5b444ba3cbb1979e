package gitclone

import (
	"context"
	"fmt"
	"path"
	"strings"

	"spa-runner/internal/globs"
)

// The values of an attribute that are not strings of the file: git has three
// more states, told apart here by a byte that no value can begin with.
const (
	isSet       = "\x00set"
	isUnset     = "\x00unset"
	unspecified = "\x00unspecified"
)

// assignment gives an attribute a value.
type assignment struct{ name, value string }

// rule is a line of a .gitattributes file.
type rule struct {
	pattern  string
	basename bool // the pattern has no slash: it is matched against the last element
	gives    []assignment
}

// scope holds the rules for the files of a folder: those of its own
// .gitattributes and, through outer, those of the folders above.
// https://git-scm.com/docs/gitattributes
type scope struct {
	outer  *scope
	dir    string // "" at the top, else with a slash at its end
	rules  []rule
	macros map[string][]assignment // of the file at the top; shared by all scopes below
	count  int                     // of patterns and assignments, with those of outer
}

const (
	// maxAttributesLine is where git stops reading a line as a rule.
	maxAttributesLine = 2048
	// maxRules bounds the patterns and assignments for one file: each file is
	// compared with each of them.
	maxRules = 100_000
)

func newScope() *scope {
	return &scope{macros: map[string][]assignment{
		"binary": {{"diff", isUnset}, {"merge", isUnset}, {"text", isUnset}},
	}}
}

// enter is the scope of a folder with a .gitattributes file.
func (s *scope) enter(dir, file string) (*scope, error) {
	inner := &scope{outer: s, dir: dir, macros: s.macros, count: s.count}
	file, _, _ = strings.Cut(strings.TrimPrefix(file, "\ufeff"), "\x00")
	for line := range strings.SplitSeq(file, "\n") {
		if inner.add(line); inner.count > maxRules {
			return nil, fmt.Errorf("with those above it, it has more than %d patterns and attributes, which is refused", maxRules)
		}
	}
	return inner, nil
}

const blanks = " \t\r\n"

func (s *scope) add(line string) {
	line = strings.TrimLeft(line, blanks)
	if line == "" || line[0] == '#' || len(line) >= maxAttributesLine {
		return
	}
	pattern, rest, quoted := unquote(line)
	if !quoted {
		pattern = line
		if end := strings.IndexAny(line, blanks); end >= 0 {
			pattern, rest = line[:end], line[end:]
		}
	}
	var gives []assignment
	for word := range strings.FieldsFuncSeq(rest, func(r rune) bool { return strings.ContainsRune(blanks, r) }) {
		a, ok := parseAssignment(word)
		if !ok {
			return // git ignores the whole line too
		}
		gives = append(gives, a)
	}
	s.count += 1 + len(gives)
	if name, ok := strings.CutPrefix(pattern, "[attr]"); ok && name != "" {
		if s.dir == "" && validName(name) {
			s.macros[name] = gives
		}
		return
	}
	if strings.HasPrefix(pattern, "!") || strings.HasSuffix(pattern, "/") {
		return // negation is not allowed, and a rule for a folder matches no file
	}
	s.rules = append(s.rules, rule{
		pattern:  strings.TrimPrefix(pattern, "/"),
		basename: !strings.Contains(pattern, "/"),
		gives:    gives,
	})
}

func parseAssignment(word string) (assignment, bool) {
	name, value, hasValue := strings.Cut(word, "=")
	switch {
	case strings.HasPrefix(name, "-"):
		name, value = name[1:], isUnset
	case strings.HasPrefix(name, "!"):
		name, value = name[1:], unspecified
	case !hasValue:
		value = isSet
	}
	return assignment{name, value}, validName(name)
}

func validName(name string) bool {
	const letters = "-._0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return name != "" && name[0] != '-' && strings.Trim(name, letters) == ""
}

// unquote takes a pattern in double quotes from the beginning of a line.
func unquote(line string) (pattern, rest string, ok bool) {
	if line[0] != '"' {
		return "", "", false
	}
	var out strings.Builder
	for i := 1; i < len(line); i++ {
		switch c := line[i]; c {
		case '"':
			return out.String(), line[i+1:], true
		case '\\':
			i++
			if i == len(line) {
				return "", "", false
			}
			if n := strings.IndexByte(`abfnrtv\"`, line[i]); n >= 0 {
				out.WriteByte("\a\b\f\n\r\t\v\\\""[n])
			} else if i+2 < len(line) && line[i] >= '0' && line[i] <= '3' && isOctal(line[i+1]) && isOctal(line[i+2]) {
				out.WriteByte((line[i]-'0')<<6 | (line[i+1]-'0')<<3 | (line[i+2] - '0'))
				i += 2
			} else {
				return "", "", false
			}
		default:
			out.WriteByte(c)
		}
	}
	return "", "", false
}

func isOctal(c byte) bool { return c >= '0' && c <= '7' }

// attributes of a file, by its path from the top. The first rule to speak of an
// attribute wins, looked for from the innermost file outwards and from the last
// line of each upwards; a macro speaks where it is set.
func (s *scope) attributes(ctx context.Context, file string) (map[string]string, error) {
	found := map[string]string{}
	for in := s; in != nil; in = in.outer {
		for i := len(in.rules) - 1; i >= 0; i-- {
			if i%64 == 63 && ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if in.rules[i].matches(strings.TrimPrefix(file, in.dir)) {
				s.apply(in.rules[i].gives, found)
			}
		}
	}
	return found, nil
}

func (s *scope) apply(gives []assignment, found map[string]string) {
	for i := len(gives) - 1; i >= 0; i-- {
		a := gives[i]
		if _, ok := found[a.name]; ok {
			continue
		}
		found[a.name] = a.value
		if a.value == isSet {
			s.apply(s.macros[a.name], found)
		}
	}
}

func (r *rule) matches(file string) bool {
	if r.basename {
		return globs.Wildmatch(r.pattern, path.Base(file), false)
	}
	// git compares what precedes the first wildcard byte by byte and matches the
	// rest on its own, so that ** is a ** also where that is not at a slash.
	literal := strings.IndexAny(r.pattern, `*?[\`)
	if literal < 0 {
		return r.pattern == file
	}
	return strings.HasPrefix(file, r.pattern[:literal]) && globs.Wildmatch(r.pattern[literal:], file[literal:], true)
}
