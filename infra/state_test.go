package infra_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"spa-runner/infra/iam"
)

// state is a world in the form in which questions are answered.
type state struct {
	world    *world
	identity map[string][]iam.Policy
	boundary map[string]*iam.Policy
	resource map[string]*iam.Policy // trusts of roles too
	admin    iam.Policy
	bucket   string
}

func newState(w *world, bucket string) (*state, error) {
	admin, err := iam.Parse("AdministratorAccess", iam.Identity, w.managed[w.partition.fill("arn:{P}:iam::aws:policy/AdministratorAccess")])
	if err != nil {
		return nil, err
	}
	s := &state{world: w, identity: map[string][]iam.Policy{}, boundary: map[string]*iam.Policy{}, resource: map[string]*iam.Policy{}, admin: admin, bucket: bucket}
	return s, s.read(w.targets())
}

// targets are the ARNs of all that a document is attached to.
func (w *world) targets() map[string]bool {
	all := map[string]bool{}
	for _, d := range w.documents {
		for _, arn := range d.at {
			all[arn] = true
		}
	}
	return all
}

// changed is the state of a world that differs from this one's at some ARNs.
func (s *state) changed(w *world, at map[string]bool) (*state, error) {
	c := *s
	c.world, c.identity, c.boundary, c.resource = w, maps.Clone(s.identity), maps.Clone(s.boundary), maps.Clone(s.resource)
	return &c, c.read(at)
}

func (s *state) read(at map[string]bool) error {
	for arn := range at {
		if err := s.readOne(arn); err != nil {
			return fmt.Errorf("%s: %w", arn, err)
		}
	}
	return nil
}

func (s *state) readOne(arn string) error {
	var identity []iam.Policy
	var statements []any
	kind := iam.Resource
	for _, d := range s.world.documents {
		if !slices.Contains(d.at, arn) {
			continue
		}
		if d.kind != iam.Identity { // all that a resource has are one
			kind, statements = d.kind, append(statements, list(d.body["Statement"])...)
			continue
		}
		policy, err := iam.Parse(d.name, d.kind, d.body)
		if err != nil {
			return err
		}
		identity = append(identity, policy)
	}
	for _, managed := range s.world.attached[arn] {
		policy, err := iam.Parse(managed, iam.Identity, s.world.managed[managed])
		if err != nil {
			return err
		}
		identity = append(identity, policy)
	}
	s.identity[arn] = identity
	delete(s.boundary, arn)
	if name := s.world.boundaries[arn]; name != "" {
		policy, err := iam.Parse("boundary", iam.Identity, s.world.managed[name])
		if err != nil {
			return err
		}
		s.boundary[arn] = &policy
	}
	delete(s.resource, arn)
	if len(statements) > 0 {
		policy, err := iam.Parse("policy of "+arn, kind, map[string]any{"Version": "2012-10-17", "Statement": statements})
		if err != nil {
			return err
		}
		s.resource[arn] = &policy
	}
	return nil
}

// owner tells what a target's policy is attached to.
func owner(target string) string {
	if bucket, _, ok := strings.Cut(target, "/"); ok && strings.Contains(target, ":s3:::") {
		return bucket
	}
	return target
}

// request makes a request of a question. It tells false where the role that is
// asked for does not exist.
func (s *state) request(q question) (iam.Request, bool) {
	r := iam.Request{Action: q.action, Target: q.target, Context: q.context, Policy: s.resource[owner(q.target)]}
	if q.open != nil {
		r.Policy = q.open
	} else if r.Policy == nil && strings.HasPrefix(q.action, "sts:") {
		return r, false
	}
	if strings.HasPrefix(q.who, "arn:") {
		r.Principal = iam.Principal{ARN: q.who, Identity: s.identity[q.who], Boundary: s.boundary[q.who]}
		if strings.Contains(q.who, ":role/") {
			r.Principal.Session = "s"
		}
		if q.admin {
			r.Principal.Identity = append(slices.Clip(r.Principal.Identity), s.admin)
		}
	} else {
		r.Principal = iam.Principal{Service: q.who}
	}
	switch parts := strings.SplitN(q.target, ":", 6); {
	case q.target == "*":
		r.Account = strings.SplitN(q.who, ":", 6)[4]
	case parts[4] != "":
		r.Account = parts[4]
	default: // a bucket
		r.Account = devOps
	}
	return r, true
}

// answer decides a question.
func (s *state) answer(q question) (iam.Decision, error) {
	r, exists := s.request(q)
	if !exists {
		return iam.Decision{Reason: "there is no such role"}, nil
	}
	return iam.Decide(r)
}

// wrong are the questions whose answer is not the wanted one, at most limit.
func (s *state) wrong(list []question, limit int) (faults []string, err error) {
	for _, q := range list {
		d, err := s.answer(q)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", q, err)
		}
		if d.Allowed != q.want {
			faults = append(faults, fmt.Sprintf("%v: got %t (%s), want %t", q, d.Allowed, d.Reason, q.want))
			if len(faults) == limit {
				break
			}
		}
	}
	return faults, nil
}
