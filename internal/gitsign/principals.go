package gitsign

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// maxCompared is how many times a principal is compared with a line.
const maxCompared = 1_000_000

// findSigner looks a key up as git does: ssh-keygen -Y find-principals takes the
// first line with the key that was valid at that time, and then one of its
// principals has to be allowed by some line, for git and at that time.
func findSigner(ctx context.Context, allowed []allowedSigner, key ssh.PublicKey, when time.Time) (string, error) {
	wanted := key.Marshal()
	list := slices.DeleteFunc(slices.Clone(allowed), func(s allowedSigner) bool { return !bytes.Equal(s.key.Marshal(), wanted) })
	if len(list) == 0 {
		return "", fmt.Errorf("it is made with the %s key %s, which is not in the file of keys", key.Type(), ssh.FingerprintSHA256(key))
	}
	var refused error
	compared := 0
	for _, first := range list {
		if refused = first.validAt(when); refused != nil {
			continue
		}
		for principal := range strings.SplitSeq(first.principals, ",") {
			for _, s := range list {
				if ctx.Err() != nil {
					return "", context.Cause(ctx)
				}
				if compared++; compared > maxCompared {
					return "", fmt.Errorf("the file of keys has too many principals for the key %s: write fewer lines with it", ssh.FingerprintSHA256(key))
				}
				if !matchList(principal, s.principals) {
					continue
				}
				if refused = s.permits(when); refused == nil {
					return principal, nil
				}
			}
		}
		if refused == nil {
			refused = fmt.Errorf("none of the principals in line %d of the file of keys matches that line", first.line)
		}
		break
	}
	return "", refused
}

func (s allowedSigner) permits(when time.Time) error {
	if s.namespaces != "" && !matchList(namespace, s.namespaces) {
		return fmt.Errorf("line %d of the file of keys allows the namespaces %q, and that of git is %q", s.line, s.namespaces, namespace)
	}
	return s.validAt(when)
}

func (s allowedSigner) validAt(when time.Time) error {
	shown := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	switch {
	case !s.after.IsZero() && when.Before(s.after):
		return fmt.Errorf("it was made at %s, before valid-after (%s) in line %d of the file of keys", shown(when), shown(s.after), s.line)
	case !s.before.IsZero() && when.After(s.before):
		return fmt.Errorf("it was made at %s, after valid-before (%s) in line %d of the file of keys", shown(when), shown(s.before), s.line)
	}
	return nil
}

// matchList matches a name with a list of patterns, of which those that begin
// with ! forbid. PATTERNS in ssh_config(5).
func matchList(name, patterns string) bool {
	matched := false
	for pattern := range strings.SplitSeq(patterns, ",") {
		pattern, negated := strings.CutPrefix(pattern, "!")
		if !match(name, pattern) {
			continue
		}
		if negated {
			return false
		}
		matched = true
	}
	return matched
}

// match matches * with anything and ? with any byte, in time linear in each.
func match(name, pattern string) bool {
	star, retry := -1, 0
	i, j := 0, 0
	for i < len(name) {
		switch {
		case j < len(pattern) && pattern[j] == '*':
			star, retry = j, i
			j++
		case j < len(pattern) && (pattern[j] == '?' || pattern[j] == name[i]):
			i++
			j++
		case star >= 0:
			retry++
			i, j = retry, star+1
		default:
			return false
		}
	}
	return strings.Trim(pattern[j:], "*") == ""
}
