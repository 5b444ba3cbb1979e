// Package gitsign verifies who signed a commit or an annotated tag, as
// `git verify-commit` and `git verify-tag` do, without a process.
//
// The keys that count come from one file, which is either an allowed_signers
// file of OpenSSH (allowed.go, sshsig.go) or armoured PGP public keys (pgp.go).
// What of an object is signed, and what is the signature, is told by object.go,
// on the bytes of the object as they were hashed.
//
// Where git, ssh-keygen or gpg are lenient, this package refuses: it takes one
// signature of an object, in the one place where git writes it, with nothing
// around it that no signature covers. The tests compare it with all three.
package gitsign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
)

// Keys are those whose signatures count: of SSH or of PGP.
type Keys struct {
	allowed []allowedSigner
	pgp     openpgp.EntityList
}

// Signer is who vouches for a commit.
type Signer struct {
	// Principal is the name in allowed_signers, or the user id of the PGP key.
	Principal string
	// Key is the fingerprint as ssh-keygen -l and gpg show it; of PGP, that of
	// the primary key.
	Key string
	// Object is what is signed: "commit", or "tag NAME".
	Object string
}

// MaxKeys is the size in bytes of the largest file of keys. A PGP key that many
// people signed has some hundred kilobytes.
const MaxKeys = 8 << 20

// The rest of what is bounded, in bytes. git and its tools write some hundred.
const (
	maxObject    = 16 << 20 // a tag or a commit
	maxSignature = 1 << 20
)

// ParseKeys reads a file of keys, and tells by its content of which kind it is.
// A file without a key, or with anything that is not understood, is an error
// that tells all problems with their lines. It ends with the cause of ctx.
func ParseKeys(ctx context.Context, content []byte) (*Keys, error) {
	var keys Keys
	var problems []string
	switch {
	case len(content) > MaxKeys:
		return nil, fmt.Errorf("it has %d bytes, more than %d is refused", len(content), MaxKeys)
	case bytes.Contains(content, []byte("-----BEGIN PGP")):
		keys.pgp, problems = parseKeyring(ctx, string(content))
	default:
		keys.allowed, problems = parseAllowed(ctx, string(content))
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if len(problems) > 0 {
		return nil, errors.New(strings.Join(problems, "; "))
	}
	if len(keys.allowed)+len(keys.pgp) == 0 {
		return nil, errors.New("there is no key in it: write an allowed_signers file (ssh-keygen(1)), or what gpg --armor --export prints")
	}
	return &keys, nil
}

// Vouch verifies who signed what ref names. chain holds the raw objects from
// the ref to the commit: annotated tags, if there are any, and last the commit.
//
// The rule: the first of them that carries a signature must carry a good one,
// by one of the keys. A signed tag vouches for the commit it names, so that the
// commit need not be signed; where no tag is signed, the commit must be. A bad
// signature is not made good by another one further on. A signed tag must also
// have the name that it is found under: else a server could pass off an old
// release, with its good signature, as the new one.
//
// now decides whether a PGP key has expired, as in gpg. What is in
// allowed_signers is valid or not at the time that the object says of itself,
// as in git.
func (k *Keys) Vouch(ctx context.Context, ref string, chain [][]byte, now time.Time) (Signer, error) {
	unsigned := "the commit carries no signature"
	for i, raw := range chain {
		if ctx.Err() != nil {
			return Signer{}, context.Cause(ctx)
		}
		s, err := split(raw, i == len(chain)-1)
		if err != nil {
			return Signer{}, fmt.Errorf("its %s is not as git writes one: %w", s.what, err)
		}
		if s.signature == nil {
			if s.name != "" {
				unsigned = fmt.Sprintf("neither tag %q nor the commit carries a signature", s.name)
			}
			continue
		}
		if name, isTag := strings.CutPrefix(ref, "refs/tags/"); isTag && s.name != "" && s.name != name {
			return Signer{}, fmt.Errorf("the signed tag says that its name is %q, but it is found under %q: somebody renamed it", s.name, name)
		}
		signer, err := k.verify(ctx, s, now)
		if err != nil {
			return Signer{}, fmt.Errorf("the signature of its %s does not count: %w", s.what, err)
		}
		return signer, nil
	}
	return Signer{}, errors.New(unsigned)
}

// The kinds of signatures, by the first line of their armour.
const (
	sshSignature = "SSH SIGNATURE"
	pgpSignature = "PGP SIGNATURE"
	pgpMessage   = "PGP MESSAGE"
	x509Message  = "SIGNED MESSAGE"
)

func (k *Keys) verify(ctx context.Context, s signed, now time.Time) (Signer, error) {
	var signer Signer
	var err error
	if len(s.signature) > maxSignature {
		return Signer{}, fmt.Errorf("it has %d bytes, more than %d is refused", len(s.signature), maxSignature)
	}
	switch kind := kindOf(s.signature); {
	case kind == sshSignature && k.allowed != nil:
		signer, err = verifySSH(ctx, k.allowed, s)
	case kind == pgpSignature && k.pgp != nil:
		signer, err = verifyPGP(k.pgp, s, now)
	case kind == sshSignature:
		return Signer{}, errors.New("it is made with an SSH key, and the file of keys holds PGP keys")
	case kind == pgpSignature:
		return Signer{}, errors.New("it is made with a PGP key, and the file of keys is one of allowed SSH signers")
	case kind == x509Message:
		return Signer{}, errors.New("it is made with an X.509 certificate, which is not supported: use SSH or PGP")
	case kind == pgpMessage:
		return Signer{}, errors.New("it is a PGP message and not a detached signature, which is not supported")
	default:
		return Signer{}, errors.New("it is of no kind that git knows")
	}
	signer.Object = strings.TrimSpace(s.what + " " + s.name)
	return signer, err
}

// kindOf tells by the beginning of a line whether git takes it for that of a
// signature, and of which kind it is.
func kindOf(line []byte) string {
	if !bytes.HasPrefix(line, []byte("-----BEGIN ")) {
		return ""
	}
	for _, kind := range []string{sshSignature, pgpSignature, pgpMessage, x509Message} {
		if bytes.HasPrefix(line, []byte("-----BEGIN "+kind+"-----")) {
			return kind
		}
	}
	return ""
}
