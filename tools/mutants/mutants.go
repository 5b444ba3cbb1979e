package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// mutant is one change of a source file: a fault that a test should find.
type mutant struct {
	file     string // its path
	function string
	line     int
	from, to int // what is replaced, in bytes from the beginning of the file
	was, is  string
}

// name tells mutants apart wherever in the file they are, since lines move.
func (m mutant) name() string {
	return fmt.Sprintf("%s %s: %s → %s", filepath.Base(m.file), m.function, oneLine(m.was), oneLine(m.is))
}

func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 70 {
		text = string(r[:70]) + "…"
	}
	if text == "" {
		return "nothing"
	}
	return text
}

// swaps are the operators that are taken for each other.
var swaps = map[token.Token]string{
	token.EQL: "!=", token.NEQ: "==", token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">", token.LAND: "||", token.LOR: "&&",
}

// mutantsOf makes all mutants of a file: conditions are turned round, operators swapped,
// calls and assignments left out, errors forgotten, and numbers made larger by one.
func mutantsOf(path string) ([]mutant, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, path, source, 0)
	if err != nil {
		return nil, err
	}
	var list []mutant
	for _, declaration := range tree.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		at := func(p token.Pos) int { return files.Position(p).Offset }
		text := func(n ast.Node) string { return string(source[at(n.Pos()):at(n.End())]) }
		change := func(from, to token.Pos, is string) {
			list = append(list, mutant{
				file: path, function: f.Name.Name, line: files.Position(from).Line,
				from: at(from), to: at(to), was: string(source[at(from):at(to)]), is: is,
			})
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.IfStmt:
				change(n.Cond.Pos(), n.Cond.End(), "!("+text(n.Cond)+")")
			case *ast.BinaryExpr:
				if other, ok := swaps[n.Op]; ok {
					change(n.Pos(), n.End(), text(n.X)+" "+other+" "+text(n.Y))
				}
			case *ast.ExprStmt:
				change(n.Pos(), n.End(), "")
			case *ast.DeferStmt:
				change(n.Pos(), n.End(), "")
			case *ast.AssignStmt:
				if n.Tok == token.ASSIGN {
					change(n.Pos(), n.End(), "")
				}
			case *ast.ReturnStmt:
				if len(n.Results) > 0 {
					last := n.Results[len(n.Results)-1]
					if name, ok := last.(*ast.Ident); ok && strings.HasPrefix(strings.ToLower(name.Name), "err") {
						change(last.Pos(), last.End(), "nil")
					}
				}
			case *ast.BasicLit:
				if number, err := strconv.Atoi(n.Value); err == nil && n.Kind == token.INT {
					change(n.Pos(), n.End(), strconv.Itoa(number+1))
				}
			}
			return true
		})
	}
	return list, nil
}

// apply gives the file with the change.
func (m mutant) apply() ([]byte, error) {
	source, err := os.ReadFile(m.file)
	if err != nil {
		return nil, err
	}
	return []byte(string(source[:m.from]) + m.is + string(source[m.to:])), nil
}
