package environments

import (
	"strconv"

	"spa-runner/internal/lazyregexp"
)

// batched is an entry as Batch writes it.
var batched = lazyregexp.New(`(?m)^    - identifier: "?([A-Za-z0-9_]+)"?\n      env:\n        variables:\n          SETTINGS_ENVIRONMENT_PATH: (".*")$`)

// Batched gives back the environments of a buildspec that Batch made, by the
// identifiers of their builds; none for a buildspec of other making.
func Batched(buildspec string) map[string]string {
	folders := map[string]string{}
	for _, m := range batched.FindAllStringSubmatch(buildspec, -1) {
		if folder, err := strconv.Unquote(m[2]); err == nil {
			folders[m[1]] = folder
		}
	}
	return folders
}
