package gitclone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"

	"spa-runner/internal/hostfault"
)

// transfer is a pack on its way.
type transfer struct {
	pack     io.Reader
	closer   io.Closer
	shallows []plumbing.Hash // commits that come without their parents
}

// refusal is what a server sends instead of a pack, or in the middle of one.
type refusal struct {
	text string
	late bool // it had begun to send: the fault is not in what was asked for
}

func (r *refusal) Error() string { return fmt.Sprintf("the server refused: %.300q", r.text) }

// sidebandReader makes a refusal of what the server says on the channel for
// errors, of which the demultiplexer makes an error without a type.
type sidebandReader struct{ from io.Reader }

func (s sidebandReader) Read(b []byte) (int, error) {
	n, err := s.from.Read(b)
	if err == nil {
		return n, nil
	}
	if line := (*pktline.ErrorLine)(nil); errors.As(err, &line) {
		return n, &refusal{text: line.Text, late: true}
	}
	if said, ok := strings.CutPrefix(err.Error(), "unexpected error: "); ok {
		err = &refusal{text: strings.TrimSpace(said), late: true}
	}
	return n, err
}

// demultiplex takes the pack out of the stream that also carries a server's messages.
func demultiplex(caps *capability.List, r io.Reader) io.Reader {
	switch {
	case caps.Supports(capability.Sideband64k):
		return sidebandReader{sideband.NewDemuxer(sideband.Sideband64k, r)}
	case caps.Supports(capability.Sideband):
		return sidebandReader{sideband.NewDemuxer(sideband.Sideband, r)}
	}
	return r
}

// download stores the objects of c and makes them readable.
func download(ctx context.Context, repo *repository, from remote, c choice) (*pack, []plumbing.Hash, error) {
	t, err := from.fetch(ctx, c.wants, c.shallow)
	if err != nil {
		return nil, nil, explainDownload(ctx, err, from, c)
	}
	p, err := repo.storePack(ctx, t.pack)
	if cerr := t.closer.Close(); err == nil && cerr != nil {
		p.close()
		err = cerr
	}
	if err != nil {
		return nil, nil, explainDownload(ctx, err, from, c)
	}
	return p, t.shallows, nil
}

func explainDownload(ctx context.Context, err error, from remote, c choice) error {
	if line := (*pktline.ErrorLine)(nil); errors.As(err, &line) {
		err = &refusal{text: line.Text}
	}
	no, explained := (*refusal)(nil), (*failure)(nil)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("downloading %s of %s: interrupted: %w", c.Ref, from, context.Cause(ctx))
	case errors.As(err, &explained):
		return err
	case errors.As(err, &no) && no.late:
		return fault(ErrBrokenOff, err, "downloading %s of %s: %v; try again, or ask those who run it", c.Ref, from, no)
	case errors.As(err, &no) && c.Kind == Commit:
		return fault(ErrRefNotFound, err, "commit %s is on no branch and no tag of %s (%v); check the hash, and that it was pushed", c.Ref, from, err)
	case errors.As(err, &no):
		return fault(ErrRefused, err, "downloading %s of %s: %v; it may have moved just now, try again", c.Ref, from, err)
	}
	if _, ours := hostfault.Of(err); ours { // to download it again would not help
		return fault(nil, err, "downloading %s of %s: %v", c.Ref, from, err)
	}
	return fault(broke(err), err, "downloading %s of %s: the transfer broke off or is damaged (%.300q); try again", c.Ref, from, err.Error())
}
