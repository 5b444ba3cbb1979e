// Package oracle is for tests that ask programs of others: cfn-lint, moto, the AWS CLI. They
// take seconds to begin, so that make check asks them and make test does not.
package oracle

// Asked says whether they are to be asked, by the environment of the tests.
func Asked(getenv func(string) string) bool { return getenv("SPA_TEST_ORACLES") == "1" }

// Skipper is a test.
type Skipper interface {
	Helper()
	Skip(args ...any)
}

// Need skips a test that is nothing without them.
func Need(t Skipper, getenv func(string) string) {
	t.Helper()
	if !Asked(getenv) {
		t.Skip("it asks a program of others: make check does that, by SPA_TEST_ORACLES=1")
	}
}
