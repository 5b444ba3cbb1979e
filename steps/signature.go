package steps

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"spa-runner/internal/fault"
	"spa-runner/internal/gitclone"
	"spa-runner/internal/gitsign"
	"spa-runner/internal/rooted"
)

// signatureCheck demands that somebody of a file of keys signed the code.
type signatureCheck struct {
	file   string
	keys   *gitsign.Keys
	signer gitsign.Signer // who did
}

// newSignatureCheck reads the keys in the clone of the settings. No file that
// was asked for means no check: it fails then, and for a file without keys too.
func newSignatureCheck(ctx context.Context, settings, file string) (*signatureCheck, error) {
	if file == "" {
		return nil, nil
	}
	content, err := rooted.ReadFile(settings, file, gitsign.MaxKeys)
	if err != nil {
		return nil, fault.WithHint(fmt.Errorf("reading the keys that may sign the code, %q (CODE_GIT_VERIFY_KEYS) in the settings: %w", file, err),
			"write the path as seen from the top of the settings, and see that the file is on the branch that is deployed")
	}
	keys, err := gitsign.ParseKeys(ctx, content)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, fault.WithHint(fmt.Errorf("%q (CODE_GIT_VERIFY_KEYS) in the settings does not say who may sign the code: %w", file, err),
			"it has to be an allowed_signers file as ssh-keygen(1) has it, or public keys as gpg --armor --export prints them")
	}
	return &signatureCheck{file: file, keys: keys}, nil
}

// inspect is asked before a file of the code is checked out.
func (c *signatureCheck) inspect(ctx context.Context, t gitclone.Target, chain [][]byte) (err error) {
	if c == nil {
		return nil
	}
	c.signer, err = c.keys.Vouch(ctx, t.Ref, chain, time.Now())
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fault.WithHint(fmt.Errorf("nobody of %q (CODE_GIT_VERIFY_KEYS) vouches for commit %s (%s): %w", c.file, t.Commit, t.Ref, err),
			"find out who made it, and why it is not signed as you expect; code of your own is signed with git tag -s or git commit -S, "+
				"and a key that is missing is added to that file of the settings")
	}
	return nil
}

// fields are what the log says of it.
func (c *signatureCheck) fields() []zap.Field {
	if c == nil {
		return nil
	}
	return []zap.Field{zap.String("signed_by", c.signer.Principal), zap.String("signed_with", c.signer.Key), zap.String("signed", c.signer.Object)}
}
