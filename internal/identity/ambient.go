package identity

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"

	"spa-runner/internal/fault"
)

// Ambient captures the provider of the identity that the build was
// started with (the service role, in CodeBuild) and takes what leads to it out
// of the environment of this process: from here on nothing in it finds that
// identity by itself. The provider goes on renewing.
func Ambient(ctx context.Context, client *awshttp.BuildableClient, region string, secret func(...string)) (aws.Config, error) {
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
	return cfg, nil
}

// Drop takes variables out of the environment of this process.
func Drop(names []string) error {
	for _, name := range names {
		if err := os.Unsetenv(name); err != nil {
			return fmt.Errorf("taking %s out of the environment: %w", name, err)
		}
	}
	return nil
}
