package iam

// Simulation is the request as npm's @cloud-copilot/iam-simulate reads it.
func (r Request) Simulation() map[string]any {
	p := r.Principal
	who := p.Service
	if p.ARN != "" {
		who = p.ARN
	}
	if session := p.sessionARN(); session != "" {
		who = session
	}
	named := func(list ...Policy) []any {
		result := []any{}
		for _, policy := range list {
			result = append(result, map[string]any{"name": policy.Name, "policy": policy.Document})
		}
		return result
	}
	// Of a key with one value it wants the value, of several the list.
	context := map[string]any{}
	for key, values := range r.fullContext() {
		context[key] = values[0]
		if _, several := known(key); several {
			context[key] = values
		}
	}
	simulation := map[string]any{
		"request": map[string]any{
			"principal": who, "action": r.Action, "contextVariables": context,
			"resource": map[string]any{"resource": r.Target, "accountId": r.Account},
		},
		"identityPolicies":        named(p.Identity...),
		"serviceControlPolicies":  []any{},
		"resourceControlPolicies": []any{},
	}
	if p.Boundary != nil {
		simulation["permissionBoundaryPolicies"] = named(*p.Boundary)
	}
	if p.Narrowed != nil {
		simulation["sessionPolicy"] = p.Narrowed.Document
	}
	if r.Policy != nil {
		simulation["resourcePolicy"] = r.Policy.Document
	}
	return simulation
}
