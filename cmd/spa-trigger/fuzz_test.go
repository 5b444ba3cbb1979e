package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"spa-runner/internal/awsname"
)

// FuzzEvent: whatever arrives, a build runs with checked values alone, and an
// error has one line of a length that a log takes.
func FuzzEvent(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 8 {
		f.Fatalf("the recorded events: %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add(`{"Records":[{"eventSource":"aws:codecommit","eventId":"\u0000"}]}`)
	commit := regexp.MustCompile(`^[0-9a-f]{40}$`)
	arn := regexp.MustCompile(`^arn:[!-~]+$`)
	f.Fuzz(func(t *testing.T, payload string) {
		r, err := readEvent([]byte(payload), "refs/heads/main")
		if err != nil {
			if len(r.pushes) != 0 || strings.Contains(err.Error(), "\n") || len(err.Error()) > 5000 {
				t.Errorf("%+v with the error %v", r, err)
			}
			return
		}
		for _, p := range r.pushes {
			if !commit.MatchString(p.commit) || p.before != "" && !commit.MatchString(p.before) || p.event == "" ||
				!arn.MatchString(p.repository.String()) || p.pusher != "" && !arn.MatchString(p.pusher) {
				t.Errorf("%+v of %q", p, payload)
			}
			if _, err := time.Parse(time.RFC3339, p.at); p.at != "" && (err != nil || !strings.HasSuffix(p.at, "Z")) {
				t.Errorf("the time is %q", p.at)
			}
			for _, v := range variables(p) {
				if strings.ContainsAny(*v.Value, "\x00\r\n \"'`$;&|<>\\") {
					t.Errorf("%s is %q", *v.Name, *v.Value)
				}
			}
		}
		if !json.Valid([]byte(payload)) {
			t.Errorf("%q is read", payload)
		}
	})
}

// FuzzEnvironments: what is taken can be written down again and is then the same,
// and no file belongs to two of the environments.
func FuzzEnvironments(f *testing.F) {
	for _, seed := range []string{"a=P1, b/c=P2", "sandbox=arn:aws:codebuild:us-east-1:444444444444:project/Sandbox@" + otherRole, "a=P1@@", "=", "a=b=c", "a,b", "a=P1\xff", "a=P1 a/b=P2"} {
		f.Add(seed)
	}
	role, err := awsname.ParseRole(triggerRole)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, list string) {
		targets, err := parseEnvironments(list, &role, "eu-west-1")
		if err != nil {
			return
		}
		var again []string
		for _, one := range targets {
			again = append(again, one.folder+"="+one.project.String()+"@"+one.role.String())
			for _, other := range targets {
				if other != one && strings.HasPrefix(other.folder+"/", one.folder+"/") {
					t.Errorf("%q has %s in %s", list, other.folder, one.folder)
				}
			}
			if one.project.account != one.role.Account {
				t.Errorf("%q has a project of another account than its role: %+v", list, one)
			}
		}
		same, err := parseEnvironments(strings.Join(again, ","), &role, "eu-west-1")
		switch {
		case strings.Contains(strings.Join(again, ""), ",") || strings.Count(strings.Join(again, ""), "@") != len(again):
			return // a role may have a comma or an @ in its name, which an entry cannot say
		case err != nil || len(same) != len(targets):
			t.Fatalf("%q gives %+v, and that again %+v, %v", list, targets, same, err)
		}
		for i := range same {
			if same[i] != targets[i] {
				t.Errorf("%q gives %+v, and that again %+v", list, targets[i], same[i])
			}
		}
	})
}
