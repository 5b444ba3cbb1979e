// Package globs has the patterns by which a project names files of its code.
// They are git's: * and ? and [a-z] stay in one folder, ** goes over folders.
// (.gitattributes files are matched by the same code, which a test holds
// against git itself.)
package globs

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// List are patterns of paths, relative to one folder, each well formed.
type List []string

// Parse reads patterns that commas or white space separate. Each is relative
// to the top, also where it has no slash: Makefile is not sub/Makefile, which
// **/Makefile is. A slash or ./ at its beginning, or a slash at its end, says
// nothing more. What other tools take and git does not, such as {a,b} and !a, is
// refused: it would match nothing, in silence.
func Parse(text string) (List, error) {
	var list List
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
		pattern, err := parse(word)
		if err != nil {
			return nil, fmt.Errorf("%q is no pattern of paths: %w", word, err)
		}
		list = append(list, pattern)
	}
	return list, nil
}

func parse(word string) (string, error) {
	switch {
	case strings.ContainsAny(word, "{}"):
		return "", errors.New("braces are not known, write one pattern for each")
	case strings.HasPrefix(word, "!"):
		return "", errors.New("there are no exceptions")
	}
	for element := range strings.SplitSeq(word, "/") {
		if element == ".." {
			return "", errors.New("it has .. in it, and is as seen from the top of the code")
		}
		if !wellFormed(element) {
			return "", errors.New("a [ is not closed in the same name, or \\ is at its end")
		}
	}
	pattern := strings.TrimPrefix(path.Clean("/"+word), "/")
	if pattern == "" {
		return "**", nil // the top: everything
	}
	return pattern, nil
}

func wellFormed(element string) bool {
	for i := 0; i < len(element); i++ {
		switch element[i] {
		case '\\':
			i++
			if i == len(element) {
				return false
			}
		case '[':
			end, _ := class(element, i, 'x')
			if end < 0 {
				return false
			}
			i = end
		}
	}
	return true
}

// Match gives the pattern that matches a path or a folder above it: what is in a
// folder that was named was named too.
func (l List) Match(name string) (pattern string, ok bool) {
	for ; name != "." && name != "/" && name != ""; name = path.Dir(name) {
		for _, p := range l {
			if Wildmatch(p, name, true) {
				return p, true
			}
		}
	}
	return "", false
}

// MatchAllIn gives the pattern that matches whatever may be in a folder: one
// that matches the folder, or that and /**.
func (l List) MatchAllIn(folder string) (pattern string, ok bool) {
	if p, ok := l.Match(folder); ok {
		return p, true
	}
	for _, p := range l {
		if above, ok := strings.CutSuffix(p, "/**"); ok && Wildmatch(above, folder, true) {
			return p, true
		}
	}
	return "", false
}

// MatchSomeIn gives a pattern that could match something in a folder, if it had
// that: whoever replaces the folder decides about it.
func (l List) MatchSomeIn(folder string) (pattern string, ok bool) {
	if p, ok := l.Match(folder); ok {
		return p, true
	}
	i := slices.IndexFunc(l, func(p string) bool {
		return reachesInto(strings.Split(p, "/"), strings.Split(folder, "/"))
	})
	if i < 0 {
		return "", false
	}
	return l[i], true
}

func reachesInto(pattern, folder []string) bool {
	for i, name := range folder {
		switch {
		case i == len(pattern)-1 && pattern[i] != "**":
			return false // it ends here: nothing of it is left for what is below
		case pattern[i] == "**":
			return true
		case !Wildmatch(pattern[i], name, true):
			return false
		}
	}
	return true
}

func (l List) String() string { return strings.Join(l, " ") }
