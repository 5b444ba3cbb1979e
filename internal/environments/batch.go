package environments

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"spa-runner/internal/lazyregexp"
)

// MaxBuilds is how many builds a batch may have, unless its project says less.
const MaxBuilds = 100

var (
	// CodeBuild reads the version of a batch as a number, and refuses "0.2":
	// https://github.com/aws/aws-cdk/issues/29592
	version = lazyregexp.New(`(?m)^version:[ \t]+0\.2[ \t]*(#.*)?\r?$`)
	batch   = lazyregexp.New(`(?m)^["']?batch["']?[ \t]*:`)
)

// Batch makes of the buildspec of one build that of a batch, with one build for
// each environment, which is told its folder as SETTINGS_ENVIRONMENT_PATH. One
// that fails leaves the others alone. The errors say what CodeBuild would refuse.
// https://docs.aws.amazon.com/codebuild/latest/userguide/batch-build-buildspec.html
func Batch(buildspec string, environments []string) (string, error) {
	switch {
	case len(environments) == 0:
		return "", errors.New("a batch of no environment: CodeBuild knows none")
	case len(environments) > MaxBuilds:
		return "", fmt.Errorf("a batch of %d environments, and CodeBuild takes %d builds: give some of them a folder of their own, with a project of its own",
			len(environments), MaxBuilds)
	case !version.MatchString(buildspec):
		return "", errors.New("the buildspec has no line `version: 0.2`, without quotes: a batch needs that, in YAML")
	case batch.MatchString(buildspec):
		return "", errors.New("the buildspec has a batch already: give the one of a single build")
	}
	var b strings.Builder
	b.WriteString(strings.TrimRight(buildspec, "\r\n") + "\n\nbatch:\n  fast-fail: false\n  build-list:\n")
	taken := map[string]bool{}
	for _, folder := range environments {
		if !utf8.ValidString(folder) {
			return "", fmt.Errorf("the name of the environment %q is not in UTF-8, and a buildspec is: rename the folder", folder)
		}
		// What %+q writes, ASCII alone, every YAML reads alike, as long as it was UTF-8. It is quoted because null and true are names too.
		fmt.Fprintf(&b, "    - identifier: %q\n      env:\n        variables:\n          SETTINGS_ENVIRONMENT_PATH: %+q\n",
			identifier(path.Base(folder), taken), folder)
	}
	return b.String(), nil
}

// maxName leaves room for what makes an identifier unique.
const maxName = 100

var notInIdentifier = regexp.MustCompile(`[^A-Za-z0-9]+`)

// identifier makes of the name of a folder one that CodeBuild takes for a build,
// and takes it: letters, digits and underscores, less than 128, and unique.
// https://github.com/aws/copilot-cli/pull/1673 quotes the error.
func identifier(name string, taken map[string]bool) string {
	name = strings.Trim(notInIdentifier.ReplaceAllString(name, "_"), "_")
	name = name[:min(len(name), maxName)]
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "e" + name
	}
	unique := name
	for n := 2; taken[strings.ToLower(unique)]; n++ {
		unique = fmt.Sprintf("%s_%d", name, n)
	}
	taken[strings.ToLower(unique)] = true
	return unique
}
