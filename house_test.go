// The rules of the house that a compiler and a linter do not know. They are read
// off the source of the whole module.
package spa_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	maxFile     = 500 // lines
	maxFunction = 60
)

type source struct {
	path string
	ast  *ast.File
	set  *token.FileSet
}

// sources are the Go files of the module that are no tests.
func sources(t *testing.T) []source {
	t.Helper()
	var list []source
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == ".git" || path == "bin") {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		list = append(list, source{path: filepath.ToSlash(path), ast: file, set: set})
		return err
	})
	if err != nil || len(list) < 20 {
		t.Fatalf("reading the source: %d files, %v", len(list), err)
	}
	return list
}

func (s source) imports(path string) bool {
	return slices.ContainsFunc(s.ast.Imports, func(i *ast.ImportSpec) bool {
		unquoted, err := strconv.Unquote(i.Path.Value)
		return err == nil && unquoted == path
	})
}

func (s source) within(folders ...string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool { return strings.HasPrefix(s.path, folder+"/") })
}

// exceptions are names that a rule spares: a file, all below a folder, a function.
// One that breaks the rule no more, or is gone, fails the test.
func exceptions(t *testing.T, list ...string) (spares func(name string) bool) {
	t.Helper()
	needed := map[string]bool{}
	t.Cleanup(func() {
		for _, one := range list {
			if !needed[one] {
				t.Errorf("%s is an exception that nothing needs: take it off the list", one)
			}
		}
	})
	return func(name string) bool {
		i := slices.IndexFunc(list, func(one string) bool { return name == one || strings.HasPrefix(name, one+"/") })
		if i >= 0 {
			needed[list[i]] = true
		}
		return i >= 0
	}
}

// calls of a function of a package, such as pipeline.Mint, generic or not.
func (s source) uses(pkg, name string) (positions []string) {
	ast.Inspect(s.ast, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok && selector.Sel.Name == name {
			if x, ok := selector.X.(*ast.Ident); ok && x.Name == pkg {
				positions = append(positions, s.set.Position(n.Pos()).String())
			}
		}
		return true
	})
	return positions
}

// pipeline.Exec is the one door to other processes; only the loopback AWS of
// rehearsals starts git besides, and what measures, tests and releases is no part of it.
func TestOnlyOneDoorToProcesses(t *testing.T) {
	mayImport := exceptions(t, "pipeline", "internal/loopback", "internal/testrun", "tools")
	mayStart := exceptions(t, "pipeline/supervise_linux.go") // there the runner starts itself
	for _, s := range sources(t) {
		if s.imports("os/exec") && !mayImport(s.path) {
			t.Errorf("%s imports os/exec: use pipeline.Exec", s.path)
		}
		for _, name := range []string{"StartProcess", "ForkExec", "Exec"} {
			for _, pkg := range []string{"os", "syscall", "unix"} {
				for _, at := range s.uses(pkg, name) {
					if !mayStart(s.path) {
						t.Errorf("%s: %s.%s", at, pkg, name)
					}
				}
			}
		}
	}
}

// An identity is minted in the main package alone, and what the build brought
// along is read there alone.
func TestIdentitiesComeFromMain(t *testing.T) {
	minted := 0
	mayConfigure := exceptions(t, "cmd/spa-trigger/cloud.go", "internal/identity/ambient.go")
	mayRead := exceptions(t, "internal/loopback", "internal/testrun", "tools", "cmd/spa-trigger/main.go")
	for _, s := range sources(t) {
		if s.imports("github.com/aws/aws-sdk-go-v2/config") && !mayConfigure(s.path) {
			t.Errorf("%s reads the ambient AWS configuration", s.path)
		}
		if s.within("cmd/spa-runner") {
			minted += len(s.uses("pipeline", "Mint"))
			continue
		}
		for _, at := range s.uses("pipeline", "Mint") {
			t.Errorf("%s mints credentials: only cmd/spa-runner does", at)
		}
		// The trigger is a program of its own, with the identity of its function. It
		// holds nothing of a run and starts no process.
		if s.within("cmd/spa-trigger") && (s.imports("spa-runner/pipeline") || s.imports("spa-runner/steps")) {
			t.Errorf("%s imports what runs: the trigger only starts builds", s.path)
		}
		for _, name := range []string{"Environ", "Getenv", "LookupEnv"} {
			for _, at := range s.uses("os", name) {
				if !mayRead(s.path) {
					t.Errorf("%s reads the environment of the process (os.%s)", at, name)
				}
			}
		}
	}
	if minted != 4 {
		t.Errorf("credentials are minted %d times, want 4: three in plan.go, one in doctor_identity.go", minted)
	}
}

// A step embeds one Credentials, which declares its scope. A second one in a
// named field would be an identity that the plan does not show.
func TestAStepHoldsOneScope(t *testing.T) {
	steps := 0
	for _, s := range sources(t) {
		if !s.within("steps") {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			structure, ok := n.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range structure.Fields.List {
				switch {
				case !mentionsIdentity(field.Type):
				case len(field.Names) > 0:
					t.Errorf("%s: field %s holds an identity: embed it", s.set.Position(field.Pos()), field.Names[0])
				default:
					steps++
				}
			}
			return true
		})
	}
	if steps != 7 {
		t.Errorf("found %d step types, want 7: count the new one here", steps)
	}
}

func mentionsIdentity(e ast.Expr) (found bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && strings.HasPrefix(id.Name, "Credentials") {
			found = true
		}
		return true
	})
	return found
}

func TestNothingAtPackageLevelThatRuns(t *testing.T) {
	for _, s := range sources(t) {
		for _, decl := range s.ast.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init", s.path)
			}
		}
		for _, at := range s.uses("context", "TODO") {
			t.Errorf("%s: context.TODO", at)
		}
	}
}

// A panic in a goroutine can be recovered there alone. Without a guard it ends
// the process past the redactor, the summary and the exit codes.
func TestEveryGoroutineIsGuarded(t *testing.T) {
	guarded := func(n ast.Node) (found bool) {
		ast.Inspect(n, func(n ast.Node) bool {
			if call, ok := n.(*ast.SelectorExpr); ok && call.Sel.Name == "Call" {
				x, ok := call.X.(*ast.Ident)
				found = found || ok && x.Name == "guard"
			}
			return true
		})
		return found
	}
	goroutines := 0
	for _, s := range sources(t) {
		ast.Inspect(s.ast, func(n ast.Node) bool {
			call, _ := n.(*ast.CallExpr)
			if statement, ok := n.(*ast.GoStmt); ok {
				call = statement.Call
			} else if call == nil {
				return true
			} else if method, ok := call.Fun.(*ast.SelectorExpr); !ok || method.Sel.Name != "Go" || len(call.Args) != 1 {
				return true
			}
			goroutines++
			if !guarded(call) {
				t.Errorf("%s: a goroutine without guard.Call in it", s.set.Position(n.Pos()))
			}
			return true
		})
	}
	if goroutines < 6 {
		t.Errorf("found %d goroutines, want at least 6: the test looks at too little", goroutines)
	}
}

func TestFilesAndFunctionsAreShort(t *testing.T) {
	mayBeLong := exceptions(t, "Variables", "plan") // lists, not logic: the table of variables and the plan
	for _, s := range sources(t) {
		if lines := s.set.Position(s.ast.End()).Line; lines > maxFile {
			t.Errorf("%s has %d lines, want at most %d", s.path, lines, maxFile)
		}
		for _, decl := range s.ast.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := s.set.Position(f.End()).Line - s.set.Position(f.Pos()).Line + 1
			if lines > maxFunction && !mayBeLong(f.Name.Name) {
				t.Errorf("%s: %s has %d lines, want at most %d", s.path, f.Name, lines, maxFunction)
			}
		}
	}
}

func TestEveryPackageAndExportedNameIsDocumented(t *testing.T) {
	documented := map[string]bool{}
	// The meaning of these methods is documented by an interface of Go's or of zap's.
	known := exceptions(t, "Error", "Unwrap", "String", "Write")
	for _, s := range sources(t) {
		folder := filepath.Dir(s.path)
		documented[folder] = documented[folder] || s.ast.Doc != nil
		for _, decl := range s.ast.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Name.IsExported() && f.Doc == nil && !isOfHiddenType(f) && !(f.Recv != nil && known(f.Name.Name)) {
				t.Errorf("%s: %s has no comment", s.set.Position(f.Pos()), f.Name)
			}
		}
	}
	for folder, ok := range documented {
		if !ok {
			t.Errorf("package %s has no comment", folder)
		}
	}
}

// isOfHiddenType tells the methods of types that no other package sees.
func isOfHiddenType(f *ast.FuncDecl) bool { return f.Recv != nil && !ast.IsExported(receiver(f)) }

func receiver(f *ast.FuncDecl) string {
	return strings.TrimLeft(fmt.Sprint(f.Recv.List[0].Type), "&{*0123456789 ")
}

// What SECURITY.md says that a test holds, a test of that name holds.
func TestSecurityNamesTestsThatExist(t *testing.T) {
	text, err := os.ReadFile("SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	err = filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			content, readErr := os.ReadFile(path)
			_, _ = tests.Write(content)
			return readErr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`").FindAllStringSubmatch(string(text), -1)
	for _, name := range names {
		if !strings.Contains(tests.String(), "func "+name[1]+"(") {
			t.Errorf("SECURITY.md names %s, which is no test", name[1])
		}
	}
	if len(names) < 30 {
		t.Errorf("SECURITY.md names %d tests", len(names))
	}
}

// skip leaves out a file, or a folder with all that is in it.
func skip(entry fs.DirEntry) error {
	if entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// No file may depend on the machine it was written on.
func TestNoPathOfOneMachine(t *testing.T) {
	path := regexp.MustCompile(`(^|[^a-zA-Z0-9._-])/(work|farm|root/lab|root/go)/`)
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.Name() == ".git" || name == "bin" || name == "dist":
			return skip(entry)
		case entry.IsDir():
			return nil
		}
		content, err := os.ReadFile(name)
		if err == nil && path.Match(content) {
			t.Errorf("%s has a path of one machine: %s", name, path.Find(content))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Advice is pasted by people at three in the morning: none that the program gives
// removes or ends what may be theirs.
func TestNoAdviceDestroys(t *testing.T) {
	destroys := regexp.MustCompile(`(?i)\b(rm -|rmdir |pkill|killall|kill -9|git (reset|clean|checkout --|push --force|branch -D)|(delete|terminate)-[a-z]|s3 (rm|rb)\b|truncate |mkfs|dd of=)`)
	for _, s := range sources(t) {
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING && destroys.MatchString(text.Value) {
				t.Errorf("%s: %s: say what is in the way and how to do without it", s.set.Position(n.Pos()), text.Value)
			}
			return true
		})
	}
}
