package gitclone

import (
	"encoding/binary"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// A few kilobytes of a pack can unpack to gigabytes, so what has to be in memory
// as a whole is measured before it is unpacked. Files that are stored without a
// delta and need no conversion are streamed, and may be of any size.
const (
	maxWhole      = 512 << 20 // bytes of a file; git makes no deltas of larger ones (core.bigFileThreshold)
	maxMeta       = 64 << 20  // bytes of a tree, a commit or a tag
	maxAttributes = 100 << 20 // bytes of a .gitattributes file, as in git
	maxPath       = 4095      // bytes of a path or of a link's target: PATH_MAX of Linux without the NUL
	maxHeld       = 256 << 20 // bytes of contents to keep while deltas to them are resolved
	maxSpool      = 512 << 20 // bytes to keep of what was inflated
	maxHistory    = 4 << 30   // bytes of the history of a branch, where a server cannot leave out the files
	maxHead       = 256 << 20 // bytes of what a server sends before the pack
)

func limitOf(t plumbing.ObjectType) int64 {
	switch t {
	case plumbing.CommitObject, plumbing.TreeObject, plumbing.TagObject:
		return maxMeta
	}
	return maxWhole
}

func checkSize(size, limit int64) error {
	if size > limit {
		return fmt.Errorf("it is %d bytes when unpacked, more than %d is refused", size, limit)
	}
	return nil
}

// patch applies a delta, unless that makes more than limit bytes.
// https://git-scm.com/docs/pack-format#_deltified_representation
func patch(base, delta []byte, limit int64) ([]byte, error) {
	_, n := binary.Uvarint(delta) // the size of the base
	if n <= 0 {
		return nil, packfile.ErrInvalidDelta
	}
	size, n := binary.Uvarint(delta[n:])
	if n <= 0 {
		return nil, packfile.ErrInvalidDelta
	}
	if err := checkSize(int64(min(size, 1<<62)), limit); err != nil { //nolint:gosec // just bounded
		return nil, err
	}
	return packfile.PatchDelta(base, delta)
}
