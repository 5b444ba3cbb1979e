// Package identity has the identity that the build was started with, and the roles that are
// assumed from it.
package identity

import (
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"spa-runner/internal/fault"
)

// NewHTTPClient is the one way out, for STS and for both clones: proxies as
// HTTPS_PROXY and NO_PROXY say, certificates of the system or SSL_CERT_FILE,
// and those of AWS_CA_BUNDLE beside them. Answer is how long a server may take to
// begin its answer.
func NewHTTPClient(caBundle string, answer time.Duration) (*awshttp.BuildableClient, error) {
	var roots *x509.CertPool // nil is that of the system, read when the first server shows a certificate
	if caBundle != "" {
		var err error
		if roots, err = rootsWith(caBundle); err != nil {
			return nil, err
		}
	}
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.Proxy = http.ProxyFromEnvironment
		t.TLSClientConfig.RootCAs = roots
		t.ResponseHeaderTimeout = answer
	}), nil
}

// rootsWith are the certificates of the system and those of AWS_CA_BUNDLE.
func rootsWith(caBundle string) (*x509.CertPool, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the certificates of the system: %w", err)
	}
	pem, err := os.ReadFile(caBundle)
	if err != nil {
		return nil, &fault.ConfigError{Problems: []string{fmt.Sprintf("AWS_CA_BUNDLE is %q: %v", caBundle, err)}}
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, &fault.ConfigError{Problems: []string{fmt.Sprintf("AWS_CA_BUNDLE is %q: there is no certificate in it (PEM)", caBundle)}}
	}
	return roots, nil
}

// NewGitClient uses the same way out for git. The redirect policy is that of
// each clone.
func NewGitClient(client *awshttp.BuildableClient) *http.Client {
	return &http.Client{Transport: client.GetTransport()}
}

// MaxAnswer is more than STS ever answers, in bytes.
const MaxAnswer = 1 << 20

// BoundedClient reads no more of an answer than STS could mean: something else
// may answer in its place.
type BoundedClient struct{ sts.HTTPClient }

// Do is part of sts.HTTPClient.
func (c BoundedClient) Do(r *http.Request) (*http.Response, error) {
	answer, err := c.HTTPClient.Do(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, MaxAnswer), answer.Body}
	}
	return answer, err
}
