// Package cfn resolves a CloudFormation template as AWS would, without AWS: given
// parameters, an account, a region and a partition, it tells which resources a
// stack has, with which properties, and what the stack puts out. Tests alone use
// it. What it does not know is an error: a guess would let a test pass on a
// template that AWS refuses, or reads otherwise.
package cfn

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Template is a template that was read and not yet given its parameters.
type Template struct {
	sections map[string]any
}

// knownSections are those of
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
// but Transform, which runs programs at AWS.
const knownSections = " AWSTemplateFormatVersion Description Metadata Parameters Rules Mappings Conditions Resources Outputs "

// Parse reads a template in YAML, of which JSON is a part. A key that stands
// twice, an alias and a section or short tag that is not known are errors.
func Parse(text []byte) (*Template, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("the template is no YAML: %w", err)
	}
	if len(document.Content) != 1 || document.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("the template is no mapping of sections")
	}
	value, err := fromYAML(document.Content[0])
	if err != nil {
		return nil, err
	}
	t := &Template{sections: value.(map[string]any)}
	for name, section := range t.sections {
		if !strings.Contains(knownSections, " "+name+" ") {
			return nil, fmt.Errorf("section %s is not known", name)
		}
		if _, ok := section.(map[string]any); !ok && name != "AWSTemplateFormatVersion" && name != "Description" {
			return nil, fmt.Errorf("section %s is no mapping", name)
		}
	}
	if len(t.section("Resources")) == 0 {
		return nil, errors.New("the template has no resources")
	}
	return t, nil
}

func (t *Template) section(name string) map[string]any {
	section, _ := t.sections[name].(map[string]any)
	return section
}

func fromYAML(n *yaml.Node) (any, error) {
	value, err := plain(n)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(n.Tag, "!") || strings.HasPrefix(n.Tag, "!!") {
		return value, nil
	}
	return long(n, strings.TrimPrefix(n.Tag, "!"), value)
}

// long makes the long form out of a short tag, so that the resolver knows one.
func long(n *yaml.Node, tag string, value any) (any, error) {
	switch tag {
	case "Ref", "Condition":
		return map[string]any{tag: value}, nil
	case "GetAtt":
		if text, ok := value.(string); ok {
			resource, attribute, _ := strings.Cut(text, ".")
			value = []any{resource, attribute}
		}
	case "Sub", "If", "Equals", "Not", "And", "Or", "Join", "Select", "Split", "FindInMap":
	default:
		return nil, fmt.Errorf("line %d: the tag !%s is not known", n.Line, tag)
	}
	return map[string]any{"Fn::" + tag: value}, nil
}

func plain(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		return scalar(n)
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, element := range n.Content {
			value, err := fromYAML(element)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	case yaml.MappingNode:
		mapping := make(map[string]any, len(n.Content)/2)
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i]
			if _, twice := mapping[key.Value]; twice || key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
				return nil, fmt.Errorf("line %d: the key %q stands twice, or is no word", key.Line, key.Value)
			}
			value, err := fromYAML(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			mapping[key.Value] = value
		}
		return mapping, nil
	}
	return nil, fmt.Errorf("line %d: an alias or the like, which CloudFormation does not take", n.Line)
}

// scalar keeps numbers and dates as they are written but for plain whole ones:
// CloudFormation hands 012345678901 and 2012-10-17 on as they stand.
func scalar(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!null":
		return nil, fmt.Errorf("line %d: an empty value, which CloudFormation refuses", n.Line)
	case "!!bool":
		return strconv.ParseBool(strings.ToLower(n.Value))
	case "!!int":
		if number, err := strconv.Atoi(n.Value); err == nil && strconv.Itoa(number) == n.Value {
			return number, nil
		}
	}
	return n.Value, nil
}

// text is a scalar as CloudFormation puts it into a string.
func text(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case int:
		return strconv.Itoa(v), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}
