package redact

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// withPatterns returns a Redactor for exactly these patterns, without encodings and without the rule of what is worth hiding.
func withPatterns(patterns ...string) *Redactor {
	r := New()
	r.matcher.Store(newMatcher(slices.Compact(slices.Sorted(slices.Values(patterns)))))
	return r
}

// naive is what Redactor has to do, in its simplest form: it marks every byte of every occurrence of every pattern.
func naive(patterns []string, text string) string {
	inside := make([]bool, len(text))   // part of an occurrence
	together := make([]bool, len(text)) // in the same occurrence as the byte before
	for _, p := range patterns {
		for i := range len(text) {
			if !strings.HasPrefix(text[i:], p) {
				continue
			}
			for j := range len(p) {
				inside[i+j] = true
				together[i+j] = together[i+j] || j > 0
			}
		}
	}
	var out strings.Builder
	for i := range len(text) {
		switch {
		case !inside[i]:
			out.WriteByte(text[i])
		case !together[i]:
			out.WriteString(Mask)
		}
	}
	return out.String()
}

// naiveHeld returns how long the longest tail of text is that a pattern begins with and goes on after.
func naiveHeld(patterns []string, text string) int {
	for i := range len(text) {
		for _, p := range patterns {
			if len(p) > len(text)-i && strings.HasPrefix(p, text[i:]) {
				return len(text) - i
			}
		}
	}
	return 0
}

// checkStream writes text in the given pieces and compares the outcome, and after each piece what is held back, with the naive way.
// It spoils each piece after it was written: the Writer must not have kept it.
func checkStream(t *testing.T, r *Redactor, pieces ...string) {
	t.Helper()
	patterns := r.matcher.Load().patterns
	var got bytes.Buffer
	w := r.Writer(&got)
	seen := ""
	for _, piece := range pieces {
		p := []byte(piece)
		if n, err := w.Write(p); n != len(p) || err != nil {
			t.Fatalf("Write(%q) = %d, %v", p, n, err)
		}
		if string(p) != piece {
			t.Fatalf("Write changed %q to %q", piece, p)
		}
		for i := range p {
			p[i] = '#'
		}
		seen += piece
		if want := naiveHeld(patterns, seen); len(w.s.held) != want {
			t.Fatalf("patterns %q, pieces %q: %d bytes held back after %q, want %d", patterns, pieces, len(w.s.held), seen, want)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if want := naive(patterns, seen); got.String() != want {
		t.Fatalf("patterns %q, pieces %q:\n got %q\nwant %q", patterns, pieces, got.String(), want)
	}
}

func TestNaive(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"xaabay", "x***y"},        // aab and aba overlap
		{"xaababy", "x***by"},      // aab, aba; bab is no pattern
		{"aabaab", "***"},          // aab, aba, baa is none, aab: chained
		{"xyzxyz", "******"},       // only touch
		{"aaxyzaa", "aa***aa"},     // nothing lost at the sides
		{"wxyzw", "***w"},          // nested: wxyz and xyz
		{"nothing", "nothing"},     //
		{"aa", "aa"},               // broken off
		{"", ""},                   //
		{"xyzaabxyz", "*********"}, // three in a row
	} {
		if got := naive([]string{"aab", "aba", "xyz", "wxyz"}, tt.text); got != tt.want {
			t.Errorf("naive(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestEverySplit(t *testing.T) {
	patterns := []string{"secret-one", "secret-one-and-more", "more-or-less", "aabaab", "abaaba", "one-and"}
	r := withPatterns(patterns...)
	texts := []string{
		"the secret-one is out",
		"secret-one-and-more-or-less",
		"secret-one-and-mor",
		"xaabaabaabay",
		"secret-secret-one-and-aabaab",
		"aabaabaabaab",
		"Password: ",
	}
	for _, text := range texts {
		for i := range len(text) + 1 {
			checkStream(t, r, text[:i], text[i:])
			for j := i; j <= len(text); j++ {
				checkStream(t, r, text[:i], text[i:j], text[j:])
			}
		}
		checkStream(t, r, strings.Split(text, "")...)
		if got, want := r.String(text), naive(patterns, text); got != want {
			t.Errorf("String(%q) = %q, want %q", text, got, want)
		}
	}
}

// TestRandomStreams uses two or three letters, so that patterns overlap, nest and repeat all the time.
func TestRandomStreams(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	word := func(letters, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('a' + rnd.IntN(letters))
		}
		return string(b)
	}
	for range 1200 {
		letters := 2 + rnd.IntN(2)
		var patterns []string
		for range 1 + rnd.IntN(6) {
			patterns = append(patterns, word(letters, blockLen+rnd.IntN(8)))
		}
		if rnd.IntN(3) == 0 { // longer than the window can be
			patterns = []string{word(letters, maxWindow+2), strings.Repeat(word(letters, 5), 6)}
		}
		r := withPatterns(patterns...)
		for range 5 {
			var pieces []string
			for range 1 + rnd.IntN(12) {
				piece := word(letters, rnd.IntN(10))
				if rnd.IntN(3) == 0 {
					piece = patterns[rnd.IntN(len(patterns))][rnd.IntN(3):]
				}
				pieces = append(pieces, piece)
			}
			checkStream(t, r, pieces...)
			text := strings.Join(pieces, "")
			p := []byte(text)
			got := r.Bytes(p)
			if want := naive(patterns, text); string(got) != want || string(p) != text {
				t.Fatalf("patterns %q: Bytes(%q) = %q, want %q; afterwards its argument is %q", patterns, text, got, want, p)
			}
		}
	}
}

// FuzzWriter cuts the text after as many bytes as cuts say, one after the other.
func FuzzWriter(f *testing.F) {
	f.Add("aabaab\nabaaba", "xaabaabay", []byte{1, 1, 1})
	f.Add("secret\nsecret-long", "a secret-lon", []byte{4, 5})
	f.Add("abababab", strings.Repeat("ab", 40), []byte{9, 0, 30})
	f.Add("aaaaaaaa", strings.Repeat("a", 40), []byte{1, 2, 3})
	f.Add("\xff\x00\xff\x00\xff\nabcd", "ab\xff\x00\xff\x00\xff\x00\xffcd", []byte{5})
	f.Add("0123456789012345678901234\n7890123456789", "01234567890123456789012345678901234", []byte{20, 4})
	f.Fuzz(func(t *testing.T, lines, text string, cuts []byte) {
		var patterns []string
		for p := range strings.SplitSeq(lines, "\n") {
			if len(p) >= blockLen {
				patterns = append(patterns, p)
			}
		}
		if len(lines)+len(text) > 2000 || len(cuts) > 100 {
			t.Skip("the naive way would take too long")
		}
		var pieces []string
		for _, cut := range cuts {
			n := min(int(cut), len(text))
			pieces, text = append(pieces, text[:n]), text[n:]
		}
		checkStream(t, withPatterns(patterns...), append(pieces, text)...)
	})
}
