package gitclone

import (
	"bufio"
	"compress/zlib"
	"context"
	"crypto/sha1" //nolint:gosec // the checksum of the format, not a signature
	"encoding/binary"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// writePack packs objects one after another, without deltas. go-git's encoder
// loads all of them before it writes the first.
func writePack(ctx context.Context, w io.Writer, store storer.EncodedObjectStorer, objects []plumbing.Hash) error {
	sum := sha1.New()
	to := bufio.NewWriterSize(io.MultiWriter(w, sum), 64<<10)
	head := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(len(objects))) //nolint:gosec // they are in memory
	if _, err := to.Write(head); err != nil {
		return err
	}
	deflate, err := zlib.NewWriterLevel(to, zlib.BestSpeed)
	if err != nil {
		return err
	}
	for _, h := range objects {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		o, err := store.EncodedObject(plumbing.AnyObject, h)
		if err != nil {
			return fmt.Errorf("object %s: %w", h, err)
		}
		if _, err := to.Write(packHeader(o.Type(), o.Size())); err != nil {
			return err
		}
		deflate.Reset(to)
		if err := deflateObject(ctx, deflate, o); err != nil {
			return fmt.Errorf("object %s: %w", h, err)
		}
	}
	if err := to.Flush(); err != nil {
		return err
	}
	_, err = w.Write(sum.Sum(nil))
	return err
}

func deflateObject(ctx context.Context, to *zlib.Writer, o plumbing.EncodedObject) error {
	r, err := o.Reader()
	if err != nil {
		return err
	}
	_, err = io.Copy(to, untilDone(ctx, r))
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	if cerr := to.Close(); err == nil {
		err = cerr
	}
	return err
}

func packHeader(t plumbing.ObjectType, size int64) []byte {
	b := []byte{byte(t)<<4 | byte(size&15)}
	for size >>= 4; size > 0; size >>= 7 {
		b[len(b)-1] |= 0x80
		b = append(b, byte(size&0x7f))
	}
	return b
}
