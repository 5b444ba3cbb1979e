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

// Files of certificates and configuration that the user cannot read are named by their
// variables.
func TestUnreadableFiles(t *testing.T) {
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
	got := u.UnreadableFiles(NewEnviron([]string{
		"NODE_EXTRA_CA_CERTS=" + closed, "REQUESTS_CA_BUNDLE=" + hidden, "GIT_SSL_CAINFO=" + open, "PIP_CERT=" + dir + "/gone.pem",
		"SSL_CERT_DIR=" + dir + ":" + filepath.Join(dir, "hidden"), "SSL_CERT_FILE=", "npm_config_cafile=relative.pem", "OTHER=" + closed, "PIP_CONFIG_FILE=" + closed, "GIT_CONFIG_GLOBAL=/dev/null",
	}))
	if want := []string{"NODE_EXTRA_CA_CERTS", "PIP_CONFIG_FILE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
