package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// nasty holds what the encodings disagree about.
const nasty = `aB3/x+y=z&<q>"w'e\r t%2F~!(*)é€` + "\t;@:,$"

func TestAdd(t *testing.T) {
	for _, tt := range []struct {
		secret string
		want   int
	}{
		{"", 0},
		{"hunt3", 0},
		{"hunt3r", 1},
		{" hunt3 \n", 0},
		{" hunt3r \n", 1},
		{"aaaaaaaaaaaa", 0},
		{"true", 0},
		{"main", 0},
		{"default", 0},
		{"Production", 0},
		{"production1", 1},
		{"eu-west-1", 0},
		{"us-gov-east-1", 0},
		{"ap-southeast-2b", 0},
		{"my-secret-1", 1},
		{"a\nb\nc\nd", 1}, // no line of it alone is long enough
	} {
		r := New()
		if got := r.Add(tt.secret); got != tt.want {
			t.Errorf("Add(%q) = %d, want %d", tt.secret, got, tt.want)
		}
		text := "[" + tt.secret + "]"
		if got := r.String(text); (got == text) != (tt.want == 0) {
			t.Errorf("after Add(%q) = %d, %q became %q", tt.secret, tt.want, text, got)
		}
	}
	r := New()
	if got := r.Add("first-secret", "short", "second-secret", "first-secret"); got != 3 {
		t.Errorf("Add of three and a short one = %d, want 3", got)
	}
	if got, want := r.String("first-secret short second-secret"), "*** short ***"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhiteSpaceAround(t *testing.T) {
	r := New()
	r.Add("  hunt3r two \r\n")
	if got, want := r.String("say hunt3r two."), "say ***."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLines(t *testing.T) {
	r := New()
	r.Add("first line of it\r\n  second line of it\n\n}\nlast line of it\n")
	text := "1: last line of it\n2: second line of it\n3: first line of it\n}\n"
	if got, want := r.String(text), "1: ***\n2: ***\n3: ***\n}\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := r.String("<second line of it\n\n}\nlast line of it>"), "<***\n\n}\n***>"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	whole := New()
	whole.Add("a1\nb2\nc3")
	if got, want := whole.String("<a1\nb2\nc3> <a1>"), "<***> <a1>"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := whole.String(`{"key":"a1\nb2\nc3"}`), `{"key":"***"}`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCaseMatters(t *testing.T) {
	r := New()
	r.Add("SecretOne")
	if got, want := r.String("secretone SecretOne SECRETONE"), "secretone *** SECRETONE"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestEncodings takes each form from the library that makes it, so that it does not repeat encodings.go.
func TestEncodings(t *testing.T) {
	var xmlForm strings.Builder
	if err := xml.EscapeText(&xmlForm, []byte("a<b>&\"c'd\te\x01")); err != nil {
		t.Fatal(err)
	}
	jsonHTML, err := json.Marshal(nasty)
	if err != nil {
		t.Fatal(err)
	}
	var plain bytes.Buffer
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	if err := e.Encode(nasty); err != nil {
		t.Fatal(err)
	}
	jsonPlain := strings.TrimSpace(plain.String())
	for _, tt := range []struct{ name, secret, form, want string }{
		{"raw", nasty, nasty, Mask},
		{"query", nasty, url.Values{"k": {nasty}}.Encode(), "k=" + Mask},
		{"path", nasty, "/" + url.PathEscape(nasty) + "/", "/" + Mask + "/"},
		{"user info", nasty, url.UserPassword("u", nasty).String() + "@h", "u:" + Mask + "@h"},
		{"lower-case hex", "p/q+r=s;t?", "p%2fq%2br%3ds%3bt%3f", Mask},
		{"JSON", nasty, jsonPlain, `"` + Mask + `"`},
		{"JSON for HTML", nasty, string(jsonHTML), `"` + Mask + `"`},
		{"JSON with escaped slashes", nasty, strings.ReplaceAll(jsonPlain, "/", `\/`), `"` + Mask + `"`},
		{"JSON for HTML with escaped slashes", nasty, strings.ReplaceAll(string(jsonHTML), "/", `\/`), `"` + Mask + `"`},
		{"HTML", nasty, html.EscapeString(nasty), Mask},
		{"XML", "a<b>&\"c'd\te\x01", xmlForm.String(), Mask},
		{"HTML, quotes as they are", `a<b>&"c'd`, `a&lt;b&gt;&amp;"c'd`, Mask},
		{"HTML, double quotes", `a<b>&"c'd`, `a&lt;b&gt;&amp;&quot;c'd`, Mask},
		{"HTML, &#x27; (Python)", `a<b>&"c'd`, `a&lt;b&gt;&amp;&quot;c&#x27;d`, Mask},
		{"HTML, &apos;", `a<b>&"c'd`, `a&lt;b&gt;&amp;&quot;c&apos;d`, Mask},
		{"HTML, &#39; and &quot;", `a<b>&"c'd`, `a&lt;b&gt;&amp;&quot;c&#39;d`, Mask},
		{"%q", nasty, fmt.Sprintf("%q", nasty), `"` + Mask + `"`},
		{"%q of bytes", "bell\a\v\x01\xffé", fmt.Sprintf("%q", "bell\a\v\x01\xffé"), `"` + Mask + `"`},
		{"%+q", nasty, fmt.Sprintf("%+q", nasty), `"` + Mask + `"`},
		{"JavaScript's encodeURIComponent", "a!b'c(d)e*f/g+h i", "a!b'c(d)e*f%2Fg%2Bh%20i", Mask},
		{"Python's quote", "a/b+c=d e", "a/b%2Bc%3Dd%20e", Mask},
		{"Python's shlex.quote", "it's-a-secret", `'it'"'"'s-a-secret'`, "'" + Mask + "'"},
		{"shell", "it's-a-secret", `'it'\''s-a-secret'`, "'" + Mask + "'"},
		{"shell, in double quotes (declare -p)", "a b\"c$d`e\\f", "\"a b\\\"c\\$d\\`e\\\\f\"", `"` + Mask + `"`},
		{"shell, without quotes (printf %q)", "x !\"$&'()*,;<>?[\\]^`{|}", "x\\ \\!\\\"\\$\\&\\'\\(\\)\\*\\,\\;\\<\\>\\?\\[\\\\\\]\\^\\`\\{\\|\\}", Mask},
	} {
		r := New()
		r.Add(tt.secret)
		if got := r.String(tt.form); got != tt.want {
			t.Errorf("%s: %q became %q, want %q", tt.name, tt.form, got, tt.want)
		}
	}
}

// TestPythonEncodings asks the library that most children of the runner encode with.
func TestPythonEncodings(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3")
	}
	const script = `
import sys, json, shlex, base64, html
from urllib.parse import quote, quote_plus, urlencode
s = sys.argv[1]
for f in (s, html.escape(s), json.dumps(s), json.dumps(s, ensure_ascii=False), shlex.quote(s), quote(s), quote(s, safe=""), quote_plus(s), urlencode({"k": s})):
    print("<" + f + ">")
`
	out, err := exec.Command(python, "-X", "utf8", "-c", script, nasty).Output()
	if err != nil {
		t.Fatal(err)
	}
	r := New()
	r.Add(nasty)
	want := "<***>\n<***>\n<\"***\">\n<\"***\">\n<'***'>\n<***>\n<***>\n<***>\n<k=***>\n"
	if got := r.String(string(out)); got != want {
		t.Errorf("%s\nbecame\n%s\nwant\n%s", out, got, want)
	}
}

// TestBase64 surrounds a secret with texts of every length: what is left must not depend on the secret but in the two
// characters at its edges.
func TestBase64(t *testing.T) {
	for _, secret := range []string{"hunt3r", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "\xff\xfe\xfd\xfc\xfb\xfa\xf9>>>???"} {
		r := New()
		r.Add(secret)
		for before := range 7 {
			for after := range 7 {
				text := strings.Repeat("x", before) + secret + strings.Repeat("y", after)
				for _, encoding := range []*base64.Encoding{
					base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding,
				} {
					encoded := encoding.EncodeToString([]byte(text))
					got := r.String(encoded)
					left, right, found := strings.Cut(got, Mask)
					// Characters that carry bits of bytes before and after the secret, or padding.
					maxLeft, maxRight := (before*8+5)/6, len(encoded)-(before+len(secret))*8/6
					if !found || len(left) > maxLeft || len(right) > maxRight {
						t.Errorf("base64 of %q: %q became %q", text, encoded, got)
					}
				}
			}
		}
	}
}

// TestWrappedBase64 documents a limit: base64(1) breaks lines at 76 columns, and a secret that goes over the break is not found.
func TestWrappedBase64(t *testing.T) {
	secret := realSecrets()[3][:798] // no padding in base64
	r := New()
	r.Add(secret)
	encoded := base64.StdEncoding.EncodeToString([]byte(secret))
	wrapped := encoded[:76] + "\n" + encoded[76:152] + "\n" + encoded[152:]
	if got := r.String(wrapped); got != wrapped {
		t.Errorf("wrapped base64 is found now: change the package comment. Got %q", got)
	}
	if got := r.String(encoded); got != Mask {
		t.Errorf("base64 in one line became %q", got)
	}
}

func TestBytesWithoutSecret(t *testing.T) {
	r := New()
	p := []byte("nothing in here")
	for range 2 {
		if got := r.Bytes(p); &got[0] != &p[0] || len(got) != len(p) {
			t.Error("Bytes returned a copy of a clean text")
		}
		if n := testing.AllocsPerRun(10, func() { r.Bytes(p) }); n != 0 {
			t.Errorf("Bytes of a clean text allocates %v times", n)
		}
		r.Add(realSecrets()...)
	}
	if got := r.Bytes(nil); got != nil {
		t.Errorf("Bytes(nil) = %q", got)
	}
}

// TestTwice: the sink redacts what was redacted as a stream before.
func TestTwice(t *testing.T) {
	r := New()
	r.Add(realSecrets()...)
	once := r.Bytes(buildOutput(100_000, 10, realSecrets()))
	if twice := r.Bytes(once); !bytes.Equal(once, twice) {
		t.Error("redacting again changes the text")
	}
	if n := bytes.Count(once, []byte("TOKEN="+Mask+"\n")); n < 50 {
		t.Errorf("only %d secrets were masked", n)
	}
}

// TestPrinted prints the types in every way, also copies and inside of other types.
func TestPrinted(t *testing.T) {
	const secret = "hunt3r-is-it"
	r := New()
	r.Add(secret)
	w := r.Writer(io.Discard)
	if _, err := w.Write([]byte("so " + secret[:7])); err != nil {
		t.Fatal(err)
	}
	type holder struct {
		r *Redactor
		w *Writer
		R *Redactor
		W *Writer
	}
	h := holder{r, w, r, w}
	var printed strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{r, w, *w, h, &h, []any{r, w}, map[string]any{"r": r, "w": *w}} {
			fmt.Fprintf(&printed, verb+"\n", value)
		}
	}
	encoded, err := json.Marshal([]any{r, w, h})
	if err != nil {
		t.Fatal(err)
	}
	printed.Write(encoded)
	for _, part := range []string{
		secret, secret[:7], fmt.Sprintf("%x", secret[:7]), strings.Trim(fmt.Sprint([]byte(secret[:7])), "[]"),
		strings.Trim(fmt.Sprintf("%#v", []byte(secret[:7])), "[]byte{}"),
	} {
		if strings.Contains(printed.String(), part) {
			t.Errorf("%q shows in:\n%s", part, printed.String())
		}
	}
	n := len(r.matcher.Load().patterns)
	if got, want := fmt.Sprintf("%+v %#v", r, w), fmt.Sprintf("redact.Redactor(%d patterns) redact.Writer(7 bytes held back)", n); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestConcurrent is for the race detector, and shows that no secret is lost when several goroutines add.
func TestConcurrent(t *testing.T) {
	r := New()
	secrets := realSecrets()
	text := strings.Join(secrets, " ")
	var wg sync.WaitGroup
	for _, secret := range secrets {
		wg.Go(func() { r.Add(secret) })
		wg.Go(func() {
			_ = r.String(text)
			w := r.Writer(io.Discard)
			_, _ = io.WriteString(w, text)
			_ = w.Close()
		})
	}
	wg.Wait()
	if got, want := r.String(text), strings.Repeat(" "+Mask, len(secrets))[1:]; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
