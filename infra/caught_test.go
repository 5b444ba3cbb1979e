package infra_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestEveryMutantIsCaught makes one mistake at a time in what IAM is told, and
// wants a question that is answered wrongly for each.
func TestEveryMutantIsCaught(t *testing.T) {
	t.Parallel()
	ts := readTemplates(t)
	in := partitions()
	if os.Getenv("SPA_RUNNER_LONG") != "1" {
		t.Logf("in %s alone: all partitions need SPA_RUNNER_LONG=1; TestWhoMayDoWhat asks the same questions in each", in[0].name)
		in = in[:1]
	}
	for _, p := range in {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			alive, total, statements, err := ts.survivors(t, p)
			if err != nil {
				t.Fatal(err)
			}
			same := equivalent()
			for _, name := range alive {
				if _, listed := same[name]; !listed {
					t.Errorf("no question finds %q", name)
				}
			}
			for name := range same {
				if !slices.Contains(alive, name) {
					t.Errorf("%q is said to mean the same, and no such mutant survives", name)
				}
			}
			if statements < 30 {
				t.Errorf("only %d statements were looked at", statements)
			}
			t.Logf("%s: %d mutants of %d statements, %d caught, %d mean the same", p.name, total, statements, total-len(alive), len(alive))
		})
	}
}

// survivors are the names of the mutants that no variant of a partition finds,
// how many there are in all, and of how many statements. What many variants have alike is one.
func (ts templates) survivors(t *testing.T, p partition) (alive []string, total, statements int, err error) {
	t.Helper()
	caught := map[string]bool{}
	for _, v := range variants() {
		if v.feature("prefix") {
			continue // the same documents under other names
		}
		bounded := v.feature("boundary") // where nobody may anything, so that all other mutants look alike
		s, a := makeState(t, ts, p, v)
		if faults, err := s.wrong(a.list, 1); err != nil || len(faults)+len(a.wired(s.world)) > 0 {
			return nil, 0, 0, fmt.Errorf("the world without a mistake answers wrongly: %v %v %w", faults, a.wired(s.world), err)
		}
		by, of := map[string][]question{}, map[string][]question{} // who asks, and what is asked for
		for _, q := range a.list {
			by[q.who] = append(by[q.who], q)
			if to := owner(q.target); q.open == nil {
				of[to] = append(of[to], q)
			}
		}
		for _, m := range s.world.mutants() {
			if !caught[m.name+m.of] && (!bounded || strings.HasSuffix(m.name, " without its boundary")) {
				if caught[m.name+m.of], err = s.catches(a, by, of, m); err != nil {
					return nil, 0, 0, fmt.Errorf("%s, %s, %s: %w", p.name, v.name, m.name, err)
				}
			}
		}
	}
	for name, was := range caught {
		if !was {
			name, _, _ = strings.Cut(name, "\n")
			alive = append(alive, name)
		}
		if strings.Contains(name, ": taken away\n") {
			statements++
		}
	}
	slices.Sort(alive)
	return alive, len(caught), statements, nil
}

// catches tells whether a mutant answers a question otherwise.
func (s *state) catches(a *asker, by, of map[string][]question, m mutant) (bool, error) {
	if len(a.wired(m.world)) > 0 {
		return true, nil
	}
	at := map[string]bool{}
	for _, arn := range m.at {
		at[arn] = true
	}
	changed, err := s.changed(m.world, at)
	if err != nil {
		return false, err
	}
	for arn := range at {
		list := by[arn]
		if m.ofTarget {
			list = of[arn]
		}
		if faults, err := changed.wrong(list, 1); err != nil || len(faults) > 0 {
			return true, err
		}
	}
	return false, nil
}

// equivalent are the mutants that allow and deny nobody anything else than the
// true document, and why.
func equivalent() map[string]string {
	const (
		pinned  = "aws:PrincipalArn names the one role in any case, and with it the account"
		always  = "every request of a role has aws:PrincipalArn"
		itsOwn  = "the policy of a resource is asked about that resource alone"
		single  = "without batches its role may start builds alone"
		starts  = "a role that starts no build needs no limits"
		lending = "requests that lend an interface alone have this key"
	)
	list := map[string]string{
		"DevOps BucketPolicy, EncryptedOnTheWay: principal the account itself": "nobody else is let in at all",
		"DevOps BucketPolicy, EncryptedOnTheWay: all actions":                  "a bucket knows those of S3 alone",
		"DevOps BucketPolicy, EncryptedOnTheWay: Bool if the key exists":       "every request has aws:SecureTransport",
		"DevOps RunnerPolicy, LendItToCodeBuild: all actions":                  lending,
		"DevOps RunnerPolicy, LendItToCodeBuild: all actions of ec2":           lending,
	}
	for _, trust := range []string{
		"CloudOps ReadSettingsRole trust, BuildsOfDevOps", "Automation DeployEnvironmentRole trust, BuildsOfDevOps",
		"Automation PreviewEnvironmentRole trust, PreviewsOfDevOps", "DevOps DeploymentTriggerRole trust, TriggerOfCloudOps",
	} {
		for _, principal := range []string{"the account itself", "everybody", "everybody with an identity"} {
			list[trust+": principal "+principal] = pinned
		}
		list[trust+": ArnEquals if the key exists"] = always
	}
	for _, resource := range []string{"CloudOps TriggerPermission", "CloudOps RulePermission", "DevOps FailuresPolicy, RulesOfEventBridge", "DevOps BucketPolicy, EncryptedOnTheWay"} {
		list[resource+": all resources"], list[resource+": all resources of that kind"] = itsOwn, itsOwn
	}
	commands := "DevOps DeploymentTriggerPolicy, WithItsOwnCommands: all actions"
	list[commands], list[commands+" of codebuild"] = single, single
	for _, role := range []string{"DeployEnvironmentServiceRole", "OnCodeCommitUpdateRole", "PreviewEnvironmentRole", "PreviewServiceRole", "ReadSettingsRole"} {
		list["DevOps TriggerLimitsPolicy given to Spa-"+role] = starts
	}
	return list
}
