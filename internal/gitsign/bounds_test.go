package gitsign

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"golang.org/x/crypto/ssh"
)

var errInterrupted = errors.New("the run was interrupted")

// endsAfter is a context that ends when it has been asked n times.
type endsAfter struct {
	context.Context
	cancel context.CancelCauseFunc
	left   *int
}

func newEndsAfter(t *testing.T, n int) endsAfter {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	return endsAfter{ctx, cancel, &n}
}

func (e endsAfter) Err() error {
	if *e.left--; *e.left < 0 {
		e.cancel(errInterrupted)
	}
	return e.Context.Err()
}

func sshKey(t *testing.T) ssh.PublicKey {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestPrincipalsAreBounded has a first line that forbids all of its own principals,
// so that each of them is compared with each other line of the key.
func TestPrincipalsAreBounded(t *testing.T) {
	t.Parallel()
	key := sshKey(t)
	list := []allowedSigner{{line: 1, key: key, principals: strings.Repeat("ada,", 8000) + "!*"}}
	for n := range 200 {
		list = append(list, allowedSigner{line: n + 2, key: key, principals: "somebody"})
	}
	if _, err := findSigner(t.Context(), list, key, time.Now()); err == nil || !strings.Contains(err.Error(), "too many principals") {
		t.Errorf("got %v", err)
	}
	if _, err := findSigner(newEndsAfter(t, 1000), list, key, time.Now()); !errors.Is(err, errInterrupted) {
		t.Errorf("after the end: %v", err)
	}
}

func TestKeysAreBounded(t *testing.T) {
	t.Parallel()
	key := " ssh-ed25519 " + base64.StdEncoding.EncodeToString(sshKey(t).Marshal()) + "\n"
	for want, text := range map[string]string{
		"more than 65536 is refused": strings.Repeat("ada@example.com,", 5000) + "ada" + key,
		"more than 1024 is refused":  strings.Repeat("a", 2000) + key,
	} {
		if _, err := ParseKeys(t.Context(), []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	if _, err := ParseKeys(newEndsAfter(t, 10), []byte(strings.Repeat("ada"+key, 1000))); !errors.Is(err, errInterrupted) {
		t.Errorf("SSH keys after the end: %v", err)
	}
	if _, err := ParseKeys(newEndsAfter(t, 10), manyPGP(t, 20)); !errors.Is(err, errInterrupted) {
		t.Errorf("PGP keys after the end: %v", err)
	}
}

func manyPGP(t *testing.T, n int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := armor.Encode(&out, publicKeys, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		e, err := openpgp.NewEntity(fmt.Sprint("Ada ", i), "", "ada@example.com", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
		if err == nil {
			err = e.Serialize(w)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return append(out.Bytes(), '\n')
}

func TestSignedObjectsAreBounded(t *testing.T) {
	t.Parallel()
	keys := &Keys{allowed: []allowedSigner{{}}}
	header := strings.TrimSuffix(unsignedCommit, "\nunsigned\n")
	for want, raw := range map[string]string{
		"its commit is not as git writes one: it has": header + "\n" + strings.Repeat("x", maxObject),
		"does not count: it has":                      header + "gpgsig -----BEGIN SSH SIGNATURE-----\n" + strings.Repeat(" x\n", maxSignature) + "\nx\n",
	} {
		if _, err := keys.Vouch(t.Context(), "", [][]byte{[]byte(raw)}, time.Now()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	if _, err := keys.Vouch(newEndsAfter(t, 0), "", [][]byte{[]byte(unsignedCommit)}, time.Now()); !errors.Is(err, errInterrupted) {
		t.Errorf("after the end: %v", err)
	}
}
