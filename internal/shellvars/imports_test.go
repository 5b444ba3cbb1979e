package shellvars

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestVariablesRunNothing: what evaluates a script has nothing that could run a program,
// write a file, or ask a server. Of mvdan.cc/sh it has the parser, and arithmetic.
func TestVariablesRunNothing(t *testing.T) {
	allowed := []string{
		"bytes", "cmp", "context", "errors", "fmt", "io", "io/fs", "maps", "path/filepath", "regexp", "slices", "strconv", "strings", "unicode/utf8",
		"mvdan.cc/sh/v3/syntax", "mvdan.cc/sh/v3/expand", "spa-runner/internal/rooted", "spa-runner/internal/shellnames", "spa-runner/internal/shellparse",
	}
	used := map[string][]string{
		"expand": {"Arithm", "Config", "FuncEnviron"}, "io": {"Writer"}, "filepath": {"Abs", "Clean", "EvalSymlinks", "IsAbs", "Join", "Rel"},
		"rooted": {"Open", "Root"},
	}
	for _, folder := range []string{".", "../shellparse", "../shellnames"} {
		files, err := filepath.Glob(folder + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range tree.Imports {
				if path, _ := strconv.Unquote(i.Path.Value); !slices.Contains(allowed, path) || i.Name != nil {
					t.Errorf("%s imports %s", file, i.Path.Value)
				}
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok && used[x.Name] != nil && !slices.Contains(used[x.Name], s.Sel.Name) {
						t.Errorf("%s uses %s.%s", file, x.Name, s.Sel.Name)
					}
				}
				return true
			})
		}
	}
}
