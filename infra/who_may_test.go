package infra_test

import (
	"testing"
)

// TestWhoMayDoWhat deploys the three stacks together, in every way and in three
// partitions, and asks who may do what.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	ts := readTemplates(t)
	asked, deployments, yes := 0, 0, 0
	for _, p := range partitions() {
		for _, v := range variants() {
			s, a := makeState(t, ts, p, v)
			faults, err := s.wrong(a.list, 20)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range append(faults, a.wired(s.world)...) {
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
