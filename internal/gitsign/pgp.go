package gitsign

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"golang.org/x/crypto/ssh"
)

const (
	publicKeys  = "PGP PUBLIC KEY BLOCK"
	privateKeys = "PGP PRIVATE KEY BLOCK"
	minRSABits  = 2048 // NIST SP 800-131A has forbidden less since 2014
)

// parseKeyring reads armoured blocks of public keys, with nothing but comments
// (#) and empty lines around them.
func parseKeyring(ctx context.Context, text string) (keys openpgp.EntityList, problems []string) {
	var block []string
	start := 0
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " \t\r")
		switch {
		case line == "-----BEGIN "+privateKeys+"-----":
			return nil, []string{fmt.Sprintf("line %d: this is a private key: take it out of the repository, and take it for stolen", i+1)}
		case block != nil, line == "-----BEGIN "+publicKeys+"-----":
			if block == nil {
				start = i + 1
			}
			block = append(block, line)
			if line == "-----END "+publicKeys+"-----" {
				found, err := parseKeyBlock(ctx, strings.Join(block, "\n"))
				if err != nil {
					problems = append(problems, fmt.Sprintf("line %d: the keys that begin here: %v", start, err))
				}
				keys, block = append(keys, found...), nil
			}
		case line != "" && line[0] != '#':
			problems = append(problems, fmt.Sprintf("line %d: %.60q is no part of a key, and no comment (#)", i+1, line))
		}
	}
	if block != nil {
		problems = append(problems, fmt.Sprintf("line %d: the keys that begin here have no end", start))
	}
	return keys, problems
}

func parseKeyBlock(ctx context.Context, block string) (openpgp.EntityList, error) {
	data, err := unarmor(block, publicKeys)
	if err != nil {
		return nil, err
	}
	// ReadKeyRing leaves out what it does not understand, and says nothing.
	count := 0
	for packets := packet.NewOpaqueReader(bytes.NewReader(data)); ; {
		p, err := packets.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("they cannot be read: %w", err)
		}
		if p.Tag == 6 { // a primary public key, RFC 9580 section 5
			count++
		}
	}
	// What a key says of itself is verified while it is read: so that is asked about the context.
	keys, err := openpgp.ReadKeyRing(untilDone(ctx, bytes.NewReader(data)))
	if err != nil {
		return nil, fmt.Errorf("they cannot be read: %w", err)
	}
	if len(keys) != count || count == 0 {
		return nil, fmt.Errorf("of %d keys %d can be read", count, len(keys))
	}
	for _, key := range keys {
		if err := checkKey(key.PrimaryKey); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// untilDone lets reading end with the cause of ctx.
func untilDone(ctx context.Context, r io.Reader) io.Reader {
	return readFunc(func(b []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return r.Read(b)
	})
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(b []byte) (int, error) { return f(b) }

func checkKey(key *packet.PublicKey) error {
	switch key.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly:
		if n, err := key.BitLength(); err != nil || n < minRSABits {
			return fmt.Errorf("key %X is of RSA with %d bits: less than %d do not count", key.Fingerprint, n, minRSABits)
		}
		return nil
	case packet.PubKeyAlgoECDSA, packet.PubKeyAlgoEdDSA, packet.PubKeyAlgoEd25519, packet.PubKeyAlgoEd448:
		return nil
	}
	return fmt.Errorf("key %X is of a kind (%d) that does not count: use ed25519, ECDSA or RSA", key.Fingerprint, key.PubKeyAlgo)
}

func verifyPGP(keys openpgp.EntityList, s signed, now time.Time) (Signer, error) {
	data, err := unarmor(string(s.signature), pgpSignature)
	if err != nil {
		return Signer{}, err
	}
	sig, err := onlySignature(data)
	if err != nil {
		return Signer{}, err
	}
	if sig.IssuerKeyId == nil {
		return Signer{}, errors.New("it does not say which key made it")
	}
	candidates := keys.KeysByIdUsage(*sig.IssuerKeyId, packet.KeyFlagSign)
	if len(candidates) == 0 {
		return Signer{}, fmt.Errorf("it is made with the PGP key %016X, which is not in the file of keys, or not there to sign", *sig.IssuerKeyId)
	}
	for _, key := range candidates {
		if err := checkKey(key.PublicKey); err != nil {
			return Signer{}, err
		}
	}
	config := &packet.Config{Time: func() time.Time { return now }}
	_, entity, err := openpgp.VerifyDetachedSignature(keys, bytes.NewReader(s.payload), bytes.NewReader(data), config)
	switch {
	case errors.Is(err, pgperrors.ErrKeyExpired):
		err = fmt.Errorf("the PGP key %016X has expired", *sig.IssuerKeyId)
	case errors.Is(err, pgperrors.ErrSignatureExpired):
		err = errors.New("it has expired, or comes from the future")
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		err = fmt.Errorf("the PGP key %016X was revoked", *sig.IssuerKeyId)
	case err != nil:
		err = fmt.Errorf("it is not one of what it stands in (%w): something was changed after it was signed", err)
	}
	if err != nil {
		return Signer{}, err
	}
	signer := Signer{Key: fmt.Sprintf("%X", entity.PrimaryKey.Fingerprint)}
	if id := entity.PrimaryIdentity(); id != nil {
		signer.Principal = id.Name
	}
	return signer, nil
}

// onlySignature reads the one packet that there may be: a signature over bytes
// as they are, with a hash that is not broken.
func onlySignature(data []byte) (*packet.Signature, error) {
	packets := packet.NewOpaqueReader(bytes.NewReader(data))
	first, err := packets.Next()
	if err != nil {
		return nil, errors.New("it cannot be read")
	}
	if _, err := packets.Next(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is something after the signature in it, or several signatures")
	}
	p, err := first.Parse()
	sig, ok := p.(*packet.Signature)
	switch {
	case err != nil:
		return nil, fmt.Errorf("it cannot be read: %w", err)
	case !ok:
		return nil, errors.New("it is no signature, but something else of PGP")
	case sig.SigType != packet.SigTypeBinary:
		return nil, fmt.Errorf("it is of type %#x, and git signs the bytes as they are (0x0)", byte(sig.SigType))
	}
	switch sig.Hash {
	case crypto.SHA224, crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA3_256, crypto.SHA3_512:
		return sig, nil
	}
	return nil, fmt.Errorf("it is made over %v, which is broken: sign with SHA-256 or better", sig.Hash)
}

// crc24 is the checksum of an armour. https://www.rfc-editor.org/rfc/rfc9580#section-6.1
func crc24(data []byte) []byte {
	crc := uint32(0xb704ce)
	for _, b := range data {
		crc ^= uint32(b) << 16
		for range 8 {
			if crc <<= 1; crc&0x1000000 != 0 {
				crc ^= 0x1864cfb
			}
		}
	}
	return []byte{byte(crc >> 16), byte(crc >> 8), byte(crc)}
}

// rsaBits is the size of an RSA key of SSH, and 0 of another one.
func rsaBits(key ssh.PublicKey) int {
	if wrapped, ok := key.(ssh.CryptoPublicKey); ok {
		if plain, ok := wrapped.CryptoPublicKey().(*rsa.PublicKey); ok {
			return plain.N.BitLen()
		}
	}
	return 0
}
