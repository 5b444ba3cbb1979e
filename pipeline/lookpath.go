package pipeline

import "context"

// LookPath finds a program as a child that is started in dir would, along the
// PATH of children.
func (e *Environ) LookPath(name, dir string) (string, error) {
	return lookPath(name, dir, e.Pairs())
}

// Find gives the program that Exec would start in the scope None.
func Find(ctx context.Context, rt *Runtime, c Command) (string, error) {
	env, release, err := childEnv(ctx, rt, Credentials[None]{}, c)
	if err != nil {
		return "", err
	}
	defer release()
	return rt.user((None{}).name()).lookPath(c.Argv[0], c.Dir, env)
}
