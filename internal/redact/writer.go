package redact

import (
	"fmt"
	"io"
)

// chunkLen bounds what a Writer copies at a time, and with it its memory, however long one Write is.
const chunkLen = 64 << 10

// shortLen is that where something is held back: what comes with it is copied and searched the slow way, mostly to find
// that it was no secret.
const shortLen = 2 << 10

// Writer masks secrets in a stream. It holds back only a tail that may turn out to be the beginning of a secret, so that
// prompts and progress lines come through at once; its memory is bounded by the longest secret. It is to be used by one
// goroutine, as a stream has one order.
type Writer struct {
	// Behind a pointer since fmt, where it must not call Format because the Writer is in an unexported field of something
	// that is printed, may show the fields, but follows no second pointer.
	s *stream
}

type stream struct {
	redactor *Redactor
	to       io.Writer
	held     []byte // the tail that may be the beginning of a secret; with room for a chunk behind it
	covered  int    // so many bytes of held are part of a secret whose mask has been written already
	out      []byte // scratch
}

// Write redacts p, together with what was held back before, and writes all of it that is certain. An error is the
// underlying writer's; what it did not take is lost, but nothing of it appears unmasked later.
func (w *Writer) Write(p []byte) (int, error) {
	m := w.s.redactor.matcher.Load()
	for n := 0; n < len(p); {
		length := chunkLen
		if len(w.s.held) > 0 {
			length = shortLen
		}
		chunk := p[n:min(n+length, len(p))]
		clean, err := w.s.begin(m, chunk)
		w.s.held = append(w.s.held, chunk[clean:]...) // after an error too: a secret may go on in the next write
		if err != nil {
			return n, err
		}
		if clean < len(chunk) {
			if err := w.s.pass(m, true); err != nil {
				return n, err
			}
		}
		n += len(chunk)
	}
	return len(p), nil
}

// begin writes what comes before any secret, and before what may be the beginning
// of one, as it is: most of a log has neither, and is not copied, which is a third
// of the time that it takes. It needs nothing to be held back.
func (s *stream) begin(m *matcher, chunk []byte) (clean int, err error) {
	if len(s.held) > 0 {
		return 0, nil
	}
	if clean, _ = m.find(chunk, 0, true); clean == 0 {
		return 0, nil
	}
	return clean, s.write(chunk[:clean])
}

// Close writes what was held back. It does not close the underlying writer.
func (w *Writer) Close() error {
	return w.s.pass(w.s.redactor.matcher.Load(), false)
}

// pass writes what is certain of s.held and keeps the rest.
func (s *stream) pass(m *matcher, more bool) error {
	out, done, covered := m.mask(s.out[:0], s.held, s.covered, more)
	s.out, s.covered = out, covered
	s.held = s.held[:copy(s.held, s.held[done:])]
	if len(out) == 0 {
		return nil
	}
	return s.write(out)
}

func (s *stream) write(out []byte) error {
	n, err := s.to.Write(out)
	if err == nil && n < len(out) {
		err = io.ErrShortWrite
	}
	return err
}

// Format prints how many bytes are held back and nothing else, whatever the verb and the flags.
func (w Writer) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "redact.Writer(%d bytes held back)", len(w.s.held))
}
