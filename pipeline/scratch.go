package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// scratch is a folder with files that the runner makes for the children of one
// step. It is made when the first of them is, with a name that nobody can know
// before, and is removed with the step: no other step's children can write there.
type scratch struct {
	user *User // who may go through the folder, beside its owner; nil is nobody
	mu   sync.Mutex
	dir  string
}

// file makes a file with this content, or gives the path of the one that was made.
// Its owner may read and write it; nil is the runner's user. Common files can be read
// by the untrusted user too.
func (s *scratch) file(name, content string, owner *User, common bool) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.make(); err != nil {
		return "", fmt.Errorf("making a folder for files of this step: %w", err)
	}
	path := filepath.Join(s.dir, name)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if errors.Is(err, os.ErrExist) {
		return path, nil
	}
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(content)
	if owner != nil {
		err = errors.Join(err, f.Chown(owner.uid, owner.gid))
	} else if common {
		err = errors.Join(err, f.Chmod(0o644))
	}
	return path, errors.Join(err, f.Close())
}

// make makes the folder, unless there is one: in the usual place, or where that is
// full, or has a name that make would read as several, in the next one.
func (s *scratch) make() error {
	if s.dir != "" {
		return nil
	}
	var dir string
	err := error(syscall.EINVAL)
	for _, parent := range []string{os.TempDir(), "/tmp", "/dev/shm"} {
		if err == nil {
			break
		}
		if parent, err = filepath.Abs(parent); err == nil && strings.Trim(parent, plain) != "" {
			err = fmt.Errorf("%s: its name has other characters than letters, digits and %s", parent, "._-/+@")
		}
		if err == nil {
			dir, err = os.MkdirTemp(parent, "spa-runner-step-")
		}
	}
	if err != nil {
		return err
	}
	if s.user != nil {
		// Or the user could put another folder in its place.
		if s.user.mayChange(dir) {
			err = fmt.Errorf("the user %s may change %s: set TMPDIR to a folder that this user cannot write to, or one with the sticky bit, such as /tmp", s.user.Name, dir)
		} else if err = os.Chmod(dir, 0o711); err == nil {
			err = s.user.CanReach(dir)
		}
	}
	if err != nil {
		return errors.Join(err, os.Remove(dir))
	}
	s.dir = dir
	return nil
}

// plain are the characters that have no meaning in MAKEFILES.
const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/+@"

func (s *scratch) remove() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		return nil
	}
	dir := s.dir
	s.dir = ""
	return os.RemoveAll(dir)
}

// File makes a file for the children of this step, and gives its path: in a folder
// that no child of another step can write to, removed when the step is over. Only
// children in the same scope can write to it, if it is writable; none can if not.
func File[S Scope](rt *Runtime, _ Credentials[S], name, content string, writable bool) (string, error) {
	var scope S
	if rt.scratch == nil {
		return "", errors.New("a defect of spa-runner: a file is made outside of a step")
	}
	owner := rt.user(scope.name())
	if !writable {
		owner = nil
	}
	return rt.scratch.file(name, content, owner, !writable)
}
