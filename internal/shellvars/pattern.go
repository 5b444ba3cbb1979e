package shellvars

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// pattern expands a word to a regular expression: * and ? that are not quoted match.
// value is what it is going to be matched with, and %s in shape stands for it. Within
// ${X#…}, operand is true.
func (s *session) pattern(w *syntax.Word, operand bool, value, shape string) *regexp.Regexp {
	expression, length := "", 0
	for _, seg := range s.expand(w.Parts, pattern, false, operand) {
		if seg.value && !seg.quoted && strings.ContainsAny(seg.text, `[\(`) {
			s.refuseValue(w, "a value without quotes that holds [, ( or \\ in a pattern", "put quotes around it")
		}
		if !seg.quoted && strings.Contains(seg.text, "?") && strings.ContainsFunc(value, notASCII) {
			s.refuseValue(w, "? and a value that is not all ASCII", "use *")
		}
		text := regexp.QuoteMeta(seg.text)
		if !seg.quoted {
			text = strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(text)
		}
		length += len(seg.text)
		expression += text
	}
	s.steps += length * len(value) / 128 // the time that matching takes at most
	s.spend(w, 0)
	found, err := regexp.Compile("(?s)" + fmt.Sprintf(shape, expression))
	if err != nil {
		s.refuseValue(w, "a pattern that is too long, or no text", "write it more simply")
	}
	return found
}

func notASCII(r rune) bool { return r >= utf8.RuneSelf }

// matches says whether a pattern matches all of a value.
func (s *session) matches(w *syntax.Word, value string) bool {
	return s.pattern(w, false, value, "^(?:%s)$").MatchString(value)
}
