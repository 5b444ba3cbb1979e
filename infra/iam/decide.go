package iam

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Context are the condition keys of a request, in small letters, with their
// values.
type Context map[string][]string

// Principal is who asks: somebody with an ARN, or a service of AWS.
type Principal struct {
	ARN      string // of a role, a user, or the root of an account
	Session  string // name of the session, for a role
	Service  string // such as lambda.amazonaws.com
	Identity []Policy
	Boundary *Policy // permissions boundary
	Narrowed *Policy // session policy
}

// Request is one question: may Principal do Action on Target?
type Request struct {
	Principal Principal
	Action    string
	Target    string  // ARN of the resource, or * for an action that has none
	Account   string  // that owns the resource
	Policy    *Policy // of the resource; a role's is its trust
	Context   Context // beside what follows from the principal and the account
}

// Decision is the answer, and which statement it comes from.
type Decision struct {
	Allowed bool
	Reason  string
}

// Decide answers a request. An error means that the question itself is wrong.
func Decide(request Request) (Decision, error) {
	if err := request.check(); err != nil {
		return Decision{}, err
	}
	q := query{Request: request, context: request.fullContext(), action: strings.ToLower(request.Action)}
	p := request.Principal
	identity := p.Identity
	if p.Boundary != nil {
		identity = append(slices.Clip(identity), *p.Boundary)
	}
	if p.Narrowed != nil {
		identity = append(slices.Clip(identity), *p.Narrowed)
	}
	if by := q.denied(identity); by != "" {
		return Decision{Reason: "denied by " + by}, nil
	}
	byResource := q.grant()
	switch {
	case p.isRoot() && q.action == "sts:assumerole":
		return Decision{Reason: "the root of an account cannot assume roles"}, nil
	case p.Service != "":
		return byResource.decision("no statement of the resource allows the service"), nil
	case request.Account != p.account():
		if own := q.ownPolicies(); !own.Allowed {
			return own, nil
		}
		return byResource.decision("no statement of the resource allows the other account"), nil
	case byResource.named && q.unlimited(byResource):
		return byResource.decision(""), nil
	case q.isTrust() && byResource.by == "":
		return Decision{Reason: "the role does not trust it"}, nil
	}
	return q.ownPolicies(), nil
}

func (r Request) check() error {
	p := r.Principal
	switch {
	case (p.ARN == "") == (p.Service == ""):
		return errors.New("a principal has an ARN or is a service")
	case p.ARN != "" && !isPrincipal(p.ARN):
		return fmt.Errorf("%q is no role, user or root", p.ARN)
	case strings.Contains(p.ARN, ":role/") != (p.Session != ""):
		return errors.New("a role has a session, and nobody else has one")
	case !strings.Contains(r.Action, ":") || strings.ContainsAny(r.Action, "*? "):
		return fmt.Errorf("%q is no action", r.Action)
	case len(r.Account) != 12 || strings.Trim(r.Account, "0123456789") != "":
		return fmt.Errorf("%q is no account", r.Account)
	case r.Target != "*" && !strings.HasPrefix(r.Target, "arn:"):
		return fmt.Errorf("%q is no ARN", r.Target)
	case r.Policy != nil && r.Policy.kind == Identity:
		return errors.New("the policy of the resource is one of an identity")
	}
	for _, policy := range p.Identity {
		if policy.kind != Identity {
			return fmt.Errorf("%s is no policy of an identity", policy.Name)
		}
	}
	for key := range r.Context {
		if isKnown, _ := known(key); !isKnown {
			return fmt.Errorf("the key %s of the context is not known", key)
		}
	}
	return nil
}

// isPrincipal looks at an ARN without a regular expression: it is done for
// every one of many thousand questions.
func isPrincipal(arn string) bool {
	parts := strings.SplitN(arn, ":", 6)
	return len(parts) == 6 && parts[0] == "arn" && parts[2] == "iam" && len(parts[4]) == 12 &&
		(parts[5] == "root" || strings.HasPrefix(parts[5], "role/") || strings.HasPrefix(parts[5], "user/"))
}

func (p Principal) account() string {
	if p.ARN == "" {
		return ""
	}
	return strings.SplitN(p.ARN, ":", 6)[4]
}

// sessionARN is empty for who is no role.
func (p Principal) sessionARN() string {
	if p.Session == "" {
		return ""
	}
	role := p.ARN[strings.LastIndex(p.ARN, "/")+1:] // without its path
	return "arn:" + strings.SplitN(p.ARN, ":", 3)[1] + ":sts::" + p.account() + ":assumed-role/" + role + "/" + p.Session
}

func (p Principal) isRoot() bool { return strings.HasSuffix(p.ARN, ":root") }

// fullContext adds what AWS itself puts into every request of a principal.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
func (r Request) fullContext() Context {
	full := maps.Clone(r.Context)
	if full == nil {
		full = Context{}
	}
	full["aws:resourceaccount"] = []string{r.Account}
	if full["aws:securetransport"] == nil {
		full["aws:securetransport"] = []string{"true"}
	}
	p := r.Principal
	if p.Service != "" {
		full["aws:principalisawsservice"] = []string{"true"}
		full["aws:principalservicename"] = []string{p.Service}
		return full
	}
	full["aws:principalisawsservice"] = []string{"false"}
	full["aws:principalarn"] = []string{p.ARN}
	full["aws:principalaccount"] = []string{p.account()}
	switch {
	case p.Session != "":
		full["aws:principaltype"] = []string{"AssumedRole"}
	case p.isRoot():
		full["aws:principaltype"] = []string{"Account"}
	default:
		full["aws:principaltype"] = []string{"User"}
		full["aws:username"] = []string{p.ARN[strings.LastIndex(p.ARN, "/")+1:]}
	}
	return full
}
