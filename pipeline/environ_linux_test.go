package pipeline

import (
	"errors"
	"io/fs"
	"os"
	"testing"
)

// A nil environment of a process is the runner's own.
func TestNoEnvironmentIsMadeWhereTheFolderIsGone(t *testing.T) {
	rt, _, _ := testRuntime()
	t.Chdir(t.TempDir())
	if err := os.Remove(os.Getenv("PWD")); err != nil {
		t.Fatal(err)
	}
	env, _, err := childEnv(t.Context(), rt, Credentials[None]{}, Command{Dir: "code", Argv: []string{"x"}})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got the error %v, and the environment %q; want that the folder does not exist", err, env)
	}
}
