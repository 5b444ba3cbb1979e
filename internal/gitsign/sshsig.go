package gitsign

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/ssh"
)

// namespace is what git signs in, so that a signature of a file or of a mail
// does not count as one of a commit.
const namespace = "git"

// sshsig is a signature as ssh-keygen -Y sign makes it.
// https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig
type sshsig struct {
	key       ssh.PublicKey
	namespace string
	hash      string
	signature ssh.Signature
}

var magic = [6]byte{'S', 'S', 'H', 'S', 'I', 'G'}

// algorithms are the keys that count, with the algorithms that may sign with
// them. DSA is broken, ssh-rsa signs with SHA-1, certificates need an authority.
func algorithms(keyType string) []string {
	switch keyType {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256:
		return []string{keyType}
	case ssh.KeyAlgoRSA:
		return []string{ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512}
	}
	return nil
}

func parseSSHSIG(blob []byte) (sshsig, error) {
	var wire struct {
		Magic     [6]byte
		Version   uint32
		Key       []byte
		Namespace string
		Reserved  []byte
		Hash      string
		Signature []byte
	}
	if err := ssh.Unmarshal(blob, &wire); err != nil || wire.Magic != magic {
		return sshsig{}, errors.New("it is not in the format of ssh-keygen -Y sign")
	}
	if wire.Version != 1 {
		return sshsig{}, fmt.Errorf("its format has version %d, and 1 is the one that is known", wire.Version)
	}
	if len(wire.Reserved) > 0 {
		return sshsig{}, errors.New("it has data in the field that is reserved, which it does not cover")
	}
	s := sshsig{namespace: wire.Namespace, hash: wire.Hash}
	var err error
	if s.key, err = parseKey(wire.Key); err != nil {
		return sshsig{}, err
	}
	if err := ssh.Unmarshal(wire.Signature, &s.signature); err != nil {
		return sshsig{}, errors.New("the signature in it cannot be read")
	}
	if !slices.Contains(algorithms(s.key.Type()), s.signature.Format) {
		return sshsig{}, fmt.Errorf("it is made with %.60q by a key of type %s: sign with %v", s.signature.Format, s.key.Type(), algorithms(s.key.Type()))
	}
	hardware := s.key.Type() == ssh.KeyAlgoSKED25519 || s.key.Type() == ssh.KeyAlgoSKECDSA256
	if !hardware && len(s.signature.Rest) > 0 {
		return sshsig{}, errors.New("there is something after the signature in it")
	}
	return s, nil
}

// parseKey reads a public key of a kind that counts.
func parseKey(blob []byte) (ssh.PublicKey, error) {
	var head struct {
		Type string
		Rest []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(blob, &head); err != nil {
		return nil, errors.New("the key cannot be read")
	}
	if algorithms(head.Type) == nil {
		return nil, fmt.Errorf("keys of type %.60q do not count: use ed25519, ECDSA or RSA", head.Type)
	}
	key, err := ssh.ParsePublicKey(blob)
	if err != nil {
		return nil, fmt.Errorf("the key cannot be read: %w", err)
	}
	if !bytes.Equal(key.Marshal(), blob) {
		return nil, errors.New("the key is not encoded as ssh-keygen does it")
	}
	if bits := rsaBits(key); bits > 0 && bits < minRSABits {
		return nil, fmt.Errorf("the key is of RSA with %d bits: less than %d do not count", bits, minRSABits)
	}
	return key, nil
}

// verify checks that the key in s signed the payload. Of hardware keys it also
// demands that they were touched (golang.org/x/crypto/ssh).
func (s sshsig) verify(payload []byte) error {
	var digest []byte
	switch s.hash {
	case "sha256":
		sum := sha256.Sum256(payload)
		digest = sum[:]
	case "sha512":
		sum := sha512.Sum512(payload)
		digest = sum[:]
	default:
		return fmt.Errorf("it is made over the hash %.60q: sha256 and sha512 count", s.hash)
	}
	if s.namespace != namespace {
		return fmt.Errorf("it is made in the namespace %.60q, and that of git is %q", s.namespace, namespace)
	}
	covered := ssh.Marshal(struct {
		Magic     [6]byte
		Namespace string
		Reserved  string
		Hash      string
		Digest    []byte
	}{magic, s.namespace, "", s.hash, digest})
	if err := s.key.Verify(covered, &s.signature); err != nil {
		return fmt.Errorf("it is not one of what it stands in (%w): something was changed after it was signed", err)
	}
	return nil
}

func verifySSH(ctx context.Context, allowed []allowedSigner, s signed) (Signer, error) {
	blob, err := unarmor(string(s.signature), sshSignature)
	if err != nil {
		return Signer{}, err
	}
	sig, err := parseSSHSIG(blob)
	if err != nil {
		return Signer{}, err
	}
	if err := sig.verify(s.payload); err != nil {
		return Signer{}, err
	}
	principal, err := findSigner(ctx, allowed, sig.key, s.when)
	return Signer{Principal: principal, Key: ssh.FingerprintSHA256(sig.key)}, err
}

// fromBase64 takes one encoding of each value alone.
func fromBase64(text string) ([]byte, error) {
	// Decoding skips line ends, which are gone already where they belong.
	if data, err := base64.StdEncoding.Strict().DecodeString(text); err == nil && !bytes.ContainsAny([]byte(text), "\r\n") {
		return data, nil
	}
	return nil, errors.New("its base64 is broken")
}
