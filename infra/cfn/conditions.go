package cfn

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// condition evaluates one of the template's conditions.
func (r *resolver) condition(name string) (bool, error) {
	expression, ok := r.template.section("Conditions")[name]
	if !ok {
		return false, fmt.Errorf("condition %s is none of the template", name)
	}
	if slices.Contains(r.conditions, name) {
		return false, fmt.Errorf("condition %s depends on itself", name)
	}
	r.conditions = append(r.conditions, name)
	holds, err := r.holds(expression)
	r.conditions = r.conditions[:len(r.conditions)-1]
	if err != nil {
		return false, fmt.Errorf("condition %s: %w", name, err)
	}
	return holds, nil
}

// holds evaluates an expression of conditions or rules.
func (r *resolver) holds(expression any) (bool, error) {
	mapping, _ := expression.(map[string]any)
	if len(mapping) != 1 {
		return false, fmt.Errorf("%v is no expression", expression)
	}
	for name, argument := range mapping {
		if reference, ok := argument.(string); ok && name == "Condition" {
			return r.condition(reference)
		}
		list, ok := argument.([]any)
		if !ok {
			return false, fmt.Errorf("%s takes a list", name)
		}
		switch name {
		case "Fn::Not", "Fn::And", "Fn::Or":
			return r.combine(name, list)
		case "Fn::Equals", "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn":
			return r.compare(name, list)
		}
		return false, fmt.Errorf("%s is not known in a condition", name)
	}
	return false, nil
}

func (r *resolver) combine(name string, list []any) (bool, error) {
	if name == "Fn::Not" && len(list) != 1 || name != "Fn::Not" && (len(list) < 2 || len(list) > 10) {
		return false, fmt.Errorf("%s has %d arguments", name, len(list))
	}
	all, some := true, false
	for _, element := range list { // all of them: a mistake in the last one is one too
		holds, err := r.holds(element)
		if err != nil {
			return false, err
		}
		all, some = all && holds, some || holds
	}
	switch name {
	case "Fn::Not":
		return !all, nil
	case "Fn::And":
		return all, nil
	}
	return some, nil
}

// compare knows the functions of rules too, which lists of strings are given to:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-rules.html
func (r *resolver) compare(name string, list []any) (bool, error) {
	if len(list) != 2 {
		return false, fmt.Errorf("%s has %d arguments", name, len(list))
	}
	left, err := r.value(list[0])
	if err != nil {
		return false, err
	}
	right, err := r.value(list[1])
	if err != nil {
		return false, err
	}
	if name == "Fn::Equals" {
		a, isText := text(left)
		b, isTextToo := text(right)
		if isText && isTextToo {
			return a == b, nil
		}
		return reflect.DeepEqual(left, right), nil
	}
	values, err := texts(left)
	if err != nil {
		return false, err
	}
	if one, ok := text(right); ok {
		right = []any{one}
	}
	wanted, err := texts(right)
	if err != nil {
		return false, err
	}
	if name == "Fn::Contains" || name == "Fn::EachMemberEquals" {
		if len(wanted) != 1 {
			return false, fmt.Errorf("%s compares with one value", name)
		}
		if name == "Fn::Contains" {
			return slices.Contains(values, wanted[0]), nil
		}
	}
	return !slices.ContainsFunc(values, func(v string) bool { return !slices.Contains(wanted, v) }), nil
}

// rules fails where AWS refuses the parameters by a rule of the template.
func (r *resolver) rules() error {
	for _, name := range sorted(r.template.section("Rules")) {
		rule, err := r.declaration("Rules", name, " RuleCondition Assertions ")
		if err == nil {
			err = r.rule(rule)
		}
		if err != nil {
			return fmt.Errorf("rule %s: %w", name, err)
		}
	}
	return nil
}

func (r *resolver) rule(rule map[string]any) error {
	applies, err := true, error(nil)
	if rule["RuleCondition"] != nil {
		applies, err = r.holds(rule["RuleCondition"])
	}
	if err != nil {
		return err
	}
	assertions, ok := rule["Assertions"].([]any)
	if !ok || len(assertions) == 0 {
		return errors.New("it asserts nothing")
	}
	var broken []string
	for _, element := range assertions {
		assertion, _ := element.(map[string]any)
		holds, err := r.holds(assertion["Assert"])
		if err != nil {
			return err
		}
		if !holds {
			description, _ := assertion["AssertDescription"].(string)
			broken = append(broken, description)
		}
	}
	if applies && len(broken) > 0 {
		return errors.New(strings.Join(broken, "; "))
	}
	return nil
}
