package pipeline

// LookPath finds a program as a child that is started in dir would, along the
// PATH of children.
func (e *Environ) LookPath(name, dir string) (string, error) {
	return lookPath(name, dir, e.Pairs())
}
