package infra_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"spa-runner/infra/iam"
)

// mutant is a world that differs from the true one in one place.
type mutant struct {
	name string // the same in every partition
	of   string // a new line, and what was changed
	// at are the ARNs whose policies are others.
	at    []string
	world *world
	// ofTarget tells that the policies of targets are others, not those of who asks.
	ofTarget bool
}

// print tells documents apart that have one name in several variants.
func (d document) print() string { return "\n" + fmt.Sprint(d.at, d.body) }

// with gives the world with another document in the place of the i-th; without
// statements there is none.
func (w *world) with(i int, d document) *world {
	c := *w
	c.documents = slices.Clone(w.documents)
	if c.documents[i] = d; len(list(d.body["Statement"])) == 0 || len(d.at) == 0 {
		c.documents = slices.Delete(c.documents, i, i+1)
	}
	return &c
}

// mutants are all of a world: of each statement of each document, of what the
// documents are attached to, and of what has which role.
func (w *world) mutants() (all []mutant) {
	for i, d := range w.documents {
		statements := list(d.body["Statement"])
		for j, element := range statements {
			statement := element.(map[string]any)
			name := d.name
			if statement["Sid"] != nil {
				name += ", " + fmt.Sprint(statement["Sid"])
			}
			for change, changed := range changes(d.kind, statement) {
				body := maps.Clone(d.body)
				others := slices.Clone(statements)
				if changed == nil {
					others = slices.Delete(others, j, j+1)
				} else {
					others[j] = changed
				}
				body["Statement"] = others
				all = append(all, mutant{name + ": " + change, d.print(), d.at, w.with(i, document{d.name, d.kind, d.at, body}), d.kind != iam.Identity})
			}
		}
		all = append(all, w.attachments(i, d)...)
	}
	all = append(all, w.limits()...)
	return append(all, w.crossed()...)
}

// changes are the ways in which a statement can be wrong. One that is nil is
// the statement taken away.
func changes(kind iam.Kind, s map[string]any) map[string]map[string]any {
	all := map[string]map[string]any{"taken away": nil}
	set := func(name, key string, value any) {
		changed := maps.Clone(s)
		if changed[key] = value; value == nil {
			delete(changed, key)
		}
		all[name] = changed
	}
	effect := map[any]string{"Allow": "Deny", "Deny": "Allow"}[s["Effect"]]
	set("effect "+effect, "Effect", effect)
	actions := words(s["Action"])
	if service, _, _ := strings.Cut(actions[0], ":"); service != "*" {
		set("all actions", "Action", "*")
		if actions[0] != service+":*" {
			set("all actions of "+service, "Action", service+":*")
		}
	}
	each(actions, func(i int, rest []any) { set("without action "+actions[i], "Action", rest) })
	if kind != iam.Trust {
		resources := words(s["Resource"])
		if resources[0] != "*" {
			set("all resources", "Resource", "*")
			if more := wider(resources); !slices.Equal(words(more), resources) {
				set("all resources of that kind", "Resource", more)
			}
		}
		each(resources, func(i int, rest []any) { set(fmt.Sprintf("without resource %d", i+1), "Resource", rest) })
	}
	if s["Principal"] != nil {
		for name, principal := range map[string]any{
			"everybody": "*", "everybody with an identity": map[string]any{"AWS": "*"}, "another account": map[string]any{"AWS": foreign},
			"the account itself": map[string]any{"AWS": []any{cloudOps, devOps, automation}}, "another service": map[string]any{"Service": "ec2.amazonaws.com"},
		} {
			if fmt.Sprint(s["Principal"]) != fmt.Sprint(principal) && (s["Principal"] != "*" || name != "everybody with an identity") { // which is the same
				set("principal "+name, "Principal", principal)
			}
		}
	}
	if conditions, ok := s["Condition"].(map[string]any); ok {
		set("without conditions", "Condition", nil)
		for name, changed := range conditionChanges(conditions) {
			set(name, "Condition", changed)
		}
	}
	return all
}

func conditionChanges(conditions map[string]any) map[string]map[string]any {
	all := map[string]map[string]any{}
	for operator, element := range conditions {
		keys := element.(map[string]any)
		set := func(name string, operators ...map[string]any) {
			changed := maps.Clone(conditions)
			delete(changed, operator)
			for _, o := range operators {
				maps.Copy(changed, o)
			}
			if len(changed) > 0 {
				all[name] = changed
			}
		}
		set("without " + operator)
		if operator != "Null" {
			set(operator+" if the key exists", map[string]any{operator + "IfExists": keys})
		}
		for key, value := range keys {
			with := func(value any) map[string]any {
				changed := maps.Clone(keys)
				if changed[key] = value; value == nil {
					delete(changed, key)
				}
				return map[string]any{operator: changed}
			}
			if len(keys) > 1 {
				set("without "+operator+" "+key, with(nil))
			}
			values := words(value)
			if operator == "Bool" && values[0] == "true" {
				set(operator+" "+key+" that is there, whatever it is", map[string]any{"Null": map[string]any{key: "false"}})
			}
			last := other(key, values[len(values)-1])
			set(operator+" "+key+" of something else", with(last))
			if operator != "Null" && operator != "Bool" {
				each(values, func(i int, rest []any) { set(fmt.Sprintf("%s %s without value %d", operator, key, i+1), with(rest)) })
				set(operator+" "+key+" of one more", with(append(anys(values), last)))
				if len(values[0]) == len(foreign) && strings.HasSuffix(key, "Account") {
					continue // nothing begins with a whole account
				}
				if strings.HasSuffix(values[0], "*") {
					continue // it says so already
				}
				like := strings.NewReplacer("StringEquals", "StringLike", "ArnEquals", "ArnLike").Replace(operator)
				set(operator+" "+key+" of what begins so", map[string]any{like: map[string]any{key: anys(suffixed(values, "*"))}})
			}
		}
	}
	return all
}

// other is a value that somebody else's request has.
func other(key, value string) string {
	switch {
	case value == "true" || value == "false":
		return map[string]string{"true": "false", "false": "true"}[value]
	case strings.EqualFold(key, "aws:SourceAccount"):
		return foreign
	case key == "kms:ViaService":
		return "s3.*"
	case strings.HasSuffix(value, ".amazonaws.com"):
		return "lambda.amazonaws.com"
	}
	return value + "2"
}

// wider are resources of the same kind in the same account: a * stands for the
// last part that is none.
func wider(resources []string) []any {
	widened := []any{}
	for _, r := range resources {
		head := strings.TrimSuffix(strings.TrimSuffix(r, "/*"), ":*")
		if i := strings.LastIndexAny(head, ":/"); strings.Count(head, ":") > 5 || strings.Contains(head, "/") || head == r {
			r = head[:i+1] + "*"
		}
		widened = append(widened, r)
	}
	return widened
}

func suffixed(values []string, suffix string) (all []string) {
	for _, v := range values {
		all = append(all, v+suffix)
	}
	return all
}

func anys(values []string) (all []any) {
	for _, v := range values {
		all = append(all, v)
	}
	return all
}

// each takes every one of several away in turn.
func each(values []string, do func(i int, rest []any)) {
	for i := range values {
		if len(values) > 1 {
			do(i, anys(slices.Concat(values[:i], values[i+1:])))
		}
	}
}

func words(value any) (all []string) {
	elements, ok := value.([]any)
	if !ok {
		elements = []any{value}
	}
	for _, e := range elements {
		all = append(all, fmt.Sprint(e))
	}
	return all
}

func short(arn string) string { return arn[strings.LastIndexAny(arn, ":/")+1:] }

// attachments are those of a policy of roles: taken from one, given to another.
func (w *world) attachments(i int, d document) (all []mutant) {
	if d.kind != iam.Identity {
		return nil
	}
	for _, role := range d.at {
		rest := slices.DeleteFunc(slices.Clone(d.at), func(arn string) bool { return arn == role })
		all = append(all, mutant{d.name + " taken from " + short(role), d.print(), d.at, w.with(i, document{d.name, d.kind, rest, d.body}), false})
	}
	for _, role := range w.roles {
		if !slices.Contains(d.at, role) && (!w.isAdmin(role) || strings.Contains(fmt.Sprint(d.body), "Effect:Deny")) {
			more := append(slices.Clip(d.at), role)
			all = append(all, mutant{d.name + " given to " + short(role), d.print(), more, w.with(i, document{d.name, d.kind, more, d.body}), false})
		}
	}
	return all
}

// isAdmin tells whom nothing more can be given.
func (w *world) isAdmin(role string) bool {
	return slices.ContainsFunc(w.attached[role], func(arn string) bool { return strings.HasSuffix(arn, "/AdministratorAccess") })
}

// limits are those without a boundary, and with more managed policies or fewer.
func (w *world) limits() (all []mutant) {
	for _, role := range w.roles {
		c := *w
		c.boundaries, c.attached = maps.Clone(w.boundaries), maps.Clone(w.attached)
		if w.boundaries[role] != "" {
			delete(c.boundaries, role)
			all = append(all, mutant{short(role) + " without its boundary", "\n", []string{role}, &c, false})
			continue
		}
		for managed := range w.managed {
			changed := *w
			changed.attached = maps.Clone(w.attached)
			if has := w.attached[role]; slices.Contains(has, managed) {
				changed.attached[role] = nil
				all = append(all, mutant{short(role) + " without " + short(managed), "\n" + fmt.Sprint(w.attached[role]), []string{role}, &changed, false})
			} else if !strings.HasSuffix(managed, "/Boundary") && !w.isAdmin(role) {
				changed.attached[role] = append(slices.Clip(has), managed)
				all = append(all, mutant{short(role) + " with " + short(managed), "\n" + fmt.Sprint(w.attached[role]), []string{role}, &changed, false})
			}
		}
	}
	return all
}

// printed is a document in which a list of one is that one.
func printed(value any) string {
	return regexp.MustCompile(`\[([^\[\] ]*)\]`).ReplaceAllString(strings.ReplaceAll(fmt.Sprint(value), "map[", "map("), "$1")
}

// crossed are those in which a role has the trust of another, and something
// runs as another role.
func (w *world) crossed() (all []mutant) {
	for i, d := range w.documents {
		for _, e := range w.documents {
			if d.kind == iam.Trust && e.kind == iam.Trust && printed(d.body) != printed(e.body) {
				all = append(all, mutant{d.name + " is that of " + e.name, d.print() + e.print(), d.at, w.with(i, document{d.name, d.kind, d.at, e.body}), true})
			}
		}
	}
	for wire, is := range w.wires {
		if !strings.Contains(is, ":role/") || strings.Contains(is, " ") {
			continue
		}
		for _, role := range w.roles {
			if role != is {
				c := *w
				c.wires = maps.Clone(w.wires)
				c.wires[wire] = role
				all = append(all, mutant{wire + " is " + short(role), "\n" + is, nil, &c, false})
			}
		}
	}
	return all
}
