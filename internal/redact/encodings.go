package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"spa-runner/internal/lazyregexp"
)

// minLen is the length in bytes below which a value is not worth hiding: it would be found in every other word.
const minLen = 6

// region matches the names of AWS regions and availability zones: eu-west-1, us-gov-east-1, ap-southeast-2b.
var region = lazyregexp.New(`^[a-z]{2,4}(-[a-z]+)?-(central|north|south|(north|south)?(east|west))-[0-9]+[a-z]?$`)

// worthHiding reports whether a value, without white space around it, can be a secret and be masked without making a
// log unreadable. The list is of values that variables are often set to and that are no secret anywhere, not of words: a bad
// password should be hidden as well.
func worthHiding(value string) bool {
	if len(value) < minLen || strings.Count(value, value[:1]) == len(value) {
		return false
	}
	switch strings.ToLower(value) {
	case "default", "enabled", "disabled", "required", "optional", "undefined", "unknown", "anonymous", "username",
		"master", "develop", "release", "latest", "stable", "production", "development", "staging", "testing", "preprod", "sandbox",
		"public", "private", "localhost", "127.0.0.1", "0.0.0.0", "/dev/null", "secret", "password", "changeme",
		"deploy", "settings", "github", "gitlab", "bitbucket", "cognito", "bearer", "x-access-token", "x-oauth-basic":
		return false
	}
	return !region.MatchString(value)
}

// encodings returns a secret and the forms in which it commonly appears in output, some of them more than once. None is
// shorter than minLen.
func encodings(secret string) []string {
	forms := append([]string{secret}, base64Forms(secret)...)
	if !strings.ContainsFunc(secret, needsEscape) {
		return forms
	}
	forms = append(forms, shellForms(secret)...)
	forms = append(forms, markupForms(secret)...)
	forms = append(forms, quotedForms(secret)...)
	for _, form := range unique(urlForms(secret)) {
		forms = append(forms, form, lowerHex(form))
	}
	return forms
}

// needsEscape is false of what all write as it is.
func needsEscape(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r == '.')
}

// unique saves encoding again what came out the same: most secrets have little to escape, and a token of a kilobyte is
// encoded in the middle of a run.
func unique(forms []string) []string {
	slices.Sort(forms)
	return slices.Compact(forms)
}

// shellForms are what stands between the quotes, or without any, where a shell prints a word: set -x, declare -p, printf %q.
func shellForms(s string) []string {
	backslashed := func(special string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			if strings.IndexByte(special, c) >= 0 {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
		}
		return b.String()
	}
	return []string{
		strings.ReplaceAll(s, `'`, `'\''`),
		strings.ReplaceAll(s, `'`, `'"'"'`), // Python's shlex.quote
		backslashed("\"$`\\"),
		backslashed(" !\"$&'()*,;<>?[\\]^`{|}"), // bash
	}
}

// markupForms are those of XML and HTML, which reports are written in. The libraries disagree about quotes.
func markupForms(s string) []string {
	text := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
	named := strings.ReplaceAll(text, `"`, "&quot;")
	var strict strings.Builder // with U+FFFD for what XML cannot hold
	_ = xml.EscapeText(&strict, []byte(s))
	return []string{
		html.EscapeString(s), text, named, strict.String(),
		strings.ReplaceAll(named, `'`, "&#x27;"), // Python
		strings.ReplaceAll(named, `'`, "&apos;"),
		strings.ReplaceAll(named, `'`, "&#39;"),
	}
}

// quotedForms are what stands between the quotes of a string in JSON and in messages (%q), and of such a string inside
// of a string in JSON, as where a JSON log has a line of JSON or of a message in it.
func quotedForms(s string) []string {
	forms := []string{unquoted(strconv.Quote(s)), unquoted(strconv.QuoteToASCII(s))}
	for _, escapeHTML := range []bool{false, true} {
		form := jsonForm(s, escapeHTML)
		for _, form := range []string{form, zapForm(form), asciiForm(form, "", "%04x")} {
			forms = append(forms, form, strings.ReplaceAll(form, `/`, `\/`))
		}
	}
	forms = append(forms,
		asciiForm(jsonForm(s, true), "='", "%04x"),    // Gson
		asciiForm(dotNetQuotes(s), "&'+<>`", "%04X"),  // System.Text.Json
		asciiForm(jsonForm(s, false), "&'<>", "%04X"), // PHP's JSON_HEX_*
	)
	forms = unique(forms)
	for _, form := range forms {
		forms = append(forms, jsonForm(form, false))
	}
	return forms
}

func unquoted(s string) string { return s[1 : len(s)-1] }

func jsonForm(s string, escapeHTML bool) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(escapeHTML)
	_ = e.Encode(s) // a string can always be encoded
	return unquoted(strings.TrimSuffix(b.String(), "\n"))
}

// dotNetQuotes has \u0022 for \", as System.Text.Json does.
func dotNetQuotes(s string) string {
	return replaceEscapes(jsonForm(s, false), `\"`, `\u0022`)
}

// zapForm is JSON as zap writes it: it has no short escape for backspace and form feed, and none for line separators.
func zapForm(form string) string {
	return replaceEscapes(form, `\b`, `\u0008`, `\f`, `\u000c`, `\u2028`, "\u2028", `\u2029`, "\u2029")
}

// replaceEscapes replaces in JSON, where a backslash may be escaped itself.
func replaceEscapes(form string, oldNew ...string) string {
	return strings.NewReplacer(append([]string{`\\`, `\\`}, oldNew...)...).Replace(form)
}

// asciiForm escapes in JSON what is not ASCII, as UTF-16, and what else is named. The format is that of the four digits.
func asciiForm(form, also, format string) string {
	escaped := func(r rune) bool { return r >= 0x7f || strings.ContainsRune(also, r) }
	if !strings.ContainsFunc(form, escaped) {
		return form
	}
	var b strings.Builder
	b.Grow(len(form))
	for _, r := range form {
		if !escaped(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u`+format, unit)
		}
	}
	return b.String()
}

// urlForms returns a secret as the usual libraries escape it. They disagree about which characters need it, beyond the
// letters, digits and -._~ that RFC 3986 says never do.
func urlForms(s string) []string {
	query := url.QueryEscape(s)
	all := strings.ReplaceAll(query, "+", "%20")
	kept := func(escaped, keep string) string {
		for _, c := range []byte(keep) {
			escaped = strings.ReplaceAll(escaped, fmt.Sprintf("%%%02X", c), string(c))
		}
		return escaped
	}
	return []string{
		query,
		strings.ReplaceAll(query, "~", "%7E"), // PHP's urlencode
		strings.ReplaceAll(kept(query, "*"), "~", "%7E"), // Java's URLEncoder, JavaScript's URLSearchParams
		all,
		kept(all, "/"),                  // Python's quote
		kept(all, "!'()*"),              // JavaScript's encodeURIComponent
		kept(all, "!'()*;/?:@&=+$,#"),   // JavaScript's encodeURI
		kept(all, "!'()*$&+,"),          // user info of a URL in JavaScript
		kept(all, "!'()*$&+,;=:@/[]|%"), // a path there, which escapes no percent sign
		url.PathEscape(s),
		url.UserPassword("", s).String()[len(":"):],
	}
}

// lowerHex returns a URL-escaped string with its escapes in lower case: %2f for %2F.
func lowerHex(escaped string) string {
	b := []byte(escaped)
	for i, c := range b {
		if c == '%' && i+2 < len(b) {
			copy(b[i+1:], bytes.ToLower(b[i+1:i+3]))
		}
	}
	return string(b)
}

// base64Forms returns what is found of a secret in the base64 of any text around it. base64 turns 3 bytes into 4
// characters, so there are three forms, for the three places in such a group at which the secret may begin. A character that
// also depends on a neighbour of the secret is left out.
func base64Forms(secret string) []string {
	var forms []string
	for before := range 3 {
		text := append(make([]byte, before), secret...)
		first, end := (before*8+5)/6, len(text)*8/6 // 6 bits a character: first is rounded up, end down
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			forms = append(forms, encoding.EncodeToString(text)[first:end])
		}
	}
	return forms
}
