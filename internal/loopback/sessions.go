package loopback

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"spa-runner/internal/lazyregexp"
)

// serviceRoleARN is who plays CodeBuild's service role.
const serviceRoleARN = "arn:aws:iam::222222222222:role/loopback-service-role"

// rolePattern: partition, account, name. A path may stand before the name.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
var rolePattern = lazyregexp.New(`^arn:(aws[a-z-]*):iam::([0-9]{12}):role/(?:[!-~]+/)?([\w+=,.@-]{1,64})$`)

// session is an identity of this server and the keys that prove it.
type session struct {
	keyID, secret, token string
	account, arn, userID string
	expires              time.Time // zero for the service role, which does not expire
}

func (s session) expired(now time.Time) bool {
	return !s.expires.IsZero() && !now.Before(s.expires)
}

// issue makes new credentials for a role and remembers them. A life of zero
// means that they do not expire. The ARN must match rolePattern.
func (s *Server) issue(roleARN, name string, life time.Duration) aws.Credentials {
	m := rolePattern.FindStringSubmatch(roleARN)
	partition, account, role := m[1], m[2], m[3]
	// A role keeps its id over all its sessions.
	sum := sha256.Sum256([]byte(roleARN))
	id := "AROAFAKE" + base32.StdEncoding.EncodeToString(sum[:])[:13]
	c := aws.Credentials{
		AccessKeyID:     "ASIAFAKE" + rand.Text()[:12],
		SecretAccessKey: base64.StdEncoding.EncodeToString(random(30)),
		SessionToken:    newToken(),
		Source:          "loopback AWS (fake)",
		AccountID:       account,
	}
	if life > 0 {
		// STS tells the end in whole seconds.
		c.CanExpire, c.Expires = true, s.opts.Clock().UTC().Truncate(time.Second).Add(life)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[c.AccessKeyID] = session{
		keyID:   c.AccessKeyID,
		secret:  c.SecretAccessKey,
		token:   c.SessionToken,
		account: account,
		// As STS does it, the path of a role is not in the ARN of its sessions.
		arn:     fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", partition, account, role, name),
		userID:  id + ":" + name,
		expires: c.Expires,
	}
	return c
}

func (s *Server) session(accessKeyID string) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.sessions[accessKeyID]
	return found, ok
}

// newToken is as long as the tokens of STS and always has the characters that
// break careless quoting and URL building.
func newToken() string {
	const slashes = "\xfb\xff\xbf" // "+/+/" in base64
	// One byte over a multiple of three, for the "==" at the end.
	return base64.StdEncoding.EncodeToString([]byte("fake session token, loopback" + ".." + slashes + string(random(526))))
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: https://pkg.go.dev/crypto/rand#Read
	return b
}
