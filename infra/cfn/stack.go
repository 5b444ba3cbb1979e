package cfn

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Place is where a stack is made: the pseudo parameters.
type Place struct {
	Account   string // twelve digits
	Region    string // such as eu-west-1
	Partition string // aws, aws-cn, aws-us-gov
	URLSuffix string // amazonaws.com, amazonaws.com.cn
	Stack     string // name of the stack
}

// Resource is one that the stack has, with every function resolved.
type Resource struct {
	Type       string
	Properties map[string]any
	// Keeps tells that the resource stays when the stack is deleted, and Undone that it
	// goes nevertheless when the operation that made it is rolled back.
	Keeps, Undone bool
	// Ref is what Ref gives: for most types the name.
	Ref string
	// ARN is what GetAtt gives as Arn, or empty for a type that has none.
	ARN string
}

// Stack is what AWS would have made of a template.
type Stack struct {
	Place     Place
	Resources map[string]Resource // by logical name; without those whose condition is false
	Outputs   map[string]string   // likewise
}

// Resolve makes the stack. Errors name the resource, rule or output.
func (t *Template) Resolve(place Place, parameters map[string]string) (*Stack, error) {
	values, err := t.parameters(parameters)
	if err != nil {
		return nil, err
	}
	r := &resolver{template: t, place: place, parameters: values, physical: map[string]physical{}}
	for _, name := range sorted(t.section("Conditions")) { // those that nothing uses, too
		if _, err := r.condition(name); err != nil {
			return nil, err
		}
	}
	if err := r.rules(); err != nil {
		return nil, err
	}
	stack := &Stack{Place: place, Resources: map[string]Resource{}, Outputs: map[string]string{}}
	for _, name := range sorted(t.section("Resources")) {
		resource, exists, err := r.resource(name)
		if err != nil {
			return nil, fmt.Errorf("resource %s: %w", name, err)
		}
		if exists {
			stack.Resources[name] = resource
		}
	}
	for _, name := range sorted(t.section("Outputs")) {
		value, exists, err := r.output(name)
		if err != nil {
			return nil, fmt.Errorf("output %s: %w", name, err)
		}
		if exists {
			stack.Outputs[name] = value
		}
	}
	return stack, nil
}

func sorted(section map[string]any) []string { return slices.Sorted(maps.Keys(section)) }

const resourceKeys = " Type Properties Condition DependsOn DeletionPolicy UpdateReplacePolicy Metadata CreationPolicy UpdatePolicy "

func (r *resolver) resource(name string) (Resource, bool, error) {
	declaration, err := r.declaration("Resources", name, resourceKeys)
	if err != nil {
		return Resource{}, false, err
	}
	if err := r.dependencies(declaration["DependsOn"]); err != nil {
		return Resource{}, false, err
	}
	exists, err := r.exists(declaration)
	if err != nil || !exists {
		return Resource{}, false, err
	}
	properties, err := r.properties(declaration)
	if err != nil {
		return Resource{}, false, err
	}
	kind, _ := declaration["Type"].(string)
	if !strings.HasPrefix(kind, "AWS::") {
		return Resource{}, false, fmt.Errorf("its type %q is none of AWS", kind)
	}
	// Snapshot is for types that no template here has.
	policy, err := r.policy(declaration, "DeletionPolicy", "Delete", "Retain", "RetainExceptOnCreate")
	if err != nil {
		return Resource{}, false, err
	}
	// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatereplacepolicy.html
	if _, err := r.policy(declaration, "UpdateReplacePolicy", "Delete", "Retain"); err != nil {
		return Resource{}, false, err
	}
	resource := Resource{Type: kind, Properties: properties, Keeps: policy != "Delete", Undone: policy != "Retain"}
	if _, ok := namings[kind]; ok {
		made, err := r.made(name)
		if err != nil {
			return Resource{}, false, err
		}
		resource.Ref, resource.ARN = made.ref, made.attributes["Arn"]
	}
	return resource, true, nil
}

// policy is what becomes of a resource, by its DeletionPolicy or its UpdateReplacePolicy:
// Delete where it says nothing, or one of known.
func (r *resolver) policy(declaration map[string]any, key string, known ...string) (string, error) {
	if declaration[key] == nil {
		return "Delete", nil
	}
	value, err := r.value(declaration[key])
	if err != nil {
		return "", err
	}
	policy, ok := value.(string)
	if !ok || !slices.Contains(known, policy) {
		return "", fmt.Errorf("its %s is %v, want one of %q", key, value, known)
	}
	return policy, nil
}

func (r *resolver) properties(declaration map[string]any) (map[string]any, error) {
	if declaration["Properties"] == nil {
		return map[string]any{}, nil
	}
	value, err := r.value(declaration["Properties"])
	if err != nil {
		return nil, err
	}
	properties, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("its Properties are no mapping")
	}
	return properties, nil
}

func (r *resolver) declaration(section, name, keys string) (map[string]any, error) {
	declaration, ok := r.template.section(section)[name].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("it is no mapping")
	}
	for key := range declaration {
		if !strings.Contains(keys, " "+key+" ") {
			return nil, fmt.Errorf("its key %s is not known", key)
		}
	}
	return declaration, nil
}

// dependencies need not exist, since their condition may be false, but must be
// in the template.
func (r *resolver) dependencies(value any) error {
	list, ok := value.([]any)
	if name, single := value.(string); single {
		list, ok = []any{name}, true
	}
	if !ok && value != nil {
		return fmt.Errorf("DependsOn is neither a name nor a list of names")
	}
	for _, name := range list {
		if name, ok := name.(string); !ok || r.template.section("Resources")[name] == nil {
			return fmt.Errorf("it depends on %v, which is no resource", name)
		}
	}
	return nil
}

func (r *resolver) exists(declaration map[string]any) (bool, error) {
	if declaration["Condition"] == nil {
		return true, nil
	}
	name, ok := declaration["Condition"].(string)
	if !ok {
		return false, fmt.Errorf("its Condition is no name")
	}
	return r.condition(name)
}

func (r *resolver) output(name string) (string, bool, error) {
	declaration, err := r.declaration("Outputs", name, " Value Description Condition Export ")
	if err != nil {
		return "", false, err
	}
	exists, err := r.exists(declaration)
	if err != nil || !exists {
		return "", false, err
	}
	value, err := r.value(declaration["Value"])
	if err != nil {
		return "", false, err
	}
	resolved, ok := text(value)
	if !ok {
		return "", false, fmt.Errorf("its value is no text: %v", value)
	}
	return resolved, true, nil
}
