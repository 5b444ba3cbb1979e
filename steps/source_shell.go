package steps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"spa-runner/internal/fault"
	"spa-runner/internal/shellvars"
	"spa-runner/pipeline"
)

// teller tells what a shell exports. Its path stands in what the shell runs, where no
// PATH that the file sets can replace it.
const teller = "/usr/bin/env -0"

// ofShell are variables that each shell sets for itself.
var ofShell = []string{"PWD", "OLDPWD", "SHLVL", "_"}

// byShell has a shell source the file as the shell buildspec did: in the working
// folder, as nobody, and as the untrusted user if there is one. The shell tells
// what it exports on file descriptor 3, before and after.
func (s SourceVariables) byShell(ctx context.Context, rt *pipeline.Runtime, file string, printed *held) (before map[string]string, after []shellvars.Var, err error) {
	path, err := filepath.Rel(s.Workdir, file)
	if err != nil {
		return nil, nil, err
	}
	var told results
	err = pipeline.Exec(ctx, rt, s.Credentials, pipeline.Command{
		Dir: s.Workdir, Stdout: printed, Stderr: printed, Results: &told,
		Argv: []string{s.By, "-c", fmt.Sprintf(`exec 2>&1; %[1]s >&3; printf '\0' >&3; . %[2]s; exec %[1]s >&3`, teller, shellQuoted(path))},
	})
	var child *fault.ChildError
	first, second, whole := bytes.Cut(told.buffer.Bytes(), []byte("\x00\x00"))
	switch {
	case errors.As(err, &child) && ctx.Err() == nil:
		return nil, nil, fmt.Errorf("%s ended at or before the end of %s, by `exit`, `set -e` or an error of its own: %w", s.By, path, err)
	case err != nil:
		return nil, nil, err
	case !whole || len(second) == 0:
		return nil, nil, &shellvars.Error{Problems: []string{
			fmt.Sprintf("%s: the script ended %s before its end; use `return` in place of `exit`", file, s.By),
		}}
	}
	for name, value := range exports(second) {
		after = append(after, shellvars.Var{Name: name, Value: value, Exported: true, File: file})
	}
	slices.SortFunc(after, func(a, b shellvars.Var) int { return strings.Compare(a.Name, b.Name) })
	return exports(first), after, nil
}

// exports reads what a shell tells, but for what it sets for itself.
func exports(list []byte) map[string]string {
	values := pairsOf(strings.Split(string(list), "\x00"))
	for _, name := range ofShell {
		delete(values, name)
	}
	return values
}

// shellQuoted is a word of a shell with exactly this text.
func shellQuoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// results are what a shell tells, with an end.
type results struct{ buffer bytes.Buffer }

// mostResults is more than an environment may have that is handed to a program.
const mostResults = 4 << 20

func (r *results) Write(p []byte) (int, error) {
	if r.buffer.Len()+len(p) > mostResults {
		return 0, errors.New("the script exports more than 4 MiB")
	}
	return r.buffer.Write(p)
}
