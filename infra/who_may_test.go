package infra_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"spa-runner/infra/iam"
)

// TestWhoMayDoWhat deploys the three stacks together, in every way and in three
// partitions, and asks who may do what.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	ts := readTemplates(t)
	asked, deployments, yes := 0, 0, 0
	all := partitions()
	if testing.Short() {
		all = all[:1] // make test asks in each
	}
	for _, p := range all {
		for _, v := range variants() {
			s, a := makeState(t, ts, p, v)
			faults, err := s.wrong(a.list, 20)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range slices.Concat(faults, a.wired(s.world), a.unasked(s.world)) {
				t.Errorf("%s, %s: %s", p.name, v.name, fault)
			}
			asked, deployments = asked+len(a.list), deployments+1
			for _, q := range a.list {
				if q.want {
					yes++
				}
			}
		}
	}
	t.Logf("%d questions were asked of %d deployments, and rightly answered: %d yes, %d no", asked, deployments, yes, asked-yes)
}

func makeState(t *testing.T, ts templates, p partition, v variant) (*state, *asker) {
	t.Helper()
	stacks, err := ts.deploy(p, v)
	if err != nil {
		t.Fatal(err)
	}
	w, err := newWorld(p, v, stacks)
	if err != nil {
		t.Fatal(err)
	}
	a, err := questions(p, v)
	if err != nil {
		t.Fatalf("%s, %s: %v", p.name, v.name, err)
	}
	s, err := newState(w, a.arns["bucket"])
	if err != nil {
		t.Fatalf("%s, %s: %v", p.name, v.name, err)
	}
	return s, a
}

// With a boundary every role has it, and without one no role has any.
func TestEveryRoleHasTheBoundary(t *testing.T) {
	t.Parallel()
	ts := readTemplates(t)
	for _, v := range variants() {
		s, _ := makeState(t, ts, partitions()[0], v)
		for _, role := range s.world.roles {
			if got, want := s.world.boundaries[role] != "", v.feature("boundary"); got != want {
				t.Errorf("%s: %s has a boundary: %t, want %t", v.name, role, got, want)
			}
		}
		if v.name == "boundary" && len(s.world.roles) != len(ours)-1 { // it cannot have batches with a schedule
			t.Errorf("%d roles were looked at: %v", len(s.world.roles), s.world.roles)
		}
	}
}

// IAM refuses what is longer, white space not counted:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
func TestPoliciesAreShortEnoughForIAM(t *testing.T) {
	t.Parallel()
	ts := readTemplates(t)
	longest := map[string]int{}
	for _, v := range variants() {
		s, _ := makeState(t, ts, partitions()[2], v) // whose names are the longest
		inline := map[string]int{}
		for _, d := range s.world.documents {
			text, err := json.Marshal(d.body)
			if err != nil {
				t.Fatal(err)
			}
			size := len(strings.Join(strings.Fields(string(text)), ""))
			if d.kind == iam.Trust {
				longest["trust"] = max(longest["trust"], size)
			}
			for _, arn := range d.at {
				if d.kind == iam.Identity {
					inline[arn] += size
					longest["policies of a role"] = max(longest["policies of a role"], inline[arn])
				}
			}
		}
	}
	for what, most := range map[string]int{"trust": 2048, "policies of a role": 10240} {
		if got := longest[what]; got == 0 || got > most {
			t.Errorf("the longest %s has %d characters, of at most %d", what, got, most)
		}
		t.Logf("the longest %s has %d characters, of at most %d", what, longest[what], most)
	}
}
