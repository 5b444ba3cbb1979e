package gitclone

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// packed is an object for packWith; a delta is based on the first object.
type packed struct {
	typ  plumbing.ObjectType
	data []byte
}

func (o packed) hash() plumbing.Hash { return plumbing.ComputeHash(o.typ, o.data) }

func blob(text string) packed { return packed{plumbing.BlobObject, []byte(text)} }

// treeOf has one entry.
func treeOf(mode, name string, o packed) packed {
	hash := o.hash()
	return packed{plumbing.TreeObject, append([]byte(mode+" "+name+"\x00"), hash[:]...)}
}

// deltaOf copies size bytes from the beginning of a base of the same size, times over.
func deltaOf(size, times int) packed {
	d := binary.AppendUvarint(nil, uint64(size))
	d = binary.AppendUvarint(d, uint64(size*times))
	for range times {
		d = append(d, 0xf0, byte(size), byte(size>>8), byte(size>>16))
	}
	return packed{plumbing.REFDeltaObject, d}
}

func packWith(objects ...packed) []byte {
	var out bytes.Buffer
	out.WriteString("PACK\x00\x00\x00\x02")
	out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(objects))))
	for _, o := range objects {
		out.Write(packHeader(o.typ, int64(len(o.data))))
		if o.typ.IsDelta() {
			base := objects[0].hash()
			out.Write(base[:])
		}
		z := zlib.NewWriter(&out)
		z.Write(o.data)
		z.Close()
	}
	sum := sha1.Sum(out.Bytes())
	return append(out.Bytes(), sum[:]...)
}

func mustReceive(t *testing.T, objects ...packed) *pack {
	t.Helper()
	p, err := receive(t, packWith(objects...))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestDeltaBomb is about what must be in memory as a whole. A file may be of any
// size: see TestUnpackingIsBounded.
func TestDeltaBomb(t *testing.T) {
	t.Parallel()
	const size, times = 1 << 20, maxMeta>>20 + 1
	for _, typ := range []plumbing.ObjectType{plumbing.TreeObject, plumbing.CommitObject, plumbing.TagObject} {
		raw := packWith(packed{typ, make([]byte, size)}, deltaOf(size, times))
		_, err := receive(t, raw)
		contains(t, err, fmt.Sprintf("is %d bytes when unpacked, more than %d is refused", size*times, maxMeta))
		if len(raw) > 8<<10 {
			t.Errorf("the pack for a %s has %d bytes: the test is not about what it says", typ, len(raw))
		}
	}
}

// TestTooLargeForMemory changes what the pack is known to hold, for speed.
func TestTooLargeForMemory(t *testing.T) {
	t.Parallel()
	rules := blob("* text\n")
	root := treeOf("100644", attributesName, rules)
	listed := func(p *pack) error { _, err := list(t.Context(), p, root.hash()); return err }
	for name, test := range map[string]struct {
		object int
		size   int64
		use    func(*pack) error
		want   string
	}{
		"attributes":    {0, maxAttributes + 1, listed, "more than 104857600 is refused"},
		"tree":          {1, maxMeta + 1, listed, "more than 67108864 is refused"},
		"tree, decoded": {1, maxMeta, listed, "more than the 536870912 bytes of memory that a clone may use"},
		"file to expand": {0, memoryBudget, func(p *pack) error {
			return writeContent(t.Context(), scratch(t), p, &entry{convert: conversion{ident: true}})
		}, "more than the 536870912 bytes of memory that a clone may use, and is refused: it takes 536870912 bytes, and 503"},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustReceive(t, rules, root)
			p.objects[test.object].size = test.size
			contains(t, test.use(p), test.want)
		})
	}
}

func TestRefusedEntries(t *testing.T) {
	t.Parallel()
	long, module := blob(strings.Repeat("x", maxPath+1)), blob("elsewhere")
	objects := []packed{long, module, treeOf("120000", "link", long), treeOf("120000", ".GitModules", module)}
	link, modules := objects[2], objects[3]
	nested := treeOf("100644", "file", module)
	objects = append(objects, nested)
	for range maxPath/200 + 1 {
		nested = treeOf("40000", strings.Repeat("d", 200), nested)
		objects = append(objects, nested)
	}
	p := mustReceive(t, objects...)
	for _, test := range []struct {
		tree packed
		want string
	}{
		{link, `file "link": it is 4096 bytes when unpacked, more than 4095 is refused`},
		{modules, `refusing ".GitModules": it is a symbolic link`},
		{nested, "bytes, more than a system takes"},
	} {
		root, err := os.OpenRoot(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		_, err = checkout(t.Context(), &repository{root, p.memory}, p, test.tree.hash())
		contains(t, err, test.want)
	}
}

// endsAfter is a context that ends when it has been looked at n times.
type endsAfter struct {
	context.Context
	n *int
}

func (c endsAfter) Err() error {
	if *c.n--; *c.n < 0 {
		return context.Canceled
	}
	return nil
}

func TestInterruptedInTheMiddle(t *testing.T) {
	t.Parallel()
	file := blob("text")
	inner := treeOf("100644", "file", file)
	tree := treeOf("40000", "dir", inner)
	p := mustReceive(t, file, inner, tree)
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	n := 2 // the two folders that are listed
	// Of a context of its own kind, context.Cause is what Err says.
	ctx := endsAfter{context.Background(), &n}
	if _, err := checkout(ctx, &repository{root, p.memory}, p, tree.hash()); !errors.Is(err, context.Canceled) {
		t.Errorf("checking out after the end: %v", err)
	}
	if _, err := root.Stat("dir"); err == nil {
		t.Error("a folder was made after the end")
	}

	p = mustReceive(t, file, deltaOf(4, 2))
	p.objects[1].typ = plumbing.REFDeltaObject
	r := resolver{pack: p, children: map[int][]int{0: {1}}}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.resolve(ended, 0, nil, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("resolving after the end: %v", err)
	}
}

// TestContentsNotHeld is about bases that cannot be kept until the last of their
// deltas is resolved, since the memory and the descriptors are used up.
func TestContentsNotHeld(t *testing.T) {
	t.Parallel()
	for _, small := range []int64{maxSmall, 0} {
		p := mustReceive(t, blob("text"), deltaOf(4, 2), deltaOf(4, 3))
		p.memory, p.disk, p.spool.max, p.spool.small = newBudget(0), newBudget(0), 0, small
		r := resolver{pack: p, children: map[int][]int{0: {1, 2}}}
		for i := range p.objects {
			p.objects[i].spooled = notSpooled
		}
		for i := 1; i <= 2; i++ {
			p.objects[i].typ, p.objects[i].hash = plumbing.REFDeltaObject, plumbing.ZeroHash
		}
		if err := r.resolve(t.Context(), 0, nil, 0); err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"text", "texttext", "texttexttext"} {
			if got := p.objects[i].hash; got != blob(want).hash() {
				t.Errorf("object %d has hash %s, want that of %q", i, got, want)
			}
		}
	}
}

func TestEmptyTreeNotStored(t *testing.T) {
	t.Parallel()
	if l, err := list(t.Context(), mustReceive(t), plumbing.NewHash(emptyTree)); err != nil || len(l.entries)+len(l.dirs) > 0 {
		t.Errorf("got %v, %v; want nothing", l, err)
	}
	source := newRepo(t, map[string]string{"a": "a\n"})
	git(t, source, "update-ref", "refs/heads/empty", git(t, source, "commit-tree", "-m", "x", emptyTree))
	dir := target(t)
	if _, err := Clone(t.Context(), Request{URL: source, Ref: "empty", Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if got := git(t, dir, "status", "--porcelain"); got != "" {
		t.Errorf("git status prints %s", got)
	}
}

func packet(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }

// posts answers each POST with these bytes.
func posts(body string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodGet {
				h.ServeHTTP(w, req)
				return
			}
			w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
			io.WriteString(w, body)
		})
	}
}

func TestServerTextIsQuoted(t *testing.T) {
	t.Parallel()
	source := newRepo(t, map[string]string{"a": "a\n"})
	head := git(t, source, "rev-parse", "HEAD")
	long := strings.Repeat("m", 2000)
	for _, test := range []struct{ body, want string }{
		{"00000008NAK\n" + packet("\x03out of \x1b[2J memory\n"+long), `the server refused: "out of \x1b[2J memory\n`},
		{"00000008NAK\n" + packet("ERR out of memory "+long), `the server refused: "out of memory `},
		{"00000008NAK\n" + packet("\x07odd \x1b[2J"+long), `odd \x1b[2J`},
		{packet("ERR no \x1b[2J" + long), `the server refused: "no \x1b[2J`},
	} {
		for _, ref := range []string{"main", head} {
			_, err := Clone(t.Context(), Request{URL: serve(t, source, posts(test.body)), Ref: ref, Dir: target(t)})
			contains(t, err, test.want)
			if text := err.Error(); strings.ContainsAny(text, "\n\x1b") || len(text) > 700 {
				t.Errorf("not fit for a log: %q", text)
			}
			if late := strings.Contains(test.want, "memory"); late && (errors.Is(err, ErrRefNotFound) || strings.Contains(err.Error(), "damaged")) {
				t.Errorf("a refusal in the middle is taken for something else: %v", err)
			}
		}
	}
}

func TestEndlessHead(t *testing.T) {
	t.Parallel()
	source := newRepo(t, map[string]string{"a": "a\n"})
	line := packet("shallow " + git(t, source, "rev-parse", "HEAD") + "\n")
	opened, err := open(Request{URL: serve(t, source, posts(strings.Repeat(line, 1000)))})
	if err != nil {
		t.Fatal(err)
	}
	s := opened.(*server)
	if s.maxHead != maxHead {
		t.Errorf("the limit is %d, want %d", s.maxHead, maxHead)
	}
	a, err := s.advertise(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.maxHead = 20_000
	_, err = s.fetch(t.Context(), []plumbing.Hash{a.refs["HEAD"]}, true)
	contains(t, err, "does not end")
	s.maxHead = 100
	_, err = s.advertise(t.Context())
	contains(t, err, "more than 100 bytes, which is refused")
}

func TestShallowNamesACommitOnce(t *testing.T) {
	t.Parallel()
	source := newRepo(t, map[string]string{"a": "a\n"})
	head := commitFiles(t, source, map[string]string{"b": "b\n"})
	git(t, source, "tag", "-a", "-m", "x", "v1")
	dir := target(t)
	if _, err := Clone(t.Context(), Request{URL: serve(t, source, nil), Ref: "main", Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, ".git/shallow")); string(got) != head+"\n" {
		t.Errorf(".git/shallow is %q (%v), want %s once", got, err, head)
	}
}

// TestFolderPeelsTags leaves alone the objects of branches, which would have to
// be read for that, and finds the commit of any other ref that was asked for.
func TestFolderPeelsTags(t *testing.T) {
	t.Parallel()
	source := newRepo(t, map[string]string{"a": "a\n"})
	git(t, source, "tag", "-a", "-m", "x", "v1")
	tag := git(t, source, "rev-parse", "v1")
	git(t, source, "update-ref", "refs/archive/v1", tag)
	writeFile(t, filepath.Join(source, ".git/refs/heads/odd"), tag+"\n")
	from, err := open(Request{URL: source})
	if err != nil {
		t.Fatal(err)
	}
	a, err := from.advertise(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := a.peeled["refs/tags/v1"]; len(a.peeled) != 1 || !ok {
		t.Errorf("peeled %v, want v1 alone", a.peeled)
	}
	got, err := Lookup(t.Context(), Request{URL: source, Ref: "refs/archive/v1"})
	if want := git(t, source, "rev-parse", "v1^{commit}"); got.Commit != want || err != nil {
		t.Errorf("refs/archive/v1 is at %s (%v), want %s", got.Commit, err, want)
	}
}

// A server names a commit once for each ref that leads to it.
func TestShallowCommitsStandOnceEach(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	r, err := newRepository(root, "")
	if err != nil {
		t.Fatal(err)
	}
	one, two := plumbing.NewHash("1111111111111111111111111111111111111111"), plumbing.NewHash("2222222222222222222222222222222222222222")
	if err := r.describe(t.Context(), choice{}, "https://host/x", []plumbing.Hash{two, one, two}); err != nil {
		t.Fatal(err)
	}
	if got, err := root.ReadFile(".git/shallow"); string(got) != one.String()+"\n"+two.String()+"\n" {
		t.Errorf("got %q, %v", got, err)
	}
}
