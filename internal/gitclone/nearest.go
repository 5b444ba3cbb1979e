package gitclone

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"spa-runner/internal/typos"
)

const maxNearest = 5

var (
	versionPrefix = regexp.MustCompile(`^v\.?(\d)`)
	leadingZeros  = regexp.MustCompile(`(^|\D)0+(\d)`)
)

// nearest names the refs that ref may have been meant to be, tags first, and
// how many there are. It starts where "no such branch or tag there" ends. There may
// be a million: when ctx ends, not all were looked at.
func (a *advert) nearest(ctx context.Context, ref string) string {
	type candidate struct {
		name             string
		tag              bool
		distance, shared int
	}
	var found []candidate
	nTags, nBranches := 0, 0
	short := strings.TrimPrefix(strings.TrimPrefix(ref, branches), tags)
	wanted := plain(short)
	// A third of a name may be wrong: v23.08.27 was meant to be v23.08.03.
	limit := max(2, len(wanted)/3)
	for full := range a.refs {
		if ctx.Err() != nil {
			break
		}
		name, isTag := strings.CutPrefix(full, tags)
		if isTag {
			nTags++
		} else if name, _ = strings.CutPrefix(full, branches); name != full {
			nBranches++
		} else {
			continue
		}
		if d := typos.Distance(wanted, plain(name), limit); d <= limit {
			found = append(found, candidate{name, isTag, d, sharedPrefix(wanted, plain(name))})
		}
	}
	slices.SortFunc(found, func(x, y candidate) int {
		if x.tag != y.tag {
			if x.tag {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(x.distance, y.distance), cmp.Compare(y.shared, x.shared), cmp.Compare(x.name, y.name))
	})
	text := fmt.Sprintf(", which has %s and %s", count(nBranches, "branch", "branches"), count(nTags, "tag", "tags"))
	for i, c := range found[:min(len(found), maxNearest)] {
		separator, kind := ", ", Branch
		if i == 0 {
			separator = "; the nearest: "
		}
		if c.tag {
			kind = Tag
		}
		text += fmt.Sprintf("%s%s %s", separator, kind, c.name)
	}
	if len(found) == 0 {
		text += "; none has a similar name, list them with git ls-remote"
	}
	return text
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// plain makes the same of v23.8.3, V23.08.03 and v.23.08.3.
func plain(name string) string {
	name = versionPrefix.ReplaceAllString(strings.ToLower(name), "$1")
	return leadingZeros.ReplaceAllString(name, "$1$2")
}

func sharedPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
