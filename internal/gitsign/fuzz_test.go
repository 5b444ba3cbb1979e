package gitsign

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// Whatever comes, the parser ends; and what it takes is written back as it was.
func FuzzSSHSIG(f *testing.F) {
	for _, name := range []string{"ed25519", "rsa", "ecdsa"} {
		text, err := os.ReadFile(filepath.Join("testdata", name+".sig"))
		if err != nil {
			f.Fatal(err)
		}
		blob, err := unarmor(string(text), sshSignature)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(blob)
		f.Add(blob[:len(blob)/2])
	}
	f.Fuzz(func(t *testing.T, blob []byte) {
		s, err := parseSSHSIG(blob)
		if err != nil {
			return
		}
		again := ssh.Marshal(struct {
			Magic     [6]byte
			Version   uint32
			Key       []byte
			Namespace string
			Reserved  string
			Hash      string
			Signature []byte
		}{magic, 1, s.key.Marshal(), s.namespace, "", s.hash, ssh.Marshal(s.signature)})
		if !bytes.Equal(again, blob) {
			t.Errorf("%x was read as %x", blob, again)
		}
		if s.verify([]byte("not what was signed")) == nil {
			t.Errorf("%x signs anything", blob)
		}
	})
}

// Whatever comes, the parser ends, and each line is either a signer or a problem.
func FuzzAllowedSigners(f *testing.F) {
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFj6ECbyF7Oquqiv+sd8hIoGOIVprAldE0R74t2DCA5W"
	for _, seed := range []string{
		"a@x " + key + " comment\n# comment\n\n", "a@x,!*.b@x namespaces=\"git,file\",valid-after=\"20240101\",valid-before=\"20300101Z\" " + key,
		"\"a b\" cert-authority " + key, "a@x valid-before=\"\\\"\" " + key, "a@x", "\"", "a@x namespaces=", key, "a@x , " + key,
	} {
		f.Add(seed)
	}
	data, err := base64.StdEncoding.DecodeString(strings.Fields(key)[1])
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, problems := parseAllowed(t.Context(), text)
		lines := 0
		for line := range strings.SplitSeq(text, "\n") {
			if line = strings.Trim(line, " \t\r"); line != "" && line[0] != '#' {
				lines++
			}
		}
		if len(list)+len(problems) != lines {
			t.Errorf("%q: %d lines, %d signers and %d problems", text, lines, len(list), len(problems))
		}
		parsed, err := ssh.ParsePublicKey(data)
		if err != nil {
			t.Fatal(err)
		}
		if who, err := findSigner(t.Context(), list, parsed, time.Unix(dateAt, 0)); err == nil && who == "" {
			t.Errorf("%q: nobody signed it", text)
		}
	})
}

// The packets are read by another's library, on bytes of a server.
func FuzzPGP(f *testing.F) {
	text, err := os.ReadFile(filepath.Join("testdata", "pgp.sig"))
	if err != nil {
		f.Fatal(err)
	}
	ring, err := os.ReadFile(filepath.Join("testdata", "pgp.keys"))
	if err != nil {
		f.Fatal(err)
	}
	keys, err := ParseKeys(f.Context(), ring)
	if err != nil {
		f.Fatal(err)
	}
	data, err := unarmor(string(text), pgpSignature)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		armour := "-----BEGIN PGP SIGNATURE-----\n\n" + base64.StdEncoding.EncodeToString(data) + "\n-----END PGP SIGNATURE-----\n"
		s := signed{what: "commit", payload: []byte("not what was signed"), signature: []byte(armour)}
		if _, err := verifyPGP(keys.pgp, s, time.Unix(dateAt, 0)); err == nil {
			t.Errorf("%x signs anything", data)
		}
	})
}

// Every armour is taken apart and put together alike, or refused.
func FuzzObject(f *testing.F) {
	signature, err := os.ReadFile(filepath.Join("testdata", "ed25519.sig"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(attach(unsignedCommit, string(signature)))
	f.Add("object 4b825dc642cb6eb9a060e54bf8d69288fbee4904\ntype commit\ntag v1\ntagger A <a> 1 +0000\n\nx\n" + string(signature))
	f.Fuzz(func(t *testing.T, raw string) {
		if s, err := splitCommit([]byte(raw)); err == nil && s.signature != nil {
			if !bytes.Contains(s.payload, []byte("\n\n")) != !strings.Contains(raw, "\n\n") || len(s.payload)+len(s.signature) >= len(raw) {
				t.Errorf("%q was cut into %q and %q", raw, s.payload, s.signature)
			}
		}
		if s, err := splitTag([]byte(raw)); err == nil && string(s.payload)+string(s.signature) != raw {
			t.Errorf("%q was cut into %q and %q", raw, s.payload, s.signature)
		}
	})
}
