package redact

import (
	"encoding/binary"
	"slices"
)

// blockLen is the number of bytes that the search looks at in one place. Fewer would make most places of a log suspicious.
// No pattern may be shorter.
const blockLen = 4

// maxWindow bounds the leading part of the patterns that the search uses. More would allow wider jumps but fill the
// table, which makes jumps shorter again.
const maxWindow = 20

// hashBits makes a table of jumps of 32 KiB, which stays in the processor's cache beside the text.
const hashBits = 15

// matcher finds patterns in a text by the algorithm of Wu and Manber ("A fast algorithm for multi-pattern searching",
// 1994). It slides a window, as long as the shortest pattern, along the text and looks at the window's last block only: how
// near to its end does any pattern have that block? That is how far the window can move on without missing anything, and
// mostly it is the whole window, so most bytes of the text are never read. An automaton (Aho-Corasick) reads each byte, and
// for the 32 KB of patterns that come from twenty secrets its table takes 33 MB.
//
// It is immutable, and therefore safe for concurrent use.
type matcher struct {
	patterns []string // sorted, each once
	window   int      // bytes; the length of the shortest pattern or maxWindow
	byLead   [256][]string
	jumps    [1 << hashBits]uint8 // by hash of the window's last block; 0: a pattern may begin where the window begins
}

// newMatcher compiles patterns, which must be sorted, unique and at least blockLen long. It keeps the slice.
func newMatcher(patterns []string) *matcher {
	m := &matcher{patterns: patterns, window: maxWindow}
	for _, p := range patterns {
		m.window = min(m.window, len(p))
		m.byLead[p[0]] = append(m.byLead[p[0]], p)
	}
	for _, ps := range m.byLead {
		slices.SortFunc(ps, func(a, b string) int { return len(b) - len(a) }) // at returns the first that fits
	}
	for i := range m.jumps {
		m.jumps[i] = uint8(m.longestJump())
	}
	for _, p := range patterns {
		for end := blockLen; end <= m.window; end++ {
			h := hash(binary.LittleEndian.Uint32([]byte(p[end-blockLen : end])))
			m.jumps[h] = min(m.jumps[h], uint8(m.window-end))
		}
	}
	return m
}

// longestJump is where no pattern has the block.
func (m *matcher) longestJump() int { return m.window - blockLen + 1 }

// hash maps a block, as a little-endian number, to a place in the table of jumps (Knuth's multiplicative hashing).
func hash(block uint32) uint32 { return block * 2654435761 >> (32 - hashBits) }

// find returns where the first pattern at or after i begins and ends: the longest one of those that begin there.
//
// With more, b is what has arrived so far of a stream, and a pattern that b breaks off in counts as well: its end is
// past the end of b. Without any pattern both results are len(b).
func (m *matcher) find(b []byte, i int, more bool) (start, end int) {
	if len(m.patterns) == 0 {
		return len(b), len(b)
	}
	ends := b[min(m.window-blockLen, len(b)):] // in which the last block of the window at i is at i
	for longest := m.longestJump(); i <= len(ends)-blockLen; {
		// Spelled out, since to slice takes as long as all the rest.
		block := uint32(ends[i]) | uint32(ends[i+1])<<8 | uint32(ends[i+2])<<16 | uint32(ends[i+3])<<24
		jump := int(m.jumps[hash(block)])
		if jump == longest {
			i += longest // which is known: the processor goes on and need not wait for the table
			continue
		}
		if jump > 0 {
			i += jump
			continue
		}
		if n := m.at(b[i:], more); n > 0 {
			return i, i + n
		}
		i++
	}
	// Here the window no longer fits, so no pattern does.
	for ; more && i < len(b); i++ {
		if n := m.at(b[i:], more); n > 0 {
			return i, i + n
		}
	}
	return len(b), len(b)
}

// at returns the length of the longest pattern that b begins with or, with more, that begins with all of b; 0 if none.
func (m *matcher) at(b []byte, more bool) int {
	for _, p := range m.byLead[b[0]] {
		n := min(len(p), len(b))
		if (n == len(p) || more) && string(b[:n]) == p[:n] {
			return len(p)
		}
	}
	return 0
}

// mask appends b to dst with Mask in place of each run of overlapping patterns. The first covered bytes of b are part of a
// run that dst already has the mask of.
//
// With more, it stops where b may break off inside a pattern. The rest, b[done:], has to come again with what follows
// it, and restCovered with it. Without more, done is len(b).
func (m *matcher) mask(dst, b []byte, covered int, more bool) (out []byte, done, restCovered int) {
	for i := 0; ; {
		start, end := m.find(b, i, more)
		if start > covered {
			dst = append(dst, b[covered:start]...)
			covered = start
		}
		if start == len(b) || end > len(b) {
			return dst, start, covered - start
		}
		if start == covered {
			dst = append(dst, Mask...)
		}
		covered = max(covered, end)
		i = start + 1 // not end: the next pattern may begin inside this one
	}
}
