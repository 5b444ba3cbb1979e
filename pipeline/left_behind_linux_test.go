package pipeline

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestHomeFiles(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	for _, name := range []string{".npmrc", ".netrc", ".config/pip/pip.conf", ".gitconfig", ".npm/_logs/x", ".cache/pip/x", ".bashrc", ".docker/config.json/x"} {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := HomeFiles(home), []string{".config/pip/pip.conf", ".gitconfig", ".netrc", ".npmrc"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := HomeFiles(""); got != nil {
		t.Errorf("no home: got %q", got)
	}
}

// Certificates that the user cannot read are named by their variables.
func TestUnreadableCertificates(t *testing.T) {
	u, dir := other(t, 24)
	put := func(name string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	open, closed := put("open.pem", 0o644), put("closed.pem", 0o600)
	if err := os.Mkdir(filepath.Join(dir, "hidden"), 0o700); err != nil {
		t.Fatal(err)
	}
	hidden := put("hidden/ca.pem", 0o644)
	got := u.UnreadableCertificates(NewEnviron([]string{
		"NODE_EXTRA_CA_CERTS=" + closed, "REQUESTS_CA_BUNDLE=" + hidden, "GIT_SSL_CAINFO=" + open, "PIP_CERT=" + dir + "/gone.pem",
		"SSL_CERT_DIR=" + dir + ":" + filepath.Join(dir, "hidden"), "SSL_CERT_FILE=", "npm_config_cafile=relative.pem", "OTHER=" + closed,
	}))
	if want := []string{"NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
