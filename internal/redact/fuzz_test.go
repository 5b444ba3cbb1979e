package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
)

// encoders are the encodings that FuzzSecret chooses from, each by the library that makes it. base64 is left out: of it only
// what does not depend on the neighbours is hidden (TestBase64, and TestNoSplitLeaks of package logs).
func encoders() []func(string) string {
	toJSON := func(s string) string {
		b, _ := json.Marshal(s)
		return unquoted(string(b))
	}
	return []func(string) string{
		func(s string) string { return s },
		url.QueryEscape, url.PathEscape, html.EscapeString, toJSON,
		func(s string) string { return strings.ToLower(url.QueryEscape(strings.ToLower(s))) },
		func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") },
		func(s string) string { return url.UserPassword("", s).String()[1:] },
		func(s string) string { return strings.ReplaceAll(toJSON(s), "/", `\/`) },
		func(s string) string { return toJSON(toJSON(s)) },
		func(s string) string { return unquoted(fmt.Sprintf("%q", s)) },
		func(s string) string { return unquoted(fmt.Sprintf("%+q", s)) },
		func(s string) string { return strings.ReplaceAll(s, `'`, `'\''`) },
		func(s string) string {
			var b bytes.Buffer
			_ = xml.EscapeText(&b, []byte(s))
			return b.String()
		},
	}
}

// FuzzSecret registers a secret, puts it into a text in one of the encodings, and cuts the text in pieces: what comes out is
// what the naive way makes of it, and neither the secret nor its base64 is in it.
func FuzzSecret(f *testing.F) {
	f.Add("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "export KEY=", " # done\n", uint8(1), []byte{20, 20})
	f.Add(nasty, "<", ">", uint8(9), []byte{1, 2, 3, 4, 5, 6, 7, 8})
	f.Add("line one of it\r\nline two of it\n}\nlast", "", "", uint8(4), []byte{30})
	f.Add(`line one of it\nline two of it\n`, "a", "b", uint8(0), []byte{9})
	f.Add("\xff\xfe\x00\x01binary\x7f\u2028🔑", "{\"k\":\"", "\"}", uint8(11), []byte{3, 0, 200})
	f.Add("aaabaaab", "aaab", "aaab", uint8(0), []byte{1, 1, 1, 1})
	f.Add("p%41ss%2fword%", "https://u:", "@h/", uint8(7), []byte{12})
	f.Fuzz(func(t *testing.T, secret, before, after string, encoding uint8, cuts []byte) {
		if len(secret)+len(before)+len(after) > 600 || len(cuts) > 40 {
			t.Skip("the naive way would take too long")
		}
		list := encoders()
		choice := int(encoding) % len(list)
		if choice == 5 {
			secret = strings.ToLower(secret) // lower-case hexadecimal digits are what is asked for there
		}
		r := New()
		added := r.Add(secret)
		secret = strings.TrimSpace(secret)
		if hidden := worthHiding(secret); hidden != (added == 1) {
			t.Fatalf("Add(%q) = %d, and worth hiding is %v", secret, added, hidden)
		}
		encoded := list[choice](secret)
		text := before + encoded + after
		pieces, rest := []string{}, text
		for _, cut := range cuts {
			n := min(int(cut), len(rest))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		checkStream(t, r, append(pieces, rest)...)
		if added == 0 || strings.Contains(secret+before+after, "*") {
			return // a mask, with what stands around it, may be a piece of a secret that has stars
		}
		if got := r.String(text); strings.Contains(got, encoded) {
			t.Errorf("%q in encoding %d is in %q", secret, choice, got)
		}
		for offset := range 3 {
			plain := base64.StdEncoding.EncodeToString([]byte("xyz"[:offset] + secret))
			// The edges that depend on the neighbours, and padding.
			plain = strings.TrimRight(plain, "=")
			if offset > 0 {
				plain = plain[offset+1:]
			}
			if got := r.String(plain); !strings.HasPrefix(got, Mask) || len(got) > len(Mask)+1 {
				t.Errorf("%q in base64 after %d bytes is %q, and became %q", secret, offset, plain, got)
			}
		}
	})
}
