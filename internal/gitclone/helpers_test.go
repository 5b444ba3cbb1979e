package gitclone

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"log"
	"maps"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// gitEnv keeps the machine's configuration out and makes hashes repeatable.
func gitEnv() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.org", "GIT_AUTHOR_DATE=2024-06-18T10:00:00Z",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.org", "GIT_COMMITTER_DATE=2024-06-18T10:00:00Z",
		"GIT_TERMINAL_PROMPT=0", "GIT_LFS_SKIP_SMUDGE=1", "LC_ALL=C.UTF-8",
	}
}

// git runs git in dir and returns what it prints.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	return gitIn(t, dir, "", args...)
}

func gitIn(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, gitEnv(), strings.NewReader(stdin)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimRight(string(out), "\n")
}

// newRepo makes a work tree with one commit of these files on main.
func newRepo(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	git(t, dir, "init", "-q", "-b", "main")
	commitFiles(t, dir, files)
	return dir
}

func commitFiles(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	for name, content := range files {
		writeFile(t, filepath.Join(dir, name), content)
	}
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "--allow-empty", "-m", fmt.Sprint("commit of ", len(files)))
	return git(t, dir, "rev-parse", "HEAD")
}

// stage writes files and puts them into the index byte by byte: git add would
// normalise them as the attributes say.
func stage(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	var index strings.Builder
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		writeFile(t, filepath.Join(dir, name), files[name])
	}
	hashes := strings.Fields(gitIn(t, dir, strings.Join(names, "\n"), "hash-object", "-w", "--no-filters", "--stdin-paths"))
	for i, name := range names {
		fmt.Fprintf(&index, "100644 %s\t%s\x00", hashes[i], name)
	}
	gitIn(t, dir, index.String(), "update-index", "-z", "--index-info")
}

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

// backend is git's own server for the repositories below a folder.
func backend(root string) http.Handler {
	path := filepath.Join(strings.TrimSpace(execPath()), "git-http-backend")
	return &cgi.Handler{
		Path: path, Env: append(gitEnv(), "GIT_PROJECT_ROOT="+root, "GIT_HTTP_EXPORT_ALL=1"),
		Stderr: io.Discard, Logger: log.New(io.Discard, "", 0),
	}
}

func execPath() string {
	out, _ := exec.Command("git", "--exec-path").Output()
	return string(out)
}

// serve serves dir; its URL is that of the repository. wrap may stand before it.
func serve(t *testing.T, dir string, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	var h http.Handler = backend(filepath.Dir(dir))
	if wrap != nil {
		h = wrap(h)
	}
	return listen(t, h) + "/" + filepath.Base(dir)
}

func listen(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func target(t *testing.T) string { return filepath.Join(t.TempDir(), "clone") }

// snapshot describes each file below dir but .git: mode, and bytes or link target.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if name == ".git" {
			return filepath.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			text += " -> " + link
		case info.Mode().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if len(content) > 4<<10 {
				content = fmt.Appendf(nil, "SHA-256 %x", sha256.Sum256(content))
			}
			text += fmt.Sprintf(" %d %q", info.Size(), content)
		}
		got[name] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// diff fails the test for each file that is not the same in both.
func diff(t *testing.T, got, want map[string]string) {
	t.Helper()
	names := map[string]bool{}
	for name := range got {
		names[name] = true
	}
	for name := range want {
		names[name] = true
	}
	for name := range names {
		if got[name] != want[name] {
			t.Errorf("%s:\n got %.900s\nwant %.900s", name, got[name], want[name])
		}
	}
}

// healthy checks a clone with git itself.
func healthy(t *testing.T, dir string) {
	t.Helper()
	// Before anything refreshes the index: were the stat data in it wrong, this
	// would print the files, without a look into them.
	if got := git(t, dir, "diff-files", "--name-only"); got != "" {
		t.Errorf("git diff-files prints\n%s", got)
	}
	if got := git(t, dir, "status", "--porcelain"); got != "" {
		t.Errorf("git status --porcelain prints\n%s", got)
	}
	if got := git(t, dir, "fsck", "--strict", "--no-progress"); got != "" {
		t.Errorf("git fsck prints\n%s", got)
	}
}

// gone checks that a failed clone left nothing.
func gone(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there (%v)", dir, err)
	}
	if rest, _ := os.ReadDir(filepath.Dir(dir)); slices.ContainsFunc(rest, func(d fs.DirEntry) bool { return true }) {
		t.Errorf("something is left in %s: %v", filepath.Dir(dir), rest)
	}
}

// contains checks an error's text for all of parts.
func contains(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error lacks %q:\n%v", part, err)
		}
	}
}
