package cfn

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var reference = regexp.MustCompile(`\$\{([^}]*)\}`)

func (r *resolver) substitute(argument any) (any, error) {
	own := map[string]any{}
	if list, ok := argument.([]any); ok && len(list) == 2 {
		argument = list[0]
		own, ok = list[1].(map[string]any)
		if !ok {
			return nil, errors.New("its second argument is no mapping")
		}
	}
	format, ok := argument.(string)
	if !ok {
		return nil, fmt.Errorf("%v is no text", argument)
	}
	var failed error
	result := reference.ReplaceAllStringFunc(format, func(match string) string {
		name := match[2 : len(match)-1]
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			return "${" + literal + "}"
		}
		value, err := r.substituted(name, own)
		s, ok := text(value)
		if err == nil && !ok {
			err = errors.New("it is no text")
		}
		if err != nil && failed == nil {
			failed = fmt.Errorf("${%s}: %w", name, err)
		}
		return s
	})
	return result, failed
}

func (r *resolver) substituted(name string, own map[string]any) (any, error) {
	if value, ok := own[name]; ok {
		return r.value(value)
	}
	if resource, attribute, ok := strings.Cut(name, "."); ok {
		return r.getAtt([]any{resource, attribute})
	}
	return r.ref(name)
}

func (r *resolver) separated(argument any) (string, any, error) {
	list, ok := argument.([]any)
	if !ok || len(list) != 2 {
		return "", nil, errors.New("it takes a separator and one value more")
	}
	separator, ok := list[0].(string)
	if !ok {
		return "", nil, fmt.Errorf("%v is no separator", list[0])
	}
	value, err := r.value(list[1])
	return separator, value, err
}

func texts(value any) ([]string, error) {
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("%v is no list", value)
	}
	elements := make([]string, len(list))
	for i, element := range list {
		if elements[i], ok = text(element); !ok {
			return nil, fmt.Errorf("%v is no text", element)
		}
	}
	return elements, nil
}
