// Package pipeline is the mechanism of spa-runner: what a step is, how a list
// of steps is run, which AWS identity a step holds, what a child process sees
// and how it ends. It knows no step and no variable by name: the steps are in
// package steps, the list of them in cmd/spa-runner/plan.go.
//
// The idea that everything rests on: a step declares its AWS identity by the
// type parameter of the [Credentials] that it embeds, and that value is also
// the only way to reach an identity. Declaring and holding are one act, so a
// reviewer who has read the plan knows who may act as whom.
package pipeline

import "context"

// Scope is an AWS identity that a step may declare. The set is closed: no
// other package can add to it.
type Scope interface {
	None | Settings | Packages | Deploy
	name() string
}

// None is the scope of a step that acts as nobody.
type None struct{}

// Settings is the scope of a step that may read the private settings.
type Settings struct{}

// Packages is the scope of a step that may read the packages that a company
// keeps on AWS, and nothing else.
type Packages struct{}

// Deploy is the scope of a step that may change the target account.
type Deploy struct{}

func (None) name() string     { return "none" }
func (Settings) name() string { return "settings" }
func (Packages) name() string { return "packages" }
func (Deploy) name() string   { return "deploy" }

// Step is one entry of the plan: a struct whose fields are its parameters and
// that embeds one [Credentials].
type Step interface {
	// Name is unique in a plan, in kebab case: it is what logs, --until and
	// the golden file of the scopes call the step.
	Name() string

	// Params are the parameters as plan and record show them, in the order of
	// reading, without secrets. They are asked for when the step starts, so what
	// variables.sh changed shows in later steps.
	Params() []Param

	// Run does the work. An error ends the pass. It does not begin with the
	// step's name: the loop adds that.
	Run(ctx context.Context, rt *Runtime) error

	// scope seals the interface: only embedding Credentials provides it.
	scope() string
}

// Param is one parameter of a step, for people to read.
type Param struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ScopeOf tells which identity a step declared: "none", "settings",
// "packages" or "deploy".
func ScopeOf(s Step) string { return s.scope() }
