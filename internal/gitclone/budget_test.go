package gitclone

import (
	"context"
	"errors"
	"io"
	"testing"
)

// TestBudget has one taker wait for another, one that could never get what it
// asks for, and one whose context ends.
func TestBudget(t *testing.T) {
	t.Parallel()
	b := newBudget(100)
	if err := errors.Join(b.keep(20), b.take(t.Context(), 60)); err != nil {
		t.Fatal(err)
	}
	if b.try(21) || !b.try(20) {
		t.Error("20 bytes are free: more were given, or not those")
	}
	if err := b.take(t.Context(), 81); !errors.Is(err, errMemory) {
		t.Errorf("81 bytes of 80: %v", err)
	}
	if err := b.keep(1); !errors.Is(err, errMemory) {
		t.Errorf("nothing is free to keep: %v", err)
	}
	waiting, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the run was interrupted")
	got := make(chan error)
	go func() { got <- b.take(waiting, 30) }()
	cancel(cause)
	if err := <-got; !errors.Is(err, cause) {
		t.Errorf("after the end: %v", err)
	}
	go func() { got <- b.take(t.Context(), 80) }()
	b.give(20)
	b.give(60)
	if err := <-got; err != nil {
		t.Error(err)
	}
	b.give(80)
	b.release(20)
	if !b.try(100) {
		t.Error("not all is free again")
	}
}

func TestAnIndexBeyondTheBudgetIsRefused(t *testing.T) {
	p := pack{objects: make([]object, 3), memory: newBudget(3*indexCost - 1)}
	if err := p.writeIndex(io.Discard); !errors.Is(err, errMemory) {
		t.Errorf("got %v, want %v", err, errMemory)
	}
}
