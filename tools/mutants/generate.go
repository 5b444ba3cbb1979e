package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// A mutant is one change of one place in a file.
type mutant struct {
	file, function, old, new string
	line, start, end         int
	nth                      int // of those in a function that would have the same name
}

// String names a mutant without its line, so that the name outlives changes elsewhere in the file.
func (m mutant) String() string {
	name := fmt.Sprintf("%s %s: %s → %s", m.file, m.function, short(m.old), short(m.new))
	if m.nth > 1 {
		name += fmt.Sprintf(" #%d", m.nth)
	}
	return name
}

// short is a text on one line, of a length that one reads.
func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if text == "" {
		return "(nothing)"
	}
	if runes := []rune(text); len(runes) > 120 {
		return string(runes[:120]) + "…"
	}
	return text
}

func (m mutant) apply(source []byte) []byte {
	return slices.Concat(source[:m.start], []byte(m.new), source[m.end:])
}

var opposite = map[token.Token]token.Token{
	token.EQL: token.NEQ, token.NEQ: token.EQL,
	token.LSS: token.LEQ, token.LEQ: token.LSS,
	token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.LAND: token.LOR, token.LOR: token.LAND,
}

type generator struct {
	file, function string
	source         []byte
	set            *token.FileSet
	covered        map[ast.Node]bool // a mutant of what is around it is the same
	list           []mutant
}

// mutantsOf are all mutants of a file, in the order of the file.
func mutantsOf(file string, source []byte) ([]mutant, error) {
	g := &generator{file: file, source: source, set: token.NewFileSet(), covered: map[ast.Node]bool{}}
	parsed, err := parser.ParseFile(g.set, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, decl := range parsed.Decls {
		g.function = "-"
		if f, ok := decl.(*ast.FuncDecl); ok {
			g.function = f.Name.Name
			if f.Recv != nil {
				g.function = strings.Trim(g.text(f.Recv.List[0].Type), "*") + "." + f.Name.Name
			}
			g.walk(f, f.Type)
		} else {
			g.walk(decl, nil)
		}
	}
	slices.SortStableFunc(g.list, func(a, b mutant) int { return cmp.Compare(a.start, b.start) })
	count := map[string]int{}
	for i, m := range g.list {
		count[m.String()]++
		g.list[i].nth = count[m.String()]
	}
	return g.list, nil
}

func (g *generator) walk(root ast.Node, signature *ast.FuncType) {
	ast.Inspect(root, func(n ast.Node) bool {
		if f, ok := n.(*ast.FuncLit); ok {
			g.walk(f.Body, f.Type)
			return false
		}
		switch n := n.(type) {
		case *ast.IfStmt:
			g.negate(n.Cond)
		case *ast.ForStmt:
			g.negate(n.Cond)
		case *ast.BinaryExpr:
			if op, ok := opposite[n.Op]; ok {
				text := g.text(n.X) + " " + op.String() + " " + g.text(n.Y)
				if op == token.LOR {
					text = "(" + text + ")" // it binds less than what it replaces
				}
				g.add(n, text)
			}
		case *ast.ExprStmt, *ast.DeferStmt:
			g.add(n, "")
		case *ast.AssignStmt:
			g.assignment(n)
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "append" && len(n.Args) > 1 && !g.covered[n] {
				g.add(n, g.text(n.Args[0]))
			}
		case *ast.CaseClause:
			if len(n.Body) > 0 {
				g.replace(n.Body[0].Pos(), n.Body[len(n.Body)-1].End(), "")
			}
			if len(n.Body) == 1 {
				g.covered[n.Body[0]] = true
			}
		case *ast.CompositeLit:
			g.fields(n)
		case *ast.BasicLit:
			if value, err := strconv.ParseInt(n.Value, 0, 64); n.Kind == token.INT && err == nil {
				g.add(n, strconv.FormatInt(value+1, 10))
			}
		case *ast.ReturnStmt:
			g.result(n, signature)
		}
		return true
	})
}

// negate leaves == and != to the operators.
func (g *generator) negate(condition ast.Expr) {
	if binary, ok := condition.(*ast.BinaryExpr); condition != nil && (!ok || binary.Op != token.EQL && binary.Op != token.NEQ) {
		g.add(condition, "!("+g.text(condition)+")")
	}
}

func (g *generator) assignment(n *ast.AssignStmt) {
	if n.Tok != token.ASSIGN {
		return
	}
	g.add(n, "")
	if call, ok := n.Rhs[0].(*ast.CallExpr); ok && len(call.Args) > 0 && g.text(call.Args[0]) == g.text(n.Lhs[0]) {
		g.covered[call] = true
	}
}

// fields leaves out each field of a struct literal.
func (g *generator) fields(n *ast.CompositeLit) {
	for i, element := range n.Elts {
		field, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		if _, ok := field.Key.(*ast.Ident); !ok {
			continue // of a map
		}
		end := n.Rbrace // with the comma that may follow
		if i+1 < len(n.Elts) {
			end = n.Elts[i+1].Pos()
		}
		g.replace(field.Pos(), end, "")
		g.list[len(g.list)-1].old = g.text(field)
	}
}

// result forgets the error that a function returns last.
func (g *generator) result(n *ast.ReturnStmt, signature *ast.FuncType) {
	if signature == nil || signature.Results == nil || len(n.Results) != signature.Results.NumFields() {
		return
	}
	fields := signature.Results.List
	last := n.Results[len(n.Results)-1]
	if g.text(fields[len(fields)-1].Type) == "error" && g.text(last) != "nil" {
		g.add(last, "nil")
	}
}

func (g *generator) text(n ast.Node) string {
	return string(g.source[g.offset(n.Pos()):g.offset(n.End())])
}

func (g *generator) offset(p token.Pos) int { return g.set.Position(p).Offset }

func (g *generator) add(n ast.Node, text string) {
	if !g.covered[n] {
		g.replace(n.Pos(), n.End(), text)
	}
}

func (g *generator) replace(from, to token.Pos, text string) {
	start, end := g.offset(from), g.offset(to)
	g.list = append(g.list, mutant{
		file: g.file, function: g.function, line: g.set.Position(from).Line,
		start: start, end: end, old: string(g.source[start:end]), new: text,
	})
}

// spread picks slots of about the same length, and a place to begin within each. Of a slot, one mutant is tried: the
// first from there that compiles.
func spread(list []mutant, n int, seed uint64) (slots [][]mutant) {
	n = min(n, len(list))
	for i := range n {
		slot := list[i*len(list)/n : (i+1)*len(list)/n]
		begin := int((seed + uint64(i)*7) % uint64(len(slot)))
		slots = append(slots, slices.Concat(slot[begin:], slot[:begin]))
	}
	return slots
}
