package cfn

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const parameterKeys = " Type Default Description AllowedValues AllowedPattern ConstraintDescription MinLength MaxLength MinValue MaxValue NoEcho "

// parameters are the values of all parameters, given or by default, each checked
// by its declaration: a string, or a list of strings.
func (t *Template) parameters(given map[string]string) (map[string]any, error) {
	declared := t.section("Parameters")
	for name := range given {
		if declared[name] == nil {
			return nil, fmt.Errorf("parameter %s is given and the template has none of that name", name)
		}
	}
	values := map[string]any{}
	for name, declaration := range declared {
		value, isGiven := given[name]
		resolved, err := parameter(declaration, value, isGiven)
		if err != nil {
			return nil, fmt.Errorf("parameter %s: %w", name, err)
		}
		values[name] = resolved
	}
	return values, nil
}

func parameter(declaration any, value string, isGiven bool) (any, error) {
	d, ok := declaration.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("is no mapping but %v", declaration)
	}
	for key := range d {
		if !strings.Contains(parameterKeys, " "+key+" ") {
			return nil, fmt.Errorf("its key %s is not known", key)
		}
	}
	if !isGiven {
		if value, ok = text(d["Default"]); !ok {
			return nil, fmt.Errorf("it has no default and no value was given")
		}
	}
	kind, _ := d["Type"].(string)
	elements := []string{value}
	list := kind == "CommaDelimitedList" || strings.HasPrefix(kind, "List<")
	switch {
	case list: // of nothing, this is one empty element

		elements = strings.Split(value, ",")
		for i := range elements {
			elements[i] = strings.TrimSpace(elements[i])
		}
	case kind != "String" && kind != "Number" && !strings.HasPrefix(kind, "AWS::EC2::"):
		return nil, fmt.Errorf("its type %q is not known", kind)
	}
	// Of a list, AWS checks each element.
	for _, element := range elements {
		if err := constrain(d, kind, element); err != nil {
			return nil, err
		}
	}
	if !list {
		return value, nil
	}
	resolved := make([]any, len(elements))
	for i, element := range elements {
		resolved[i] = element
	}
	return resolved, nil
}

func constrain(d map[string]any, kind, value string) error {
	if kind == "Number" {
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			return fmt.Errorf("%q is no number", value)
		}
	}
	if allowed, ok := d["AllowedValues"].([]any); ok && !slices.ContainsFunc(allowed, func(a any) bool { s, _ := text(a); return s == value }) {
		return fmt.Errorf("%q is none of the allowed values %v", value, allowed)
	} else if !ok && d["AllowedValues"] != nil {
		return fmt.Errorf("AllowedValues is no list")
	}
	if pattern, ok := d["AllowedPattern"].(string); ok {
		compiled, err := regexp.Compile(`\A(?:` + repeats(pattern) + `)\z`)
		if err != nil {
			return fmt.Errorf("AllowedPattern is read differently by Go and Java: %w", err)
		}
		if !compiled.MatchString(value) {
			return fmt.Errorf("%q does not match %s", value, pattern)
		}
	}
	for _, bound := range []struct {
		key    string
		length bool
		most   bool
	}{{"MinLength", true, false}, {"MaxLength", true, true}, {"MinValue", false, false}, {"MaxValue", false, true}} {
		if d[bound.key] == nil {
			continue
		}
		limitText, _ := text(d[bound.key])
		limit, err := strconv.ParseFloat(limitText, 64)
		if err != nil {
			return fmt.Errorf("%s is no number", bound.key)
		}
		have := float64(utf8.RuneCountInString(value))
		if !bound.length {
			have, err = strconv.ParseFloat(value, 64)
		}
		if err != nil || bound.most && have > limit || !bound.most && have < limit {
			return fmt.Errorf("%q goes beyond its %s of %s", value, bound.key, limitText)
		}
	}
	return nil
}

var longRepeat = regexp.MustCompile(`(\[[^\]]*\]|\.)\{(\d{1,3}),(1\d{3})\}`)

// repeats writes a set of characters that may stand more than a thousand times,
// which is as far as Go counts and Java is not, as two.
func repeats(pattern string) string {
	return longRepeat.ReplaceAllStringFunc(pattern, func(match string) string {
		parts := longRepeat.FindStringSubmatch(match)
		most, _ := strconv.Atoi(parts[3]) // four digits
		return fmt.Sprintf("%[1]s{%[2]s,1000}%[1]s{0,%[3]d}", parts[1], parts[2], most-1000)
	})
}
