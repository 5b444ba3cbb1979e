package main

import "slices"

// previewTarget is what SPA calls `cdk diff`.
const previewTarget = "diff"

// previews says that all there is to make in place of a deployment shows what one
// would change, and changes nothing.
func (c *Config) previews() bool {
	other := func(target string) bool { return target != previewTarget }
	return len(c.DeployTargets) > 0 && !slices.ContainsFunc(c.DeployTargets, other)
}
