package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// minLen is the length in bytes below which a value is not worth hiding: it would be found in every other word.
const minLen = 6

// region matches the names of AWS regions and availability zones: eu-west-1, us-gov-east-1, ap-southeast-2b.
var region = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)?-(central|north|south|(north|south)?(east|west))-[0-9]+[a-z]?$`)

// worthHiding reports whether a value, without white space around it, can be a secret and be masked without making a
// log unreadable. The list is of values that variables are often set to and that are no secret anywhere, not of words: a bad
// password should be hidden as well.
func worthHiding(value string) bool {
	if len(value) < minLen || strings.Count(value, value[:1]) == len(value) {
		return false
	}
	switch strings.ToLower(value) {
	case "default", "enabled", "disabled", "required", "optional", "undefined", "unknown",
		"master", "develop", "release", "latest", "stable", "production", "development", "staging", "testing",
		"public", "private", "localhost", "127.0.0.1", "0.0.0.0", "/dev/null", "secret", "password", "changeme":
		return false
	}
	return !region.MatchString(value)
}

// encodings returns a secret and the forms in which it commonly appears in output, some of them more than once. None is
// shorter than minLen.
func encodings(secret string) []string {
	forms := []string{
		secret,
		html.EscapeString(secret),                // XML reports too
		strings.ReplaceAll(secret, `'`, `'\''`),  // inside single quotes: set -x
		strings.ReplaceAll(secret, `'`, `'"'"'`), // the same from Python's shlex.quote
		unquoted(strconv.Quote(secret)),          // %q
		unquoted(strconv.QuoteToASCII(secret)),   // \u00e9, as Python's json.dumps has it too
	}
	for _, escapeHTML := range []bool{false, true} {
		form := jsonForm(secret, escapeHTML)
		forms = append(forms, form, strings.ReplaceAll(form, `/`, `\/`))
	}
	for _, form := range urlForms(secret) {
		forms = append(forms, form, lowerHex(form))
	}
	return append(forms, base64Forms(secret)...)
}

func unquoted(s string) string { return s[1 : len(s)-1] }

func jsonForm(s string, escapeHTML bool) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(escapeHTML)
	_ = e.Encode(s) // a string can always be encoded
	return unquoted(strings.TrimSuffix(b.String(), "\n"))
}

// urlForms returns a secret as the usual libraries escape it. They disagree about which characters need it.
func urlForms(s string) []string {
	query := url.QueryEscape(s)
	component := strings.ReplaceAll(query, "+", "%20")
	return []string{
		query,
		component,
		url.PathEscape(s),
		url.UserPassword("", s).String()[len(":"):],
		strings.ReplaceAll(component, "%2F", "/"),                                                          // Python's quote
		strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").Replace(component), // encodeURIComponent
	}
}

// lowerHex returns a URL-escaped string with its escapes in lower case: %2f for %2F.
func lowerHex(escaped string) string {
	b := []byte(escaped)
	for i, c := range b {
		if c == '%' {
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
