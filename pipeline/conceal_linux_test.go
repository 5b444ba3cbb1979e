package pipeline

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestConceal starts itself with environments of which some are odd: a child of os/exec
// could not be given those.
func TestConceal(t *testing.T) {
	const marker = "TEST_CONCEAL=child"
	if slices.Contains(os.Environ(), marker) {
		concealed(t)
		return
	}
	for name, environ := range map[string][]string{
		"usual":      {"HOME=/root", "GODEBUG=netdns=go", "EMPTY=", "TWO==2", "LINES=1\n2", "BYTES=\xff\xfe"},
		"twice":      {"A=first", "A=second"},
		"not a pair": {"no pair", "=no name", "", "B=1"},
		"long":       {"LONG=" + strings.Repeat("x", 100_000), "MORE=" + strings.Repeat("y", 100_000)},
	} {
		t.Run(name, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = r.Close() }()
			child, err := os.StartProcess(os.Args[0], []string{os.Args[0], "-test.run=^TestConceal$"},
				&os.ProcAttr{Env: append([]string{marker}, environ...), Files: []*os.File{nil, w, w}})
			_ = w.Close()
			if err != nil {
				t.Fatal(err)
			}
			said, _ := io.ReadAll(r)
			if state, err := child.Wait(); err != nil || !state.Success() {
				t.Errorf("%v, %v: %.500s", err, state, said)
			}
		})
	}
}

// concealed is the child.
func concealed(t *testing.T) {
	var before []string
	for _, pair := range os.Environ() {
		before = append(before, strings.Clone(pair)) // the memory that it is in must not matter
	}
	shown, err := os.ReadFile("/proc/self/environ")
	if err != nil || !bytes.HasPrefix(shown, []byte(before[0]+"\x00")) {
		t.Fatalf("before, /proc/self/environ shows %.300q, %v", shown, err)
	}
	environ, err := os.Open("/proc/self/environ") // which is root's from here on
	if err != nil {
		t.Fatal(err)
	}
	if err := Conceal(); err != nil {
		t.Fatal(err)
	}
	if shown, err = io.ReadAll(environ); err != nil || len(shown) == 0 || len(bytes.Trim(shown, "\x00")) > 0 {
		t.Errorf("/proc/self/environ shows %.300q, %v", shown, err)
	}
	if after := os.Environ(); !slices.Equal(after, before) {
		t.Errorf("the environment was %.300q and is %.300q", before, after)
	}
	if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); dumpable != 0 || err != nil {
		t.Errorf("it is dumpable: %d, %v", dumpable, err)
	}
}

// Without /proc nothing is concealed, and that is said.
func TestConcealingNeedsProc(t *testing.T) {
	t.Parallel()
	if f, err := openOwn(filepath.Join(t.TempDir(), "none"), os.O_RDWR); f != nil || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "/proc is needed") {
		t.Errorf("got %v, %v", f, err)
	}
}
