package pipeline

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestConceal starts itself with an odd environment, which a child of os/exec could not
// be given.
func TestConceal(t *testing.T) {
	const marker, long = "TEST_CONCEAL=child", 100_000
	if slices.Contains(os.Environ(), marker) {
		tellWhatIsLeft(t)
		return
	}
	for name, test := range map[string]struct{ given, want []string }{
		"usual":      {[]string{"HOME=/root", "GODEBUG=netdns=go", "EMPTY=", "TWO==2", "LINES=1\n2", "BYTES=\xff\xfe"}, nil},
		"twice":      {[]string{"A=first", "A=secret"}, []string{"A=first"}},
		"not a pair": {[]string{"secret", "=secret", "B=1"}, []string{"B=1"}},
		"long":       {[]string{"LONG=" + strings.Repeat("x", long), "MORE=" + strings.Repeat("y", long)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			want := append([]string{marker}, test.given...)
			if test.want != nil {
				want = append([]string{marker}, test.want...)
			}
			if got := concealedChild(t, append([]string{marker}, test.given...)); !slices.Equal(got, want) {
				t.Errorf("got %.300q, want %.300q", got, want)
			}
		})
	}
}

// tellWhatIsLeft is the child. Of what it prints, the JSON is what is read.
func tellWhatIsLeft(t *testing.T) {
	environ, err := Conceal(os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	shown, err := os.ReadFile("/proc/self/environ")
	if err != nil || len(shown) == 0 || len(bytes.Trim(shown, "\x00")) > 0 {
		t.Fatalf("/proc/self/environ shows %.300q, %v", shown, err)
	}
	if !slices.Equal(environ, os.Environ()) {
		t.Fatalf("it returned %.300q, and the environment is %.300q", environ, os.Environ())
	}
	var pairs [][]byte // as bytes, since JSON has no others in its texts than those of UTF-8
	for _, pair := range environ {
		pairs = append(pairs, []byte(pair))
	}
	if err := json.NewEncoder(os.Stdout).Encode(pairs); err != nil {
		t.Fatal(err)
	}
}

func concealedChild(t *testing.T, environ []string) (found []string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	child, err := os.StartProcess(os.Args[0], []string{os.Args[0], "-test.run=^TestConceal$"}, &os.ProcAttr{Env: environ, Files: []*os.File{nil, w, w}})
	_ = w.Close()
	if err != nil {
		t.Fatal(err)
	}
	said, _ := io.ReadAll(r)
	state, err := child.Wait()
	line, _, _ := bytes.Cut(said, []byte("\n"))
	var pairs [][]byte
	if jsonErr := json.Unmarshal(line, &pairs); err != nil || !state.Success() || jsonErr != nil {
		t.Fatalf("%v, %v, %v: %.500s", err, state, jsonErr, said)
	}
	for _, pair := range pairs {
		found = append(found, string(pair))
	}
	return found
}
