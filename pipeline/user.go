package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// User is whom all children run as that do not deploy, where the runner is root:
// what other people's code can reach then ends at the border of a user, which holds
// where leaving variables out does not. Those in scope Deploy run as root.
type User struct {
	Name string
	// Home is a folder of its own, made for one run: what `npm install -g` and
	// pip put there is on the PATH of all later children.
	Home string

	uid, gid int
}

// LookupUser finds a user by name or number. A number need not be in
// /etc/passwd; its group is then the one of the same number. It refuses root, the
// group of root, and a user who has processes, since all of them are ended after each child.
func LookupUser(name string) (*User, error) {
	found, err := user.Lookup(name)
	if _, notNumber := strconv.ParseUint(name, 10, 31); err != nil && notNumber == nil {
		if found, err = user.LookupId(name); err != nil {
			found, err = &user.User{Username: name, Uid: name, Gid: name}, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("there is no user %q on this machine: name one that `getent passwd` lists there, or write a number", name)
	}
	u, err := newUser(name, found)
	if err != nil {
		return nil, err
	}
	pids, err := u.processes()
	if err != nil {
		return nil, err
	}
	if len(pids) > 0 {
		return nil, fmt.Errorf("%d processes of the user %q are running, such as %d, and would be ended: name a user who is there for this alone; "+
			"ps -fu %s shows them; those of a run that was killed must end first", len(pids), name, pids[0], name)
	}
	return u, nil
}

// newUser takes the numbers of a user, which must not be root's.
func newUser(name string, found *user.User) (*User, error) {
	uid, err := strconv.Atoi(found.Uid)
	gid, gidErr := strconv.Atoi(found.Gid)
	switch err = errors.Join(err, gidErr); {
	case err != nil:
		return nil, fmt.Errorf("the numbers of the user %q: %w", name, err)
	case uid == 0:
		return nil, errors.New("that is root, from whom nothing is kept: name another user")
	case gid == 0: // which in some images may write to /etc/passwd
		return nil, fmt.Errorf("the group of the user %q is that of root, to which many files are open: name a user with a group of its own", name)
	}
	return &User{Name: name, uid: uid, gid: gid}, nil
}

// MakeHome makes the home, in the system's folder for temporary files.
func (u *User) MakeHome() error {
	home, err := os.MkdirTemp("", "spa-runner-home-")
	if err == nil {
		u.Home = home
		err = os.Lchown(home, u.uid, u.gid)
	}
	if err != nil {
		return fmt.Errorf("making a home for the user %s: %w", u.Name, err)
	}
	return u.CanReach(home)
}

// RemoveHome removes the home, if there is one.
func (u *User) RemoveHome() error {
	if u == nil || u.Home == "" {
		return nil
	}
	return os.RemoveAll(u.Home)
}

// CanReach tells, by an error that names the first folder in the way, whether the
// user may go through a folder and all those above it.
func (u *User) CanReach(folder string) error {
	real, err := filepath.EvalSymlinks(folder)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	for dir := real; err == nil; dir = filepath.Dir(dir) {
		var info fs.FileInfo
		if info, err = os.Stat(dir); err == nil && !u.may(info, 1) {
			return fmt.Errorf("the user %s may not go through %s, and so cannot reach %s: use another folder, or chmod o+x that one", u.Name, dir, real)
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("looking whether the user %s can reach %s: %w", u.Name, folder, err)
	}
	return nil
}

// CanRead tells whether the user may read a file; false also if it is not there.
func (u *User) CanRead(file string) bool {
	info, err := os.Stat(file)
	return err == nil && u.may(info, 4) && u.CanReach(filepath.Dir(file)) == nil
}

// may says whether the mode of a file gives the user a right: 4, 2 or 1.
func (u *User) may(info fs.FileInfo, right fs.FileMode) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case ok && int(stat.Uid) == u.uid:
		right <<= 6
	case ok && int(stat.Gid) == u.gid:
		right <<= 3
	}
	return info.Mode()&right != 0
}

// credential is as whom a child is started, without any other group.
func (u *User) credential() *syscall.Credential {
	return &syscall.Credential{Uid: uint32(u.uid), Gid: uint32(u.gid)} //nolint:gosec // 31 bits
}

// longestPath is the length in bytes of the longest path that a program can use
// (PATH_MAX of Linux). A tree that goes deeper was made to keep somebody busy: each
// step down takes longer than the one before.
const longestPath = 4096

// give makes a tree the user's, or root's again. Links are not followed. A file
// with a second name stays as it is: that name may be anywhere. What ends with ctx
// in the middle belongs to both.
func (u *User) give(ctx context.Context, tree string, toUser bool) error {
	info, err := os.Lstat(tree)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if isUsers := ok && int(stat.Uid) == u.uid; !ok || !info.IsDir() || isUsers == toUser {
		return nil
	}
	uid, gid := 0, 0
	if toUser {
		uid, gid = u.uid, u.gid
	}
	root, err := os.OpenRoot(tree)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case len(name) >= longestPath:
			return fmt.Errorf("there are folders in %.20q… that no path reaches, of more than %d bytes", name, longestPath)
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && !entry.IsDir() && stat.Nlink > 1 {
			return nil
		}
		return root.Lchown(name, uid, gid)
	})
	if err != nil {
		return fmt.Errorf("handing %s over to uid %d: %w", tree, uid, err)
	}
	return nil
}

// CloseFolder closes a folder of root's to the untrusted user, if there is one: the
// children of this step are ended first, since they could have opened it.
func (rt *Runtime) CloseFolder(folder string) error {
	if rt.Untrusted == nil {
		return nil
	}
	err := rt.endAll()
	if err == nil {
		err = os.Chmod(folder, 0o700)
	}
	if err != nil {
		return fmt.Errorf("closing %s to the user %s: %w", folder, rt.Untrusted.Name, err)
	}
	return nil
}

// local is the folder in the home where npm and pip put what a user installs.
const local = ".local"

// home sets what makes programs use the user's home and not root's.
func (u *User) home(vars map[string]string) {
	for name := range vars {
		if strings.HasPrefix(strings.ToUpper(name), "XDG_") || strings.EqualFold(name, "npm_config_cache") {
			delete(vars, name)
		}
	}
	vars["HOME"], vars["USER"], vars["LOGNAME"] = u.Home, u.Name, u.Name
	vars["npm_config_cache"] = filepath.Join(u.Home, ".cache", "npm")
	vars["PIP_CACHE_DIR"] = filepath.Join(u.Home, ".cache", "pip")
}

// installed makes what the user installed by npm and pip usable for any child, the
// deployment included: its programs are on the PATH, and npm and Python find the
// packages that these need.
func (u *User) installed(vars map[string]string) {
	for name := range vars {
		if strings.EqualFold(name, "npm_config_prefix") || strings.EqualFold(name, "PYTHONUSERBASE") {
			delete(vars, name)
		}
	}
	folder := filepath.Join(u.Home, local)
	vars["PATH"] = filepath.Join(folder, "bin") + string(os.PathListSeparator) + vars["PATH"]
	vars["npm_config_prefix"] = folder
	vars["PYTHONUSERBASE"] = folder
}
