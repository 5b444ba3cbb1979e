package report

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"plain\ttext\n":      "plain\ttext\n",
		"é 漢 🙂 ✔":            "é 漢 🙂 ✔",
		"\x1b[31m\x00\r\x7f": `\x1b[31m\x00\x0d\x7f`,
		"a\u202eb\u2066":     `a\u202eb\u2066`,
		"\u0085\u2028\ufeff": `\u0085\u2028\ufeff`,
		"\ufffe\uffff":       `\ufffe\uffff`,
		"\U0001fffe":         `\U0001fffe`,
		"\U000e0041":         `\U000e0041`,
		"می\u200cخواهم":      "می\u200cخواهم",
		"\xff\xc0\x80":       "\ufffd\ufffd\ufffd",
	} {
		if got := visible(text); got != want {
			t.Errorf("visible(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestTextIsCutBetweenCharacters(t *testing.T) {
	w := &writer{}
	w.cut(strings.Repeat("é", 10), 5)
	if got, want := string(w.b), "éé… [16 bytes more]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, s := range []string{"", "a", "é", "漢", "🙂", "\x80\x80\x80\x80\x80", strings.Repeat("🙂", 3)} {
		for most := -1; most < 14; most++ {
			if got := clipped(s, most); len(got) > max(most, 0) || !strings.HasPrefix(s, got) {
				t.Errorf("clipped(%q, %d) = %q", s, most, got)
			}
			if got := ending(s, max(most, 0)); len(got) > max(most, 0) || !strings.HasSuffix(s, got) {
				t.Errorf("ending(%q, %d) = %q", s, most, got)
			}
		}
	}
}

// Text becomes markup by being a constant, and in no other way: else somebody
// would forget to escape it one day.
func TestNothingIsConvertedToMarkup(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				f, ok := n.Fun.(*ast.Ident)
				if !ok || f.Name != "markup" {
					break
				}
				seen++
				if _, constant := n.Args[0].(*ast.BasicLit); !constant {
					t.Errorf("%s: text is converted to markup", set.Position(n.Pos()))
				}
			case *ast.SelectorExpr: // the bytes of a page
				if n.Sel.Name == "b" && name != "markup.go" && name != "page.go" && name != "junit.go" {
					t.Errorf("%s: the bytes of a page are markup.go's alone", set.Position(n.Pos()))
				}
			}
			return true
		})
	}
	if seen == 0 {
		t.Error("no conversion was seen at all: this test looks at nothing")
	}
}
