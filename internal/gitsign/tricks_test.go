package gitsign

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// Objects that are not as git writes them, made of good signatures. What git
// says of each is in the table: where it is lenient, we are not.
func TestTricks(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	path, print := s.sshKey("key", "ed25519"), s.gpgKey("Ada <ada@example.com>", "ed25519")
	allowed := "ada@example.com " + s.public(path)
	unsigned := s.commit()
	commit, tag := s.commit(withSSH(path)...), s.tag(withSSH(path)...)
	pgp := s.commit(withPGP(print)...)
	ring := s.export(print)
	plain, armour, _ := strings.Cut(s.tag(withPGP(print)...), "-----BEGIN")
	pgpTag := plain + strings.ReplaceAll("-----BEGIN"+armour, "\n", "\r\n")
	_, rest, _ := strings.Cut(tag, "-----BEGIN")
	signature := "-----BEGIN" + rest
	header := commit[strings.Index(commit, "gpgsig "):strings.Index(commit, "\n\n")] + "\n"
	sha256Header := strings.Replace(header, "gpgsig ", "gpgsig-sha256 ", 1)
	for name, test := range map[string]struct {
		raw, keys string
		git       bool
		want      string
	}{
		"two signatures":               {strings.Replace(commit, header, header+header, 1), allowed, true, "several signatures"},
		"two, apart":                   {strings.Replace(strings.Replace(commit, header, header+"x-y z\n", 1), "x-y z\n", "x-y z\n"+header, 1), allowed, false, "several signatures"},
		"gpgsig-sha256 besides":        {strings.Replace(commit, header, header+sha256Header, 1), allowed, true, "no signature of it covers"},
		"gpgsig-sha256 alone":          {strings.Replace(commit, header, sha256Header, 1), allowed, false, "no signature of it covers"},
		"gpgsigX besides":              {strings.Replace(commit, header, "gpgsigX evil\n more\n"+header, 1), allowed, true, "no signature of it covers"},
		"signature before the tree":    {header + strings.Replace(commit, header, "", 1), allowed, false, "does not begin with tree"},
		"another tree before":          {strings.Replace(commit, "tree ", "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4905\ntree ", 1), allowed, false, "does not begin with tree"},
		"signature in the message":     {unsigned + signature, allowed, false, "no signature"},
		"header in the message":        {unsigned + "\n" + header, allowed, false, "no signature"},
		"NUL in the message":           {commit + "\x00", allowed, false, "NUL"},
		"text after the signature":     {strings.Replace(commit, "-----END SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\n not signed\n", 1), allowed, true, "nothing after it"},
		"text after that of the tag":   {tag + "not signed\n", allowed, true, "nothing after it"},
		"signature in a tag's middle":  {strings.Replace(tag, "release\n", signature+"release\n", 1), allowed, false, "something was changed"},
		"tag's twice":                  {tag + signature, allowed, false, "something was changed"},
		"tag's header gpgsig":          {strings.Replace(tag, "\n\n", "\ngpgsig-sha256 x\n\n", 1), allowed, true, "no signature of it covers"},
		"tag of something else":        {strings.Replace(tag, "type commit", "type tree", 1), allowed, false, "does not begin with object"},
		"tag with a second object":     {strings.Replace(tag, "type commit", "object 4b825dc642cb6eb9a060e54bf8d69288fbee4904\ntype commit", 1), allowed, false, "does not begin with object"},
		"tag without tagger":           {tag[:strings.Index(tag, "tagger")] + tag[strings.Index(tag, "\n\n")+1:], allowed, false, "date"},
		"no date":                      {strings.Replace(commit, "committer Ada <ada@example.com> 1718704800 +0000", "committer Ada <ada@example.com>", 1), allowed, false, "date"},
		"PGP, with keys of SSH":        {pgp, allowed, true, "the file of keys is one of allowed SSH signers"},
		"SSH, with keys of PGP":        {commit, ring, false, "the file of keys holds PGP keys"},
		"X.509":                        {strings.ReplaceAll(commit, "SSH SIGNATURE", "SIGNED MESSAGE"), allowed, false, "X.509"},
		"PGP message":                  {strings.ReplaceAll(pgp, "PGP SIGNATURE", "PGP MESSAGE"), ring, true, "PGP message"},
		"of no kind":                   {attach(unsigned, "hello\n"), allowed, false, "no kind that git knows"},
		"PGP armour with a comment":    {strings.Replace(pgp, "gpgsig -----BEGIN PGP SIGNATURE-----\n", "gpgsig -----BEGIN PGP SIGNATURE-----\n Comment: GPGTools\n", 1), ring, true, ""},
		"PGP armour with empty lines":  {strings.Replace(pgp, "-----END PGP SIGNATURE-----\n", "-----END PGP SIGNATURE-----\n \n", 1), ring, true, ""}, // as GitHub writes it
		"PGP two packets":              {attach(unsigned, twice(t, s.pipe(unsigned, "gpg", "--batch", "--armor", "--detach-sign", "--local-user", print))), ring, false, "several signatures"},
		"CRLF in the signature":        {strings.ReplaceAll(tag, signature, strings.ReplaceAll(signature, "\n", "\r\n")), allowed, false, "nothing after it"},
		"CRLF in that of PGP":          {pgpTag, ring, true, ""},
		"CRLF in the message":          {strings.Replace(tag, "release\n", "release\r\n", 1), allowed, false, "something was changed"},
		"a quote of another signature": {s.tagWith(path, "release\n\n"+signature), allowed, true, ""},
	} {
		if said, good := s.gitSays(test.raw, test.keys); good != test.git {
			t.Errorf("%s: git says %v, and the test thought %v: %s", name, good, test.git, said)
		}
		_, err := weSay(test.raw, test.keys)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && err == nil:
			t.Errorf("%s: we take it", name)
		case test.want != "":
			contains(t, err, test.want)
		}
	}
}

// tagWith makes a signed tag with a message as it is.
func (s *signer) tagWith(path, message string) string {
	s.t.Helper()
	file := filepath.Join(s.keys, "message of the tag")
	if err := os.WriteFile(file, []byte(message), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.run("git", append(withSSH(path), "tag", "--force", "--cleanup=verbatim", "--annotate", "--file="+file, "v1")...)
	return s.run("git", "cat-file", "tag", "v1")
}

// twice repeats the packet in an armour.
func twice(t *testing.T, signature string) string {
	t.Helper()
	data, err := unarmor(signature, pgpSignature)
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, data...)
	return "-----BEGIN PGP SIGNATURE-----\n\n" + base64.StdEncoding.EncodeToString(data) + "\n=" +
		base64.StdEncoding.EncodeToString(crc24(data)) + "\n-----END PGP SIGNATURE-----\n"
}

func TestTheRuleForTags(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	path, stranger := s.sshKey("key", "ed25519"), s.sshKey("stranger", "ed25519")
	keys, err := ParseKeys(t.Context(), []byte("ada@example.com "+s.public(path)))
	if err != nil {
		t.Fatal(err)
	}
	unsigned, signedTag := []byte(s.commit()), []byte(s.tag(withSSH(path)...))
	foreignTag, plainTag := []byte(s.tag(withSSH(stranger)...)), []byte(s.tag())
	commit := []byte(s.commit(withSSH(path)...))
	outer := []byte(strings.Replace(strings.Replace(string(plainTag), "type commit", "type tag", 1), "tag v1", "tag v2", 1))
	for name, test := range map[string]struct {
		ref   string
		chain [][]byte
		want  string // the signed object, or the error
	}{
		"a signed tag vouches for its commit":  {"refs/tags/v1", [][]byte{signedTag, unsigned}, "tag v1"},
		"a commit that is signed":              {"refs/heads/main", [][]byte{commit}, "commit"},
		"a plain tag of a signed commit":       {"refs/tags/v1", [][]byte{plainTag, commit}, "commit"},
		"nothing is signed":                    {"refs/tags/v1", [][]byte{plainTag, unsigned}, `neither tag "v1" nor the commit carries`},
		"a tag under another name":             {"refs/tags/v2", [][]byte{signedTag, unsigned}, `its name is "v1", but it is found under "v2"`},
		"a tag of a stranger, the commit good": {"refs/tags/v1", [][]byte{foreignTag, commit}, "not in the file of keys"},
		"a tag by its hash":                    {"0123456789012345678901234567890123456789", [][]byte{signedTag, unsigned}, "tag v1"},
		"a plain tag of a signed one":          {"refs/tags/v2", [][]byte{outer, signedTag, unsigned}, `its name is "v1", but it is found under "v2"`},
		"nothing at all":                       {"refs/heads/main", nil, "no signature"},
	} {
		signer, err := keys.Vouch(t.Context(), test.ref, test.chain, noon)
		got := signer.Object
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// A signature of a file, or of a mail, is none of a commit.
func TestWrongNamespace(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	path := s.sshKey("key", "ed25519")
	unsigned := s.commit()
	for namespace, good := range map[string]bool{"git": true, "file": false, "Git": false, "git ": false} {
		signature := s.pipe(unsigned, "ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", path)
		s.wantBoth("namespace "+namespace, attach(unsigned, signature), "a@x "+s.public(path), good)
	}
	for hash, good := range map[string]bool{"sha256": true, "sha512": true} {
		signature := s.pipe(unsigned, "ssh-keygen", "-q", "-Y", "sign", "-O", "hashalg="+hash, "-n", "git", "-f", path)
		s.wantBoth("hash "+hash, attach(unsigned, signature), "a@x "+s.public(path), good)
	}
}

// forge makes an SSHSIG by hand.
type forge struct {
	version         uint32
	key, reserved   []byte
	namespace, hash string
	digest          []byte
	sign            func([]byte) []byte // of the covered blob, the signature field
	tail            string
}

func (f forge) armored() string {
	covered := ssh.Marshal(struct {
		Magic     [6]byte
		Namespace string
		Reserved  []byte
		Hash      string
		Digest    []byte
	}{magic, f.namespace, nil, f.hash, f.digest})
	blob := ssh.Marshal(struct {
		Magic     [6]byte
		Version   uint32
		Key       []byte
		Namespace string
		Reserved  []byte
		Hash      string
		Signature []byte
	}{magic, f.version, f.key, f.namespace, f.reserved, f.hash, f.sign(covered)})
	text := base64.StdEncoding.EncodeToString(append(blob, f.tail...))
	var lines strings.Builder
	for len(text) > 70 {
		lines.WriteString(text[:70] + "\n")
		text = text[70:]
	}
	return "-----BEGIN SSH SIGNATURE-----\n" + lines.String() + text + "\n-----END SSH SIGNATURE-----\n"
}

func TestForgedSSHSIG(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	unsigned := s.commit()
	sum256, sum512 := sha256.Sum256([]byte(unsigned)), sha512.Sum512([]byte(unsigned))
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	plain := ssh.Marshal(struct{ Type, Key string }{"ssh-ed25519", string(public)})
	hardware := ssh.Marshal(struct{ Type, Key, Application string }{"sk-ssh-ed25519@openssh.com", string(public), "ssh:"})
	field := func(format string, signature []byte, rest ...byte) []byte {
		return append(ssh.Marshal(struct{ Format, Blob string }{format, string(signature)}), rest...)
	}
	good := forge{version: 1, key: plain, namespace: "git", hash: "sha512", digest: sum512[:], sign: func(b []byte) []byte {
		return field("ssh-ed25519", ed25519.Sign(private, b))
	}}
	touched := func(flags byte) func([]byte) []byte {
		return func(b []byte) []byte {
			application, digest := sha256.Sum256([]byte("ssh:")), sha256.Sum256(b)
			data := binary.BigEndian.AppendUint32(append(application[:], flags), 7)
			return field("sk-ssh-ed25519@openssh.com", ed25519.Sign(private, append(data, digest[:]...)), flags, 0, 0, 0, 7)
		}
	}
	with := func(change func(*forge)) forge {
		f := good
		change(&f)
		return f
	}
	for name, test := range map[string]struct {
		forge
		git  bool
		want string
	}{
		"good":            {good, true, ""},
		"sha256":          {with(func(f *forge) { f.hash, f.digest = "sha256", sum256[:] }), true, ""},
		"sha1":            {with(func(f *forge) { f.hash, f.digest = "sha1", sum256[:20] }), false, "sha256 and sha512 count"},
		"hash mixed up":   {with(func(f *forge) { f.hash = "sha256" }), false, "something was changed"},
		"version 2":       {with(func(f *forge) { f.version = 2 }), false, "version 2"},
		"version 0":       {with(func(f *forge) { f.version = 0 }), true, "version 0"},
		"reserved":        {with(func(f *forge) { f.reserved = []byte("x") }), true, "reserved"},
		"more at the end": {with(func(f *forge) { f.tail = "x" }), false, "not in the format"},
		"more in the field": {with(func(f *forge) {
			f.sign = func(b []byte) []byte { return field("ssh-ed25519", ed25519.Sign(private, b), 1) }
		}), false, "something after"},
		"another format":  {with(func(f *forge) { f.sign = func(b []byte) []byte { return field("ssh-rsa", ed25519.Sign(private, b)) } }), false, `made with "ssh-rsa"`},
		"key touched":     {with(func(f *forge) { f.key, f.sign = hardware, touched(1) }), true, ""},
		"key not touched": {with(func(f *forge) { f.key, f.sign = hardware, touched(0) }), true, "user presence"},
		"key and PIN":     {with(func(f *forge) { f.key, f.sign = hardware, touched(5) }), true, ""},
	} {
		keys := "a@x ssh-ed25519 " + base64.StdEncoding.EncodeToString(plain) + "\nb@x sk-ssh-ed25519@openssh.com " + base64.StdEncoding.EncodeToString(hardware) + "\n"
		raw := attach(unsigned, test.armored())
		if said, ok := s.gitSays(raw, keys); ok != test.git {
			t.Errorf("%s: git says %v, and the test thought %v: %s", name, ok, test.git, said)
		}
		_, err := weSay(raw, keys)
		if test.want == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		} else if test.want != "" {
			contains(t, err, test.want)
		}
	}
}

// RSA with SHA-1, which ssh-keygen does not make any more.
func TestRSAWithSHA1(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	path := s.sshKey("rsa", "rsa", "-b", "2048")
	private, err := ssh.ParsePrivateKey([]byte(readFile(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	unsigned := s.commit()
	sum := sha512.Sum512([]byte(unsigned))
	for algorithm, good := range map[string]bool{ssh.KeyAlgoRSASHA256: true, ssh.KeyAlgoRSASHA512: true, ssh.KeyAlgoRSA: false} {
		f := forge{version: 1, key: private.PublicKey().Marshal(), namespace: "git", hash: "sha512", digest: sum[:], sign: func(b []byte) []byte {
			signature, err := private.(ssh.AlgorithmSigner).SignWithAlgorithm(nil, b, algorithm)
			if err != nil {
				t.Fatal(err)
			}
			return ssh.Marshal(signature)
		}}
		s.wantBoth(algorithm, attach(unsigned, f.armored()), "a@x "+s.public(path), good)
	}
}
