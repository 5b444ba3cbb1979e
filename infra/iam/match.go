package iam

import (
	"fmt"
	"regexp"
	"strings"
)

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

// fill puts the context's values in place of ${key}. A key that the request does
// not have lets nothing match. Of a value that goes into a pattern, * and ? stand
// for themselves, which \* and \? say to glob.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
func fill(text string, context Context, pattern bool) (string, bool) {
	if !strings.Contains(text, "${") {
		return text, true
	}
	complete := true
	escape := strings.NewReplacer("*", `\*`, "?", `\?`)
	filled := variable.ReplaceAllStringFunc(text, func(match string) string {
		name := strings.ToLower(match[2 : len(match)-1])
		value := name
		if name != "*" && name != "?" && name != "$" {
			values := context[name]
			if len(values) != 1 {
				complete = false
				return ""
			}
			value = values[0]
		}
		if pattern {
			return escape.Replace(value)
		}
		return value
	})
	return filled, complete
}

// checkVariables refuses ${key, 'default'}, and a key that is not known: filled by
// AWS and not here, it would match there alone.
func checkVariables(text string) error {
	for _, match := range variable.FindAllStringSubmatch(text, -1) {
		name := strings.ToLower(match[1])
		if isKnown, several := known(name); (!isKnown || several) && name != "*" && name != "?" && name != "$" {
			return fmt.Errorf("the variable %s is not known", match[0])
		}
	}
	return nil
}

// glob matches * and ? over the whole text, colons and slashes included. In a
// Resource, AWS says the same of a * that ends a segment of an ARN.
func glob(pattern, text string) bool {
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '*':
			rest := pattern[i+1:]
			for j := 0; j <= len(text); j++ {
				if glob(rest, text[j:]) {
					return true
				}
			}
			return false
		case text == "":
			return false
		case pattern[i] == '\\' && i+1 < len(pattern) && (pattern[i+1] == '*' || pattern[i+1] == '?'):
			i++
			if pattern[i] != text[0] {
				return false
			}
		case pattern[i] != '?' && pattern[i] != text[0]:
			return false
		}
		text = text[1:]
	}
	return text == ""
}

// arnLike matches each of the six parts of an ARN by itself.
func arnLike(pattern, arn string) bool {
	if pattern == "*" {
		return true
	}
	patterns, parts := strings.SplitN(pattern, ":", 6), strings.SplitN(arn, ":", 6)
	if len(patterns) != 6 || len(parts) != 6 {
		return false
	}
	for i := range patterns {
		if !glob(patterns[i], parts[i]) {
			return false
		}
	}
	return true
}
