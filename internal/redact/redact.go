// Package redact keeps secrets out of everything that is written: the output of child processes, log events, plans,
// reports and usage errors all pass one Redactor, and what it knows comes out as Mask.
//
// A secret is registered once, with Add, before anything can print it. From it a few patterns are derived, since output
// rarely shows a secret as it is: a URL holds it percent-encoded, a JSON document escaped, an HTTP header in base64
// (encodings.go). All patterns are compiled into one immutable table that finds the places where any of them begins
// (matcher.go). Bytes and String use it on a whole text, a Writer on a stream, where a secret may be torn apart between
// two writes (writer.go).
//
// # What is hidden
//
// Every byte that belongs to an occurrence of any pattern. Occurrences that overlap give one mask, occurrences that only
// touch give one each, and where the writes of a stream begin and end makes no difference.
//
// # What is not
//
//   - Secrets of fewer than 6 bytes and values like "default" or "eu-west-1": masking them would make a log unreadable and
//     hide nothing. Add says so by its result.
//   - base64 that is wrapped (base64(1) breaks lines at 76 columns), and in base64 the two characters at the edges that a
//     secret shares with its neighbours: at most 4 bits of its first and 4 of its last byte.
//   - Secrets that were changed in another way: hex dumps, changed case, colour codes or line breaks inside, two encodings on
//     top of each other (but what is quoted inside of a JSON string is found).
//   - A part of a secret: a stream that ends inside of one shows that beginning, a child that writes one half to stdout and the
//     other to stderr shows both, and a line of fewer than 6 bytes of a secret with several is shown where it stands alone.
//
// A redactor guards against accidents, not against a child that wants to get a secret out: that one only has to print it
// backwards.
package redact

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Mask stands in the output where a secret was. It does not tell the secret's length.
const Mask = "***"

// Redactor knows the secrets. It is safe for concurrent use, and those who only redact never wait for a lock.
type Redactor struct {
	adding sync.Mutex
	// The secrets are here alone, behind a pointer: see Writer.
	matcher atomic.Pointer[matcher]
}

// New returns a Redactor without secrets; it changes nothing until Add has been called.
func New() *Redactor {
	r := new(Redactor)
	r.matcher.Store(newMatcher(nil))
	return r
}

// Add registers secrets, each with its encodings; of one with several lines each line too, since tools print keys line
// by line, also where the lines end in a backslash and an n, as in keys that were squeezed into a variable. White space
// around a secret or a line is no part of it. Add returns how many of the secrets are hidden from now on: less than were
// given means that the others are too short or too common (see the package comment), which is worth a warning to whoever
// configured them.
func (r *Redactor) Add(secrets ...string) int {
	r.adding.Lock()
	defer r.adding.Unlock()
	known := r.matcher.Load().patterns
	patterns := slices.Clone(known)
	added := 0
	for _, secret := range secrets {
		secret = strings.TrimSpace(secret)
		if !worthHiding(secret) {
			continue
		}
		added++
		patterns = append(patterns, encodings(secret)...)
		for line := range strings.Lines(strings.ReplaceAll(secret, `\n`, "\n")) {
			if line = strings.TrimSpace(line); line != secret && worthHiding(line) && !isArmor(line) {
				patterns = append(patterns, encodings(line)...)
			}
		}
	}
	slices.Sort(patterns)
	if patterns = slices.Compact(patterns); len(patterns) > len(known) {
		r.matcher.Store(newMatcher(patterns))
	}
	return added
}

// isArmor tells the first and last line of a key from those with the key.
func isArmor(line string) bool {
	return strings.HasPrefix(line, "-----BEGIN ") || strings.HasPrefix(line, "-----END ")
}

// Bytes returns p with every secret masked: p itself where there is none, otherwise a new slice. It never changes p.
func (r *Redactor) Bytes(p []byte) []byte {
	m := r.matcher.Load()
	clean, _ := m.find(p, 0, false)
	if clean == len(p) {
		return p
	}
	out := append(make([]byte, 0, len(p)), p[:clean]...)
	out, _, _ = m.mask(out, p[clean:], 0, false)
	return out
}

// String returns s with every secret masked.
//
// It is no fmt.Stringer, on purpose: Format is what prints a Redactor.
func (r *Redactor) String(s string) string {
	return string(r.Bytes([]byte(s)))
}

// Writer returns a stream to w in which every secret is masked, including those that are added while it runs, from the
// next Write on. It must be closed.
func (r *Redactor) Writer(w io.Writer) *Writer {
	return &Writer{s: &stream{redactor: r, to: w}}
}

// Format prints how many patterns there are and nothing else, whatever the verb and the flags.
func (r *Redactor) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "redact.Redactor(%d patterns)", len(r.matcher.Load().patterns))
}
