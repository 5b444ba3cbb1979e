package main

import (
	"os"
	"os/exec"
	"testing"

	"spa-runner/internal/oracle"
)

// asks says whether a program of others is to be asked, and here: it is, if the command succeeds.
func asks(t *testing.T, command ...string) bool {
	t.Helper()
	if !oracle.Asked(os.Getenv) {
		t.Logf("%v is not asked: SPA_TEST_ORACLES is not 1, as make check sets it", command)
		return false
	}
	if err := exec.CommandContext(t.Context(), command[0], command[1:]...).Run(); err != nil {
		t.Logf("%v is not here: %v", command, err)
		return false
	}
	return true
}

// needsCLI skips a test that is nothing without the AWS CLI.
func needsCLI(t *testing.T) {
	t.Helper()
	oracle.Need(t, os.Getenv)
	if !asks(t, "aws", "--version") {
		t.Skip("the AWS CLI is not here")
	}
}
