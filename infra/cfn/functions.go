package cfn

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// noValue takes away the property or the element that it is the value of.
type noValue struct{}

type resolver struct {
	template   *Template
	place      Place
	parameters map[string]any
	conditions []string            // that are being evaluated, to find circles
	making     []string            // resources whose names are being resolved
	physical   map[string]physical // of resources that were resolved
}

// value resolves the functions in a value. A mapping of one key that begins with
// Fn:: or is Ref is a function.
func (r *resolver) value(v any) (any, error) {
	switch v := v.(type) {
	case []any:
		list := []any{}
		for _, element := range v {
			resolved, err := r.value(element)
			if err != nil {
				return nil, err
			}
			if resolved != (noValue{}) {
				list = append(list, resolved)
			}
		}
		return list, nil
	case map[string]any:
		if name, argument, ok := function(v); ok {
			resolved, err := r.call(name, argument)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			return resolved, nil
		}
		mapping := map[string]any{}
		for _, key := range sorted(v) {
			if key == "Ref" || strings.HasPrefix(key, "Fn::") {
				return nil, fmt.Errorf("%s stands beside other keys", key)
			}
			resolved, err := r.value(v[key])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			if resolved != (noValue{}) {
				mapping[key] = resolved
			}
		}
		return mapping, nil
	}
	return v, nil
}

func function(v map[string]any) (string, any, bool) {
	if len(v) != 1 {
		return "", nil, false
	}
	for name, argument := range v {
		if name == "Ref" || strings.HasPrefix(name, "Fn::") {
			return name, argument, true
		}
	}
	return "", nil, false
}

func (r *resolver) call(name string, argument any) (any, error) {
	switch name {
	case "Ref":
		target, ok := argument.(string)
		if !ok {
			return nil, fmt.Errorf("%v is no name", argument)
		}
		return r.ref(target)
	case "Fn::GetAtt":
		return r.getAtt(argument)
	case "Fn::If":
		return r.choose(argument)
	case "Fn::Sub":
		return r.substitute(argument)
	case "Fn::Join":
		separator, list, err := r.separated(argument)
		if err != nil {
			return nil, err
		}
		elements, err := texts(list)
		return strings.Join(elements, separator), err
	case "Fn::Split":
		separator, whole, err := r.separated(argument)
		if err != nil {
			return nil, err
		}
		s, ok := whole.(string)
		if !ok || separator == "" {
			return nil, fmt.Errorf("%v cannot be split", whole)
		}
		var list []any
		for part := range strings.SplitSeq(s, separator) {
			list = append(list, part)
		}
		return list, nil
	case "Fn::Select":
		return r.pick(argument)
	case "Fn::FindInMap":
		return r.find(argument)
	case "Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or":
		return nil, errors.New("stands outside of conditions and rules")
	}
	return nil, errors.New("is not known")
}

func (r *resolver) ref(name string) (any, error) {
	switch name {
	case "AWS::NoValue":
		return noValue{}, nil
	case "AWS::AccountId":
		return r.place.Account, nil
	case "AWS::Region":
		return r.place.Region, nil
	case "AWS::Partition":
		return r.place.Partition, nil
	case "AWS::URLSuffix":
		return r.place.URLSuffix, nil
	case "AWS::StackName":
		return r.place.Stack, nil
	}
	if value, ok := r.parameters[name]; ok {
		return value, nil
	}
	made, err := r.made(name)
	return made.ref, err
}

func (r *resolver) getAtt(argument any) (any, error) {
	list, ok := argument.([]any)
	if !ok || len(list) != 2 {
		return nil, fmt.Errorf("%v is no resource and attribute", argument)
	}
	names, err := texts(list)
	if err != nil {
		return nil, err
	}
	made, err := r.made(names[0])
	if err != nil {
		return nil, err
	}
	value, ok := made.attributes[names[1]]
	if !ok {
		return nil, fmt.Errorf("attribute %s of %s is not known", names[1], names[0])
	}
	return value, nil
}

func (r *resolver) choose(argument any) (any, error) {
	list, ok := argument.([]any)
	if !ok || len(list) != 3 {
		return nil, errors.New("it takes a condition and two values")
	}
	name, ok := list[0].(string)
	if !ok {
		return nil, fmt.Errorf("%v is no condition's name", list[0])
	}
	holds, err := r.condition(name)
	switch {
	case err != nil:
		return nil, err
	case holds:
		return r.value(list[1])
	}
	return r.value(list[2])
}

func (r *resolver) pick(argument any) (any, error) {
	arguments, ok := argument.([]any)
	if !ok || len(arguments) != 2 {
		return nil, errors.New("it takes an index and a list")
	}
	position, _ := text(arguments[0])
	index, err := strconv.Atoi(position)
	if err != nil {
		return nil, fmt.Errorf("%v is no index", arguments[0])
	}
	value, err := r.value(arguments[1])
	if err != nil {
		return nil, err
	}
	list, ok := value.([]any)
	if !ok || index < 0 || index >= len(list) {
		return nil, fmt.Errorf("there is no element %d of %v", index, value)
	}
	return list[index], nil
}

func (r *resolver) find(argument any) (any, error) {
	resolved, err := r.value(argument)
	if err != nil {
		return nil, err
	}
	keys, err := texts(resolved)
	if err != nil || len(keys) != 3 {
		return nil, fmt.Errorf("it takes the names of a map and two keys, not %v", resolved)
	}
	var value any = r.template.section("Mappings")
	for _, key := range keys {
		level, _ := value.(map[string]any)
		if value = level[key]; value == nil {
			return nil, fmt.Errorf("there is no %s in the map %v", key, keys)
		}
	}
	return value, nil
}
