package gitsign

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What a file says is compared with the verdict of ssh-keygen, by way of git:
// find-principals, then verify, at the time of the commit.
func TestAllowedSignersLikeSSHKeygen(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	path := s.sshKey("key", "ed25519")
	key, other := s.public(path), s.public(s.sshKey("other", "ecdsa"))
	bare := strings.Join(strings.Fields(key)[:2], " ")
	raw := s.commit(withSSH(path)...)
	for _, test := range []struct {
		keys string
		good bool
	}{
		{"a@x " + key, true},
		{"a@x " + bare, true},
		{"a@x " + bare + "\r\n# dos\r\n", true},
		{"a@x " + key + " more of a comment # and more\r\n", true},
		{"\n\n  \t\n# comment\n   # comment\n\ta@x   \t  " + strings.ReplaceAll(bare, " ", " \t ") + "   \n", true},
		{"\"a b\" " + key, true},
		{"\"a@x\"" + key, true},
		{"a@x,b@x " + key + "\nc@x " + other, true},
		{"c@x " + other + "\na@x " + key, true},
		{"*@x,!b@x " + key, true},
		{"!b@x,*@x " + key, true},
		{"!b@x " + key, false},
		{"!*,a@x " + key, false},
		{"?@x " + key, true},
		{"a@x namespaces=\"git\" " + key, true},
		{"a@x NAMESPACES=\"git\" " + key, true},
		{"a@x namespaces=\"file,git\" " + key, true},
		{"a@x namespaces=\"g*\" " + key, true},
		{"a@x namespaces=\"*,!git\" " + key, false},
		{"a@x namespaces=\"file\" " + key, false},
		{"a@x namespaces=\"Git\" " + key, false},
		{"a@x namespaces=\"git \" " + key, false},
		{"a@x namespaces=\"git\",valid-before=\"20300101\" " + key, true},
		{"a@x valid-after=\"20240618100000Z\" " + key, true},
		{"a@x valid-after=\"20240618100001Z\" " + key, false},
		{"a@x valid-before=\"20240618100000Z\" " + key, true},
		{"a@x valid-before=\"20240618095959Z\" " + key, false},
		{"a@x valid-after=\"202406181000Z\",valid-before=\"202406181000UTC\" " + key, false}, // not after each other: the line is refused
		{"a@x valid-after=\"202406181000z\",valid-before=\"202406181001utc\" " + key, true},
		{"a@x valid-after=\"20240618\" " + key, true},
		{"a@x valid-after=\"20240619\" " + key, false},
		{"a@x valid-before=\"20240618\" " + key, false},
		{"a@x valid-before=\"20240619\" " + key, true},
		{"a@x valid-before=\"2024061\" " + key, false},
		{"a@x valid-before=\"20241301\" " + key, false},
		{"a@x valid-before=\"tomorrow\" " + key, false},
		{"a@x valid-before=20300101 " + key, false},
		{"a@x valid-before=\"20300101 " + key, false},
		{"a@x valid-before=\"20300101\",valid-before=\"20310101\" " + key, false},
		{"a@x namespaces=\"git\"valid-before=\"20300101\" " + key, false},
		{"a@x namespaces=\"git\", " + key, false},
		{"a@x valid-before=\"20200101\" " + key + "\na@x " + key, true}, // the second line of one principal
		{"a@x valid-before=\"20200101\" " + key + "\nb@x " + key, true}, // the key is one person's later on
		{"a@x valid-before=\"20200101\" " + key + "\nb@x valid-after=\"20300101\" " + key, false},
		{"a@x namespaces=\"file\" " + key + "\nb@x " + key, false}, // the first line decides who it is
		{"a@x namespaces=\"file\" " + key + "\na@x " + key, true},
		{"a@x namespaces=\"file\" " + key + "\n*@x " + key, true},
		{"a@x,b@x valid-before=\"20200101\" " + key + "\nb@x " + key, true},
		{"a@x cert-authority " + key, false},
		{"a@x no-touch-required " + key, false},
		{"a@x " + other, false},
		{key, false}, // no principal
		{"a@x", false},
		{"a@x " + strings.Fields(key)[0], false},
		{"a@x " + strings.Fields(other)[0] + " " + strings.Fields(key)[1], false},
		{"a@x " + bare[:len(bare)-4], false},
		{"\"a@x " + key, false},
	} {
		s.wantBoth(test.keys, raw, test.keys, test.good)
	}
}

func TestPatternsLikeSSHKeygen(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	path := s.sshKey("key", "ed25519")
	message, file := filepath.Join(s.keys, "message"), filepath.Join(s.keys, "allowed")
	if err := os.WriteFile(message, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run("ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", path, message)
	names := []string{"a@x", "ab@x", "b@x", "A@x", "@", "*", "a", "abcabc@xyz"}
	for _, list := range []string{"*", "a*", "*x", "*@*", "?@x", "??@x", "a@x,b@x", "!a@x,*", "*,!a@x", "!a@x", "a*c*@*z", "**", "?*", "*?x", "a@y", "\\*"} {
		if err := os.WriteFile(file, []byte("\""+list+"\" "+s.public(path)), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			_, want := s.try("x", "ssh-keygen", "-Y", "verify", "-n", "git", "-f", file, "-I", name, "-s", message+".sig")
			if got := matchList(name, list); got != want {
				t.Errorf("%q with %q: got %v, ssh-keygen says %v", name, list, got, want)
			}
		}
	}
}

// Without a Z the time is that of the machine, for git as for us.
func TestValidityInTheTimeZoneOfTheMachine(t *testing.T) {
	needs(t, "git", "ssh-keygen", "gpg", "gpgconf")
	s := newSigner(t)
	path := s.sshKey("key", "ed25519")
	raw := s.commit(withSSH(path)...)
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Skipf("there are no time zones here: %v", err)
	}
	before := time.Local
	time.Local = tokyo
	defer func() { time.Local = before }()
	s.environ[len(s.environ)-1] = "TZ=Asia/Tokyo"
	s.wantBoth("10:00 UTC is 19:00", raw, "a@x valid-before=\"20240618190000\" "+s.public(path), true)
	s.wantBoth("10:00 UTC is 19:00", raw, "a@x valid-before=\"20240618185959\" "+s.public(path), false)
	s.wantBoth("10:00 UTC is 19:00", raw, "a@x valid-after=\"20240618190001\" "+s.public(path), false)
}

func TestRefusedKeys(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	good := s.public(s.sshKey("good", "ed25519"))
	weak := s.public(s.sshKey("weak", "rsa", "-b", "1024"))
	dsa := s.public(s.sshKey("dsa", "dsa"))
	s.run("ssh-keygen", "-q", "-s", filepath.Join(s.keys, "good"), "-I", "x", "-n", "a", filepath.Join(s.keys, "good.pub"))
	cert := strings.TrimSpace(readFile(t, filepath.Join(s.keys, "good-cert.pub")))
	weakPGP := s.export(s.gpgKey("weak@example.com", "rsa1024"))
	ring := s.export(s.gpgKey("good@example.com", "ed25519"))
	private := s.run("gpg", "--batch", "--armor", "--export-secret-keys", "good@example.com")
	dsaPGP := s.export(s.gpgKey("dsa@example.com", "dsa2048"))
	for name, test := range map[string]struct {
		keys string
		want []string
	}{
		"empty":           {"", []string{"no key in it"}},
		"blank":           {" \n\n", []string{"no key in it"}},
		"comments":        {"# a@x " + good + "\n", []string{"no key in it"}},
		"all at once":     {"a@x cert-authority " + good + "\nb@x " + good + "\nc@x nonsense\n", []string{"line 1: option \"cert-authority\"", "not supported", "; line 3: "}},
		"unknown option":  {"a@x namespaces=\"git\",restrict " + good, []string{"line 1: option \"restrict\"", "may restrict the key"}},
		"weak RSA":        {"a@x " + weak, []string{"line 1: ", "1024 bits"}},
		"DSA":             {"a@x " + dsa, []string{"line 1: ", "ssh-dss"}},
		"certificate":     {"a@x " + cert, []string{"line 1: ", "cert-v01", "do not count"}},
		"empty principal": {"a@x,,b@x " + good, []string{"line 1: ", "principals is empty"}},
		"NUL":             {"a@x\x00 " + good, []string{"line 1: ", "NUL"}},
		"BOM":             {"\uFEFFa@x " + good, []string{"line 1: ", "byte order mark"}},
		"no namespace":    {"a@x namespaces=\"\" " + good, []string{"line 1: ", "names none"}},
		"a web page":      {"<html>\n<body>hello</body>\n", []string{"line 1: ", "line 2: "}},
		"PGP private":     {private, []string{"line 1: ", "private key", "take it for stolen"}},
		"PGP signature":   {"-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n", []string{"line 1: "}},
		"PGP cut off":     {ring[:len(ring)/2], []string{"line 1: ", "no end"}},
		"PGP cut inside":  {ring[:200] + ring[220:], []string{"line 1: "}},
		"PGP, one broken": {ring + strings.Replace(ring, "\n\n", "\n\nAAAA", 1), []string{"line ", "checksum"}},
		"PGP and more":    {ring + "a@x " + good, []string{"no part of a key"}},
		"PGP weak":        {weakPGP, []string{"1024 bits"}},
		"PGP DSA":         {dsaPGP, []string{"(17) that does not count"}},
		"PGP empty":       {"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY BLOCK-----\n", []string{"of 0 keys"}},
		"huge":            {strings.Repeat("#", MaxKeys+1), []string{"bytes, more than"}},
	} {
		if _, err := ParseKeys(t.Context(), []byte(test.keys)); err == nil {
			t.Errorf("%s: no error", name)
		} else {
			contains(t, err, test.want...)
		}
	}
}
