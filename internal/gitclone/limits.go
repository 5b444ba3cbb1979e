package gitclone

import (
	"fmt"
	"math"

	"github.com/go-git/go-git/v5/plumbing"
)

// A few kilobytes of a pack can unpack to gigabytes, so what has to be in memory
// as a whole is measured before it is unpacked. All else is streamed, and may be
// of any size.
const (
	memoryBudget  = 512 << 20 // bytes of memory, for all that unpacking holds at a time
	maxMeta       = 64 << 20  // bytes of a tree, a commit or a tag
	maxAttributes = 100 << 20 // bytes of a .gitattributes file, as in git
	maxPath       = 4095      // bytes of a path or of a link's target: PATH_MAX of Linux without the NUL
	maxSmall      = 1 << 20   // bytes of an object that is handled in memory; a larger one is streamed
	maxSpool      = 512 << 20 // bytes to keep of what was inflated
	maxHistory    = 4 << 30   // bytes of the history of a branch, where a server cannot leave out the files
	maxHead       = 64 << 20  // bytes of what a server sends before the pack: a million refs
	maxTags       = 100       // annotated tags from a ref to its commit
)

// What is held in memory, in bytes. A test measures it.
const (
	objectCost = 320 // of an object of a pack, with its place in maps
	refCost    = 192 // more, of a delta whose base is named by its hash
	indexCost  = 256 // of an object while the index of a pack is written
	fileCost   = 768 // of a file to check out, besides its path
	seenCost   = 64  // of a commit in the history of a branch
	treeFactor = 8   // of a tree that is decoded, for each byte of it
	// Of a content that deltas wait for: the garbage collector lets the memory grow
	// to twice of what is in use.
	contentFactor = 2
	commitFactor  = 4 // of a commit or a tag, with its parts
)

// limitOf is the size of an object from which it is refused, whatever is free.
func limitOf(t plumbing.ObjectType) int64 {
	if t == plumbing.BlobObject {
		return math.MaxInt64
	}
	return maxMeta
}

func checkSize(size, limit int64) error {
	if size > limit {
		return fmt.Errorf("it is %d bytes when unpacked, more than %d is refused", size, limit)
	}
	return nil
}
