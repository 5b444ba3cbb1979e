package gitsign

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Each principal of a line is compared with all of others.
const (
	maxLine      = 64 << 10 // bytes of a line: a key of RSA has two or three thousand
	maxPrincipal = 1 << 10  // bytes of a name, or of a pattern
)

// allowedSigner is a line of an allowed_signers file.
// https://man.openbsd.org/ssh-keygen.1#ALLOWED_SIGNERS
type allowedSigner struct {
	line          int
	principals    string // patterns, with commas between them
	key           ssh.PublicKey
	namespaces    string // likewise; "" is every one
	after, before time.Time
}

// parseAllowed reads an allowed_signers file, and tells all that is wrong with it.
func parseAllowed(ctx context.Context, text string) (list []allowedSigner, problems []string) {
	for i, line := range strings.Split(text, "\n") {
		if ctx.Err() != nil {
			break // the caller knows
		}
		line = strings.Trim(line, " \t\r")
		if line == "" || line[0] == '#' {
			continue
		}
		signer, err := parseAllowedLine(line)
		if err != nil {
			problems = append(problems, fmt.Sprintf("line %d: %v", i+1, err))
			continue
		}
		signer.line = i + 1
		list = append(list, signer)
	}
	return list, problems
}

func parseAllowedLine(line string) (s allowedSigner, err error) {
	if len(line) > maxLine {
		return s, fmt.Errorf("it has %d bytes, more than %d is refused: write one line for some of its principals, and one for the others", len(line), maxLine)
	}
	if strings.ContainsAny(line, "\x00\uFEFF") {
		return s, errors.New("it has a NUL or a byte order mark in it")
	}
	var rest string
	if quoted, ok := strings.CutPrefix(line, `"`); ok {
		if s.principals, rest, ok = strings.Cut(quoted, `"`); !ok {
			return s, errors.New("the quote that it begins with is not closed")
		}
	} else {
		s.principals, rest = field(line)
	}
	for principal := range strings.SplitSeq(s.principals, ",") {
		if strings.TrimPrefix(principal, "!") == "" {
			return s, errors.New("one of its principals is empty")
		}
		if len(principal) > maxPrincipal {
			return s, fmt.Errorf("one of its principals has %d bytes, more than %d is refused", len(principal), maxPrincipal)
		}
	}
	rest = strings.TrimLeft(rest, " \t\r")
	keyType, blob := field(rest)
	if !looksLikeKey(keyType) {
		if rest, err = s.parseOptions(rest); err != nil {
			return s, err
		}
		keyType, blob = field(strings.TrimLeft(rest, " \t"))
	}
	if keyType == "" {
		return s, errors.New("there is no key after the principals: write `principal[,principal] [options] type key`")
	}
	blob, _ = field(blob) // what follows is a comment
	data, err := fromBase64(blob)
	if err != nil || blob == "" {
		return s, fmt.Errorf("the key after %.60q cannot be read", keyType)
	}
	if s.key, err = parseKey(data); err != nil {
		return s, err
	}
	if s.key.Type() != keyType {
		return s, fmt.Errorf("the key is of type %s and not %.60q", s.key.Type(), keyType)
	}
	return s, nil
}

// field cuts at the first white space, and takes away what follows of it.
func field(s string) (first, rest string) {
	end := strings.IndexAny(s, " \t\r")
	if end < 0 {
		return s, ""
	}
	return s[:end], strings.TrimLeft(s[end:], " \t\r")
}

// looksLikeKey tells the name of a type of key from options.
func looksLikeKey(word string) bool {
	return strings.HasPrefix(word, "ssh-") || strings.HasPrefix(word, "ecdsa-") || strings.HasPrefix(word, "sk-")
}

// parseOptions reads the options at the beginning of rest.
func (s *allowedSigner) parseOptions(rest string) (after string, err error) {
	seen := map[string]bool{}
	for {
		name := rest[:len(rest)-len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"))]
		var value string
		value, rest, err = optionValue(rest[len(name):])
		name = strings.ToLower(name)
		switch {
		case err != nil:
			return "", fmt.Errorf("option %.60q: %w", name, err)
		case seen[name]:
			return "", fmt.Errorf("option %q is there twice", name)
		}
		seen[name] = true
		switch name {
		case "namespaces":
			if s.namespaces = value; value == "" {
				err = errors.New("it names none")
			}
		case "valid-after":
			s.after, err = parseTime(value)
		case "valid-before":
			s.before, err = parseTime(value)
		default:
			err = errors.New("it is not supported here (namespaces, valid-after and valid-before are), and is not ignored, since it may restrict the key")
		}
		if err != nil {
			return "", fmt.Errorf("option %.60q: %w", name, err)
		}
		next, more := strings.CutPrefix(rest, ",")
		if !more {
			break
		}
		rest = next
	}
	if rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return "", fmt.Errorf("there is %.20q after an option, where a comma or a space should be", rest)
	}
	if !s.after.IsZero() && !s.before.IsZero() && !s.before.After(s.after) {
		return "", errors.New("valid-before is not after valid-after")
	}
	return rest, nil
}

// optionValue reads ="value", in which \" is a quote; what has none is a flag.
func optionValue(rest string) (value, after string, err error) {
	rest, ok := strings.CutPrefix(rest, "=")
	if !ok {
		return "", rest, nil
	}
	if rest, ok = strings.CutPrefix(rest, `"`); !ok {
		return "", "", errors.New("its value is not in quotes")
	}
	var b strings.Builder
	for i := 0; i < len(rest); i++ {
		switch {
		case rest[i] == '"':
			return b.String(), rest[i+1:], nil
		case rest[i] == '\\' && strings.HasPrefix(rest[i+1:], `"`):
			i++
		}
		b.WriteByte(rest[i])
	}
	return "", "", errors.New("the quote of its value is not closed")
}

// parseTime reads YYYYMMDD[HHMM[SS]], in the time zone of this machine unless a
// Z or UTC follows, as ssh-keygen does.
func parseTime(text string) (time.Time, error) {
	zone := time.Local
	for _, suffix := range []string{"Z", "UTC"} {
		if n := len(text) - len(suffix); n > 0 && strings.EqualFold(text[n:], suffix) {
			text, zone = text[:n], time.UTC
			break
		}
	}
	layout, ok := map[int]string{8: "20060102", 12: "200601021504", 14: "20060102150405"}[len(text)]
	if ok {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil && t.Unix() > 0 {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%.60q is no time: write YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with a Z for UTC", text)
}
