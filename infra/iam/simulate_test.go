package iam

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// simulate asks npm's @cloud-copilot/iam-simulate, in a folder with node_modules.
func simulate(t *testing.T, folder string, requests []Request) []string {
	t.Helper()
	simulations := make([]map[string]any, len(requests))
	for i, r := range requests {
		simulations[i] = r.Simulation()
	}
	input, err := json.Marshal(simulations)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "node", "testdata/simulate.mjs", folder)
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
