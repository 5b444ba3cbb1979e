package gitclone

import (
	"context"
	"fmt"
	"sync"
)

var errMemory = fmt.Errorf("unpacking it takes more than the %d bytes of memory that a clone may use, and is refused", memoryBudget)

// budget is the memory that unpacking may use, in bytes, over all workers of a
// clone. What can be streamed takes nothing of it.
type budget struct {
	mu    sync.Mutex
	limit int64         // without what is kept
	free  int64         // of the limit
	more  chan struct{} // closed when some is given back
}

func newBudget(limit int64) *budget {
	return &budget{limit: limit, free: limit, more: make(chan struct{})}
}

// keep takes n bytes for something that stays in memory until release is called
// or the clone ends.
func (b *budget) keep(n int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > b.free {
		return b.exceeded(n)
	}
	b.limit -= n
	b.free -= n
	return nil
}

// release gives back what was kept.
func (b *budget) release(n int64) {
	b.mu.Lock()
	b.limit += n
	b.mu.Unlock()
	b.give(n)
}

// try takes n bytes if they are free now, for a caller that holds some already:
// two of those that waited for each other would wait forever.
func (b *budget) try(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > b.free {
		return false
	}
	b.free -= n
	return true
}

// take takes n bytes, and waits until others give them back. What can never be
// free is refused at once.
func (b *budget) take(ctx context.Context, n int64) error {
	for {
		b.mu.Lock()
		if n > b.limit {
			defer b.mu.Unlock()
			return b.exceeded(n)
		}
		if n <= b.free {
			b.free -= n
			b.mu.Unlock()
			return nil
		}
		more := b.more
		b.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (b *budget) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += n
	close(b.more)
	b.more = make(chan struct{})
}

// exceeded needs the lock.
func (b *budget) exceeded(n int64) error {
	return fmt.Errorf("%w: it takes %d bytes, and %d are left", errMemory, n, b.free)
}

// keep takes memory until the pack is closed.
func (p *pack) keep(n int64) error {
	err := p.memory.keep(n)
	if err == nil {
		p.kept += n
	}
	return err
}
