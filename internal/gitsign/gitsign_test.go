package gitsign

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

// Every kind of key, a commit and a tag, against git itself.
func TestLikeGit(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	stranger := "stranger@example.com " + s.public(s.sshKey("stranger", "ed25519"))
	for name, options := range map[string][]string{
		"ed25519": {"ed25519"}, "P-256": {"ecdsa", "-b", "256"}, "P-384": {"ecdsa", "-b", "384"}, "P-521": {"ecdsa", "-b", "521"}, "RSA": {"rsa", "-b", "2048"},
	} {
		path := s.sshKey(name, options[0], options[1:]...)
		keys := "# releases\n" + stranger + "\nada@example.com,ops@example.com " + s.public(path) + "\n"
		print, _, _ := strings.Cut(strings.TrimSpace(strings.SplitAfterN(s.run("ssh-keygen", "-l", "-f", path), " ", 2)[1]), " ")
		commit, tag := s.commit(withSSH(path)...), s.tag(withSSH(path)...)
		for object, raw := range map[string]string{"commit": commit, "tag v1": tag} {
			got := s.wantBoth(name+" "+object, raw, keys, true)
			if want := (Signer{Principal: "ada@example.com", Key: print, Object: object}); got != want {
				t.Errorf("%s: got %+v, want %+v", name, got, want)
			}
			s.wantBoth(name+" "+object+" by a stranger", raw, stranger, false)
		}
		s.wantBoth(name+" unsigned", s.commit(), keys, false)
		s.wantBoth(name+" unsigned tag", s.tag(), keys, false)
	}
}

func TestLikeGitWithPGP(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	for _, algorithm := range []string{"rsa3072", "ed25519", "nistp256"} {
		user := "Ada (" + algorithm + ") <" + algorithm + "@example.com>"
		print := s.gpgKey(user, algorithm)
		commit, tag := s.commit(withPGP(print)...), s.tag(withPGP(print)...)
		keys := s.export(print)
		for object, raw := range map[string]string{"commit": commit, "tag v1": tag} {
			got := s.wantBoth(algorithm+" "+object, raw, keys, true)
			if want := (Signer{Principal: user, Key: print, Object: object}); got != want {
				t.Errorf("%s: got %+v, want %+v", algorithm, got, want)
			}
		}
		s.wantBoth(algorithm+" unsigned", s.commit(), keys, false)
	}
	// Two blocks in one file, a comment between them; and one block with all.
	a, b := s.fingerprint("rsa3072"), s.fingerprint("ed25519")
	for _, keys := range []string{"# release keys\n\n" + s.export(a) + "\n# and\n" + s.export(b), s.export()} {
		for _, print := range []string{a, b} {
			if got := s.wantBoth("several keys", s.commit(withPGP(print)...), keys, true); got.Key != print {
				t.Errorf("got %+v, want %s", got, print)
			}
		}
	}
	// gpg knows this key, we were not told of it.
	_, err := weSay(s.commit(withPGP(a)...), s.export(b))
	contains(t, err, a[len(a)-16:], "not in the file of keys")
}

// A subkey signs for its primary key.
func TestPGPSubkeys(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	primary := s.gpgKey("Ada <ada@example.com>", "ed25519")
	s.run("gpg", "--batch", "--passphrase", "", "--quick-add-key", primary, "ed25519", "sign")
	s.run("gpg", "--batch", "--passphrase", "", "--quick-add-key", primary, "cv25519", "encr")
	var sub string
	for line := range strings.Lines(s.run("gpg", "--batch", "--with-colons", "--list-keys", primary)) {
		if f := strings.Split(line, ":"); f[0] == "fpr" && f[9] != primary && sub == "" {
			sub = f[9]
		}
	}
	raw := s.commit(withPGP(sub)...)
	if got := s.wantBoth("subkey", raw, s.export(primary), true); got.Key != primary {
		t.Errorf("got %+v, want the primary key %s", got, primary)
	}
	// Once it is revoked, what it signed does not count.
	s.pipe("key 1\nrevkey\ny\n1\n\ny\nsave\n", "gpg", "--no-tty", "--command-fd", "0", "--status-fd", "2", "--pinentry-mode", "loopback", "--passphrase", "", "--edit-key", primary)
	s.wantBoth("revoked subkey", raw, s.export(primary), false)
	_, err := weSay(raw, s.export(primary))
	contains(t, err, "revoked")
}

// A strong primary key does not vouch for what a weak subkey signs.
func TestAWeakPGPSubkeyDoesNotCount(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	primary := s.gpgKey("Ada <ada@example.com>", "ed25519")
	s.run("gpg", "--batch", "--passphrase", "", "--quick-add-key", primary, "rsa1024", "sign")
	var sub string
	for line := range strings.Lines(s.run("gpg", "--batch", "--with-colons", "--list-keys", primary)) {
		if f := strings.Split(line, ":"); f[0] == "fpr" {
			sub = f[9] // the last one
		}
	}
	_, err := weSay(s.commit(withPGP(sub)...), s.export(primary))
	contains(t, err, "key "+sub, "1024 bits")
}

// A signature that names no key is refused before any key is tried.
func TestAPGPSignatureWithoutIssuer(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	keys := s.export(s.gpgKey("Ada <ada@example.com>", "ed25519"))
	data := []byte{
		0xc2, 24, // a signature
		4, 0, 22, 8, // version 4, of bytes, EdDSA, SHA-256
		0, 6, 5, 2, 0x66, 0x71, 0x5b, 0x20, // hashed: the time
		0, 0, // not hashed: nothing
		0xab, 0xcd, 0, 9, 1, 0xff, 0, 9, 1, 0xff,
	}
	armoured := "-----BEGIN PGP SIGNATURE-----\n\n" + base64.StdEncoding.EncodeToString(data) +
		"\n=" + base64.StdEncoding.EncodeToString(crc24(data)) + "\n-----END PGP SIGNATURE-----\n"
	_, err := weSay(attach(unsignedCommit, armoured), keys)
	contains(t, err, "does not say which key made it")
}

func TestPGPExpiredAndRevoked(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	unsigned := s.commit()
	past := []string{"--faked-system-time", "20240618T090000!"} // ! stops that clock: else a slow gpg makes the key after it has signed
	sign := func(key string, more ...string) string {
		args := append([]string{"--batch", "--armor", "--detach-sign", "--local-user", key}, more...)
		return attach(unsigned, s.pipe(unsigned, "gpg", args...))
	}
	s.run("gpg", append(past, "--batch", "--passphrase", "", "--quick-gen-key", "short@example.com", "ed25519", "sign", "1d")...)
	expired := s.fingerprint("short@example.com")
	raw := sign(expired, past...)
	s.wantBoth("expired key", raw, s.export(expired), false)
	_, err := weSay(raw, s.export(expired))
	contains(t, err, "has expired")
	keys, err := ParseKeys(t.Context(), []byte(s.export(expired)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Vouch(t.Context(), "", [][]byte{[]byte(raw)}, time.Unix(dateAt, 0)); err != nil {
		t.Errorf("on that day it was good: %v", err)
	}

	s.run("gpg", append(past, "--batch", "--passphrase", "", "--quick-gen-key", "long@example.com", "ed25519", "sign", "never")...)
	long := s.fingerprint("long@example.com")
	s.wantBoth("key that never expires", sign(long, past...), s.export(long), true)
	raw = sign(long, append(past, "--default-sig-expire", "1d")...)
	s.wantBoth("expired signature", raw, s.export(long), false)
	_, err = weSay(raw, s.export(long))
	contains(t, err, "expired")

	raw = sign(long)
	s.wantBoth("before it is revoked", raw, s.export(long), true)
	revocation := strings.ReplaceAll(readFile(t, s.home+"/openpgp-revocs.d/"+long+".rev"), ":-----BEGIN", "-----BEGIN")
	s.pipe(revocation, "gpg", "--batch", "--import")
	s.wantBoth("revoked key", raw, s.export(long), false)
	_, err = weSay(raw, s.export(long))
	contains(t, err, "revoked")

	// SHA-1 is broken; gpg still takes it.
	weak := s.gpgKey("weak@example.com", "rsa2048")
	raw = sign(weak, "--digest-algo", "SHA1")
	if _, good := s.gitSays(raw, ""); !good {
		t.Log("this gpg refuses SHA-1 too")
	}
	_, err = weSay(raw, s.export(weak))
	contains(t, err, "SHA-1", "broken")
	// A signature of a text counts for other bytes too: other line ends.
	raw = sign(weak, "--textmode")
	_, err = weSay(raw, s.export(weak))
	contains(t, err, "type 0x1")
}

// No byte may change, neither of what was signed nor of the signature.
func TestOneFlippedByte(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	path, print := s.sshKey("key", "ed25519"), s.gpgKey("Ada <ada@example.com>", "ed25519")
	allowed, ring := "ada@example.com "+s.public(path), s.export(print)
	for name, test := range map[string]struct{ raw, keys string }{
		"SSH commit": {s.commit(withSSH(path)...), allowed}, "SSH tag": {s.tag(withSSH(path)...), allowed},
		"PGP commit": {s.commit(withPGP(print)...), ring}, "PGP tag": {s.tag(withPGP(print)...), ring},
	} {
		s.wantBoth(name, test.raw, test.keys, true)
		keys, err := ParseKeys(t.Context(), []byte(test.keys))
		if err != nil {
			t.Fatal(err)
		}
		for i := range test.raw {
			flips := []byte{0x01, 0x02, 0x07, 0x20, 0x80, 0xff}
			for _, flip := range flips {
				changed := []byte(test.raw)
				changed[i] ^= flip
				if _, err := vouch(keys, string(changed)); err == nil {
					t.Errorf("%s: byte %d changed from %q to %q: still good", name, i, test.raw[i], changed[i])
				}
			}
			if i%97 == 0 { // git and its helpers take long
				changed := []byte(test.raw)
				changed[i] ^= 1
				if _, good := s.gitSays(string(changed), test.keys); good {
					t.Logf("%s: byte %d changed: git takes it, we do not", name, i)
				}
			}
		}
	}
}
