package main

import "slices"

const (
	// deployTarget is the one that deploys, in SPA and in the demo.
	deployTarget = "deploy"
	// previewTarget is what SPA calls `cdk diff`.
	previewTarget = "diff"
)

// deploys says that the target that deploys is among those of make-deploy. What other
// targets do to the account, such as bootstrap-cdk, is not called a deployment.
func (c *Config) deploys() bool { return slices.Contains(c.DeployTargets, deployTarget) }

// previews says that all there is to make in place of a deployment shows what one
// would change, and changes nothing.
func (c *Config) previews() bool {
	other := func(target string) bool { return target != previewTarget }
	return len(c.DeployTargets) > 0 && !slices.ContainsFunc(c.DeployTargets, other)
}
