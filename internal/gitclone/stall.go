package gitclone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
)

// defaultStall is longer than git's own servers are silent, which say that they
// live every five seconds (uploadpack.keepAlive).
const defaultStall = 30 * time.Second

// watch lets the answer of a server end in an error when nothing of it came for
// the limit: without it, a connection that died in silence is waited for
// until the run ends. However slow a transfer is, a byte now and then keeps it alive.
// It takes over cancel, which ends the request.
func watch(res *http.Response, limit time.Duration, cancel context.CancelCauseFunc) {
	stalled := fmt.Errorf("nothing came for %s", limit)
	timer := time.AfterFunc(limit, func() { cancel(stalled) })
	timer.Stop()
	ctx := res.Request.Context()
	cause := func() error { return context.Cause(ctx) }
	res.Body = &watched{body: res.Body, limit: limit, timer: timer, cancel: cancel, cause: cause, stalled: stalled}
}

type watched struct {
	body    io.ReadCloser
	limit   time.Duration
	timer   *time.Timer // runs while a read waits: a slow disk of ours is not the server's fault
	cancel  context.CancelCauseFunc
	cause   func() error // why the request ended
	stalled error
}

func (w *watched) Read(b []byte) (int, error) {
	w.timer.Reset(w.limit)
	n, err := w.body.Read(b)
	w.timer.Stop()
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	if errors.Is(w.cause(), w.stalled) {
		err = w.stalled
	}
	return n, &brokenOff{err}
}

func (w *watched) Close() error {
	w.timer.Stop()
	err := w.body.Close()
	w.cancel(nil)
	return err
}

// brokenOff is an error of reading an answer, as opposed to one of what was read.
type brokenOff struct{ err error }

func (b *brokenOff) Error() string { return b.err.Error() }
func (b *brokenOff) Unwrap() error { return b.err }

// broke is ErrBrokenOff if err says that an answer did not come to its end. What
// came whole and is wrong would be as wrong the next time.
func broke(err error) error {
	if off := (*brokenOff)(nil); errors.As(err, &off) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, packp.ErrEmptyInput) || errors.Is(err, pktline.ErrInvalidPktLen) { // the latter of a packet that ends in its length
		return ErrBrokenOff
	}
	return nil
}
