package gitclone

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1" //nolint:gosec // the checksum of the format
	"encoding/binary"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// withTrailer makes of the bytes of a pack one whose checksum is right: else
// nothing that the fuzzer changes would get past it.
func withTrailer(body []byte) []byte {
	sum := sha1.Sum(body) //nolint:gosec // see above
	return append(slices.Clip(body), sum[:]...)
}

// packProgram is a pack that is described and not encoded, so that the fuzzer
// finds its way into deltas and trees and not into zlib. Of each object: a byte
// for the type and how the base is named, one for which object that is, one for
// what is added to the true size, two for the length, and the content.
func packProgram(program []byte) []byte {
	var body bytes.Buffer
	body.WriteString("PACK\x00\x00\x00\x02\x00\x00\x00\x00")
	var offsets []int
	var hashes []plumbing.Hash
	for len(program) >= 5 && len(offsets) < 40 {
		kind, which, more := plumbing.ObjectType(program[0]&7), int(program[1]), int(int8(program[2]))
		n := min(int(binary.BigEndian.Uint16(program[3:5])), len(program)-5)
		content := program[5 : 5+n]
		program = program[5+n:]
		size := uint64(max(0, n+more/16)) //nolint:gosec // not negative
		at := body.Len()
		first := byte(kind)<<4 | byte(size&15)
		for size >>= 4; size > 0; size >>= 7 {
			body.WriteByte(first | 0x80)
			first = byte(size & 0x7f)
		}
		body.WriteByte(first)
		switch {
		case kind == plumbing.REFDeltaObject && len(hashes) > 0:
			h := hashes[which%len(hashes)]
			body.Write(h[:])
		case kind == plumbing.REFDeltaObject:
			body.Write(make([]byte, 20))
		case kind == plumbing.OFSDeltaObject && len(offsets) > 0:
			back := at - offsets[which%len(offsets)]
			encoded := []byte{byte(back & 0x7f)}
			for back >>= 7; back > 0; back >>= 7 {
				back--
				encoded = append([]byte{byte(back&0x7f) | 0x80}, encoded...)
			}
			body.Write(encoded)
		case kind == plumbing.OFSDeltaObject:
			body.WriteByte(byte(which))
		}
		z := zlib.NewWriter(&body)
		_, _ = z.Write(content)
		_ = z.Close()
		offsets = append(offsets, at)
		if !kind.IsDelta() {
			hashes = append(hashes, plumbing.ComputeHash(kind, content))
		}
	}
	binary.BigEndian.PutUint32(body.Bytes()[8:], uint32(len(offsets))) //nolint:gosec // at most 40
	return withTrailer(body.Bytes())
}

// checkPack receives a pack, with what is inflated kept, and not. If it is
// taken, what it says of each object is true, and no tree leads out of the folder
// that it will be written to.
func checkPack(t *testing.T, files packFiles, data []byte) {
	t.Helper()
	kept := receiveAgain(t, files, data, maxSpool)
	again := receiveAgain(t, files, data, 0)
	if (kept == nil) != (again == nil) {
		t.Fatal("it is taken or not, by where its objects are read from")
	}
}

func receiveAgain(t *testing.T, files packFiles, data []byte, keep int64) *pack {
	t.Helper()
	for _, file := range []*os.File{files.pack} {
		if err := errors.Join(file.Truncate(0), func() error { _, err := file.Seek(0, 0); return err }()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	inflated, err := newSpool(files.root, "inflated")
	if err != nil {
		t.Fatal(err)
	}
	defer inflated.file.Close()
	inflated.max = keep
	if keep == 0 {
		inflated.small = 0 // all is streamed
	}
	memory := newBudget(memoryBudget)
	p, err := receivePack(ctx, bytes.NewReader(data), files.pack, inflated, memory)
	if ctx.Err() != nil {
		t.Fatal("it does not end")
	}
	if err != nil {
		return nil
	}
	for i, o := range p.objects {
		if (o.spooled == notSpooled) != (keep == 0 && o.size > 0) {
			t.Fatalf("object %d, of %d bytes, is at %d of what is kept", i, o.size, o.spooled)
		}
		content, err := p.content(ctx, i)
		if err != nil || int64(len(content)) != o.size || plumbing.ComputeHash(o.typ, content) != o.hash {
			t.Fatalf("object %d, %s %s of %d bytes: its content has %d, %v", i, o.typ, o.hash, o.size, len(content), err)
		}
		if _, err := p.commit(ctx, o.hash); err == nil && o.typ != plumbing.CommitObject && o.typ != plumbing.TagObject {
			t.Fatalf("a %s is taken for a commit", o.typ)
		}
		if o.typ != plumbing.TreeObject {
			continue
		}
		l, err := list(ctx, p, o.hash)
		if err != nil {
			continue
		}
		for _, name := range slices.Concat(l.dirs, paths(l.entries)) {
			if !filepath.IsLocal(name) || strings.ContainsRune(name, 0) ||
				slices.ContainsFunc(strings.Split(name, "/"), func(e string) bool { return strings.EqualFold(e, ".git") || e == "" }) {
				t.Fatalf("the tree %s has %q", o.hash, name)
			}
		}
	}
	var index bytes.Buffer
	if err := p.writeIndex(&index); err != nil {
		t.Fatalf("writing the index: %v", err)
	}
	return p
}

func paths(entries []entry) []string {
	list := make([]string, 0, len(entries))
	for _, e := range entries {
		list = append(list, e.path)
	}
	return list
}

type packFiles struct {
	pack *os.File
	root *os.Root
}

func newPackFiles(f *testing.F) packFiles {
	f.Helper()
	pack, err := os.Create(filepath.Join(f.TempDir(), "pack"))
	root, ierr := os.OpenRoot(f.TempDir())
	if err := errors.Join(err, ierr); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = errors.Join(pack.Close(), root.Close()) })
	return packFiles{pack, root}
}

// FuzzPack changes packs that are as they come from the network.
func FuzzPack(f *testing.F) {
	for _, program := range packPrograms() {
		data := packProgram(program)
		f.Add(data[:len(data)-sha1.Size])
	}
	f.Add([]byte("PACK\x00\x00\x00\x02\xff\xff\xff\xff"))
	f.Add([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01\x3f\xff\xff\xff\xff\xff\xff\xff\x7f"))
	files := newPackFiles(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > 1<<16 {
			return
		}
		checkPack(t, files, withTrailer(body))
	})
}

// FuzzPackObjects changes what is in packs.
func FuzzPackObjects(f *testing.F) {
	for _, program := range packPrograms() {
		f.Add(program)
	}
	files := newPackFiles(f)
	if p, err := receivePack(f.Context(), bytes.NewReader(packProgram(packPrograms()[1])), files.pack, testSpool(f), newBudget(memoryBudget)); err != nil || len(p.objects) != 9 {
		f.Fatalf("the seed is no pack: %v", err)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) > 1<<13 {
			return
		}
		checkPack(t, files, packProgram(program))
	})
}

func packPrograms() [][]byte {
	object := func(kind plumbing.ObjectType, which, more byte, content string) []byte {
		return append([]byte{byte(kind), which, more, byte(len(content) >> 8), byte(len(content))}, content...)
	}
	blob := plumbing.ComputeHash(plumbing.BlobObject, []byte("hello, hello\n"))
	rules := plumbing.ComputeHash(plumbing.BlobObject, []byte("* text eol=crlf\n"))
	tree := "100644 .gitattributes\x00" + string(rules[:]) + "100755 a\x00" + string(blob[:]) + "120000 link\x00" + string(blob[:]) + "160000 sub\x00" + string(blob[:])
	hash := plumbing.ComputeHash(plumbing.TreeObject, []byte(tree))
	outer := "40000 d\x00" + string(hash[:])
	commit := "tree " + hash.String() + "\nauthor A <a@b> 1718704800 +0000\ncommitter A <a@b> 1718704800 +0000\n\nx\n"
	tag := "object " + plumbing.ComputeHash(plumbing.CommitObject, []byte(commit)).String() + "\ntype commit\ntag v1\ntagger A <a@b> 1718704800 +0000\n\nx\n"
	delta := "\x0d\x12\x90\x0d\x05extra" // from 13 bytes to 18: copy all of it, add 5
	whole := slices.Concat(
		object(plumbing.BlobObject, 0, 0, "hello, hello\n"), object(plumbing.BlobObject, 0, 0, "* text eol=crlf\n"),
		object(plumbing.TreeObject, 0, 0, tree), object(plumbing.TreeObject, 0, 0, outer), object(plumbing.CommitObject, 0, 0, commit), object(plumbing.TagObject, 0, 0, tag),
		object(plumbing.OFSDeltaObject, 0, 0, delta), object(plumbing.REFDeltaObject, 0, 0, delta), object(plumbing.OFSDeltaObject, 6, 0, "\x12\x05\x05extra"),
	)
	return [][]byte{
		{},
		whole, object(plumbing.BlobObject, 0, 16, "one byte more"), object(plumbing.BlobObject, 0, 0xf0, "one byte less"),
		object(plumbing.TreeObject, 0, 0, "40000 ..\x00"+string(hash[:])), object(plumbing.TreeObject, 0, 0, "100644 .git\x00"+string(blob[:])),
		slices.Concat(object(plumbing.REFDeltaObject, 0, 0, delta), object(plumbing.BlobObject, 0, 0, "hello, hello\n")),
		object(plumbing.OFSDeltaObject, 0, 0, "\x0d\xff\xff\xff\xff\x7f\x90\x0d"), object(plumbing.InvalidObject, 0, 0, ""), object(5, 0, 0, "x"),
	}
}

// FuzzAdvert reads what a server says first. Whatever it says, what is asked for
// afterwards is something that it named, and refs that are kept have proper names.
func FuzzAdvert(f *testing.F) {
	const hash, other = "0123456789abcdef0123456789abcdef01234567", "89abcdef0123456789abcdef0123456789abcdef"
	packet := func(text string) string { return hexLength(len(text)+4) + text }
	whole := packet("# service=git-upload-pack\n") + "0000" + packet(hash+" HEAD\x00multi_ack side-band-64k ofs-delta shallow allow-reachable-sha1-in-want symref=HEAD:refs/heads/main agent=git/2\n") +
		packet(hash+" refs/heads/main\n") + packet(other+" refs/tags/v1\n") + packet(hash+" refs/tags/v1^{}\n") + "0000"
	for _, ref := range []string{"main", "v1", "refs/heads/main", hash, other[:9], "", "HEAD", "nope"} {
		f.Add([]byte(whole), ref)
	}
	for _, text := range []string{
		"", "0000", "ffff", "0004", "0003", "zzzz", packet("ERR no\n"), packet("# service=git-upload-pack\n") + "0000" + packet(strings.Repeat("0", 40)+" capabilities^{}\x00x\n") + "0000",
		packet(hash+" refs/heads/../x\x00\n") + "0000", packet(hash+" refs/heads/a\x00object-format=sha256\n") + "0000", packet(hash+" refs/heads/a\x00\n") + packet("shallow "+other) + "0000",
	} {
		f.Add([]byte(text), "main")
	}
	f.Fuzz(func(t *testing.T, answer []byte, ref string) {
		adv, err := readAdvert(bytes.NewReader(answer), 1<<20)
		if err != nil {
			return
		}
		named := map[plumbing.Hash]bool{}
		for _, h := range adv.References {
			named[h] = true
		}
		a := &advert{refs: adv.References, peeled: adv.Peeled}
		c, err := choose(t.Context(), a, ref, "there")
		if err != nil {
			if len(err.Error()) > 2000+4*len(ref) {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		for _, h := range c.wants {
			if !named[h] {
				t.Errorf("asks for %s, which was not named", h)
			}
		}
		for name := range c.refs {
			if plumbing.ReferenceName(name).Validate() != nil {
				t.Errorf("keeps the ref %q", name)
			}
		}
		if len(c.wants) == 0 && len(c.Commit) != hashLen {
			t.Errorf("%q: asks for nothing, and gives %+v", ref, c.Target)
		}
	})
}

func hexLength(n int) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[n>>12&15], digits[n>>8&15], digits[n>>4&15], digits[n&15]})
}

// FuzzAttributes asks git about the same rules and the same file.
func FuzzAttributes(f *testing.F) {
	if _, err := exec.LookPath("git"); err != nil {
		f.Skip("needs git")
	}
	for rules, file := range map[string]string{
		"*.txt text -b !c d=1\n": "a.txt", "[attr]mine x=1 y -z\n*.m mine\n": "a/b.m", "sub/**/x any\n": "sub/b/c/x", "abc** quirk\n": "abc/d", "\"tab\\there\" q\n": "tab\there",
		"[[:digit:]-a]*b k\n": "5xb", "[!]a-]x k\n": "bx", "a\\*b k=v\n": "a*b", "/top k\n": "top", "**/foo/** k": "a/foo/b/c", "*/z onelevel": "y/z", "[abc k": "[abc", "a[\\]]b k": "a]b", "\\a k": "a", "?? k": "é",
		"a -text eol=crlf\n* binary": "a", "**a** dbl\n": "x/yaz", "[[:nope:]]6 bad": "n6", "a*b*c*d k": "a/b/c/d", "x k k=1 -k !k": "x", "": "a", "\ufeff* k": "b",
	} {
		f.Add(rules, file)
	}
	dir := f.TempDir()
	if out, err := exec.Command("git", "init", "-q", dir).CombinedOutput(); err != nil {
		f.Fatalf("%v: %s", err, out)
	}
	f.Fuzz(func(t *testing.T, rules, file string) {
		if strings.ContainsRune(rules, 0) {
			return // ends the file for git clone, which reads the index, and the line for git check-attr
		}
		if len(rules)+len(file) > 1000 || strings.ContainsRune(file, 0) || !filepath.IsLocal(file) || filepath.Clean(file) != file || file == "." ||
			slices.Contains(strings.Split(file, "/"), ".git") {
			return
		}
		if err := os.WriteFile(filepath.Join(dir, attributesName), []byte(rules), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("git", "check-attr", "-a", "-z", "--stdin")
		cmd.Dir, cmd.Env, cmd.Stdin = dir, gitEnv(), strings.NewReader(file+"\x00")
		out, err := cmd.Output()
		if err != nil {
			return // git refuses the path
		}
		var want, got []string
		answers := strings.Split(string(out), "\x00")
		for i := 0; i+2 < len(answers); i += 3 {
			want = append(want, answers[i+1]+"="+answers[i+2])
		}
		in, err := newScope().enter("", rules)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range attributesOf(t, in, file) {
			if value != unspecified {
				got = append(got, name+"="+strings.TrimPrefix(value, "\x00"))
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q, with the rules %q:\n got %q\nwant %q", file, rules, got, want)
		}
	})
}

// FuzzOpen opens any URL, without a network. No error shows a password.
func FuzzOpen(f *testing.F) {
	for _, raw := range []string{
		"https://bob:PASSWORD@host/p", "https://bob:PASSWORD@host/p?x=1", "https://bob:PASSWORD@host:port/p", "ssh://bob:PASSWORD@host/p", "https://bob:PASSWORD", "file://bob:PASSWORD@host/p",
		"file:///%zz", "https://", "", "/nonexistent", "https://bob:PASS?WORD@h/p", "HTTPS://bob:PASSWORD@[::1/p", "https://bob:PASSWORD@h/p#x", "http://h/%2e%2e/",
	} {
		f.Add(raw)
	}
	client := &http.Client{Transport: refusing{}}
	userInfo := regexp.MustCompile(`^[^:]*://[^/]*:.*PASSWORD.*@`)
	f.Fuzz(func(t *testing.T, raw string) {
		if scheme, _, isURL := strings.Cut(raw, "://"); !isURL || strings.EqualFold(scheme, "file") {
			return // a folder of this machine
		}
		const password = "PASSWORD"
		hidden := userInfo.MatchString(raw) && strings.Count(raw, password) == 1
		r, err := open(Request{URL: raw, Client: client})
		if err == nil {
			_, err = r.advertise(t.Context())
		}
		if err == nil {
			t.Fatalf("%q was opened without a network", raw)
		}
		if hidden && strings.Contains(err.Error(), password) {
			t.Errorf("%q: %v", raw, err)
		}
		if r != nil && hidden && strings.Contains(r.String(), password) {
			t.Errorf("%q is shown as %s", raw, r)
		}
	})
}

// refusing is no network.
type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no network")
}
