package infra_test

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// TestEveryMutantIsCaught makes one mistake at a time in what IAM is told, and
// wants a question that is answered wrongly for each.
func TestEveryMutantIsCaught(t *testing.T) {
	t.Parallel()
	ts := readTemplates(t)
	same := equivalent()
	met := map[string]bool{}
	for _, p := range partitions() {
		caught, total := 0, 0
		for _, v := range variants() {
			s, a := makeState(t, ts, p, v)
			alive, n, err := s.survivors(a)
			if err != nil {
				t.Fatal(err)
			}
			total, caught = total+n, caught+n-len(alive)
			for _, name := range alive {
				pattern := slices.IndexFunc(same, func(e [2]string) bool { ok, _ := path.Match(e[0], name); return ok })
				if pattern < 0 {
					t.Errorf("%s, %s: no question finds %q", p.name, v.name, name)
					continue
				}
				met[same[pattern][0]] = true
			}
		}
		t.Logf("%s: %d mutants, %d caught, %d mean the same", p.name, total, caught, total-caught)
	}
	for _, e := range same {
		if !met[e[0]] {
			t.Errorf("%q is said to mean the same, and no such mutant survives", e[0])
		}
	}
}

// survivors are the names of the mutants that answer every question as the true
// world does, and how many there are in all.
func (s *state) survivors(a *asker) (alive []string, n int, err error) {
	about := map[string][]question{} // by who asks and by what is asked for
	for _, q := range a.list {
		about[q.who] = append(about[q.who], q)
		if to := owner(q.target); to != q.who && !q.open {
			about[to] = append(about[to], q)
		}
	}
	all := s.world.mutants()
	for _, m := range all {
		at := map[string]bool{}
		for _, arn := range m.at {
			at[arn] = true
		}
		changed, err := s.changed(m.world, at)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", m.name, err)
		}
		faults := a.wired(m.world)
		for _, arn := range slices.Sorted(maps.Keys(at)) {
			if len(faults) == 0 {
				faults, err = changed.wrong(about[arn], 1)
			}
			if err != nil {
				return nil, 0, fmt.Errorf("%s: %w", m.name, err)
			}
		}
		if len(faults) == 0 {
			alive = append(alive, strings.ReplaceAll(m.name, "Other-", "Spa-"))
		}
	}
	return alive, len(all), nil
}

// equivalent are the mutants that allow and deny nobody anything else than the
// true document, and why.
func equivalent() [][2]string {
	return [][2]string{}
}
