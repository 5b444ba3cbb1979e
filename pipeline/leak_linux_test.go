package pipeline

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// heldNow counts what a process could leave behind in the runner: open files,
// goroutines, threads, and children that nobody waited for.
func heldNow(t *testing.T) map[string]int {
	t.Helper()
	count := map[string]int{"goroutines": runtime.NumGoroutine()}
	for name, dir := range map[string]string{"files": "/proc/self/fd", "threads": "/proc/self/task"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		count[name] = len(entries)
	}
	all, err := processes()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.parent == os.Getpid() {
			count["children"]++
		}
	}
	return count
}

// A run of many commands needs no more at its end than at its beginning: no file,
// no goroutine, no zombie, and no thread, of which each child has one to itself.
func TestManyChildrenLeaveNothing(t *testing.T) {
	many := func(t *testing.T, n int, exec func() error) {
		t.Helper()
		again := func(n int) map[string]int {
			for range n {
				if err := exec(); err != nil {
					t.Fatal(err)
				}
			}
			return heldNow(t)
		}
		before := again(10)
		after := again(n)
		for limit := time.Now().Add(patient); after["goroutines"] > before["goroutines"] && time.Now().Before(limit); after = heldNow(t) {
			time.Sleep(10 * time.Millisecond) // such as that of a connection just closed
		}
		for what, was := range before {
			room := 0
			if what == "threads" {
				room = 10 // Go makes some as it sees fit
			}
			if after[what] > was+room {
				t.Errorf("%d %s after %d children, %d after 10", after[what], what, n+10, was)
			}
		}
	}
	t.Run("of nobody", func(t *testing.T) {
		rt, _, _ := testRuntime()
		dir := t.TempDir()
		many(t, 30, func() error {
			return Exec(t.Context(), rt, Credentials[None]{}, Command{Dir: dir, Argv: []string{"true"}})
		})
	})
	t.Run("that prints much", func(t *testing.T) {
		rt, _, _ := testRuntime()
		dir := t.TempDir()
		many(t, 30, func() error {
			return Exec(t.Context(), rt, Credentials[None]{}, Command{Dir: dir, Argv: []string{"seq", "40000"}})
		})
	})
	t.Run("with an endpoint", func(t *testing.T) {
		rt, _, _ := testRuntime()
		dir := t.TempDir()
		deploy := Mint[Deploy](aws.CredentialsProvider(&authority{life: time.Hour}), func(...string) {})
		many(t, 30, func() error { return Exec(t.Context(), rt, deploy, Command{Dir: dir, Argv: []string{"true"}}) })
	})
	t.Run("as another user", func(t *testing.T) {
		rt, _, _ := testRuntime()
		var dir string
		rt.Untrusted, dir = other(t, 8)
		many(t, 30, func() error {
			return Exec(t.Context(), rt, Credentials[None]{}, Command{Dir: dir, Tree: dir, Argv: []string{"sh", "-c", "(setsid sleep 60 &) ; true"}})
		})
	})
}
