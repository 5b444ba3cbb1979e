package shellvars

import (
	"maps"
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// how a word is expanded.
type how int

const (
	assigned how = iota // the value of an assignment: one string, in which ~ is HOME
	declared            // the same after export, where a shell looks at braces too
	whole               // one string
	pattern             // one string, in which an unquoted * and ? match
	single              // an argument; what a shell would split or match is refused
	split               // an argument, split at blanks; what a shell would match is refused
	printed             // an argument that is only printed, or not even that
)

// segment is a piece of a word that has been expanded.
type segment struct {
	text   string
	quoted bool // neither split nor matched
	value  bool // of an expansion, so that it is split unless it is quoted
}

// expand expands the parts of a word, in order. Within ${X:-…}, operand is true.
func (s *session) expand(parts []syntax.WordPart, how how, inQuotes, operand bool) (segments []segment) {
	for i, part := range parts {
		var more []segment
		switch part := part.(type) {
		case *syntax.Lit:
			if operand && (strings.ContainsAny(part.Value, `\{`) || !inQuotes && strings.Contains(part.Value, "~")) {
				s.refuse(part, "\\, { or ~ within ${ }", "set the value itself")
			}
			if more = unescape(part.Value, inQuotes); !inQuotes {
				s.unquoted(part, more, how, i == 0, i == len(parts)-1)
			}
		case *syntax.SglQuoted:
			if more = []segment{{text: part.Value, quoted: true}}; part.Dollar || operand && inQuotes {
				s.refuse(part, "such a quote", "use \" or ' around the whole value")
			}
		case *syntax.DblQuoted:
			text := (&syntax.Word{Parts: part.Parts}).Lit() // bash 5.2 loses the z of "${X:-"$Y"z}"
			if part.Dollar || operand && inQuotes && (text == "" || len(parts) > 1) {
				s.refuse(part, "such quotes", `use " around the whole value alone`)
			}
			more = append(s.expand(part.Parts, how, true, operand && inQuotes), segment{quoted: true}) // "" is a field, too
		case *syntax.ParamExp:
			more = s.parameter(part, how, inQuotes)
		case *syntax.CmdSubst:
			more = []segment{{text: s.substitution(part), quoted: inQuotes, value: true}}
		case *syntax.ArithmExp:
			more = []segment{{text: s.arithmetic(part), quoted: inQuotes, value: true}}
		default:
			s.refuse(part, "such an expansion", "set the value itself")
		}
		s.spend(part, len(join(more)))
		segments = append(segments, more...)
	}
	return segments
}

// unquoted refuses text without quotes that a shell would expand otherwise than the
// list says, and puts HOME in place of ~ in an assignment.
func (s *session) unquoted(l *syntax.Lit, segments []segment, how how, first, last bool) {
	for n, seg := range segments {
		switch text := seg.text; {
		case seg.quoted || how == printed:
		case strings.ContainsAny(text, "“”‘’"):
			s.wrong(l, "there are typographic quotes, which quote nothing", `write " or '`)
		case how == split && strings.ContainsAny(text, "*?["), how == single && strings.ContainsAny(text, "*?"), how == pattern && strings.Contains(text, "["):
			s.refuse(l, "such a pattern", "quote it, or write what it stands for")
		case (how == declared || how == single || how == split) && strings.Contains(text, "{"):
			s.refuse(l, "{ without quotes", "quote it")
		case strings.Contains(text, "~"):
			segments[n].text = s.tildes(l, text, how, first && n == 0, last && n == len(segments)-1)
		}
	}
}

// A shell puts HOME in place of each ~ at the start of a value and after a colon, if
// it is alone there or before a slash.
var (
	home      = regexp.MustCompile(`(^|:)~`)
	otherHome = regexp.MustCompile(`(^|:)~[^:/]`)
)

func (s *session) tildes(l *syntax.Lit, text string, how how, starts, ends bool) string {
	switch {
	case text[0] == '~' && (how > declared || !starts), how <= declared && (otherHome.MatchString(text) || strings.HasSuffix(text, "~") && !ends):
		s.refuse(l, "such a ~", "use $HOME, or quote it")
	case how > declared || !home.MatchString(text):
		return text
	case !s.vars["HOME"].set:
		s.refuseValue(l, "a ~ without HOME", "use $HOME, or quote it")
	}
	s.spend(l, strings.Count(text, "~")*len(s.vars["HOME"].Value))
	return home.ReplaceAllStringFunc(text, func(found string) string { return strings.TrimSuffix(found, "~") + s.vars["HOME"].Value })
}

// unescape takes the backslashes out of a text; what one stood before is quoted.
func unescape(text string, inQuotes bool) (segments []segment) {
	for text != "" {
		i := strings.IndexByte(text, '\\')
		if i < 0 || i == len(text)-1 {
			i = len(text)
		}
		if i > 0 {
			segments = append(segments, segment{text: text[:i], quoted: inQuotes})
		}
		if text = text[i:]; text == "" {
			break
		}
		if from := 1; text[1] != '\n' { // the parser leaves some of the lines that are continued
			if inQuotes && !strings.ContainsRune("$`\"\\", rune(text[1])) {
				from = 0
			}
			segments = append(segments, segment{text: text[from:2], quoted: true})
		}
		text = text[2:]
	}
	return segments
}

func join(segments []segment) string {
	var b strings.Builder
	for _, seg := range segments {
		b.WriteString(seg.text)
	}
	return b.String()
}

func (s *session) value(w *syntax.Word, how how) string {
	if w == nil {
		return ""
	}
	return join(s.expand(w.Parts, how, false, false))
}

// fields expands words to the arguments of a command.
func (s *session) fields(words []*syntax.Word, how how) (fields []string) {
	for _, w := range words {
		var field strings.Builder
		open := false
		for _, seg := range s.expand(w.Parts, how, false, false) {
			if seg.quoted || !seg.value {
				field.WriteString(seg.text)
				open = open || seg.quoted || seg.text != ""
				continue
			}
			if how != printed && strings.ContainsAny(seg.text, "*?[") || how == single && strings.ContainsAny(seg.text, " \t\n") {
				s.refuseValue(w, "a value without quotes that holds blanks, *, ? or [", "put quotes around it")
			}
			for _, c := range []byte(seg.text) {
				if c != ' ' && c != '\t' && c != '\n' {
					field.WriteByte(c)
					open = true
				} else if open {
					fields = append(fields, field.String())
					field.Reset()
					open = false
				}
			}
		}
		if open {
			fields = append(fields, field.String())
		}
	}
	return fields
}

// substitution expands $( ): $(< file), or commands that are evaluated in a copy of
// the session.
func (s *session) substitution(c *syntax.CmdSubst) string {
	if c.Backquotes || c.TempFile || c.ReplyVar || len(c.Stmts) == 0 {
		s.refuse(c, "`…` in place of $( )", "write $( )")
	}
	inner := *s
	inner.vars, inner.options, inner.output = maps.Clone(s.vars), maps.Clone(s.options), &strings.Builder{}
	defer func() {
		s.problems, s.steps, s.bytes, s.failed = inner.problems, inner.steps, inner.bytes, inner.failed
	}()
	inner.failed = false
	first := c.Stmts[0]
	if first.Cmd == nil && len(c.Stmts) == 1 && len(first.Redirs) == 1 && first.Redirs[0].Op == syntax.RdrIn && first.Redirs[0].N == nil {
		inner.cat(call{node: first, name: "<", args: inner.fields([]*syntax.Word{first.Redirs[0].Word}, single)})
	} else {
		inner.list(c.Stmts, true)
	}
	return strings.TrimRight(inner.output.String(), "\n")
}
