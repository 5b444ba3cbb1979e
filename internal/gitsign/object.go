package gitsign

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"spa-runner/internal/lazyregexp"
)

// signed is an object in two parts.
type signed struct {
	what      string    // "commit" or "tag"
	name      string    // of a tag
	payload   []byte    // what was signed
	signature []byte    // nil if there is none
	when      time.Time // when it was made, as it says: of a commit, the committer's date
}

// A header begins as git writes it. Nothing may come before, so that no other
// reader of these bytes takes another line for the tree, a parent or the object.
var (
	commitHead = lazyregexp.New(`\Atree [0-9a-f]{40}\n(?:parent [0-9a-f]{40}\n)*author [^\n\x00]*\ncommitter ([^\n\x00]*)\n`)
	tagHead    = lazyregexp.New(`\Aobject [0-9a-f]{40}\ntype (?:commit|tag)\ntag ([^\n\x00]+)\n(?:tagger ([^\n\x00]*)\n)?`) // very old ones have no tagger
	identDate  = lazyregexp.New(`> ([1-9][0-9]{0,14}) [+-][0-9]{4}\z`)
)

const gpgsig = "gpgsig"

// split takes a commit or a tag apart.
func split(raw []byte, isCommit bool) (s signed, err error) {
	cut := splitTag
	if isCommit {
		cut = splitCommit
	}
	if len(raw) > maxObject {
		s, _ = cut(nil)
		return s, fmt.Errorf("it has %d bytes, more than %d is refused", len(raw), maxObject)
	}
	return cut(raw)
}

// splitCommit takes the header gpgsig out of a commit, with its continuation
// lines: what is left was signed.
// https://git-scm.com/docs/gitformat-signature
func splitCommit(raw []byte) (signed, error) {
	s := signed{what: "commit"}
	head := commitHead.FindSubmatch(raw)
	if head == nil {
		return s, errors.New("it does not begin with tree, parents, author and committer")
	}
	if bytes.IndexByte(raw, 0) >= 0 {
		return s, errors.New("there is a NUL in it, where tools stop reading at different places")
	}
	rest, inSignature := raw, false
	for len(rest) > 0 && rest[0] != '\n' {
		line := rest
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			line = rest[:end+1]
		}
		rest = rest[len(line):]
		value, isSignature := bytes.CutPrefix(line, []byte(gpgsig+" "))
		switch {
		case inSignature && line[0] == ' ':
			s.signature = append(s.signature, line[1:]...)
			continue
		case isSignature && s.signature != nil:
			return s, errors.New("it carries several signatures")
		case isSignature:
			s.signature = append([]byte{}, value...)
		case bytes.HasPrefix(line, []byte(gpgsig)): // gpgsig-sha256: git does not take it for signed
			return s, fmt.Errorf("it has a header %.40q, which no signature of it covers", bytes.TrimSpace(line))
		default:
			s.payload = append(s.payload, line...)
		}
		inSignature = isSignature
	}
	s.payload = append(s.payload, rest...)
	return s, s.readDate(head[1])
}

// splitTag cuts a tag where the signature at its end begins: at the last line
// that looks like the first one of a signature, as in git.
func splitTag(raw []byte) (signed, error) {
	s := signed{what: "tag"}
	head := tagHead.FindSubmatch(raw)
	if head == nil {
		return s, errors.New("it does not begin with object, type, tag and tagger")
	}
	if bytes.IndexByte(raw, 0) >= 0 {
		return s, errors.New("there is a NUL in it, where tools stop reading at different places")
	}
	s.name = string(head[1])
	s.payload = raw
	inHeader := true
	for at := 0; at < len(raw); {
		line := raw[at:]
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line = line[:end+1]
		}
		inHeader = inHeader && len(line) > 1
		if inHeader && bytes.HasPrefix(line, []byte(gpgsig)) {
			return s, fmt.Errorf("it has a header %.40q, which no signature of it covers", bytes.TrimSpace(line))
		}
		if kindOf(line) != "" {
			s.payload, s.signature = raw[:at], raw[at:]
		}
		at += len(line)
	}
	return s, s.readDate(head[2])
}

// readDate reads the time at the end of a line such as
// `Ada <ada@example.com> 1718704800 +0200`, if it will be asked for.
func (s *signed) readDate(ident []byte) error {
	if s.signature == nil {
		return nil
	}
	found := identDate.FindSubmatch(ident)
	if found == nil {
		return fmt.Errorf("the date at the end of %.80q is none", ident)
	}
	seconds, err := strconv.ParseInt(string(found[1]), 10, 64)
	s.when = time.Unix(seconds, 0)
	return err
}

// unarmor decodes what stands between the BEGIN and END lines of one block. It
// takes nothing before, after or in it that is not covered by what it encodes,
// but for the header lines of PGP, such as Version, and empty lines at the end.
func unarmor(text, kind string) ([]byte, error) {
	if kind != sshSignature { // of PGP, some programs end lines as DOS does
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	last := len(lines) - 1
	if last < 1 || lines[0] != "-----BEGIN "+kind+"-----" || lines[last] != "-----END "+kind+"-----" {
		return nil, fmt.Errorf("it is not one block between BEGIN %s and END %s, with nothing after it", kind, kind)
	}
	lines = lines[1:last]
	var sum string
	if kind != sshSignature {
		for len(lines) > 0 && strings.Contains(lines[0], ": ") {
			lines = lines[1:]
		}
		if len(lines) == 0 || lines[0] != "" {
			return nil, errors.New("its armour has no empty line before the data")
		}
		lines = lines[1:]
		if n := len(lines) - 1; n >= 0 && strings.HasPrefix(lines[n], "=") {
			sum, lines = lines[n][1:], lines[:n]
		}
	}
	data, err := fromBase64(strings.Join(lines, ""))
	if err != nil {
		return nil, err
	}
	if sum == "" { // RFC 9580 lets it be left out
		return data, nil
	}
	if said, err := fromBase64(sum); err != nil || !bytes.Equal(said, crc24(data)) {
		return nil, errors.New("the checksum of its armour is not that of its data")
	}
	return data, nil
}
