package main

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"go.uber.org/zap"

	"spa-runner/internal/awsname"
	"spa-runner/internal/identity"
	"spa-runner/internal/lazyregexp"
	"spa-runner/internal/retry"
	"spa-runner/pipeline"
)

// The identities of the doctor, all of them:
//
//   - the service identity, as whom STS is asked who this is and for the roles;
//   - the settings role, by the same step, the same credentials and the same
//     session policy as in a run: it may pull one repository;
//   - the packages role, if there is one, by the credentials of make-setup: it may read packages;
//   - the deploy role, narrowed to what readBootstrap leaves. A run's own deploy
//     credentials stay in the plan, which the doctor does not take that step from.

// narrowedDeploy are credentials of the deploy role that can change nothing, in
// whatever account that turns out to be.
func (d *diagnosis) narrowedDeploy(ctx context.Context, role awsname.Role) (of pipeline.Credentials[pipeline.Deploy], session string) {
	c := d.config
	session = awsname.SessionName("DoctorContext", c.Environ["CODEBUILD_BUILD_NUMBER"])
	return pipeline.Mint[pipeline.Deploy](d.assumer(ctx)(identity.Assumption{
		Role: &c.DeployRole, Session: session, ExternalID: c.DeployExternalID,
		Policy: readBootstrap(role, c.DeployRegion).String(),
	}), d.secret), session
}

// readBootstrap leaves the deploy role one action on what `cdk bootstrap` writes
// down in one region. STS lets every session ask who it is.
func readBootstrap(role awsname.Role, region string) identity.SessionPolicy {
	return identity.Allow(identity.Statement{
		Action:   []string{"ssm:GetParameter"},
		Resource: "arn:" + role.Partition + ":ssm:" + region + ":" + role.Account + ":parameter/cdk-bootstrap/*",
	})
}

// connectTo finds the way out and the identity that the doctor was started with,
// which is then in no variable of this process any more.
func (d *diagnosis) connectTo(ctx context.Context) error {
	client, err := identity.NewHTTPClient(d.config.Environ["AWS_CA_BUNDLE"], d.patience.answer)
	if err != nil {
		return err
	}
	d.config.Client = identity.NewGitClient(client)
	d.register(d.config)
	d.cfg, err = ambientIdentity(ctx, client, d.config.Region, d.secret)
	return err
}

func (d *diagnosis) assumer(ctx context.Context) func(identity.Assumption) aws.CredentialsProvider {
	return identity.Assumer(ctx, d.cfg, &d.config.Region, identity.Patience{Policy: d.patience.sts, Log: logOf(zap.NewNop())})
}

// caller is who STS says that somebody is.
type caller struct{ arn, account, partition, kind, name string }

// callerARN has the name of a role before that of its session, and the name of a user
// after its path.
var callerARN = lazyregexp.New(`^arn:(aws[a-z-]*):(?:sts|iam)::([0-9]{12}):(assumed-role|user|federated-user|root)(?:/(.+))?$`)

func parseCaller(arn string) caller {
	c := caller{arn: arn}
	m := callerARN.FindStringSubmatch(arn)
	if m == nil {
		return c
	}
	c.partition, c.account, c.kind, c.name = m[1], m[2], m[3], path.Base("/"+m[4])
	if c.kind == "assumed-role" {
		c.name, _, _ = strings.Cut(m[4], "/")
	}
	return c
}

// isPerson says that it is somebody at a laptop, and no service: a user, root,
// or a role that IAM Identity Center made for people.
func (c caller) isPerson() bool {
	return c.kind != "assumed-role" || strings.HasPrefix(c.name, "AWSReservedSSO_")
}

// roleARNs are how IAM may call the role of a session. A session does not tell the
// path of its role, and CodeBuild's console makes roles in /service-role/. There is
// one role of a name in an account, whatever its path.
func (c caller) roleARNs() []string {
	if c.kind != "assumed-role" {
		return []string{c.arn}
	}
	prefix := "arn:" + c.partition + ":iam::" + c.account + ":role/"
	return []string{prefix + c.name, prefix + "service-role/" + c.name}
}

// whoIs asks STS who an identity is. On the way it learns what time it is there.
func (d *diagnosis) whoIs(ctx context.Context, who aws.CredentialsProvider) (caller, error) {
	cfg := d.cfg.Copy()
	cfg.Credentials = identity.Own(who)
	client := sts.NewFromConfig(cfg, func(o *sts.Options) {
		o.Region = d.config.Region
		o.Retryer = aws.NopRetryer{}
		o.HTTPClient = identity.BoundedClient{HTTPClient: datedClient{o.HTTPClient, d.date}}
	})
	corrected := false
	answer, err := retry.Do(ctx, d.patience.sts, zap.NewNop(), "asking STS who this is", func(ctx context.Context) (*sts.GetCallerIdentityOutput, error) {
		return client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	}, func(err error) retry.Verdict {
		if identity.ClockError(err) != 0 && !corrected {
			corrected = true // the client signs by the clock of STS now
			return retry.Verdict{Again: true}
		}
		return identity.JudgeSTS(err)
	})
	if err != nil {
		return caller{}, err
	}
	found := parseCaller(aws.ToString(answer.Arn))
	if found.account == "" || found.account != aws.ToString(answer.Account) {
		return found, fmt.Errorf("STS says that this is %q of account %q, which cannot be", aws.ToString(answer.Arn), aws.ToString(answer.Account))
	}
	return found, nil
}

func (d *diagnosis) date(header http.Header) {
	if ahead, known := retry.Skew(header, time.Now()); known {
		d.skew, d.skewKnown = ahead, true
	}
}

// datedClient hands on the header of each answer.
type datedClient struct {
	sts.HTTPClient
	tell func(http.Header)
}

// Do is part of sts.HTTPClient.
func (c datedClient) Do(r *http.Request) (*http.Response, error) {
	answer, err := c.HTTPClient.Do(r)
	if err == nil {
		c.tell(answer.Header)
	}
	return answer, err
}
