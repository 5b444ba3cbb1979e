package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"spa-runner/internal/fault"
	"spa-runner/pipeline"
)

// newHTTPClient is the one way out, for STS and for both clones: proxies as
// HTTPS_PROXY and NO_PROXY say, certificates of the system or SSL_CERT_FILE,
// and those of AWS_CA_BUNDLE beside them. Answer is how long a server may take to
// begin its answer.
func newHTTPClient(caBundle string, answer time.Duration) (*awshttp.BuildableClient, error) {
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

// ambientIdentity captures the provider of the identity that the build was
// started with (the service role, in CodeBuild) and takes what leads to it out
// of the environment of this process: from here on nothing in it finds that
// identity by itself. The provider goes on renewing.
func ambientIdentity(ctx context.Context, client *awshttp.BuildableClient, region string, secret func(...string)) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(client), config.WithRegion(region))
	if err != nil {
		return aws.Config{}, fault.WithHint(fmt.Errorf("reading the AWS configuration of the build: %w", err),
			"look at AWS_PROFILE, AWS_CONFIG_FILE and the files in ~/.aws")
	}
	// Its keys never reach a child, but an answer of STS may quote them.
	ambient := cfg.Credentials
	cfg.Credentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		keys, err := ambient.Retrieve(ctx)
		secret(keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken)
		return keys, err
	})
	return cfg, dropIdentity()
}

// dropIdentity takes what no child may see out of this process's environment.
func dropIdentity() error {
	for _, name := range pipeline.NewEnviron(os.Environ()).Withheld() {
		if err := os.Unsetenv(name); err != nil {
			return fmt.Errorf("taking %s out of the environment: %w", name, err)
		}
	}
	return nil
}

// newGitClient uses the same way out for git. The redirect policy is that of
// each clone.
func newGitClient(client *awshttp.BuildableClient) *http.Client {
	return &http.Client{Transport: client.GetTransport()}
}

// assumption is what STS is asked for. The role is read when it is asked.
type assumption struct {
	role       *string
	session    string // its name
	externalID string // "" if the trust policy demands none
	policy     string // of the session, "" if it is as wide as the role
}

// assumer makes providers of assumed roles, always from the identity in cfg,
// never from another assumed role. What may pass is retried by p, and here alone:
// the SDK makes one attempt. The providers are of no use after life has ended.
func assumer(life context.Context, cfg aws.Config, region *string, p stsPatience) func(assumption) aws.CredentialsProvider {
	cfg.Credentials = own(cfg.Credentials)
	return func(a assumption) aws.CredentialsProvider {
		return aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			client := sts.NewFromConfig(cfg, func(o *sts.Options) {
				o.Region = *region
				o.Retryer = aws.NopRetryer{}
				o.HTTPClient = boundedClient{o.HTTPClient}
			})
			// One hour is the most that a role assumed from a role may have (role
			// chaining); the SDK would ask for a quarter of it.
			provider := stscreds.NewAssumeRoleProvider(client, *a.role, func(o *stscreds.AssumeRoleOptions) {
				o.RoleSessionName = a.session
				o.Duration = time.Hour
				o.ExternalID = given(a.externalID)
				o.Policy = given(a.policy)
			})
			return p.retrieve(ctx, life, *a.role, provider)
		})
	}
}

// given is nil for what is not to be sent.
func given(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}

// maxAnswer is more than STS ever answers, in bytes.
const maxAnswer = 1 << 20

// boundedClient reads no more of an answer than STS could mean: something else
// may answer in its place.
type boundedClient struct{ sts.HTTPClient }

// Do is part of sts.HTTPClient.
func (c boundedClient) Do(r *http.Request) (*http.Response, error) {
	answer, err := c.HTTPClient.Do(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	}
	return answer, err
}
