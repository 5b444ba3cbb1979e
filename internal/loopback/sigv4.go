package loopback

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	timeFormat = "20060102T150405Z"
	// maxSkew is what STS allows between its clock and the signer's.
	maxSkew = 5 * time.Minute
)

// authorization is the header of that name, taken apart.
type authorization struct {
	keyID, date, region, service string
	signedHeaders                []string
	signature                    string
}

// authenticate finds whose signature the request carries. The order of its
// checks is part of the answer: nobody without the secret learns whether a
// session has expired.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
func (s *Server) authenticate(r *http.Request, service string, body []byte) (session, error) {
	a, err := parseAuthorization(r.Header.Get("Authorization"))
	if err != nil {
		return session{}, err
	}
	who, ok := s.session(a.keyID)
	token := r.Header.Get("X-Amz-Security-Token")
	if !ok || subtle.ConstantTimeCompare([]byte(who.token), []byte(token)) != 1 {
		return session{}, &Fault{403, "InvalidClientTokenId", "The security token included in the request is invalid."}
	}
	stamp := r.Header.Get("X-Amz-Date")
	signed, err := time.Parse(timeFormat, stamp)
	if err != nil {
		return session{}, incomplete("Authorization header requires existence of a X-Amz-Date header in the form " + timeFormat)
	}
	now := s.opts.Clock().UTC()
	switch {
	case now.Sub(signed) > maxSkew:
		return session{}, mismatch("Signature expired: %s is now earlier than %s (%s - 5 min.)",
			stamp, now.Add(-maxSkew).Format(timeFormat), now.Format(timeFormat))
	case signed.Sub(now) > maxSkew:
		return session{}, mismatch("Signature not yet current: %s is still later than %s (%s + 5 min.)",
			stamp, now.Add(maxSkew).Format(timeFormat), now.Format(timeFormat))
	case a.date != stamp[:8]:
		return session{}, mismatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s'", a.date, stamp[:8])
	case a.service != service:
		return session{}, mismatch("Credential should be scoped to correct service: '%s'.", service)
	case !slices.Contains(a.signedHeaders, "host") || !slices.Contains(a.signedHeaders, "x-amz-date"):
		return session{}, mismatch("'Host' and 'X-Amz-Date' must be signed headers.")
	}
	want := signature(who.secret, a.date, a.region, a.service, stamp, canonicalRequest(r, a.signedHeaders, body))
	if !hmac.Equal([]byte(want), []byte(a.signature)) {
		return session{}, mismatch("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.")
	}
	if who.expired(now) {
		return session{}, &Fault{403, "ExpiredToken", "The security token included in the request is expired"}
	}
	return who, nil
}

func parseAuthorization(header string) (authorization, error) {
	if header == "" {
		return authorization{}, &Fault{403, "MissingAuthenticationToken", "Request is missing Authentication Token"}
	}
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return authorization{}, incomplete("Authorization header does not begin with " + algorithm)
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if fields[name] == "" {
			return authorization{}, incomplete("Authorization header requires '" + name + "' parameter.")
		}
	}
	scope := strings.Split(fields["Credential"], "/")
	if len(scope) != 5 || scope[4] != "aws4_request" {
		return authorization{}, incomplete("Credential must have the form KEY/DATE/REGION/SERVICE/aws4_request.")
	}
	return authorization{
		keyID: scope[0], date: scope[1], region: scope[2], service: scope[3],
		signedHeaders: strings.Split(fields["SignedHeaders"], ";"),
		signature:     fields["Signature"],
	}, nil
}

// canonicalRequest is of a request to "/", the only path with signed calls.
func canonicalRequest(r *http.Request, signedHeaders []string, body []byte) string {
	var headers strings.Builder
	for _, name := range signedHeaders {
		var value string
		switch name {
		case "host": // net/http takes it out of the headers
			value = r.Host
		case "content-length":
			value = strconv.FormatInt(r.ContentLength, 10)
		default:
			values := slices.Clone(r.Header.Values(name))
			for i, v := range values {
				values[i] = strings.Join(strings.Fields(v), " ")
			}
			value = strings.Join(values, ",")
		}
		headers.WriteString(name + ":" + value + "\n")
	}
	// An error leaves out what could not be read; then the signature differs.
	query, _ := url.ParseQuery(r.URL.RawQuery)
	hash := sha256.Sum256(body)
	return strings.Join([]string{
		r.Method,
		"/",
		strings.ReplaceAll(query.Encode(), "+", "%20"),
		headers.String(),
		strings.Join(signedHeaders, ";"),
		hex.EncodeToString(hash[:]),
	}, "\n")
}

// signature signs a canonical request. The stamp is the time as the string to
// sign has it: with a Z at its end everywhere but in CodeCommit.
func signature(secret, date, region, service, stamp, canonical string) string {
	hash := sha256.Sum256([]byte(canonical))
	toSign := strings.Join([]string{
		algorithm, stamp, date + "/" + region + "/" + service + "/aws4_request", hex.EncodeToString(hash[:]),
	}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{date, region, service, "aws4_request"} {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, toSign))
}

func mac(key []byte, data string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(data))
	return h.Sum(nil)
}

func incomplete(message string) error { return &Fault{400, "IncompleteSignature", message} }

func mismatch(format string, args ...any) error {
	return &Fault{403, "SignatureDoesNotMatch", fmt.Sprintf(format, args...)}
}
