package codecommit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Sign makes the user name and the password of a request to repo, good for 15 minutes from now. Both are secret: the user
// name holds the session token.
//
// The signature is Signature Version 4 (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html)
// with three differences, by which the signer of the SDK cannot make it (https://github.com/aws/aws-sdk-go-v2/issues/3310):
// the method is GIT, the canonical request ends after the signed headers without the hash of a body, and the time in the
// string to sign has no Z, while that in the password has one. Query and body are not covered, so that one signature would do
// for both requests of a clone.
func Sign(creds aws.Credentials, repo Repository, now time.Time) (user, password string) {
	stamp := now.UTC().Format("20060102T150405")
	date := stamp[:len("20060102")]
	scope := date + "/" + repo.Region + "/codecommit/aws4_request"
	canonical := sha256.Sum256([]byte("GIT\n" + reposPath + repo.Name + "\n\nhost:" + repo.Host + "\n\nhost\n"))
	toSign := "AWS4-HMAC-SHA256\n" + stamp + "\n" + scope + "\n" + hex.EncodeToString(canonical[:])

	key := []byte("AWS4" + creds.SecretAccessKey)
	for _, part := range []string{date, repo.Region, "codecommit", "aws4_request"} {
		key = mac(key, part)
	}
	user = creds.AccessKeyID
	if creds.SessionToken != "" {
		user += "%" + creds.SessionToken
	}
	return user, stamp + "Z" + hex.EncodeToString(mac(key, toSign))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
