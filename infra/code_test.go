package infra_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"spa-runner/infra/cfn"
)

// calls are those of the program in a folder, tests excepted.
func calls(t *testing.T, folder string) (all []*ast.CallExpr) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has the files %v, %v", folder, files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				all = append(all, call)
			}
			return true
		})
	}
	return all
}

// A variable that the template misspells is one that the function never reads.
func TestTheFunctionReadsWhatTheTemplateSets(t *testing.T) {
	t.Parallel()
	read := map[string]bool{}
	for _, call := range calls(t, "../cmd/spa-trigger") {
		name, ok := call.Fun.(*ast.Ident)
		if !ok || name.Name != "get" && name.Name != "getenv" || len(call.Args) != 1 {
			continue
		}
		if literal, ok := call.Args[0].(*ast.BasicLit); ok {
			variable, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(variable, "AWS_") { // those are Lambda's
				read[variable] = true
			}
		}
	}
	for name, further := range map[string]map[string]string{"small": nil, "everything": everything("cloudops"), "batch": {"StartBatch": "true"}} {
		set, _ := at(stack(t, "cloudops", further).Resources["OnCodeCommitUpdate"].Properties, "Environment", "Variables").(map[string]any)
		if got, want := slices.Sorted(maps.Keys(set)), slices.Sorted(maps.Keys(read)); !slices.Equal(got, want) || len(got) < 6 {
			t.Errorf("%s: the template sets %q, and the function reads %q", name, got, want)
		}
	}
}

// pushed are the variables that the function tells a build.
func pushed(t *testing.T) (names []string) {
	t.Helper()
	source, err := os.ReadFile("../cmd/spa-trigger/start.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`"(SETTINGS_\w+)"`).FindAllSubmatch(source, -1) {
		names = append(names, string(found[1]))
	}
	slices.Sort(names)
	if len(names) != 3 {
		t.Fatalf("the function tells a build %q", names)
	}
	return names
}

// What the function tells a build, its role may override, and nothing else.
// TestTheRunnerUnderstandsTheVariables shows that the runner takes it.
func TestTheTriggerRoleMayTellWhatTheFunctionTells(t *testing.T) {
	t.Parallel()
	found := 0
	statements, _ := at(stack(t, "devops").Resources["DeploymentTriggerPolicy"].Properties, "PolicyDocument", "Statement").([]any)
	for _, statement := range statements {
		list := at(statement, "Condition", "ForAnyValue:StringNotEquals", "codebuild:environment.environmentVariables.name")
		if list == nil {
			continue
		}
		found++
		if got := slices.Sorted(slices.Values(words(list))); at(statement, "Effect") != "Deny" || !slices.Equal(got, pushed(t)) {
			t.Errorf("%v of all but %q, and the function tells %q", at(statement, "Effect"), got, pushed(t))
		}
	}
	if found != 1 {
		t.Errorf("%d statements are about variables", found)
	}
}

// operations are the calls of a program to the clients of AWS, as IAM names them.
func operations(t *testing.T, folder string) []string {
	t.Helper()
	clients := map[string]reflect.Type{
		"codebuild": reflect.TypeFor[*codebuild.Client](), "codecommit": reflect.TypeFor[*codecommit.Client](), "sts": reflect.TypeFor[*sts.Client](),
	}
	all := map[string]bool{}
	for _, call := range calls(t, folder) {
		selected, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			continue
		}
		name := strings.TrimSuffix(strings.TrimPrefix(selected.Sel.Name, "New"), "Paginator")
		if name == "AssumeRoleProvider" { // of the SDK's stscreds
			name = "AssumeRole"
		}
		for service, client := range clients {
			if method, ok := client.MethodByName(name); ok && method.Type.NumIn() == 4 { // the client, a context, the request, options
				all[service+":"+name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// granted are the actions on one of the services that the policies of a stack allow a role.
func granted(made *cfn.Stack, role string, services ...string) []string {
	all := map[string]bool{}
	for _, resource := range made.Resources {
		if resource.Type != "AWS::IAM::Policy" || !slices.Contains(words(resource.Properties["Roles"]), role) {
			continue
		}
		statements, _ := at(resource.Properties, "PolicyDocument", "Statement").([]any)
		for _, statement := range statements {
			for _, action := range words(at(statement, "Action")) {
				if service, _, _ := strings.Cut(action, ":"); at(statement, "Effect") == "Allow" && slices.Contains(services, service) {
					all[action] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// The function calls nothing that its roles may not, and they may nothing that it does not call.
func TestTheRolesOfTheFunctionMayWhatItCalls(t *testing.T) {
	t.Parallel()
	called := operations(t, "../cmd/spa-trigger")
	function := granted(stack(t, "cloudops"), "Spa-OnCodeCommitUpdateRole", "codecommit", "codebuild", "sts")
	one := granted(stack(t, "devops"), "Spa-DeploymentTriggerRole", "codecommit", "codebuild", "sts")
	many := granted(stack(t, "devops", batch()), "Spa-DeploymentTriggerRole", "codecommit", "codebuild", "sts")
	if got := slices.Sorted(slices.Values(slices.Concat(function, many))); !slices.Equal(got, called) || len(called) != 8 {
		t.Errorf("the roles may\n%q, and the function calls\n%q", got, called)
	}
	if fmt.Sprint(one) != "[codebuild:StartBuild]" {
		t.Errorf("without batches the trigger role may %q", one)
	}
}

// What the runner leaves a role of its session, the role of the template has: a
// session policy adds nothing.
func TestTheSessionPoliciesAreOfWhatTheRolesMay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, action string
		made         *cfn.Stack
		role         string
		services     []string
	}{
		{"internal/identity/policy.go", `"((?:codecommit|kms):\w+)"\}`, stack(t, "cloudops", everything("cloudops")), "Spa-ReadSettingsRole", []string{"codecommit", "kms"}},
		{"cmd/spa-runner/doctor_identity.go", `"(ssm:\w+)"`, stack(t, "automation", everything("automation")), "Spa-DeployEnvironmentRole", []string{"ssm"}},
	} {
		source, err := os.ReadFile("../" + c.file)
		if err != nil {
			t.Fatal(err)
		}
		var left []string
		for _, found := range regexp.MustCompile(c.action).FindAllSubmatch(source, -1) {
			left = append(left, string(found[1]))
		}
		slices.Sort(left)
		if got := granted(c.made, c.role, c.services...); !slices.Equal(got, left) || len(left) != len(c.services) {
			t.Errorf("%s may %q, and %s leaves it %q", c.role, got, c.file, left)
		}
	}
}
