package infra_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func readme(t *testing.T) string { return page(t, "README.md") }

func page(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// A command of a page with a parameter that there is not fails at whoever pastes
// it, and so does one that makes a stack without a required parameter.
func TestTheCommandsOfThisPage(t *testing.T) {
	t.Parallel()
	if updates := checkCommands(t, readme(t)); updates != 2 {
		t.Errorf("the page has %d updates", updates)
	}
	if updates := checkCommands(t, page(t, "../README.md")); updates != 0 {
		t.Errorf("the first page has %d updates", updates)
	}
}

// checkCommands tells how many of them update a stack. All three templates must occur.
func checkCommands(t *testing.T, page string) (updates int) {
	t.Helper()
	command := regexp.MustCompile(`aws cloudformation deploy --stack-name (\S+) --template-file infra/(\w+)\.yaml((?:[^\n]*\\\n)*[^\n]*)`)
	created := map[string]bool{}
	for _, found := range command.FindAllStringSubmatch(page, -1) {
		template, rest := found[2], found[3]
		parameters, _ := raw(t, template)["Parameters"].(map[string]any)
		_, overrides, _ := strings.Cut(rest, "--parameter-overrides ")
		given := map[string]bool{}
		for _, name := range regexp.MustCompile(`(?m)(?:^|\s)([A-Z]\w+)=`).FindAllStringSubmatch(overrides, -1) {
			given[name[1]] = true
			if parameters[name[1]] == nil {
				t.Errorf("%s.yaml has no parameter %s", template, name[1])
			}
		}
		if !strings.Contains(rest, "CAPABILITY_NAMED_IAM") || len(given) == 0 {
			t.Errorf("the command for %s is refused, or says nothing: %s", template, found[0])
		}
		if len(given) == 1 && template != "automation" {
			updates++ // a stack that is there keeps its other parameters
			continue
		}
		created[template] = true
		for name := range required(template) {
			if at(parameters, name, "Default") == nil && !given[name] {
				t.Errorf("the command for %s.yaml does not say %s", template, name)
			}
		}
	}
	if len(created) != 3 {
		t.Errorf("the page makes %v alone", created)
	}
	// Parameters in the text.
	all := map[string]any{}
	for template := range accounts {
		parameters, _ := raw(t, template)["Parameters"].(map[string]any)
		for name := range parameters {
			all[name] = true
		}
	}
	for _, name := range regexp.MustCompile("`([A-Z][a-z]\\w+)=").FindAllStringSubmatch(page, -1) {
		if all[name[1]] == nil {
			t.Errorf("the page names a parameter %s, which no template has", name[1])
		}
	}
	return updates
}

// The table says what each stack makes: everything.
func TestEveryResourceIsInTheTable(t *testing.T) {
	t.Parallel()
	_, table, _ := strings.Cut(readme(t), "## What each stack creates")
	table, _, _ = strings.Cut(table, "\n## ")
	for template := range accounts {
		resources, _ := raw(t, template)["Resources"].(map[string]any)
		for name := range resources {
			if !strings.Contains(table, "`"+name+"`") {
				t.Errorf("the table does not have %s of %s.yaml", name, template)
			}
		}
	}
}
