package gitsign

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	date   = "2024-06-18T10:00:00Z" // of every commit and tag
	dateAt = 1718704800
)

// signer is a person with keys and a repository.
type signer struct {
	t       *testing.T
	dir     string // the repository
	home    string // GNUPGHOME
	keys    string // folder of the SSH keys
	environ []string
}

// needs skips a test aloud where a program is missing.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("there is no %s here to compare with: %v", name, err)
		}
	}
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	needs(t, "git", "ssh-keygen", "gpg", "gpgconf")
	// The socket of the agent is in there, and its path may have 107 bytes.
	home, err := os.MkdirTemp("/tmp", "g")
	if err != nil {
		t.Fatal(err)
	}
	s := &signer{t: t, dir: t.TempDir(), keys: t.TempDir(), home: home}
	s.environ = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "GNUPGHOME=" + home, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_AUTHOR_DATE=" + date,
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com", "GIT_COMMITTER_DATE=" + date, "TZ=UTC",
	}
	t.Cleanup(func() {
		// Not by t.Context, which is over by now.
		cmd := exec.Command("gpgconf", "--kill", "all")
		cmd.Env = s.environ
		_ = cmd.Run()
		_ = os.RemoveAll(home)
	})
	s.run("git", "init", "--quiet", "--initial-branch=main")
	return s
}

// try runs a program and gives its output, and whether it ended well.
func (s *signer) try(stdin, program string, args ...string) (string, bool) {
	cmd := exec.CommandContext(s.t.Context(), program, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = s.dir, s.environ, strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		return fmt.Sprintf("%s %v: %v: %s%s", program, args, err, stdout.String(), stderr.String()), false
	}
	return stdout.String(), true
}

func (s *signer) pipe(stdin, program string, args ...string) string {
	s.t.Helper()
	out, ok := s.try(stdin, program, args...)
	if !ok {
		s.t.Fatal(out)
	}
	return out
}

func (s *signer) run(program string, args ...string) string {
	s.t.Helper()
	return s.pipe("", program, args...)
}

// sshKey makes a key and gives its path; that of the public one ends in .pub.
func (s *signer) sshKey(name, keyType string, more ...string) string {
	s.t.Helper()
	path := filepath.Join(s.keys, name)
	s.run("ssh-keygen", append([]string{"-q", "-t", keyType, "-N", "", "-C", "a comment", "-f", path}, more...)...)
	return path
}

func (s *signer) public(path string) string {
	s.t.Helper()
	text, err := os.ReadFile(path + ".pub")
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// gpgKey makes a key that signs and gives its fingerprint.
func (s *signer) gpgKey(user, algorithm string, more ...string) string {
	s.t.Helper()
	args := append([]string{"--batch", "--passphrase", "", "--quick-gen-key", user, algorithm, "sign"}, more...)
	s.run("gpg", args...)
	return s.fingerprint(user)
}

func (s *signer) fingerprint(user string) string {
	s.t.Helper()
	for line := range strings.Lines(s.run("gpg", "--batch", "--with-colons", "--list-keys", user)) {
		if fields := strings.Split(line, ":"); fields[0] == "fpr" {
			return fields[9]
		}
	}
	s.t.Fatalf("no fingerprint of %s", user)
	return ""
}

func (s *signer) export(users ...string) string {
	s.t.Helper()
	return s.run("gpg", append([]string{"--batch", "--armor", "--export"}, users...)...)
}

// commit makes a commit and gives its bytes; flags configure git.
func (s *signer) commit(flags ...string) string {
	s.t.Helper()
	s.run("git", append(flags, "commit", "--quiet", "--allow-empty", "--message=release\n\nwith a body")...)
	return s.run("git", "cat-file", "commit", "HEAD")
}

// tag makes an annotated tag v1 and gives its bytes.
func (s *signer) tag(flags ...string) string {
	s.t.Helper()
	s.run("git", append(flags, "tag", "--force", "--annotate", "--message=release", "v1")...)
	return s.run("git", "cat-file", "tag", "v1")
}

func withSSH(key string) []string {
	return []string{"-c", "gpg.format=ssh", "-c", "user.signingkey=" + key, "-c", "commit.gpgsign=true", "-c", "tag.gpgsign=true"}
}

func withPGP(fingerprint string) []string {
	return []string{"-c", "user.signingkey=" + fingerprint + "!", "-c", "commit.gpgsign=true", "-c", "tag.gpgsign=true"}
}

// gitSays asks git about the bytes of an object. keys is what ours are parsed
// from; those of PGP are in the key ring of gpg already.
func (s *signer) gitSays(raw, keys string) (string, bool) {
	s.t.Helper()
	kind := "commit"
	if strings.HasPrefix(raw, "object ") {
		kind = "tag"
	}
	hash := strings.TrimSpace(s.pipe(raw, "git", "hash-object", "-t", kind, "-w", "--stdin", "--literally"))
	file := filepath.Join(s.keys, "allowed_signers")
	if err := os.WriteFile(file, []byte(keys), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return s.try("", "git", "-c", "gpg.ssh.allowedSignersFile="+file, "verify-"+kind, hash)
}

// weSay verifies an object of a tag v1 or a commit.
func weSay(raw, keys string) (Signer, error) {
	parsed, err := ParseKeys(context.Background(), []byte(keys))
	if err != nil {
		return Signer{}, fmt.Errorf("keys: %w", err)
	}
	return vouch(parsed, raw)
}

// noon is when the tests take place, for PGP.
var noon = time.Now()

const unsignedCommit = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nunsigned\n"

func vouch(keys *Keys, raw string) (Signer, error) {
	chain := [][]byte{[]byte(raw)}
	if strings.HasPrefix(raw, "object ") {
		chain = append(chain, []byte(unsignedCommit))
	}
	return keys.Vouch(context.Background(), "refs/tags/v1", chain, time.Now())
}

// wantBoth fails unless git and we say that the signature is good, or both not.
func (s *signer) wantBoth(what, raw, keys string, good bool) Signer {
	s.t.Helper()
	said, git := s.gitSays(raw, keys)
	signer, err := weSay(raw, keys)
	if git != good || (err == nil) != good {
		s.t.Errorf("%s: want good %v, git says %v (%s), we say %v (%v)", what, good, git, strings.TrimSpace(said), err == nil, err)
	}
	return signer
}

// attach puts a signature into an unsigned commit, as git does.
func attach(commit, signature string) string {
	head, message, _ := strings.Cut(commit, "\n\n")
	lines := strings.ReplaceAll(strings.TrimSuffix(signature, "\n"), "\n", "\n ")
	return head + "\ngpgsig " + lines + "\n\n" + message
}

// contains checks an error's text for all of parts.
func contains(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error; want one with %q", parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error lacks %q:\n%v", part, err)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
