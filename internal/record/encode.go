package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// overlayText is the overlay of a pass as it stands in the file. It is long, and
// does not change once it is there: what is added is encoded, and nothing twice.
type overlayText struct {
	entries int
	text    []byte
}

// emptyOverlay stands in the text of a record where an overlay is to be. No text in
// a record reads like it, since quotes are escaped in there.
const emptyOverlay = `"overlay": []`

// encode is the record as a file, in pieces: JSON for people too, with a line for each
// file of the overlay.
func (s *state) encode(now time.Time) ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick(now)
	brief := s.record
	brief.Passes = slices.Clone(brief.Passes)
	s.encoded = slices.Grow(s.encoded, len(brief.Passes))[:len(brief.Passes)]
	for i := range brief.Passes {
		if err := s.encoded[i].add(brief.Passes[i].Overlay); err != nil {
			return nil, err
		}
		brief.Passes[i].Overlay = []Laid{}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(brief); err != nil {
		return nil, err
	}
	parts := bytes.Split(b.Bytes(), []byte(emptyOverlay))
	if len(parts) != len(brief.Passes)+1 {
		return nil, errors.New("a record without the place of an overlay")
	}
	pieces := [][]byte{parts[0]}
	for i, part := range parts[1:] {
		pieces = append(pieces, []byte(`"overlay": [`), s.encoded[i].text, []byte("]"), part)
	}
	return pieces, nil
}

// usualEntry is about what a file takes in the text, in bytes.
const usualEntry = 192

func (o *overlayText) add(overlay []Laid) error {
	b := bytes.NewBuffer(o.text)
	b.Grow((len(overlay) - o.entries) * usualEntry)
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	for i := range overlay[o.entries:] {
		if o.entries+i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n        ")
		if err := encoder.Encode(&overlay[o.entries+i]); err != nil {
			return err
		}
		b.Truncate(b.Len() - len("\n"))
	}
	o.entries, o.text = len(overlay), b.Bytes()
	return nil
}

// tick has what still runs have taken as long as it has by now.
func (s *state) tick(now time.Time) {
	r := &s.record
	r.Written = now
	if r.Outcome == Running && !r.Started.IsZero() {
		r.TookMS = now.Sub(r.Started).Milliseconds()
	}
	for i := range r.Passes {
		p := &r.Passes[i]
		if p.Outcome != Running || p.Started.IsZero() {
			continue
		}
		p.TookMS = now.Sub(p.Started).Milliseconds()
		for j := range p.Steps {
			if step := &p.Steps[j]; step.Outcome == Running {
				step.TookMS = now.Sub(step.Started).Milliseconds()
			}
		}
	}
}
