package gitclone

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
)

// batch is some of the files of one folder, which is opened once for all of
// them: most of the work of a small file is to walk down to its folder.
type batch struct {
	dir     string // as in os.Root.OpenRoot
	entries []*entry
}

const maxBatch = 64 // files, so that all workers have something to do in a large folder

func (l *listing) batches() []batch {
	var list []batch
	last := map[string]int{} // batch of a folder that is not full
	for i := range l.entries {
		e := &l.entries[i]
		dir := path.Dir(e.path)
		n, ok := last[dir]
		if !ok || len(list[n].entries) == maxBatch {
			n = len(list)
			last[dir], list = n, append(list, batch{dir: dir})
		}
		list[n].entries = append(list[n].entries, e)
	}
	return list
}

func (b batch) write(ctx context.Context, root *os.Root, p *pack) error {
	folder, err := root.OpenRoot(b.dir)
	if err != nil {
		return fmt.Errorf("folder %q: %w", b.dir, err)
	}
	for _, e := range b.entries {
		if ctx.Err() != nil {
			break // parallel knows
		}
		if err = write(ctx, folder, p, e); err != nil {
			err = fmt.Errorf("file %q: %w", e.path, err)
			break
		}
	}
	return errors.Join(err, folder.Close())
}
