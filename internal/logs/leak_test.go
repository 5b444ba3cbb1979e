package logs

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf16"

	"go.uber.org/zap"

	"spa-runner/internal/redact"
)

// realisticSecrets are one of each kind that a run meets, by name.
func realisticSecrets() map[string]string {
	rnd := rand.New(rand.NewPCG(11, 12))
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		return b
	}
	var pem strings.Builder
	pem.WriteString("-----BEGIN OPENSSH PRIVATE KEY-----\n")
	key := base64.StdEncoding.EncodeToString(random(300))
	for len(key) > 0 {
		n := min(70, len(key))
		pem.WriteString(key[:n] + "\n")
		key = key[n:]
	}
	pem.WriteString("-----END OPENSSH PRIVATE KEY-----\n")
	return map[string]string{
		"access key":           "ASIA" + strings.ToUpper(fmt.Sprintf("%x", random(8))),
		"secret key":           "wJalr/UtnFEMI+K7MDENG/bPxRfiCYzEXAMPLEKE",
		"session token":        base64.StdEncoding.EncodeToString(random(600)),
		"endpoint token, hex":  fmt.Sprintf("%x", random(32)),
		"endpoint token":       base64.RawURLEncoding.EncodeToString(random(32)),
		"git password":         "20240618T101112Z" + fmt.Sprintf("%x", random(32)),
		"git token":            "ghp_" + base64.RawURLEncoding.EncodeToString(random(27)),
		"password of a URL":    `p@ss:w/o%r+d&x=y;z,!*'()~$#?[é🔑]`,
		"private key":          pem.String(),
		"quotes and spaces":    `it's "my" \secret\ with 'spaces' | & <tags> ` + "`x`",
		"percent signs":        "100%25%zz%%2F/50%+1",
		"beyond ASCII":         "пароль-日本語-🔑-naïve",
		"control characters":   "tab\there\bback\ffeed\x01one\x7fdel\u2028sep",
		"shortest of them all": "k9/+z=",
	}
}

// encoder is a way in which a tool may print a secret. What it makes of text around the secret is left to it.
type encoder struct {
	name   string
	encode func(string) string
}

func encoders() []encoder {
	inner := func(s string) string { return s[1 : len(s)-1] }
	toJSON := func(s string, escapeHTML bool) string {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(escapeHTML)
		if err := e.Encode(s); err != nil {
			panic(err)
		}
		return inner(strings.TrimSuffix(b.String(), "\n"))
	}
	unicodeEscapes := func(s, format, named string) string {
		var b strings.Builder
		for _, r := range s {
			switch {
			case r == '\\', r == '"' && !strings.Contains(named, `"`):
				b.WriteString(`\` + string(r))
			case r == '\n':
				b.WriteString(`\n`)
			case r == '\t':
				b.WriteString(`\t`)
			case r == '\b':
				b.WriteString(`\b`)
			case r == '\f':
				b.WriteString(`\f`)
			case r < ' ' || r > '~' || strings.ContainsRune(named, r):
				for _, unit := range utf16.Encode([]rune{r}) {
					fmt.Fprintf(&b, `\u`+format, unit)
				}
			default:
				b.WriteRune(r)
			}
		}
		return b.String()
	}
	percent := func(s, keep, format string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._"+keep, c) >= 0 {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, format, c)
			}
		}
		return b.String()
	}
	list := []encoder{
		{"raw", func(s string) string { return s }},
		{"URL query", url.QueryEscape},
		{"URL path", url.PathEscape},
		{"user info of a URL", func(s string) string { return url.UserPassword("", s).String()[1:] }},
		{"RFC 3986", func(s string) string { return percent(s, "~", "%%%02X") }},
		{"RFC 3986, lower case", func(s string) string { return percent(s, "~", "%%%02x") }},
		{"Python's quote", func(s string) string { return percent(s, "~/", "%%%02X") }},
		{"encodeURIComponent", func(s string) string { return percent(s, "~!'()*", "%%%02X") }},
		{"encodeURI", func(s string) string { return percent(s, "~!'()*;/?:@&=+$,#", "%%%02X") }},
		{"URLSearchParams", func(s string) string { return strings.ReplaceAll(percent(s, "* ", "%%%02X"), " ", "+") }},
		{"JSON", func(s string) string { return toJSON(s, false) }},
		{"JSON for HTML", func(s string) string { return toJSON(s, true) }},
		{"JSON with escaped slashes", func(s string) string { return strings.ReplaceAll(toJSON(s, false), "/", `\/`) }},
		{`JSON in ASCII, \u00e9`, func(s string) string { return unicodeEscapes(s, "%04x", "") }},
		{`JSON of .NET, \u00E9`, func(s string) string { return unicodeEscapes(s, "%04X", "\"&'+<>`") }},
		{"JSON in JSON", func(s string) string { return toJSON(toJSON(s, false), false) }},
		{"%q", func(s string) string { return inner(fmt.Sprintf("%q", s)) }},
		{"%+q", func(s string) string { return inner(fmt.Sprintf("%+q", s)) }},
		{"%q in JSON", func(s string) string { return toJSON(inner(fmt.Sprintf("%q", s)), false) }},
		{"XML", func(s string) string {
			var b strings.Builder
			_ = xml.EscapeText(&b, []byte(s))
			return b.String()
		}},
		{"HTML", html.EscapeString},
		{"single quotes", func(s string) string { return strings.ReplaceAll(s, `'`, `'\''`) }},
	}
	for before := range 3 {
		for name, encoding := range map[string]*base64.Encoding{
			"std": base64.StdEncoding, "url": base64.URLEncoding, "raw std": base64.RawStdEncoding, "raw url": base64.RawURLEncoding,
		} {
			list = append(list, encoder{fmt.Sprintf("base64 %s after %d bytes", name, before), func(s string) string {
				return encoding.EncodeToString([]byte("xyz"[:before] + s))
			}})
		}
	}
	return list
}

// windowLen is how many bytes in a row of an encoded secret are a leak. In base64 the character at an edge that the
// secret shares with its neighbour, and padding, are shorter.
const windowLen = 8

// windows are the pieces of that length of what may not be seen. A secret that is shorter when it is encoded counts whole.
func windows(forms ...string) map[string]bool {
	set := map[string]bool{}
	for _, form := range forms {
		set[form[:min(windowLen, len(form))]] = true
		for i := 0; i+windowLen <= len(form); i++ {
			set[form[i:i+windowLen]] = true
		}
	}
	return set
}

// leaked finds a window in an output.
func leaked(output string, set map[string]bool) string {
	for i := range len(output) {
		for _, n := range []int{windowLen, 6, 7} {
			if i+n <= len(output) && set[output[i:i+n]] {
				return output[i : i+n]
			}
		}
	}
	return ""
}

// registered is a redactor that knows every secret of the set.
func registered(t *testing.T, secrets map[string]string) *redact.Redactor {
	t.Helper()
	r := redact.New()
	for name, secret := range secrets {
		if r.Add(secret) != 1 {
			t.Fatalf("the %s is not hidden", name)
		}
	}
	return r
}

// armor is no secret, and stands in the output where a key stood that is printed line by line.
var armor = strings.NewReplacer("-----BEGIN OPENSSH PRIVATE KEY-----", "", "-----END OPENSSH PRIVATE KEY-----", "")

// TestNoSplitLeaks tears every secret, in every encoding, apart at every byte, and looks for what is left of it: behind the
// redactor alone, and in the three formats of the log.
func TestNoSplitLeaks(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("make test runs it whole; under the race detector it would take minutes, with nothing new in it")
	}
	secrets := realisticSecrets()
	r := registered(t, secrets)
	var cases, leaks, masked atomic.Int64
	t.Run("secrets", func(t *testing.T) {
		for name, secret := range secrets {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for _, e := range encoders() {
					set := windows(visible(secret, e)...)
					check := func(way string, pieces []string, output string) {
						cases.Add(1)
						if strings.Contains(output, redact.Mask) {
							masked.Add(1)
						}
						if got := leaked(armor.Replace(output), set); got != "" && leaks.Add(1) < 10 {
							t.Errorf("%s in %s, %s, written as %.200q: %q is in %.600q", name, e.name, way, pieces, got, output)
						}
					}
					tear(t, r, e.encode(secret), check)
				}
			})
		}
	})
	t.Logf("%d secrets, %d encodings: %d cases, %d leaks", len(secrets), len(encoders()), cases.Load(), leaks.Load())
	if cases.Load() < 100_000 || masked.Load() != cases.Load() {
		t.Errorf("%d cases, of which %d have a mask: the test tries too little", cases.Load(), masked.Load())
	}
}

// visible are the forms in which an encoded secret would stand in the output: as it is, or, since a line of the log is JSON
// too, escaped once more.
func visible(secret string, e encoder) []string {
	text := armor.Replace(e.encode(secret))
	escaped := string(appendJSON(nil, []byte(text)))
	return []string{strings.Trim(text, "\n="), strings.Trim(escaped, "\n=")}
}

// tear writes a text in all the ways: in two and three pieces, and byte by byte.
func tear(t *testing.T, r *redact.Redactor, text string, check func(way string, pieces []string, output string)) {
	t.Helper()
	var out bytes.Buffer
	write := func(way string, w io.WriteCloser, pieces ...string) {
		for _, piece := range pieces {
			if _, err := io.WriteString(w, piece); err != nil {
				t.Error(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		check(way, pieces, out.String())
		out.Reset()
	}
	begin, end := "before <", "> after\n"
	rnd := rand.New(rand.NewPCG(uint64(len(text)), 1))
	ways := map[string]func() io.WriteCloser{"redactor": func() io.WriteCloser { return r.Writer(&out) }}
	for _, format := range []Format{Console, JSON, Mixed} {
		output := New(Options{Writer: &out, Format: format, Redactor: r, Run: "run-1"}).Output(1)
		ways[string(format)] = func() io.WriteCloser { return output("make-lint", "none", "stdout") }
	}
	for way, start := range ways {
		for i := range len(text) + 1 {
			write(way, start(), begin+text[:i], text[i:]+end)
		}
		for range 20 {
			i := rnd.IntN(len(text) + 1)
			j := i + rnd.IntN(len(text)+1-i)
			write(way, start(), begin+text[:i], text[i:j], text[j:]+end)
		}
		write(way, start(), strings.Split(begin+text+end, "")...)
	}
}

// printed is a value whose methods print a secret.
type printed string

func (p printed) String() string { return "value " + string(p) }

// TestNoEventLeaks puts every secret wherever an event of the runner can have one.
func TestNoEventLeaks(t *testing.T) {
	t.Parallel()
	secrets := realisticSecrets()
	r := registered(t, secrets)
	cases := 0
	for name, secret := range secrets {
		var forms []string
		for _, e := range encoders() {
			forms = append(forms, visible(secret, e)...)
		}
		set := windows(forms...)
		cause := errors.New("answered " + secret)
		fields := map[string][]zap.Field{
			"a string":          {zap.String("f", "x"+secret+"y")},
			"an error":          {zap.Error(cause)},
			"a wrapped error":   {zap.NamedError("error", fmt.Errorf("cloning %q: %w", secret, errors.Join(cause, fmt.Errorf("and %v", cause))))},
			"an error's text":   {zap.String("error", fmt.Errorf("running %s: %w", secret, cause).Error())},
			"quoted":            {zap.String("f", fmt.Sprintf("%q and %+q", secret, secret))},
			"strings":           {zap.Strings("f", []string{"a", secret})},
			"parameters":        {zap.Dict("params", zap.String("url", "https://u:"+url.PathEscape(secret)+"@host/"), zap.String("q", fmt.Sprintf("%q", secret)))},
			"a stringer":        {zap.Stringer("f", printed(secret))},
			"bytes":             {zap.ByteString("f", []byte(secret))},
			"anything":          {zap.Any("f", map[string]any{"a": []any{secret, printed(secret)}})},
			"base64":            {zap.Binary("f", []byte(secret))},
			"the name of a key": {zap.String(secret, "x")},
		}
		for _, format := range []Format{Console, JSON, Mixed} {
			for what, f := range fields {
				var out bytes.Buffer
				l := New(Options{Writer: &out, Format: format, Redactor: r, Run: "run-1"})
				log := l.Logger(1)
				log.Error("step failed", f...)
				log.With(f...).Info("event " + secret)
				log.Warn("a panic: " + fmt.Sprint(cause))
				if err := l.Text("summary " + secret + "\n"); err != nil {
					t.Fatal(err)
				}
				cases++
				if got := leaked(armor.Replace(out.String()), set); got != "" {
					t.Errorf("%s in %s, %s: %q is in %.1500q", name, what, format, got, out.String())
				}
				if strings.Count(out.String(), redact.Mask) < 3 {
					t.Errorf("%s in %s, %s: nothing is masked in %q", name, what, format, out.String())
				}
			}
		}
	}
	t.Logf("%d secrets: %d cases, 0 leaks", len(secrets), cases)
}
