package redact

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// TestSecretsSplit tears every pattern of real secrets apart at every byte.
func TestSecretsSplit(t *testing.T) {
	r := New()
	r.Add(realSecrets()[:4]...)
	r.Add(nasty)
	var got bytes.Buffer
	for _, p := range r.matcher.Load().patterns {
		want := r.String("<" + p + ">")
		if strings.Contains(want, p) {
			t.Fatalf("%q is not hidden", p)
		}
		for i := range len(p) + 1 {
			got.Reset()
			w := r.Writer(&got)
			for _, piece := range []string{"<" + p[:i], p[i:] + ">"} {
				if _, err := io.WriteString(w, piece); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil || got.String() != want {
				t.Fatalf("%q split at %d became %q, %v; want %q", p, i, got.String(), err, want)
			}
		}
		got.Reset()
		w := r.Writer(&got)
		for _, c := range []byte("<" + p + ">") {
			_, _ = w.Write([]byte{c})
		}
		if err := w.Close(); err != nil || got.String() != want {
			t.Fatalf("%q byte by byte became %q, %v; want %q", p, got.String(), err, want)
		}
	}
}

// TestPromptAtOnce: nobody waits for a prompt or a progress line, and after an unlucky one only for the tail in question.
func TestPromptAtOnce(t *testing.T) {
	r := New()
	r.Add("hunt3r-is-it")
	var got bytes.Buffer
	w := r.Writer(writerFunc(func(p []byte) (int, error) {
		if len(p) == 0 {
			t.Error("an empty Write was passed on")
		}
		return got.Write(p)
	}))
	for _, tt := range []struct{ piece, want string }{
		{"Password: ", "Password: "},
		{"\r 17 %", "\r 17 %"},
		{"done h", "done "},
		{"unt", ""},
		{"ing", "hunting"},
		{"; hunt3r-is-it", "; ***"},
		{"!", "!"},
		{"", ""},
	} {
		got.Reset()
		if n, err := io.WriteString(w, tt.piece); n != len(tt.piece) || err != nil {
			t.Fatalf("Write(%q) = %d, %v", tt.piece, n, err)
		}
		if got.String() != tt.want {
			t.Errorf("Write(%q) passed %q on, want %q", tt.piece, got.String(), tt.want)
		}
	}
}

func TestClose(t *testing.T) {
	r := New()
	r.Add("hunt3r-is-it", "hunt3r-is-it-not")
	for text, want := range map[string]string{
		"so hunt3r":           "so hunt3r", // half a secret is a named limit
		"so hunt3r-is-it":     "so ***",
		"so hunt3r-is-it-no":  "so ***-no",
		"so hunt3r-is-it-not": "so ***",
		"":                    "",
	} {
		var got bytes.Buffer
		w := r.Writer(&got)
		_, _ = io.WriteString(w, text)
		for range 2 { // the second has nothing to write
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if got.String() != want {
			t.Errorf("%q became %q, want %q", text, got.String(), want)
		}
	}
}

// TestAddWhileRunning: a secret that a step makes is hidden from the next Write on, also where its beginning is held back already.
func TestAddWhileRunning(t *testing.T) {
	r := New()
	r.Add("hunt3r-is-it")
	var got bytes.Buffer
	w := r.Writer(&got)
	_, _ = io.WriteString(w, "brand-new hunt3r")
	r.Add("brand-new", "r-was-it")
	_, _ = io.WriteString(w, "-was-it brand-new")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if want := "brand-new hunt3*** ***"; got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
}

// failing takes a number of bytes and then fails, or claims that it took fewer.
type failing struct {
	room int
	err  error
}

func (f *failing) Write(p []byte) (int, error) {
	n := min(f.room, len(p))
	f.room -= n
	if n < len(p) {
		return n, f.err
	}
	return n, nil
}

func TestWriteErrors(t *testing.T) {
	full := errors.New("disk full")
	for _, tt := range []struct{ returned, want error }{{full, full}, {nil, io.ErrShortWrite}} {
		r := New()
		r.Add("hunt3r-is-it")
		w := r.Writer(&failing{room: chunkLen + 5, err: tt.returned})
		n, err := w.Write(bytes.Repeat([]byte("x"), 3*chunkLen))
		if !errors.Is(err, tt.want) || n != chunkLen {
			t.Errorf("Write = %d, %v, want %d, %v", n, err, chunkLen, tt.want)
		}
		if n, err := io.WriteString(w, "hunt3r"); n != 6 || err != nil {
			t.Errorf("Write of what is held back = %d, %v", n, err)
		}
		if err := w.Close(); !errors.Is(err, tt.want) {
			t.Errorf("Close = %v, want %v", err, tt.want)
		}
	}
}

// TestNoAllocation covers clean lines, lines with a secret, and lines that end inside of one.
func TestNoAllocation(t *testing.T) {
	r := New()
	secrets := realSecrets()
	r.Add(secrets...)
	w := r.Writer(io.Discard)
	lines := [][]byte{
		[]byte("compiling\n"), []byte("token " + secrets[3] + "\n"), []byte("token " + secrets[7][:500]), []byte(secrets[7][500:] + "\n"),
	}
	n := testing.AllocsPerRun(100, func() {
		for _, line := range lines {
			_, _ = w.Write(line)
		}
	})
	if n != 0 {
		t.Errorf("writing four lines allocates %v times", n)
	}
}

// TestAdversarialStream: a stream in which a pattern begins and ends everywhere, as one run, gives one mask. Memory
// must not grow with its length; the limit on time is far above what it takes and far below what a search does that begins again
// at the first byte.
func TestAdversarialStream(t *testing.T) {
	for _, tt := range []struct {
		name    string
		pattern string
		piece   string
		want    string
	}{
		{"all matches", strings.Repeat("a", 800), strings.Repeat("a", 4096), Mask},
		{"two letters", strings.Repeat("ab", 400), strings.Repeat("ab", 2048), Mask},
		{"never matches", strings.Repeat("a", 799) + "b", strings.Repeat("a", 4096), ""},
		{"one Write", strings.Repeat("a", 8), strings.Repeat("a", 1<<20), Mask},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var passed int
			var head []byte
			w := withPatterns(tt.pattern).Writer(writerFunc(func(p []byte) (int, error) {
				passed += len(p)
				head = append(head, p[:min(len(p), len(Mask)-min(len(Mask), len(head)))]...)
				return len(p), nil
			}))
			total := 1 << 20
			for range total / len(tt.piece) {
				_, _ = io.WriteString(w, tt.piece)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if tt.want != "" && (passed != len(tt.want) || string(head) != tt.want) {
				t.Errorf("passed %d bytes on, beginning with %q, want %q", passed, head, tt.want)
			}
			if tt.want == "" && passed != total {
				t.Errorf("passed %d bytes on, want %d", passed, total)
			}
			if got, limit := cap(w.s.held)+cap(w.s.out), 4*(chunkLen+len(tt.pattern)); got > limit {
				t.Errorf("uses %d bytes of memory, want at most %d", got, limit)
			}
		})
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestLongText writes a build's output in pieces of many sizes, with secrets across the borders of chunks.
func TestLongText(t *testing.T) {
	r := New()
	secrets := realSecrets()
	r.Add(secrets...)
	text := buildOutput(400_000, 20, secrets)
	want := r.Bytes(text)
	for _, size := range []int{1, 7, 800, 4096, chunkLen - 1, chunkLen, chunkLen + 1, len(text)} {
		var got bytes.Buffer
		w := r.Writer(&got)
		for piece := range slices.Chunk(text, size) {
			if _, err := w.Write(piece); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("pieces of %d bytes: %v, %d bytes, want %d", size, err, got.Len(), len(want))
		}
	}
}

// once fails one write, as a log that is full for a moment does.
type once struct {
	bytes.Buffer
	failed bool
}

func (o *once) Write(p []byte) (int, error) {
	if !o.failed {
		o.failed = true
		return 0, errors.New("not now")
	}
	return o.Buffer.Write(p)
}

// Who writes on after an error does not see the end of a secret whose beginning came
// before it.
func TestASecretIsHiddenAcrossAFailedWrite(t *testing.T) {
	r := New()
	r.Add("hunt3r-is-it")
	to := &once{}
	w := r.Writer(to)
	if _, err := io.WriteString(w, "some text hunt3r"); err == nil {
		t.Fatal("the write did not fail")
	}
	_, err := io.WriteString(w, "-is-it end")
	if err := errors.Join(err, w.Close()); err != nil || to.String() != Mask+" end" {
		t.Errorf("got %q, %v", to.String(), err)
	}
}
