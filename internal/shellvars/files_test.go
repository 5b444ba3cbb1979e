package shellvars

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadsBelowTheRootAlone(t *testing.T) {
	tests := []struct{ text, want string }{
		{"\nA=$(< /etc/passwd); export A", ":2: a redirection reads `/etc/passwd`: a file outside the settings repository"},
		{"A=$(< /proc/self/environ); export A", ":1: a redirection reads `/proc/self/environ`"},
		{"mapfile A < /etc/passwd", ":1: a redirection reads"},
		{"read A < ../outside.txt", ":1: a redirection reads"},
		{"read A < settings/../outside.txt", ":1: a redirection reads"},
		{"read A < settings/link.txt", ":1: a redirection reads `settings/link.txt`: a file outside"},
		{"read A < settings/linkdir/outside.txt", ":1: a redirection reads"},
		{"cd settings/linkdir; read A < outside.txt", ":1: a redirection reads"},
		{"read A < /dev/stdin", ":1: a redirection reads `/dev/stdin`: a file outside"},
		{"read A < /dev/tcp/127.0.0.1/80", ":1: a redirection reads `/dev/tcp/127.0.0.1/80`: a file outside"},
		{"f=/etc/passwd\nread A < $f", ":2: a redirection reads a file whose name is computed: a file outside"},
		{". ../outside.txt", ":1: cannot source ../outside.txt: this is a file outside"},
		{". settings/link.txt", ":1: cannot source settings/link.txt: this is a file outside"},
		{"source /etc/profile", ":1: cannot source /etc/profile: this is a file outside"},
		{"command . /etc/profile", ":1: cannot source"},
		{"f=/etc/profile\n. $f", ":2: cannot source …: this is a file outside"},
		{". settings/none.sh", ":1: cannot source settings/none.sh: this is a file that cannot be read (no such file or directory)"},
		{"A=$(< settings/none.txt)", ":1: a redirection reads `settings/none.txt`: a file that cannot be read (no such file"},
		{"A=$(< settings)", ":1: a redirection reads `settings`: something that is not a regular file"},
		{"exec < /etc/passwd\nread A", ":1: a redirection reads"},
		{"exec < /etc/passwd || true", ":1: a redirection reads"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			mustFail(t, outsideAndLinks(t, tt.text), tt.want)
		})
	}
	got := mustSource(t, outsideAndLinks(t, "export A=$(< settings/inner.txt) B=$(< settings/data.txt)\nread C < /dev/null\n"))
	if got["A"].Value != "data" || got["B"].Value != "data" {
		t.Errorf("got A=%q B=%q, want data: a link that stays inside is fine", got["A"].Value, got["B"].Value)
	}
}

// outsideAndLinks has a file outside the root and links to it, and one inside.
func outsideAndLinks(t *testing.T, text string) Options {
	t.Helper()
	o := build(t, map[string]string{"variables.sh": text, "data.txt": "data\n"})
	dir := filepath.Dir(o.Root)
	if err := os.WriteFile(filepath.Join(dir, "outside.txt"), []byte("A=outside\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"link.txt": filepath.Join(dir, "outside.txt"), "linkdir": dir, "inner.txt": filepath.Join(o.Root, "data.txt")} {
		if err := os.Symlink(to, filepath.Join(o.Root, link)); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func TestMainFileMustBeBelowTheRoot(t *testing.T) {
	o := outsideAndLinks(t, "")
	o.File = filepath.Join(o.Root, "link.txt")
	mustFail(t, o, "this is a file outside the settings repository")
}

func TestRootMayBeALink(t *testing.T) {
	o := script(t, ". settings/variables2.sh\n")
	if err := os.WriteFile(filepath.Join(o.Root, "variables2.sh"), []byte("export A=1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "settings")
	if err := os.Symlink(o.Root, link); err != nil {
		t.Fatal(err)
	}
	o.Root, o.File = link, filepath.Join(link, "variables.sh")
	if got := mustSource(t, o)["A"].Value; got != "1" {
		t.Errorf("got A=%q, want 1", got)
	}
}

// TestWritesNothing also covers the file names that the interpreter would open
// by itself, as if they were its own named pipes.
func TestWritesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for _, text := range []string{
		"echo x > F", "echo x >> F", "echo x &> F", "echo x 2> F", "A=$(echo x > F)", "exec > F", "f=F; echo x > $f", "eval 'echo x > F'",
		"f() { echo x; } > F; f", "while :; do break; done > F", "true > F || true",
	} {
		for _, file := range []string{filepath.Join(dir, "out"), filepath.Join(dir, "sh-interp-out"), "settings/out", "/dev/stdout"} {
			text := strings.ReplaceAll(text, "F", file)
			o := script(t, text)
			o.Env = []string{"TMPDIR=" + dir}
			mustFail(t, o, "a redirection writes to ")
			for _, name := range []string{filepath.Join(dir, "out"), filepath.Join(dir, "sh-interp-out"), filepath.Join(o.Root, "out")} {
				if _, err := os.Lstat(name); err == nil {
					t.Fatalf("%q wrote", text)
				}
			}
		}
	}
	existing := script(t, "echo x > settings/variables.sh")
	mustFail(t, existing, ":1: a redirection writes to `settings/variables.sh`")
	if b, err := os.ReadFile(existing.File); err != nil || !strings.HasPrefix(string(b), "echo") {
		t.Errorf("the file was truncated: %q, %v", b, err)
	}
	mustSource(t, script(t, "echo x > /dev/null\necho x 2>/dev/null >&2\necho x &> /dev/null\necho x > /dev/null 2>&1\n"))
}

func TestGlobsSeeTheRootAlone(t *testing.T) {
	o := outsideAndLinks(t, "export A=$(echo settings/*.txt) B=$(echo *) C=$(echo /etc/*) D=$(echo settings/linkdir/*) E=$(echo ../*)\nexport F=$(echo "+"\"$ROOT\"/d*)\n")
	o.Env = []string{"ROOT=" + o.Root}
	got := mustSource(t, o)
	for name, want := range map[string]string{
		"A": "settings/data.txt settings/inner.txt settings/link.txt", "B": "*", "C": "/etc/*", "D": "settings/linkdir/*", "E": "../*",
		"F": o.Root + "/data.txt",
	} {
		if got[name].Value != want {
			t.Errorf("%s: got %q, want %q", name, got[name].Value, want)
		}
	}
}
