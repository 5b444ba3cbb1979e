package main

import (
	"testing"

	"spa-runner/internal/gitclone"
)

// Who pushed is told of the commit that was pushed, and of no other.
func TestWhoPushedWhat(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pass                      int
		took, trigger, pusher, at string
		want                      string
	}{
		{1, "a", "", "", "", ""},
		{1, "a", "a", "", "", "the push of a"},
		{1, "a", "a", "alice", "noon", "the push of a by alice at noon"},
		{1, "b", "a", "alice", "noon", "another push of a by alice at noon"},
		{1, "", "a", "alice", "noon", "the push of a by alice at noon"}, // no commit is told of
		{1, "b", "", "alice", "", "the push by alice"},
		{2, "b", "a", "alice", "noon", "an earlier push of a by alice at noon"},
		{2, "a", "a", "alice", "noon", "an earlier push of a by alice at noon"}, // back again, by somebody
		{2, "a", "", "", "", ""},
	} {
		c := &Config{Trigger: test.trigger, Pusher: test.pusher, PushedAt: test.at}
		s := summary{number: test.pass, plan: &planner{config: c, facts: &facts{settings: gitclone.Result{Target: gitclone.Target{Commit: test.took}}}}}
		if got := s.push(); got != test.want {
			t.Errorf("%+v: got %q", test, got)
		}
	}
}
