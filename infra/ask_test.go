package infra_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"spa-runner/infra/iam"
)

// asker makes the questions of a variant in a partition out of the tables.
type asker struct {
	variant variant
	fill    func(string) string
	arns    map[string]string
	names   []string
	list    []question
	faults  []string
	opened  map[string]*iam.Policy
}

func lines(table string) (list []string) {
	for line := range strings.SplitSeq(table, "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, line)
		}
	}
	return list
}

func questions(p partition, v variant) (*asker, error) {
	prefix, bucket := "Spa-", "spa-devops-bucket-1a2b3c4d5e6f"
	if given := v.devOps["NamePrefix"]; given != "" {
		prefix = given
	}
	if given := v.devOps["ArtifactBucket"]; given != "" {
		bucket = given
	}
	a := &asker{variant: v, arns: map[string]string{}, opened: map[string]*iam.Policy{}, fill: func(text string) string {
		return strings.NewReplacer("{N}", prefix, "{B}", bucket).Replace(p.fill(text))
	}}
	for _, line := range lines(names) {
		words := strings.Fields(line)
		a.names, a.arns[words[0]] = append(a.names, words[0]), a.fill(words[1])
	}
	a.ownPolicies()
	a.trusts()
	a.overridden()
	for _, line := range lines(single) {
		words := strings.Fields(line)
		a.ask(words[1], words[2], words[3], strings.Join(words[4:], " "), words[0] == "yes" || words[0] != "no" && v.with(words[0]))
	}
	if len(a.faults) > 0 {
		return nil, fmt.Errorf("the tables: %s", strings.Join(a.faults, "; "))
	}
	return a, nil
}

// ask adds a question. A name that ends in + is an administrator, or a target
// that trusts all.
func (a *asker) ask(who, action, target, context string, want bool) {
	q := question{action: action, want: want, context: iam.Context{}}
	var arn string
	arn, q.admin = strings.CutSuffix(who, "+")
	if q.who = a.arns[arn]; q.who == "" {
		q.who = arn + ".amazonaws.com" // in every partition
	} else if !slices.Contains(ours, arn) {
		q.admin = true
	}
	name, open := strings.CutSuffix(target, "+")
	if q.target = a.arns[name]; q.target == "" {
		a.faults = append(a.faults, "nothing is called "+target)
	}
	if open && q.target != "*" {
		q.open = a.openTo(q.target, strings.HasPrefix(action, "sts:"))
	}
	for _, pair := range strings.Fields(context) {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			a.faults = append(a.faults, pair+" is no key and value")
		}
		for name, arn := range a.arns {
			value = strings.ReplaceAll(value, "<"+name+">", arn)
		}
		q.context[strings.ToLower(key)] = strings.Split(a.fill(value), ",")
	}
	// A boundary takes from our roles all that they have by their own policies,
	// which is all but what a service is allowed.
	if a.variant.feature("boundary") && slices.Contains(ours, arn) {
		q.want = false
	}
	a.list = append(a.list, q)
	if q, ok := q.filled(); ok {
		a.list = append(a.list, q)
	}
}

// openTo is a policy of a target that leaves all to those of the accounts.
func (a *asker) openTo(target string, isRole bool) *iam.Policy {
	kind, statement := iam.Resource, map[string]any{"Effect": "Allow", "Principal": map[string]any{"AWS": []any{cloudOps, devOps, automation, foreign}}, "Action": "*", "Resource": target}
	if isRole {
		kind, statement["Action"] = iam.Trust, "sts:*"
		delete(statement, "Resource")
	}
	key := fmt.Sprint(target, isRole)
	if a.opened[key] == nil {
		policy, err := iam.Parse("open", kind, map[string]any{"Version": "2012-10-17", "Statement": []any{statement}})
		if err != nil {
			a.faults = append(a.faults, err.Error())
		}
		a.opened[key] = &policy
	}
	return a.opened[key]
}

// grant is one line of what is allowed.
type grant struct{ actions, targets []string }

// narrowed is one for requests that say something of themselves.
type narrowed struct {
	who, context string
	grant
	on bool
}

func (g grant) has(action, target string) bool {
	return (slices.Contains(g.actions, action) || slices.Contains(g.actions, "*")) && (slices.Contains(g.targets, target) || slices.Contains(g.targets, "*"))
}

// ownPolicies asks every role of ours for every action on every target, each as
// if the target did not mind.
func (a *asker) ownPolicies() {
	var narrow []narrowed
	grants, told := map[string][]grant{}, map[string]int{}
	for _, line := range lines(allowed) {
		fields := strings.Split(line, "|")
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		fields = append(fields, "", "")
		g := grant{actions: strings.Fields(fields[1]), targets: strings.Fields(fields[2])}
		if begin, several, ok := strings.Cut(fields[1], "("); ok {
			g.actions = nil
			for name := range strings.SplitSeq(strings.TrimSuffix(several, ")"), ",") {
				g.actions = append(g.actions, begin+name)
			}
		}
		switch has := a.variant.with(fields[3]); {
		case fields[4] != "": // without that, the square below expects a no
			narrow = append(narrow, narrowed{fields[0], fields[4], g, has})
		case has:
			grants[fields[0]] = append(grants[fields[0]], g)
		}
	}
	for _, n := range narrow {
		for _, who := range ours {
			for _, action := range n.actions {
				for _, target := range n.targets {
					allows := func(m narrowed) bool { return m.who == who && m.context == n.context && m.on && m.has(action, target) }
					want := slices.ContainsFunc(narrow, allows) || slices.ContainsFunc(grants[who], func(g grant) bool { return g.has(action, target) })
					a.ask(who, action, target+"+", n.context, want)
				}
			}
		}
	}
	for _, line := range lines(square) {
		left, targets, _ := strings.Cut(line, "|")
		words := strings.Fields(left)
		for _, target := range strings.Fields(targets) {
			for _, name := range words[1:] {
				for _, who := range ours {
					action := words[0] + ":" + name
					want := slices.ContainsFunc(grants[who], func(g grant) bool { return g.has(action, target) })
					if want {
						told[who]++
					}
					a.ask(who, action, target+"+", "", want)
				}
			}
		}
	}
	for who, list := range grants {
		if told[who] < len(list) {
			a.faults = append(a.faults, "not all that "+who+" is allowed is asked")
		}
	}
}

// trusts asks everybody for every role of ours: as they are, and as if they
// were administrators.
func (a *asker) trusts() {
	yes := map[string][]string{}
	for _, line := range lines(trusted) {
		words := strings.Fields(line)
		yes[words[0]] = words[1:]
	}
	exists := map[string]bool{"previewer": a.variant.feature("preview"), "look": a.variant.feature("preview"), "batch": a.variant.feature("batch"), "schedule": a.variant.feature("schedule")}
	is := func(name string) bool { there, optional := exists[name]; return there || !optional }
	for _, role := range ours {
		context := ""
		if id := map[string]string{"settings": "settings-id", "deploy": "deploy-id", "look": "deploy-id"}[role]; id != "" && a.variant.feature("externalid") {
			context = "sts:ExternalId=" + id
		}
		for _, who := range a.names {
			if !strings.Contains(a.arns[who], ":iam::") {
				continue
			}
			want := slices.Contains(yes[who], role) && is(who) && is(role)
			if strings.Contains(a.arns[who], ":root") {
				a.ask(who, "sts:AssumeRole", role, context, false)
				continue
			}
			if slices.Contains(ours, who) {
				a.ask(who, "sts:AssumeRole", role, context, want)
			}
			a.ask(who+"+", "sts:AssumeRole", role, context, want)
			a.ask(who+"+", "sts:TagSession", role, context, false)
			a.ask(who+"+", "sts:SetSourceIdentity", role, context, false)
		}
		for _, service := range []string{"codebuild", "lambda", "events", "codecommit", "scheduler", "ec2", "cloudformation"} {
			if service != "lambda" || role != "function" { // which single asks
				a.ask(service, "sts:AssumeRole", role, "", false)
			}
		}
	}
}

// wired are the faults of what runs as which role.
func (a *asker) wired(w *world) (faults []string) {
	seen := map[string]bool{}
	for _, line := range lines(wires) {
		fields := append(strings.Split(line, "|"), "")
		key, want, feature := strings.TrimSpace(fields[0]), a.arns[strings.TrimSpace(fields[1])], strings.TrimSpace(fields[2])
		seen[key] = true
		if !a.variant.with(feature) {
			want = ""
		}
		if got := w.wires[key]; got != want {
			faults = append(faults, fmt.Sprintf("%s is %q, want %q", key, got, want))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(w.wires)) {
		if !seen[key] && !strings.HasSuffix(key, "SPA_RUNNER_COMMAND") {
			faults = append(faults, key+" is not known to the table")
		}
	}
	return faults
}

// unasked are the actions that a document names and no question does: who else
// may do them would not be known.
func (a *asker) unasked(w *world) (faults []string) {
	asked := map[string]bool{"*": true, "s3:*": true}
	for _, q := range a.list {
		asked[q.action] = true
	}
	for _, d := range w.documents {
		for _, element := range list(d.body["Statement"]) {
			statement, _ := element.(map[string]any)
			for _, action := range words(statement["Action"]) {
				if !asked[action] {
					faults = append(faults, d.name+" names "+action+", which no question does")
				}
			}
		}
	}
	return faults
}
