// Package iam decides as AWS does who may do what, given the documents: identity
// policies, a permissions boundary, a session policy, and the policy of the
// resource (of a role, its trust). Tests alone use it. The logic is that of
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
// Policies of an organization (SCP, RCP) are not in it. What it does not know is
// an error: a guess would let a test pass on a policy that AWS reads otherwise.
package iam

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Kind tells what a policy is attached to, and so what its statements must say.
type Kind int

// A statement of an Identity policy has no principal, that of a Resource policy
// has one, and that of a Trust has no resource besides: the role is it.
const (
	Identity Kind = iota
	Resource
	Trust
)

// Policy is a document that was read and checked.
type Policy struct {
	Name       string
	Document   any // what it was read from
	kind       Kind
	statements []statement
}

type statement struct {
	name                     string // for people
	deny                     bool
	actions, notActions      []string
	resources, notResources  []string
	everybody                bool // the principal is *
	accounts, arns, services []string
	conditions               []condition
}

// Parse reads a document as JSON or YAML give it: mappings, lists, texts. All
// that it says must be known here.
func Parse(name string, kind Kind, document any) (Policy, error) {
	policy := Policy{Name: name, Document: document, kind: kind}
	fields, ok := document.(map[string]any)
	if !ok {
		return policy, fmt.Errorf("policy %s is no mapping", name)
	}
	if err := onlyKeys(fields, "Version", "Id", "Statement"); err != nil {
		return policy, fmt.Errorf("policy %s: %w", name, err)
	}
	if fields["Version"] != "2012-10-17" {
		return policy, fmt.Errorf("policy %s: its version is %v, not 2012-10-17", name, fields["Version"])
	}
	list, ok := fields["Statement"].([]any)
	if !ok {
		list = []any{fields["Statement"]}
	}
	if len(list) == 0 {
		return policy, fmt.Errorf("policy %s has no statement", name)
	}
	seen := map[any]bool{}
	for i, element := range list {
		fields, ok := element.(map[string]any)
		if !ok {
			return policy, fmt.Errorf("policy %s: statement %d is no mapping", name, i+1)
		}
		s, err := parseStatement(kind, fields)
		if err == nil && fields["Sid"] != nil && seen[fields["Sid"]] {
			err = errors.New("its Sid stands twice")
		}
		seen[fields["Sid"]] = true
		s.name = fmt.Sprintf("%s, statement %d", name, i+1)
		if sid, ok := fields["Sid"].(string); ok {
			s.name += " " + sid
		}
		if err != nil {
			return policy, fmt.Errorf("%s: %w", s.name, err)
		}
		policy.statements = append(policy.statements, s)
	}
	return policy, nil
}

func onlyKeys(fields map[string]any, known ...string) error {
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(known, key) {
			return fmt.Errorf("its key %s is not known", key)
		}
	}
	return nil
}

var (
	sidShape    = regexp.MustCompile(`^[A-Za-z0-9]*$`)
	actionShape = regexp.MustCompile(`^(\*|[a-z0-9-]+:[a-z0-9*?]+)$`)
)

func parseStatement(kind Kind, fields map[string]any) (s statement, err error) {
	if err := onlyKeys(fields, "Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"); err != nil {
		return s, err
	}
	if sid, ok := fields["Sid"].(string); fields["Sid"] != nil && (!ok || kind == Identity && !sidShape.MatchString(sid)) {
		return s, fmt.Errorf("its Sid %v is not made of letters and digits", fields["Sid"])
	}
	s.deny = fields["Effect"] == "Deny"
	if !s.deny && fields["Effect"] != "Allow" {
		return s, fmt.Errorf("its effect is %v", fields["Effect"])
	}
	if s.actions, s.notActions, err = either(fields, "Action"); err != nil {
		return s, err
	}
	for _, list := range [][]string{s.actions, s.notActions} { // letters do not matter
		for i, action := range list {
			if list[i] = strings.ToLower(action); !actionShape.MatchString(list[i]) {
				return s, fmt.Errorf("%q is no action", action)
			}
		}
	}
	if kind != Trust {
		if s.resources, s.notResources, err = either(fields, "Resource"); err != nil {
			return s, err
		}
	} else if fields["Resource"] != nil || fields["NotResource"] != nil {
		return s, errors.New("a trust names a resource")
	}
	for _, resource := range append(s.resources, s.notResources...) {
		if resource != "*" && !strings.HasPrefix(resource, "arn:") {
			return s, fmt.Errorf("%q is no resource", resource)
		}
		if err := checkVariables(resource); err != nil {
			return s, err
		}
	}
	if (kind == Identity) != (fields["Principal"] == nil) {
		return s, errors.New("it has a principal where there may be none, or has none where there must be one")
	}
	if kind != Identity {
		if err := s.parsePrincipal(fields["Principal"]); err != nil {
			return s, err
		}
	}
	s.conditions, err = parseConditions(fields["Condition"])
	return s, err
}

// either reads Action or NotAction, Resource or NotResource, of which a
// statement has one.
func either(fields map[string]any, name string) (is, not []string, err error) {
	if (fields[name] == nil) == (fields["Not"+name] == nil) {
		return nil, nil, fmt.Errorf("it has neither or both of %s and Not%s", name, name)
	}
	if fields[name] != nil {
		is, err = words(fields[name])
	} else {
		not, err = words(fields["Not"+name])
	}
	if err != nil {
		err = fmt.Errorf("its %s: %w", name, err)
	}
	return is, not, err
}

// words are one text or a list of at least one.
func words(value any) ([]string, error) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	if len(list) == 0 {
		return nil, errors.New("the list is empty")
	}
	result := make([]string, len(list))
	for i, element := range list {
		switch e := element.(type) {
		case string:
			result[i] = e
		case bool:
			result[i] = strconv.FormatBool(e)
		case int:
			result[i] = strconv.Itoa(e)
		default:
			return nil, fmt.Errorf("%v is no text", element)
		}
	}
	return result, nil
}

var (
	accountShape   = regexp.MustCompile(`^\d{12}$`)
	principalShape = regexp.MustCompile(`^arn:[a-z-]+:(iam|sts)::\d{12}:(root|(user|role|assumed-role)/[\w+=,.@/-]+)$`)
	serviceShape   = regexp.MustCompile(`^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$`)
)

func (s *statement) parsePrincipal(principal any) error {
	if principal == "*" {
		s.everybody = true
		return nil
	}
	kinds, ok := principal.(map[string]any)
	if !ok || len(kinds) == 0 {
		return fmt.Errorf("its principal is %v", principal)
	}
	if err := onlyKeys(kinds, "AWS", "Service"); err != nil {
		return err
	}
	for kind, value := range kinds {
		names, err := words(value)
		if err != nil {
			return fmt.Errorf("its principal: %w", err)
		}
		for _, name := range names {
			switch {
			case kind == "Service" && serviceShape.MatchString(name):
				s.services = append(s.services, name)
			case kind == "AWS" && name == "*":
				s.everybody = true
			case kind == "AWS" && accountShape.MatchString(name):
				s.accounts = append(s.accounts, name)
			case kind == "AWS" && principalShape.MatchString(name):
				s.arns = append(s.arns, name)
			default:
				return fmt.Errorf("%q is no principal that is known", name)
			}
		}
	}
	return nil
}
