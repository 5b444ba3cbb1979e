package loopback

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// workTree is a repository with one commit and a user's home of its own.
func workTree(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", "")
	dir := t.TempDir()
	testGit(t, dir, "init", "-q", "-b", "feature")
	write(t, dir, ".gitignore", "*.ignored\n/venv/\n")
	write(t, dir, "kept", "kept")
	write(t, dir, "edited", "before")
	write(t, dir, "deleted", "x")
	write(t, dir, "folder/becomes-a-link", "x")
	write(t, dir, "tracked.ignored", "before")
	testGit(t, dir, "add", "--force", ".")
	testGit(t, dir, "commit", "-q", "-m", "first")
	return dir
}

func take(t *testing.T, dir string) (bare, commit string) {
	t.Helper()
	bare = filepath.Join(t.TempDir(), "snapshot.git")
	commit, err := Snapshot(t.Context(), dir, bare)
	if err != nil {
		t.Fatal(err)
	}
	return bare, commit
}

// content lists mode, name and content of all files at main.
func content(t *testing.T, bare string) string {
	t.Helper()
	var all strings.Builder
	for line := range strings.Lines(testGit(t, bare, "ls-tree", "-r", "main")) {
		info, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		mode, _, _ := strings.Cut(info, " ")
		if mode == "160000" {
			all.WriteString(mode + " " + name + "\n")
			continue
		}
		all.WriteString(mode + " " + name + ": " + testGit(t, bare, "show", "main:"+name) + "\n")
	}
	return all.String()
}

// files is everything in a folder, byte for byte.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		all[path] = info.Mode().String()
		if !info.Mode().IsRegular() {
			return nil
		}
		b, err := os.ReadFile(path)
		all[path] += info.ModTime().String() + string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSnapshotIsTheFolderAsOnDisk(t *testing.T) {
	dir := workTree(t)
	write(t, dir, "edited", "after")
	write(t, dir, "staged", "new and staged")
	testGit(t, dir, "add", "staged")
	write(t, dir, "untracked", "new")
	write(t, dir, "tracked.ignored", "after")
	write(t, dir, "new.ignored", "no")
	write(t, dir, "venv/lib", "no")
	write(t, dir, "excluded", "no")
	write(t, dir, ".git/info/exclude", "excluded\n")
	write(t, dir, "script", "#!/bin/sh")
	for _, err := range []error{
		os.Chmod(filepath.Join(dir, "script"), 0o755),
		os.Remove(filepath.Join(dir, "deleted")),
		os.RemoveAll(filepath.Join(dir, "folder")),
		os.Symlink("kept", filepath.Join(dir, "folder")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	before := files(t, dir)
	bare, commit := take(t, dir)
	const want = `100644 .gitignore: *.ignored
/venv/
100644 edited: after
120000 folder: kept
100644 kept: kept
100755 script: #!/bin/sh
100644 staged: new and staged
100644 tracked.ignored: after
100644 untracked: new
`
	if got := content(t, bare); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := testGit(t, bare, "for-each-ref", "--format=%(refname) %(objectname)"); got != "refs/heads/main "+commit {
		t.Errorf("got refs %q, want main at %s alone", got, commit)
	}
	if got := testGit(t, bare, "rev-list", "--count", "main"); got != "1" {
		t.Errorf("got %s commits, want 1", got)
	}
	testGit(t, bare, "fsck", "--strict", "--full")
	for _, name := range []string{"index", "hooks"} {
		if _, err := os.Stat(filepath.Join(bare, name)); err == nil {
			t.Errorf("the snapshot has %s", name)
		}
	}
	after := files(t, dir)
	for path, was := range before {
		if after[path] != was {
			t.Errorf("%s was changed", path)
		}
	}
	if len(after) != len(before) {
		t.Errorf("got %d files in the user's folder, want %d", len(after), len(before))
	}
}

// The index of the user is of use only together with the times of the files;
// a refresh would change it without changing what `git status` says.
func TestSnapshotDoesNotRefreshTheIndex(t *testing.T) {
	dir := workTree(t)
	index := filepath.Join(dir, ".git", "index")
	before, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "kept", "kept") // the same, with a new time
	take(t, dir)
	after, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("the index was rewritten")
	}
}

func TestSnapshotIsReproducible(t *testing.T) {
	one, two := workTree(t), workTree(t)
	testGit(t, two, "commit", "-q", "--allow-empty", "-m", "second")
	_, first := take(t, one)
	if _, second := take(t, two); first != second {
		t.Errorf("got commits %s and %s of the same content", first, second)
	}
	bare, _ := take(t, one)
	write(t, one, "edited", "again")
	write(t, bare, "index", "left by a snapshot that was killed")
	changed, err := Snapshot(t.Context(), one, bare)
	if err != nil {
		t.Fatal(err)
	}
	if changed == first {
		t.Error("got the same commit for other content")
	}
	if got := testGit(t, bare, "show", "main:edited"); got != "again" {
		t.Errorf("second snapshot into the same repository: got %q, want the new content", got)
	}
}

func TestSnapshotOfNoRepository(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	dir := t.TempDir()
	write(t, dir, ".gitignore", "no\n")
	write(t, dir, "no", "x")
	write(t, dir, "a/b", "yes")
	bare, _ := take(t, dir)
	if got, want := content(t, bare), "100644 .gitignore: no\n100644 a/b: yes\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
		t.Error("the folder was made a repository")
	}
}

func TestSnapshotRefuses(t *testing.T) {
	dir := workTree(t)
	write(t, dir, "sub/file", "x")
	broken := t.TempDir()
	write(t, broken, ".git", "gitdir: /nowhere")
	bare, _ := take(t, dir)
	outside := filepath.Join(t.TempDir(), "snapshot.git")
	tests := []struct{ name, dir, bare, want string }{
		{"sub-folder", filepath.Join(dir, "sub"), outside, "inside the git repository " + dir},
		{"no folder", filepath.Join(dir, "kept"), outside, "not a folder"},
		{"nothing", filepath.Join(dir, "nothing"), outside, "no such file"},
		{"broken repository", broken, outside, "not a git repository"},
		{"bare repository", bare, outside, "root of a git work tree"},
		{"into itself", dir, filepath.Join(dir, "snapshot.git"), "into the folder itself"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Snapshot(t.Context(), test.dir, test.bare)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "snapshot.git")); err == nil {
		t.Error("a refused snapshot left something in the user's folder")
	}
}

// The user's own ignore file and line endings count, as in `git add`; the
// user's programs do not run.
func TestSnapshotKeepsToTheUsersSettings(t *testing.T) {
	dir := workTree(t)
	home := os.Getenv("HOME")
	ran := filepath.Join(home, "ran")
	write(t, home, ".gitconfig", "[core]\n\texcludesFile = ~/my-ignores\n\tautocrlf\n\tfsmonitor = touch "+ran+
		"\n[filter \"f\"]\n\tclean = touch "+ran+"; cat\n\trequired\n[commit]\n\tgpgSign\n[init]\n\ttemplateDir = /nowhere\n")
	write(t, home, "my-ignores", "*.swp\n")
	write(t, dir, "a.swp", "no")
	write(t, dir, "crlf", "one\r\ntwo\r\n")
	write(t, dir, ".gitattributes", "edited filter=f\n")
	testGit(t, dir, "config", "core.fsmonitor", "touch "+ran)
	testGit(t, dir, "config", "core.fileMode", "false")
	if err := os.Chmod(filepath.Join(dir, "kept"), 0o755); err != nil {
		t.Fatal(err)
	}
	bare, _ := take(t, dir)
	got := content(t, bare)
	if strings.Contains(got, "a.swp") || !strings.Contains(got, "100644 crlf: one\ntwo\n") || !strings.Contains(got, "100644 kept") {
		t.Errorf("got\n%s\nwant no a.swp, crlf with line feeds, kept without its executable bit", got)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a program of the user's configuration was run")
	}
}

func TestSnapshotToleratesSubmodules(t *testing.T) {
	library := workTree(t)
	dir := workTree(t)
	testGit(t, dir, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", library, "library")
	testGit(t, dir, "commit", "-q", "-m", "with a submodule")
	bare, first := take(t, dir)
	if got := content(t, bare); !strings.Contains(got, "160000 library\n") {
		t.Errorf("got\n%s\nwant a link to the submodule", got)
	}
	testGit(t, dir, "submodule", "--quiet", "deinit", "--force", "library")
	if _, second := take(t, dir); first != second {
		t.Error("got another commit when the submodule is not checked out")
	}
}

func TestSnapshotOfAnotherUsersFolder(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := workTree(t)
	for path := range files(t, dir) {
		if err := os.Lchown(path, 12345, 12345); err != nil {
			t.Fatal(err)
		}
	}
	take(t, dir)
}

func TestSnapshotCanBeServed(t *testing.T) {
	dir := workTree(t)
	write(t, dir, "edited", "not committed")
	bare, commit := take(t, dir)
	s := start(t, Options{})
	if err := s.ServeGit("code", GitRepository{Dir: bare}); err != nil {
		t.Fatal(err)
	}
	into := filepath.Join(t.TempDir(), "clone")
	testGit(t, "", "clone", "-q", "--depth", "1", "--branch", "main", s.URL()+"/git/code.git", into)
	if got := testGit(t, into, "rev-parse", "HEAD"); got != commit {
		t.Errorf("got commit %s, want %s", got, commit)
	}
	if got, err := os.ReadFile(filepath.Join(into, "edited")); err != nil || string(got) != "not committed" {
		t.Errorf("got %q, %v, want the uncommitted edit", got, err)
	}
}
