package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"spa-runner/internal/config"
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
		c := &config.Config{Trigger: test.trigger, Pusher: test.pusher, PushedAt: test.at}
		s := summary{number: test.pass, plan: &planner{config: c, facts: &facts{settings: gitclone.Result{Target: gitclone.Target{Commit: test.took}}}}}
		if got := s.push(); got != test.want {
			t.Errorf("%+v: got %q", test, got)
		}
	}
}

// The last event tells who pushed what it is about, and how long that took to be deployed: of nothing else.
func TestTheLastEventTellsOfItsOwnPush(t *testing.T) {
	t.Parallel()
	const noon = "2026-03-01T12:00:00Z"
	for name, test := range map[string]struct {
		pass              int
		took, trigger, at string
		deployed          bool
		now               time.Duration // after noon
		want              string
	}{
		"deployed":                     {1, "a", "a", noon, true, 90500 * time.Millisecond, "pusher=alice pushed_at=" + noon + " since_push_ms=90500"},
		"in the second of the push":    {1, "a", "a", noon, true, 0, "pusher=alice pushed_at=" + noon + " since_push_ms=0"},
		"the clock is behind":          {1, "a", "a", noon, true, -time.Second, "pusher=alice pushed_at=" + noon},
		"not deployed":                 {1, "a", "a", noon, false, time.Minute, "pusher=alice pushed_at=" + noon},
		"before the settings came":     {1, "", "a", noon, false, time.Minute, "pusher=alice pushed_at=" + noon},
		"when is not known":            {1, "a", "a", "", true, time.Minute, "pusher=alice pushed_at="},
		"a later push came with it":    {1, "b", "a", noon, true, time.Minute, ""},
		"in another pass":              {2, "a", "a", noon, true, time.Minute, ""},
		"of which commit is not known": {1, "a", "", noon, true, time.Minute, ""},
	} {
		c := &config.Config{Trigger: test.trigger, Pusher: "alice", PushedAt: test.at}
		s := summary{number: test.pass, plan: &planner{config: c, facts: &facts{settings: gitclone.Result{Target: gitclone.Target{Commit: test.took}}}}}
		at, err := time.Parse(time.RFC3339, noon)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range s.pushed(at.Add(test.now), test.deployed) {
			enc := zapcore.NewMapObjectEncoder()
			f.AddTo(enc)
			got = append(got, fmt.Sprint(f.Key, "=", enc.Fields[f.Key]))
		}
		if got := strings.Join(got, " "); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}
