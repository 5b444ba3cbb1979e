package iam

import (
	"slices"
	"strings"
)

// query is a request with its whole context.
type query struct {
	Request
	context Context
	action  string // in small letters
}

// granted is what the policy of the resource gives.
type granted struct {
	by      string // the statement
	named   bool   // it names who asks, or everybody, and not just the account
	session bool   // it names the very session, or everybody
}

func (g granted) decision(otherwise string) Decision {
	if g.by == "" {
		return Decision{Reason: otherwise}
	}
	return Decision{Allowed: true, Reason: "allowed by " + g.by}
}

func (q query) isTrust() bool { return q.Policy != nil && q.Policy.kind == Trust }

// ownPolicies decides by what the principal itself has.
func (q query) ownPolicies() Decision {
	p := q.Principal
	by := q.first(p.Identity, false)
	switch {
	case p.isRoot():
		return Decision{Allowed: true, Reason: "the root of an account needs no policy"}
	case by == "":
		return Decision{Reason: "no policy of its own allows it"}
	case !q.within(p.Boundary):
		return Decision{Reason: "its permissions boundary does not allow it"}
	case !q.within(p.Narrowed):
		return Decision{Reason: "its session policy does not allow it"}
	}
	return Decision{Allowed: true, Reason: "allowed by " + by}
}

func (q query) within(limit *Policy) bool {
	return limit == nil || q.first([]Policy{*limit}, false) != ""
}

// unlimited tells whether a grant of the same account to the principal itself
// is cut by what limits the principal's own policies.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-eval-logic
func (q query) unlimited(g granted) bool {
	if g.session {
		return true
	}
	isUser := strings.Contains(q.Principal.ARN, ":user/")
	return q.within(q.Principal.Narrowed) && (isUser || q.within(q.Principal.Boundary))
}

// denied looks in all policies, and in that of the resource.
func (q query) denied(policies []Policy) string {
	if q.Policy != nil {
		for _, s := range q.Policy.statements {
			if s.deny && q.applies(s) && q.names(s).by != "" {
				return s.name
			}
		}
	}
	return q.first(policies, true)
}

func (q query) first(policies []Policy, deny bool) string {
	for _, policy := range policies {
		for _, s := range policy.statements {
			if s.deny == deny && q.applies(s) {
				return s.name
			}
		}
	}
	return ""
}

// grant finds the best that the policy of the resource gives.
func (q query) grant() (best granted) {
	if q.Policy == nil {
		return best
	}
	for _, s := range q.Policy.statements {
		if s.deny || !q.applies(s) {
			continue
		}
		g := q.names(s)
		if g.by != "" && (best.by == "" || g.named && !best.named || g.session) {
			best = g
		}
	}
	return best
}

// names tells whether, and how, a statement's principal is who asks.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
func (q query) names(s statement) granted {
	p := q.Principal
	if p.Service != "" {
		if s.everybody || slices.Contains(s.services, p.Service) {
			return granted{by: s.name, named: true}
		}
		return granted{}
	}
	parts := strings.SplitN(p.ARN, ":", 6)
	session := p.sessionARN()
	switch {
	case session != "" && slices.Contains(s.arns, session):
		return granted{by: s.name, named: true, session: true}
	case s.everybody: // which, with or without aws:PrincipalArn, no boundary limits:
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-roles
		return granted{by: s.name, named: true, session: true}
	case slices.Contains(s.arns, p.ARN):
		return granted{by: s.name, named: true}
	case slices.Contains(s.accounts, parts[4]) || slices.Contains(s.arns, "arn:"+parts[1]+":iam::"+parts[4]+":root"):
		return granted{by: s.name}
	}
	return granted{}
}

// applies looks at all of a statement but its principal.
func (q query) applies(s statement) bool {
	is := func(pattern string) bool { return glob(pattern, q.action) }
	if slices.ContainsFunc(s.actions, is) != (s.notActions == nil) || slices.ContainsFunc(s.notActions, is) {
		return false
	}
	on := func(pattern string) bool {
		filled, ok := fill(pattern, q.context, true)
		return ok && glob(filled, q.Target)
	}
	isTrust := s.resources == nil && s.notResources == nil
	if !isTrust && (slices.ContainsFunc(s.resources, on) != (s.notResources == nil) || slices.ContainsFunc(s.notResources, on)) {
		return false
	}
	return !slices.ContainsFunc(s.conditions, func(c condition) bool { return !c.holds(q.context) })
}
