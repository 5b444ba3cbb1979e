package pipeline

import "context"

// LookPath finds a program as a child that is started in dir would, along the
// PATH of children.
func (e *Environ) LookPath(name, dir string) (string, error) {
	return lookPath(name, dir, e.Pairs())
}

// find gives the program of a command that runs as a user, with an environment. One that
// the build was given is the same for every user.
func (rt *Runtime) find(user *User, c Command, env []string) (string, error) {
	if c.Given {
		return lookPath(c.Argv[0], c.Dir, rt.Env.Pairs())
	}
	return user.lookPath(c.Argv[0], c.Dir, env)
}

// Find gives the program that Exec would start in the scope None.
func Find(ctx context.Context, rt *Runtime, c Command) (string, error) {
	env, release, err := childEnv(ctx, rt, Credentials[None]{}, c)
	if err != nil {
		return "", err
	}
	defer release()
	return rt.find(rt.user((None{}).name()), c, env)
}
