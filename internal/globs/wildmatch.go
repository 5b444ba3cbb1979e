package globs

import "strings"

// The outcomes of wild. The last two end searches that cannot succeed any more,
// without which a pattern of many stars would take exponential time.
const (
	matches = iota
	differs
	textUsedUp
	beyondSlash
)

// Wildmatch matches text as gitattributes(5) does: like fnmatch(3), and if
// paths, no wildcard but ** matches a slash. A pattern that is not well formed
// matches nothing.
func Wildmatch(pattern, text string, paths bool) bool {
	m := matcher{paths: paths}
	return m.wild(pattern, text) == matches
}

// matcher matches one text with one pattern.
type matcher struct {
	paths bool
	// failed has the outcomes of **/ that are known, by what was left of the pattern
	// and of the text: a/**/b matches a/b too, so that each **/ is tried in two
	// ways, which for many of them would take exponential time.
	failed map[[2]int]int
}

func (m *matcher) wild(p, t string) int {
	for i := 0; i < len(p); i++ {
		if t == "" && p[i] != '*' {
			return textUsedUp
		}
		switch p[i] {
		case '*':
			return m.star(p, i, t)
		case '?':
			if m.paths && t[0] == '/' {
				return differs
			}
		case '[':
			end, in := class(p, i, t[0])
			if end < 0 {
				return textUsedUp
			}
			if !in || m.paths && t[0] == '/' {
				return differs
			}
			i = end
		case '\\':
			i++
			if i == len(p) || p[i] != t[0] {
				return differs
			}
		default:
			if p[i] != t[0] {
				return differs
			}
		}
		t = t[1:]
	}
	if t != "" {
		return differs
	}
	return matches
}

// star matches from p[i], the first of one or more stars.
func (m *matcher) star(p string, i int, t string) int {
	start := i
	for i < len(p) && p[i] == '*' {
		i++
	}
	rest := p[i:]
	slashes := !m.paths
	if m.paths && i-start > 1 && (start == 0 || p[start-1] == '/') &&
		(rest == "" || rest[0] == '/' || strings.HasPrefix(rest, `\/`)) {
		if strings.HasPrefix(rest, "/") {
			return m.folders(rest, t)
		}
		slashes = true
	}
	return m.rest(rest, t, slashes)
}

// folders matches what follows **, which begins with a slash: with or without that.
func (m *matcher) folders(rest, t string) int {
	at := [2]int{len(rest), len(t)}
	if outcome, known := m.failed[at]; known {
		return outcome
	}
	if m.wild(rest[1:], t) == matches {
		return matches
	}
	outcome := m.rest(rest, t, true)
	if m.failed == nil {
		m.failed = map[[2]int]int{}
	}
	m.failed[at] = outcome
	return outcome
}

// rest matches what follows stars, that may stand for slashes or not.
func (m *matcher) rest(rest, t string, slashes bool) int {
	switch {
	case rest == "" && (slashes || !strings.Contains(t, "/")):
		return matches
	case rest == "":
		return differs
	case !slashes && rest[0] == '/':
		slash := strings.IndexByte(t, '/')
		if slash < 0 {
			return differs
		}
		return m.wild(rest[1:], t[slash+1:])
	}
	for ; t != ""; t = t[1:] {
		got := m.wild(rest, t)
		if got != differs && (!slashes || got != beyondSlash) {
			return got
		}
		if got == differs && !slashes && t[0] == '/' {
			return beyondSlash
		}
	}
	return textUsedUp
}

// class tells whether c is in the bracket expression at p[i], and where that ends;
// -1 if it does not.
func class(p string, i int, c byte) (end int, in bool) {
	at := func(i int) byte {
		if i < len(p) {
			return p[i]
		}
		return 0
	}
	i++
	negated := at(i) == '!' || at(i) == '^'
	if negated {
		i++
	}
	var previous byte
	for first := true; first || at(i) != ']'; first, i = false, i+1 {
		ch := at(i)
		if ch == 0 {
			return -1, false
		}
		switch {
		case ch == '-' && previous != 0 && at(i+1) != 0 && at(i+1) != ']':
			i++
			if at(i) == '\\' {
				i++
			}
			if at(i) == 0 {
				return -1, false
			}
			in = in || previous <= c && c <= at(i)
			previous = 0
			continue
		case ch == '[' && at(i+1) == ':':
			name, _, closed := strings.Cut(p[i+2:], "]")
			if !closed {
				return -1, false
			}
			if strings.HasSuffix(name, ":") {
				known, member := posixClass(strings.TrimSuffix(name, ":"), c)
				if !known {
					return -1, false
				}
				in = in || member
				i += 2 + len(name)
				previous = 0
				continue
			}
			in = in || c == '['
		case ch == '\\':
			i++
			if ch = at(i); ch == 0 {
				return -1, false
			}
			in = in || c == ch
		default:
			in = in || c == ch
		}
		previous = ch
	}
	return i, in != negated
}

func posixClass(name string, c byte) (known, member bool) {
	lower, upper, digit := 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9'
	graph := '!' <= c && c <= '~'
	member, known = map[string]bool{
		"alnum":  lower || upper || digit,
		"alpha":  lower || upper,
		"blank":  c == ' ' || c == '\t',
		"cntrl":  c < ' ' || c == 0x7f,
		"digit":  digit,
		"graph":  graph,
		"lower":  lower,
		"print":  graph || c == ' ',
		"punct":  graph && !lower && !upper && !digit,
		"space":  c == ' ' || '\t' <= c && c <= '\r',
		"upper":  upper,
		"xdigit": digit || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F',
	}[name]
	return known, member
}
