package shellvars

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

// FuzzSource looks for panics and hangs. Commands are refused, so nothing
// that it comes up with is run.
func FuzzSource(f *testing.F) {
	for _, tt := range differential {
		f.Add(tt.text)
	}
	for _, text := range []string{
		"f() { f; }; f", "A=$(< /proc/self/environ)", "echo > /tmp/f", "eval 'eval \"x &\"'", "a=([x]=1 [$((1+2))]=3)", "${x@Z}", "unset ''",
		"[[ -v '' ]]", "declare -A m=([1+2]=x)", "trap 'A=1' ERR; false", "\xef\xbb\xbfA=1\r\n", "A=\\", "X=\"${Y:-`a\\`}\"",
		"printf -v x '%s' '\\''", "case x in (x) A=a\\ b;; esac", ". settings/variables.sh", "while :; do A=$A; done",
	} {
		f.Add(text)
	}
	o := script(f, "")
	o.Env = []string{"HOME=/home/x", "FROM_ENV=value"}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "..") || len(text) > 4096 {
			return // {1..999999999} takes memory that is not limited
		}
		if err := os.WriteFile(o.File, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		res, err := Source(ctx, o) // which hangs where it does not heed ctx
		if err != nil && len(res.Set) > 0 {
			t.Fatal("variables beside an error")
		}
	})
}
