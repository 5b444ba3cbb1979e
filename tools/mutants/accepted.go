package main

import (
	"fmt"
	"os"
	"strings"
)

// readAccepted reads the survivors that are accepted: a line that names the mutant, and indented lines that say why.
func readAccepted(path string) (map[string]string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	accepted, name := map[string]string{}, ""
	for line := range strings.Lines(string(content)) {
		line = strings.TrimRight(line, "\n")
		text := strings.TrimSpace(line)
		switch {
		case text == "" || strings.HasPrefix(line, "#"):
		case line == text:
			name = text
			accepted[name] = ""
		default:
			accepted[name] += text + " "
		}
	}
	for name, why := range accepted {
		if name == "" || why == "" {
			return nil, fmt.Errorf("%s: %q has no reason, or a reason no mutant: put the mutant on a line and indent the reason below it", path, name)
		}
	}
	return accepted, nil
}
