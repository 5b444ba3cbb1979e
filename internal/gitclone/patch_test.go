package gitclone

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// patchOne applies a delta to a base that is in memory, or in a file.
func patchOne(ctx context.Context, t *testing.T, base, delta []byte, inFile bool) ([]byte, error) {
	t.Helper()
	p := mustReceive(t, blob(string(base)), packed{plumbing.BlobObject, delta})
	of := inMemory(base)
	if inFile {
		of = &body{size: int64(len(base)), file: bytes.NewReader(base)}
	}
	var out bytes.Buffer
	err := p.patch(ctx, of, &p.objects[1], plumbing.BlobObject, func(int64) (io.Writer, error) { return &out, nil })
	return out.Bytes(), err
}

// TestPatchLikeGoGit compares with another implementation, on deltas at random.
func TestPatchLikeGoGit(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	base := make([]byte, 40_000)
	for i := range base {
		base[i] = byte(random.Uint32())
	}
	for round := range 50 {
		var steps []byte
		size := 0
		for range random.IntN(20) {
			if n := random.IntN(0x7f) + 1; random.IntN(2) == 0 {
				steps = append(append(steps, byte(n)), base[:n]...)
				size += n
				continue
			}
			n := random.IntN(len(base)) + 1
			at := random.IntN(len(base) - n + 1)
			steps = append(steps, 0xff, byte(at), byte(at>>8), byte(at>>16), 0, byte(n), byte(n>>8), byte(n>>16))
			size += n
		}
		delta := append(binary.AppendUvarint(binary.AppendUvarint(nil, uint64(len(base))), uint64(size)), steps...)
		want, err := packfile.PatchDelta(base, delta)
		if err != nil && size > 0 {
			t.Fatal(err)
		}
		for _, inFile := range []bool{false, true} {
			if got, err := patchOne(t.Context(), t, base, delta, inFile); err != nil || !bytes.Equal(got, want) {
				t.Errorf("round %d, in a file %v: %d bytes (%v) are not the %d that go-git makes", round, inFile, len(got), err, len(want))
			}
		}
	}
}

func TestDamagedDelta(t *testing.T) {
	t.Parallel()
	for name, delta := range map[string][]byte{
		"empty":                      {},
		"no size of the result":      {4},
		"another base":               {5, 4, 0x90, 4},
		"more than its base has":     {4, 5, 0x90, 5},
		"beyond its base":            {4, 1, 0x91, 4, 1},
		"far beyond its base":        {4, 1, 0x9f, 0xff, 0xff, 0xff, 0xff, 1},
		"more than it says":          {4, 3, 0x90, 4},
		"less than it says":          {4, 5, 0x90, 4},
		"64 KiB, written as nothing": {4, 4, 0x80},
		"more after its end":         {4, 4, 0x90, 4, 1, 'x'},
		"a reserved instruction":     {4, 4, 0, 0x90, 4},
		"cut off in a text":          {4, 4, 4, 'x'},
		"cut off in an instruction":  {4, 4, 0x90},
		"a size beyond all measure":  {4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x90, 4},
	} {
		for _, inFile := range []bool{false, true} {
			if got, err := patchOne(t.Context(), t, []byte("text"), delta, inFile); !errors.Is(err, errDelta) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s, in a file %v: got %q, %v", name, inFile, got, err)
			}
		}
	}
}

// TestPatchAsksTheContext ends in the middle of one copy of a large base.
func TestPatchAsksTheContext(t *testing.T) {
	t.Parallel()
	cause := errors.New("the run was interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	base := make([]byte, 10*mib)
	p := mustReceive(t, blob("x"), packed{plumbing.BlobObject, append(binary.AppendUvarint(binary.AppendUvarint(nil, 10*mib), 10*mib), 0xf0, 0xff, 0xff, 0x9f)})
	looked := 0
	of := &body{size: 10 * mib, file: readerAt(func(b []byte, at int64) (int, error) {
		if looked++; looked == 3 {
			cancel(cause)
		}
		return copy(b, base[at:]), nil
	})}
	err := p.patch(ctx, of, &p.objects[1], plumbing.BlobObject, func(int64) (io.Writer, error) { return io.Discard, nil })
	if !errors.Is(err, cause) || looked != 3 {
		t.Errorf("after %d parts of the base: %v", looked, err)
	}
}

type readerAt func([]byte, int64) (int, error)

func (r readerAt) ReadAt(b []byte, at int64) (int, error) { return r(b, at) }
