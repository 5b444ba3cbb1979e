package pipeline

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"spa-runner/internal/guard"
)

// What a child prints comes whole and in order: in bursts and without a break, in
// packets (pipe(7), O_DIRECT), and where nothing can be taken aside.
func TestMuchOutputComesWhole(t *testing.T) {
	t.Parallel()
	var all []byte
	for i := range 2_000_000 {
		all = append(strconv.AppendInt(all, int64(i), 10), '\n')
	}
	for name, c := range map[string]struct {
		packets, refused bool
		bytes            int // at once
	}{
		"in blocks":                {bytes: 4 << 10},
		"in big ones":              {bytes: 3 << 20},
		"in odd ones":              {bytes: 777},
		"in packets":               {bytes: 5000, packets: true},
		"where it cannot be moved": {bytes: 4 << 10, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parent, child, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			size := enlarge(child)
			r, err := newPipeReader(parent, size, drainLimit)
			if err != nil {
				t.Fatal(err)
			}
			if c.refused {
				r.size = -1 // and no pipe can be made that large
			}
			if c.packets {
				if _, err := unix.FcntlInt(child.Fd(), unix.F_SETFL, unix.O_DIRECT); err != nil {
					t.Fatal(err)
				}
			}
			var got bytes.Buffer
			done := make(chan error, 1)
			go func() {
				done <- guard.Call(func() error { return pump(nopCloser{&got}, r) })
			}()
			for left := all; len(left) > 0; {
				n := min(c.bytes, len(left))
				if _, err := child.Write(left[:n]); err != nil {
					t.Fatal(err)
				}
				if left = left[n:]; len(left)%1000 == 0 {
					time.Sleep(2 * idle) // a burst is over
				}
			}
			_ = child.Close()
			if err := <-done; err != nil || !bytes.Equal(got.Bytes(), all) {
				t.Errorf("got %v and %d bytes, want %d as they were written", err, got.Len(), len(all))
			}
			if !r.aside.tried || (r.aside.ends == nil) != c.refused {
				t.Errorf("taken aside: %+v", r.aside)
			}
			if n, err := r.file.Read(make([]byte, 1)); n > 0 || err != io.EOF { //nolint:errorlint // as it is
				t.Errorf("the pipe holds %d bytes more, %v", n, err)
			}
		})
	}
}
