package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"spa-runner/internal/awsname"
)

// A request is tried three times, with at most 4 s for an answer and 1 s between, so that
// assuming a role and starting a build end with their cause within the 30 s of
// the function. Beyond them, Lambda's own retries go on.
const (
	maxAttempts = 3
	maxAnswer   = 4 * time.Second
	maxBackoff  = time.Second
)

// loadAWS reads the identity and the region of the function.
func loadAWS(ctx context.Context) (aws.Config, error) {
	cfg, err := awsconfig.LoadDefaultConfig(ctx,
		awsconfig.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(maxAnswer)),
		awsconfig.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = maxAttempts, maxBackoff })
		}))
	if err != nil {
		return aws.Config{}, fail(kindConfig, "reading the AWS configuration of the function", err)
	}
	return cfg, nil
}

// roles are the roles that are assumed for one push, each once, however many
// projects it starts. They are not kept for the next one: a push comes once in a
// while, and the session's name says which commit it was for.
type roles struct {
	aws     aws.Config
	session string
	secret  func(...string) // called with all keys before they are used

	mu      sync.Mutex
	assumed map[awsname.Role]func() (aws.Credentials, error)
}

// codebuild is a client that acts as the role of a target. The credentials are
// there before it is used: fetched by its first request, their retries would nest in its
// own, and the cause of a failure be lost.
func (r *roles) codebuild(ctx context.Context, t target) (*codebuild.Client, error) {
	r.mu.Lock()
	get, ok := r.assumed[t.role]
	if !ok {
		get = sync.OnceValues(func() (aws.Credentials, error) { return r.assume(ctx, t.role) })
		r.assumed[t.role] = get
	}
	r.mu.Unlock()
	keys, err := get()
	if err != nil {
		return nil, err
	}
	cfg := r.aws
	cfg.Region = t.project.region
	cfg.Credentials = credentials.StaticCredentialsProvider{Value: keys}
	return codebuild.NewFromConfig(cfg), nil
}

func (r *roles) assume(ctx context.Context, role awsname.Role) (aws.Credentials, error) {
	doing := call{
		what: "assuming the role " + role.String(), service: "STS",
		denied: fmt.Sprintf("the trust policy of the role (in account %s) must name the role of this function, and the policy of the function's role must allow sts:AssumeRole on it", role.Account),
	}
	provider := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(r.aws), role.String(), func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = r.session // 15 minutes, the default, are the least that there is
	})
	keys, err := provider.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, explain(ctx, doing, err)
	}
	if !keys.HasKeys() {
		return aws.Credentials{}, notTheAnswer(doing.what, doing.service, "there are no credentials in its answer")
	}
	r.secret(keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken)
	return keys, nil
}
