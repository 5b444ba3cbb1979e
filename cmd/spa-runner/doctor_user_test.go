package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spa-runner/internal/doctor"
)

// The doctor shows what the untrusted user will get, as CodeBuild's images have it: the
// first python3 of the PATH is in root's home.
func TestDoctorShowsWhatTheUntrustedUserGets(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for name, test := range map[string]struct {
		inRootsHome []string // tools that stand there first on the PATH
		elsewhere   []string // tools that every user can start
		user        bool
		mend        []string
		looked      map[string]string // what the checks say, of $root and $usr
	}{
		"the one of the system": {
			inRootsHome: []string{"python3"}, elsewhere: []string{"make", "python3", "node", "npm"}, user: true,
			looked: map[string]string{"python3": "$usr/python3, which is what the user $user gets; make deploy, which runs as root, gets $root/python3", "node": "$usr/node", "make": "$usr/make"},
		},
		"all of them": {
			inRootsHome: []string{"python3", "node", "npm"}, elsewhere: []string{"make", "python3", "node", "npm"}, user: true,
			looked: map[string]string{"python3": "$usr/python3, ", "node": "$usr/node, ", "npm": "$usr/npm, "},
		},
		"none":           {inRootsHome: []string{"python3"}, elsewhere: []string{"make", "node", "npm"}, user: true, mend: []string{"python3"}},
		"no make":        {inRootsHome: []string{"make"}, elsewhere: []string{"python3", "node", "npm"}, user: true, mend: []string{"make"}},
		"another make":   {inRootsHome: []string{"make"}, elsewhere: []string{"make", "python3", "node", "npm"}, user: true, looked: map[string]string{"make": "$usr/make"}},
		"no other user":  {inRootsHome: []string{"python3"}, elsewhere: []string{"make", "node", "npm"}, looked: map[string]string{"python3": "$root/python3"}},
		"nothing closed": {elsewhere: []string{"make", "python3", "node", "npm"}, user: true, looked: map[string]string{"python3": "$usr/python3", "make": "$usr/make"}},
	} {
		p := newPatient(t)
		openTo(t, p.world)
		top := t.TempDir()
		root, usr := filepath.Join(top, "root", "bin"), filepath.Join(top, "usr")
		err := errors.Join(os.Chmod(filepath.Dir(top), 0o755), os.Chmod(top, 0o755), os.MkdirAll(root, 0o755), os.Mkdir(usr, 0o755))
		for folder, tools := range map[string][]string{root: test.inRootsHome, usr: test.elsewhere} {
			for _, tool := range tools {
				err = errors.Join(err, os.WriteFile(filepath.Join(folder, tool), []byte("#!/bin/sh\n"), 0o755))
			}
		}
		if err = errors.Join(err, os.Chmod(filepath.Join(top, "root"), 0o700)); err != nil {
			t.Fatal(err)
		}
		p.serve()
		p.env["PATH"] = root + ":" + usr
		if len(test.inRootsHome) == 0 {
			p.env["PATH"] = usr
		}
		user := fmt.Sprint(freeUID(7))
		if test.user {
			p.env["SPA_RUNNER_UNTRUSTED_USER"] = user
		}
		report, o := p.asked()
		if got := namesOf(report, doctor.Mend); !slices.Equal(got, test.mend) && len(got)+len(test.mend) > 0 {
			t.Errorf("%s: to be mended is %q, want %q: %v", name, got, test.mend, o)
		}
		for _, f := range report.Checks {
			if slices.Contains(test.mend, f.Name) && (!strings.Contains(f.Cause, user) || len(f.Fixes) == 0 || !strings.Contains(f.Fixes[0].Do, "chmod o+x")) {
				t.Errorf("%s: %+v", name, f)
			}
			want, ok := test.looked[f.Name]
			want = strings.NewReplacer("$root", root, "$usr", usr, "$user", user).Replace(want)
			if ok && (f.State != doctor.OK || !strings.HasPrefix(f.Looked, want)) {
				t.Errorf("%s: %s is %s, %q, want ok, %q", name, f.Name, f.State, f.Looked, want)
			}
			if ok && !strings.HasSuffix(want, ", ") && f.Looked != want {
				t.Errorf("%s: %s says %q, want %q", name, f.Name, f.Looked, want)
			}
		}
	}
}
