package infra_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"spa-runner/infra/iam"
)

// TestAnswersAgreeWithIAMSimulate puts the questions to another evaluator as
// well, npm's @cloud-copilot/iam-simulate. It refuses what no service has, such
// as starting a report: of such a question it has no opinion.
func TestAnswersAgreeWithIAMSimulate(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("SPA_IAM_SIMULATE")
	if folder == "" {
		t.Skip("SPA_IAM_SIMULATE names no folder with npm's @cloud-copilot/iam-simulate: the answers are not compared with it")
	}
	ts := readTemplates(t)
	agree, differ, none := 0, 0, 0
	for _, p := range partitions() {
		for _, v := range variants() {
			s, a := makeState(t, ts, p, v)
			var asked []question
			var requests []iam.Request
			for _, q := range a.list {
				if r, exists := s.request(q); exists {
					asked, requests = append(asked, q), append(requests, r)
				}
			}
			for i, answer := range simulate(t, folder, requests) {
				switch allowed := answer == "Allowed"; {
				case strings.HasPrefix(answer, "error: "):
					none++
				case allowed == asked[i].want:
					agree++
				default:
					if differ++; differ < 20 {
						t.Errorf("%s, %s: %v: there it is %s, want %t", p.name, v.name, asked[i], answer, asked[i].want)
					}
				}
			}
		}
	}
	t.Logf("iam-simulate agrees on %d questions, differs on %d, and has no opinion on %d", agree, differ, none)
}

func simulate(t *testing.T, folder string, requests []iam.Request) []string {
	t.Helper()
	simulations := make([]map[string]any, len(requests))
	for i, r := range requests {
		simulations[i] = r.Simulation()
	}
	input, err := json.Marshal(simulations)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "node", "iam/testdata/simulate.mjs", folder)
	command.WaitDelay = time.Second
	command.Stdin = bytes.NewReader(input)
	var stderr strings.Builder
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, stderr.String())
	}
	var answers []string
	if err := json.Unmarshal(output, &answers); err != nil || len(answers) != len(requests) {
		t.Fatalf("%d answers to %d questions, %v", len(answers), len(requests), err)
	}
	return answers
}
