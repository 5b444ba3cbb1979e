package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"strconv"

	"spa-runner/internal/guard"
)

// generate makes a bare repository with one commit on main, of so many files
// and about so many bytes, in one pack as a server has it: with deltas between
// files that are alike.
func generate(ctx context.Context, bare string, files, size int) error {
	git := func(stdin io.Reader, args ...string) error {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Stdin = stdin
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("git %v: %w\n%s", args, err, out)
		}
		return nil
	}
	if err := git(nil, "init", "--quiet", "--bare", "--initial-branch=main", bare); err != nil {
		return err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(guard.Call(func() error { return fastImport(w, files, size) })) }()
	// Below the limit it makes no pack, and a server has to deflate anew for each clone.
	err := git(r, "-C", bare, "-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", "--depth=0")
	if err = errors.Join(err, r.Close()); err != nil || files == 1 {
		return err // one file has no deltas
	}
	return git(nil, "-C", bare, "repack", "-a", "-d", "-f", "-q")
}

// fastImport writes what `git fast-import` reads. Of a big file there is never
// more than a piece in memory: what measures must stay small.
// https://git-scm.com/docs/git-fast-import
func fastImport(to io.Writer, files, size int) error {
	out := bufio.NewWriter(to)
	text := newText()
	fmt.Fprint(out, "commit refs/heads/main\ncommitter Bench <bench@example.com> 1700000000 +0000\ndata 6\nbench\n\n")
	var last []byte
	for i := range files {
		name, n := i, text.share(size/files, files)
		alike := i%10 == 9 && len(last) > 0
		if alike { // a file like the one before, as fixtures and versions are
			name, n = i-1, len(last)
			copy(last, strconv.Itoa(i))
		}
		fmt.Fprintf(out, "M 100644 inline folder%d/part%d/file%d.py\ndata %d\n", i%20, i/20%25, name, n)
		for n > 0 {
			if !alike {
				last = text.bytes(min(n, mebibyte))
			}
			_, _ = out.Write(last)
			n -= len(last)
		}
		if _, err := out.WriteString("\n"); err != nil {
			return err
		}
	}
	return out.Flush()
}

// text is a source of what looks like a program: words, of which few are
// frequent, numbers, and lines.
type text struct {
	random *rand.Rand
	words  *rand.Zipf
	vocab  []string
	buf    bytes.Buffer
}

func newText() *text {
	random := rand.New(rand.NewPCG(20, 155))
	t := &text{random: random, words: rand.NewZipf(random, 1.4, 4, 9_999)}
	const letters = "etaoinshrdlucmfwypvbgkjqxz_"
	for range 10_000 {
		word := make([]byte, 2+random.IntN(10))
		for i := range word {
			word[i] = letters[min(random.IntN(len(letters)), random.IntN(len(letters)))]
		}
		t.vocab = append(t.vocab, string(word))
	}
	return t
}

// share is how long the next of so many files is, whose mean is known: most are
// short, some are long.
func (t *text) share(mean, files int) int {
	if files == 1 {
		return mean
	}
	return max(1, int(float64(mean)*min(t.random.ExpFloat64(), 20)))
}

// bytes are the next n. They are valid until the next call.
func (t *text) bytes(n int) []byte {
	t.buf.Reset()
	for t.buf.Len() < n {
		for range t.random.IntN(5) {
			t.buf.WriteString("    ")
		}
		for range 3 + t.random.IntN(9) {
			t.buf.WriteString(t.vocab[t.words.Uint64()])
			t.buf.WriteByte(" .(,=)"[t.random.IntN(6)])
			if t.random.IntN(20) == 0 {
				t.buf.WriteString(strconv.Itoa(t.random.IntN(1_000_000)))
			}
		}
		t.buf.WriteByte('\n')
	}
	return t.buf.Bytes()[:n]
}
