package gitclone

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// bomb is a pack whose objects are based on those before them.
type bomb struct {
	bytes.Buffer
	at []int64
}

func (b *bomb) add(typ plumbing.ObjectType, base int, size int64, content io.Reader) int {
	if b.Len() == 0 {
		b.WriteString("PACK\x00\x00\x00\x02\x00\x00\x00\x00")
	}
	b.at = append(b.at, int64(b.Len()))
	b.Write(packHeader(typ, size))
	if typ == plumbing.OFSDeltaObject {
		back := b.at[len(b.at)-1] - b.at[base]
		encoded := []byte{byte(back & 0x7f)}
		for back >>= 7; back > 0; back >>= 7 {
			back--
			encoded = append([]byte{byte(back&0x7f) | 0x80}, encoded...)
		}
		b.Write(encoded)
	}
	z := zlib.NewWriter(b)
	_, _ = io.Copy(z, content)
	_ = z.Close()
	return len(b.at) - 1
}

func (b *bomb) object(typ plumbing.ObjectType, content string) int {
	return b.add(typ, 0, int64(len(content)), strings.NewReader(content))
}

// blow adds a delta that copies the beginning of its base until it has made size
// bytes, of which the last is n: no two are the same.
func (b *bomb) blow(base, baseSize, size int, n byte) int {
	d := binary.AppendUvarint(nil, uint64(baseSize))
	d = binary.AppendUvarint(d, uint64(size))
	for left := size - 1; left > 0; {
		part := min(left, baseSize, 0xffffff)
		d = append(d, 0xf0, byte(part), byte(part>>8), byte(part>>16))
		left -= part
	}
	d = append(d, 1, n)
	return b.add(plumbing.OFSDeltaObject, base, int64(len(d)), bytes.NewReader(d))
}

func (b *bomb) pack() []byte {
	binary.BigEndian.PutUint32(b.Bytes()[8:], uint32(len(b.at)))
	sum := sha1.Sum(b.Bytes())
	return append(b.Bytes(), sum[:]...)
}

const (
	mib        = 1 << 20
	bombMemory = 128 * mib // in place of memoryBudget, to be quicker
	bombSpool  = 32 * mib  // in place of maxSpool
	streamed   = 64        // MiB that are enough where all is streamed
	held       = 256       // MiB for bombMemory, and as much for what waits to be collected
)

// bombs are small packs that unpack to much, with what comes of it and how much
// memory that may take, in MiB.
var bombs = map[string]struct {
	make func(*bomb)
	want string // of the error; "" if there is none
	peak int64
}{
	"four deltas on one blob": {func(b *bomb) {
		base := b.object(plumbing.BlobObject, strings.Repeat("x", 64<<10))
		for n := range 4 {
			b.blow(base, 64<<10, 40*mib, byte(n))
		}
	}, "", streamed},
	"beyond what the spool keeps": {func(b *bomb) {
		b.add(plumbing.BlobObject, 0, bombSpool, io.LimitReader(zeros{}, bombSpool))
		base := b.object(plumbing.BlobObject, strings.Repeat("x", 64<<10))
		for n := range 3 {
			b.blow(base, 64<<10, 40*mib, byte(n))
		}
	}, "", streamed},
	"a chain with a branch at each link": {func(b *bomb) {
		base, size := b.object(plumbing.BlobObject, strings.Repeat("x", 64<<10)), 64<<10
		for n := range 4 {
			b.blow(base, size, 20*mib, 100+byte(n))
			base, size = b.blow(base, size, 20*mib, byte(n)), 20*mib
		}
		b.blow(base, size, 20*mib, 99)
	}, "", streamed},
	"large bases of small objects": {func(b *bomb) {
		base, size := b.object(plumbing.BlobObject, strings.Repeat("x", 64<<10)), 64<<10
		for root := range 3 {
			big := b.blow(base, size, 40*mib, byte(root))
			for n := range 10 {
				b.blow(big, 40*mib, 1000, byte(n))
			}
		}
	}, "", streamed},
	"many contents held at a time": {func(b *bomb) {
		base := b.object(plumbing.BlobObject, strings.Repeat("x", mib))
		for n := range 250 {
			next := b.blow(base, mib, mib, byte(n))
			b.blow(base, mib, 10, byte(n)) // for which the base is needed again
			base = next
		}
	}, "", held},
	"files that are expanded, all at once": {func(b *bomb) {
		base := b.object(plumbing.BlobObject, strings.Repeat("x", 64<<10))
		for n := range 3 {
			b.blow(base, 64<<10, 60*mib, byte(n))
		}
	}, "", held},
	"a file to expand that is larger than the memory": {func(b *bomb) {
		b.blow(b.object(plumbing.BlobObject, strings.Repeat("x", 64<<10)), 64<<10, 140*mib, 0)
	}, "more than the 536870912 bytes of memory that a clone may use", streamed},
	"a result that is shorter than said": {func(b *bomb) {
		base := b.object(plumbing.BlobObject, "text")
		d := append(binary.AppendUvarint([]byte{4}, 4<<30), 0x90, 4)
		b.add(plumbing.OFSDeltaObject, base, int64(len(d)), bytes.NewReader(d))
	}, "resolving deltas: the object at ", streamed},
	"one tree of 80 MiB": {func(b *bomb) {
		b.add(plumbing.TreeObject, 0, 80*mib, io.LimitReader(zeros{}, 80*mib))
	}, "more than 67108864 is refused", streamed},
	"trees in trees": {func(b *bomb) {
		// Each tree has a million names and the tree before it.
		entry := func(n int, hash plumbing.Hash) string { return fmt.Sprintf("40000 %07x\x00%s", n, hash[:]) }
		hash := plumbing.ComputeHash(plumbing.TreeObject, nil)
		b.object(plumbing.TreeObject, "")
		for range 5 {
			var tree strings.Builder
			tree.WriteString(entry(0, hash))
			for n := range 100_000 {
				tree.WriteString(entry(n+1, plumbing.NewHash(emptyTree)))
			}
			b.object(plumbing.TreeObject, tree.String())
			hash = plumbing.ComputeHash(plumbing.TreeObject, []byte(tree.String()))
		}
	}, "more than the 536870912 bytes of memory that a clone may use", held},
	"ten folders of the same ten, ten times": {func(b *bomb) {
		b.object(plumbing.BlobObject, "x")
		hash, mode := plumbing.ComputeHash(plumbing.BlobObject, []byte("x")), "100644"
		for range 10 {
			var tree strings.Builder
			for n := range 10 {
				fmt.Fprintf(&tree, "%s f%d\x00%s", mode, n, hash[:])
			}
			b.object(plumbing.TreeObject, tree.String())
			hash, mode = plumbing.ComputeHash(plumbing.TreeObject, []byte(tree.String())), "40000"
		}
	}, "more than the 536870912 bytes of memory that a clone may use", held},
	"very many objects": {func(b *bomb) {
		for n := range 500_000 {
			var content [4]byte
			binary.BigEndian.PutUint32(content[:], uint32(n))
			b.at = append(b.at, int64(b.Len()))
			if n == 0 {
				b.WriteString("PACK\x00\x00\x00\x02\x00\x00\x00\x00")
			}
			b.WriteByte(0x34)
			b.WriteString("\x78\x01\x01\x04\x00\xfb\xff") // stored, not deflated
			b.Write(content[:])
			sum := uint32(1) + uint32(content[0]) + uint32(content[1]) + uint32(content[2]) + uint32(content[3])
			low := 4 + 4*uint32(content[0]) + 3*uint32(content[1]) + 2*uint32(content[2]) + uint32(content[3])
			b.Write(binary.BigEndian.AppendUint32(nil, low<<16|sum))
		}
	}, "more than the 536870912 bytes of memory that a clone may use", held},
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

const (
	bombVariable   = "GITCLONE_TEST_BOMB"
	expandedSuffix = ".expanded"
)

// TestUnpackingIsBounded unpacks in a process of its own, and asks how much memory
// that got from the system.
func TestUnpackingIsBounded(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("make test runs it whole; under the race detector it would take minutes, with other figures")
	}
	peak := regexp.MustCompile(`(?m)^peak: (\d+) MiB$`)
	for name, test := range bombs {
		t.Run(name, func(t *testing.T) {
			var b bomb
			test.make(&b)
			path := t.TempDir() + "/bomb.pack"
			if strings.Contains(name, "expand") {
				path += expandedSuffix
			}
			writeFile(t, path, string(b.pack()))
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestUnpackBomb$", "-test.v")
			cmd.Env = append(os.Environ(), bombVariable+"="+path)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if test.want == "" != strings.Contains(string(out), "\nunpacked: <nil>\n") || !strings.Contains(string(out), test.want) {
				t.Errorf("want %q, got\n%s", test.want, out)
			}
			found := peak.FindSubmatch(out)
			if found == nil {
				t.Fatalf("no peak in\n%s", out)
			}
			took, _ := strconv.ParseInt(string(found[1]), 10, 64)
			t.Logf("a pack of %d KiB took %d MiB", b.Len()>>10, took)
			if took > test.peak {
				t.Errorf("%d MiB were used, more than %d", took, test.peak)
			}
		})
	}
}

// TestUnpackBomb is the process that TestUnpackingIsBounded starts.
func TestUnpackBomb(t *testing.T) {
	path := os.Getenv(bombVariable)
	if path == "" {
		t.Skip("for TestUnpackingIsBounded")
	}
	fmt.Printf("\nunpacked: %v\n", unpackAll(t, path))
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	fmt.Printf("peak: %d MiB\n", memory.Sys>>20) // which is never given back
}

// unpackAll receives a pack, lists its last tree, and copies all of its blobs with all workers.
func unpackAll(t *testing.T, path string) error {
	raw, err := os.Open(path)
	if err != nil {
		return err
	}
	inflated := testSpool(t)
	inflated.max = bombSpool
	p, err := receivePack(t.Context(), raw, scratch(t), inflated, newBudget(bombMemory))
	if err != nil {
		return err
	}
	if last := p.objects[len(p.objects)-1]; last.typ == plumbing.TreeObject {
		if _, err := list(t.Context(), p, last.hash); err != nil {
			return err
		}
	}
	return parallel(t.Context(), maxWorkers, len(p.objects), func(i int) error {
		e := entry{object: i, convert: conversion{ident: strings.HasSuffix(path, expandedSuffix)}}
		return writeContent(t.Context(), io.Discard, p, &e)
	})
}
