package main

import (
	"os"
	"os/exec"
	"testing"
)

// oracles says whether programs of others are tried and asked, such as the AWS CLI, which
// takes a second to begin: make check does that, make test does not.
func oracles() bool { return os.Getenv("SPA_TEST_ORACLES") == "1" }

// oracle says whether such a program is to be asked, and here: it is, if the command succeeds.
func oracle(t *testing.T, command ...string) bool {
	t.Helper()
	if !oracles() {
		t.Logf("%v is not asked: SPA_TEST_ORACLES is not 1, as make check sets it", command)
		return false
	}
	if err := exec.CommandContext(t.Context(), command[0], command[1:]...).Run(); err != nil {
		t.Logf("%v is not here: %v", command, err)
		return false
	}
	return true
}

// needsCLI skips a test that has no sense without the AWS CLI.
func needsCLI(t *testing.T) {
	t.Helper()
	if !oracle(t, "aws", "--version") {
		t.Skip("the AWS CLI is not asked, or not here")
	}
}
