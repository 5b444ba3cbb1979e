package pipeline

import (
	"maps"
	"slices"
	"strings"
)

// Environ is the environment that children see: the build's own, without what
// is identity and without what would change the meaning of make, and what
// variables.sh exported on top of it.
type Environ struct {
	vars     map[string]string
	withheld []string
	keep     []string
}

// NewEnviron takes NAME=value pairs, as os.Environ gives them. What a child may
// not see is left out and remembered by name. Keep are names of identities of other
// systems that children may see all the same.
func NewEnviron(environ []string, keep ...string) *Environ {
	e := &Environ{vars: make(map[string]string, len(environ)), keep: keep}
	for _, pair := range environ {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			continue
		}
		if e.forbids(name) {
			e.withheld = append(e.withheld, name)
			continue
		}
		e.vars[name] = value
	}
	slices.Sort(e.withheld)
	return e
}

// Lookup gives the value of a variable and whether it is set at all.
func (e *Environ) Lookup(name string) (string, bool) {
	value, ok := e.vars[name]
	return value, ok
}

// Set sets a variable for all children from now on. A forbidden name is ignored:
// what puts names here has refused it already, with a message.
func (e *Environ) Set(name, value string) {
	if !e.forbids(name) {
		e.vars[name] = value
	}
}

func (e *Environ) forbids(name string) bool {
	return Forbidden(name) != "" || Foreign(name) != "" && !slices.Contains(e.keep, name)
}

// Unset takes a variable away.
func (e *Environ) Unset(name string) { delete(e.vars, name) }

// Withhold takes variables away for good that are secrets of the runner, such
// as a git token, and counts them among the withheld where they were set.
func (e *Environ) Withhold(names ...string) {
	for _, name := range names {
		if _, ok := e.vars[name]; ok {
			delete(e.vars, name)
			e.withheld = append(e.withheld, name)
		}
	}
	slices.Sort(e.withheld)
}

// Withheld are the names, sorted, that were there and that no child sees.
func (e *Environ) Withheld() []string { return slices.Clone(e.withheld) }

// Pairs are the variables as NAME=value, sorted, never nil: a nil environment
// would make os/exec hand the runner's own one down.
func (e *Environ) Pairs() []string { return pairs(e.vars) }

func pairs(vars map[string]string) []string {
	list := make([]string, 0, len(vars))
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		list = append(list, name+"="+vars[name])
	}
	return list
}

// forbiddenNames are those without the pattern of the others. The agent of ECS
// answers with credentials, an ssh agent signs for whoever asks, and a file for
// boto may hold keys.
var forbiddenNames = map[string]string{
	"ECS_AGENT_URI": identity,
	"SSH_AUTH_SOCK": identity,
	"BOTO_CONFIG":   identity,

	// MAKEFLAGS=i makes a failing lint succeed, n deploys nothing with exit
	// status 0, and the others bring those in, or a jobserver that is not there.
	"MAKEFLAGS":     makeMeaning,
	"MFLAGS":        makeMeaning,
	"GNUMAKEFLAGS":  makeMeaning,
	"MAKEFILES":     makeMeaning,
	"MAKELEVEL":     makeMeaning,
	"MAKEOVERRIDES": makeMeaning,
	// In the environment these two decide what $(MAKE) is.
	"MAKE":         makeMeaning,
	"MAKE_COMMAND": makeMeaning,
}

const (
	identity    = "it carries an identity, and a child gets only the one that its step declared"
	makeMeaning = "it changes what make does (i ignores failures, n runs nothing) or which make $(MAKE) is"
)

var (
	identityPrefixes = []string{"AWS_", "AMAZON_", "CODEBUILD_", "ECS_"}
	identityWords    = []string{
		"ACCESS_KEY", "SECRET", "TOKEN", "CREDENTIAL", "PROFILE",
		"ROLE_ARN", "ROLE_SESSION", "LOGIN", "CONFIG_FILE",
	}
)

// Forbidden says why no child may see a variable, whatever the project keeps, or ""
// if it may; for identities of other systems see [Foreign]. It is a rule
// over names, not a list of the ones known today, since SDKs keep adding some.
// The rule was compared with what botocore and the Go and JavaScript SDKs read;
// a test holds it against their lists.
func Forbidden(name string) string {
	upper := strings.ToUpper(name)
	if why := forbiddenNames[upper]; why != "" {
		return why
	}
	if strings.HasPrefix(upper, "ECS_CONTAINER_METADATA_URI") {
		return identity
	}
	contains := func(word string) bool { return strings.Contains(upper, word) }
	hasPrefix := func(prefix string) bool { return strings.HasPrefix(upper, prefix) }
	if slices.ContainsFunc(identityPrefixes, hasPrefix) && slices.ContainsFunc(identityWords, contains) {
		return identity
	}
	return ""
}
