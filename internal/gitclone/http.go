package gitclone

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

const (
	service  = "git-upload-pack"
	infoRefs = "/info/refs"
)

// server is a repository behind git's smart HTTP protocol, version 0: one GET
// for the refs, one POST for the pack.
// https://git-scm.com/docs/http-protocol
//
// The session of go-git's own HTTP transport is not used: it hides multi_ack,
// which CodeCommit and Azure DevOps insist on, behind a package variable.
type server struct {
	client http.Client
	url    *url.URL // as configured, without user info
	auth   githttp.AuthMethod
	follow bool
	shown  string

	stall   time.Duration // to wait for the next byte of an answer
	maxHead int64         // bytes to read of an answer, not counting the pack

	// Set by advertise, for fetch.
	caps    *capability.List
	moved   *url.URL // where redirects led
	strayed bool     // on the way there they left the configured origin
}

func (s *server) String() string { return s.shown }

func (s *server) advertise(ctx context.Context) (*advert, error) {
	req, err := s.newRequest(ctx, http.MethodGet, s.url, infoRefs, nil)
	if err != nil {
		return nil, err
	}
	req.URL.RawQuery = "service=" + service
	res, err := s.do(req, "application/x-"+service+"-advertisement")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	final := *res.Request.URL
	if !strings.HasSuffix(final.Path, infoRefs) {
		return nil, fmt.Errorf("cloning %s: it redirects to something else than a git repository on %s; check the URL", s.shown, final.Host)
	}
	final.Path, final.RawPath = strings.TrimSuffix(final.Path, infoRefs), strings.TrimSuffix(final.RawPath, infoRefs)
	s.moved = &final

	adv, err := readAdvert(res.Body, s.maxHead)
	if err != nil {
		return nil, s.explainAdvert(ctx, err)
	}
	if adv.Head != nil {
		adv.References["HEAD"] = *adv.Head // of use where it is detached
	}
	s.caps = adv.Capabilities
	return &advert{
		refs:      adv.References,
		peeled:    adv.Peeled,
		anyCommit: s.caps.Supports(capability.AllowReachableSHA1InWant),
	}, nil
}

var (
	errHeadTooLong = errors.New("it does not end")
	errNoGit       = errors.New("it does not begin like one")
)

// readAdvert reads the list of refs, which is not empty.
func readAdvert(r io.Reader, limit int64) (*packp.AdvRefs, error) {
	limited := &io.LimitedReader{R: r, N: limit}
	adv := packp.NewAdvRefs()
	err := adv.Decode(limited)
	switch {
	case err != nil && limited.N <= 0:
		return nil, errHeadTooLong
	case errors.Is(err, pktline.ErrInvalidPktLen) && len(adv.Prefix) == 0:
		return nil, errNoGit
	case err == nil && adv.IsEmpty():
		return nil, packp.ErrEmptyAdvRefs
	}
	return adv, err
}

func (s *server) explainAdvert(ctx context.Context, err error) error {
	if errors.Is(err, packp.ErrEmptyAdvRefs) {
		return fault(ErrEmptyRepository, err, "cloning %s: the repository is empty; push a commit to it first", s.shown)
	}
	if ctx.Err() != nil {
		return explainTransport(ctx.Err(), s.shown, s.url.Host)
	}
	if line := (*pktline.ErrorLine)(nil); errors.As(err, &line) {
		return fault(nil, err, "cloning %s: the server says %.300q; check the URL and the credentials", s.shown, line.Text)
	}
	if errors.Is(err, errHeadTooLong) {
		return fault(nil, err, "cloning %s: the list of its refs has more than %d bytes, which is refused; check the URL", s.shown, s.maxHead)
	}
	if errors.Is(err, errNoGit) {
		return fault(nil, err, "cloning %s: the answer of %s is not that of a git server; use the URL that git clone takes", s.shown, s.moved.Host)
	}
	// The decoder stops at what it does not know; what it stopped at tells more.
	if odd := (*packp.ErrUnexpectedData)(nil); errors.As(err, &odd) && bytes.Contains(odd.Data, []byte("object-format=sha256")) {
		return fault(nil, err, "cloning %s: its objects are named by SHA-256, which is not supported; use a SHA-1 repository", s.shown)
	}
	return fault(broke(err), err, "cloning %s: the list of its refs is broken (%.200q); try again", s.shown, err.Error())
}

func (s *server) fetch(ctx context.Context, wants []plumbing.Hash, shallow bool) (*transfer, error) {
	ask, err := s.packRequest(wants, shallow)
	if err != nil {
		return nil, err
	}
	return s.request(ctx, ask)
}

// history has the server leave out folders and files where it can do that, as
// in partial clones. One that offers to, and then refuses, is asked for all.
func (s *server) history(ctx context.Context, head plumbing.Hash) (*transfer, error) {
	wants := []plumbing.Hash{head}
	if !s.caps.Supports(capability.Filter) {
		return s.fetch(ctx, wants, false)
	}
	ask, err := s.packRequest(wants, false)
	if err != nil {
		return nil, err
	}
	if err := ask.Capabilities.Set(capability.Filter); err != nil {
		return nil, fmt.Errorf("asking for commits alone: %w", err)
	}
	ask.Filter = packp.FilterTreeDepth(0)
	t, err := s.request(ctx, ask)
	if no := (*refusal)(nil); errors.As(err, &no) && !no.late {
		return s.fetch(ctx, wants, false)
	}
	return t, err
}

func (s *server) request(ctx context.Context, ask *packp.UploadPackRequest) (*transfer, error) {
	var body bytes.Buffer
	if err := ask.UploadRequest.Encode(&body); err != nil {
		return nil, fmt.Errorf("encoding the request: %w", err)
	}
	body.WriteString("0009done\n") // a packet: this clone has nothing to negotiate with

	req, err := s.newRequest(ctx, http.MethodPost, s.moved, "/"+service, &body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-"+service+"-request")
	res, err := s.do(req, "application/x-"+service+"-result")
	if err != nil {
		return nil, err
	}
	answer := bufio.NewReaderSize(res.Body, 64<<10)
	if head, _ := answer.Peek(8); len(head) == 8 && string(head[4:]) == "ERR " {
		defer res.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(answer, 300))
		return nil, &refusal{text: strings.TrimSpace(string(text[8:]))}
	}
	limited := &io.LimitedReader{R: answer, N: s.maxHead}
	decoded := packp.NewUploadPackResponse(ask)
	if err := decoded.Decode(struct {
		io.Reader
		io.Closer
	}{limited, res.Body}); err != nil {
		res.Body.Close()
		if limited.N <= 0 {
			err = errHeadTooLong
		}
		return nil, fmt.Errorf("reading the head of the answer: %w", err)
	}
	limited.N = math.MaxInt64 // the pack is measured piece by piece
	return &transfer{pack: demultiplex(ask.Capabilities, decoded), closer: decoded, shallows: decoded.Shallows}, nil
}

// packRequest asks for what this package can take of what the server offers.
// No thin-pack, since there is nothing here that a delta could be based on.
func (s *server) packRequest(wants []plumbing.Hash, shallow bool) (*packp.UploadPackRequest, error) {
	req := packp.NewUploadPackRequest()
	req.Wants = wants
	choices := [][]capability.Capability{
		// Of no use to a clone, but some servers refuse a request without it.
		{capability.MultiACKDetailed, capability.MultiACK},
		{capability.Sideband64k, capability.Sideband},
		{capability.OFSDelta},
		{capability.NoProgress},
	}
	if shallow {
		choices = append(choices, []capability.Capability{capability.Shallow})
	}
	for _, choice := range choices {
		for _, c := range choice {
			if !s.caps.Supports(c) {
				continue
			}
			if err := req.Capabilities.Set(c); err != nil {
				return nil, fmt.Errorf("asking for %s: %w", c, err)
			}
			break
		}
	}
	if s.caps.Supports(capability.Agent) {
		if err := req.Capabilities.Set(capability.Agent, capability.DefaultAgent()); err != nil {
			return nil, fmt.Errorf("naming the agent: %w", err)
		}
	}
	if req.Capabilities.Supports(capability.Shallow) {
		req.Depth = packp.DepthCommits(1)
	}
	return req, nil
}
