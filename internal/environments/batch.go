package environments

import (
	"errors"
	"fmt"
	"strings"
)

// Batch makes of the buildspec of one build that of a batch, with one build for
// each environment, which is told its folder as SETTINGS_ENVIRONMENT_PATH. One
// that fails leaves the others alone.
// https://docs.aws.amazon.com/codebuild/latest/userguide/batch-build-buildspec.html
func Batch(buildspec string, environments []string) (string, error) {
	if len(environments) == 0 {
		return "", errors.New("a batch of no environment")
	}
	var b strings.Builder
	b.WriteString(strings.TrimRight(buildspec, "\n") + "\nbatch:\n  fast-fail: false\n  build-list:\n")
	for i, folder := range environments {
		fmt.Fprintf(&b, "    - identifier: e%d\n      env:\n        variables:\n          SETTINGS_ENVIRONMENT_PATH: %q\n", i+1, folder)
	}
	return b.String(), nil
}
