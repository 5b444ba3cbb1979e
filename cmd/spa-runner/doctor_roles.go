package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/smithy-go"

	"spa-runner/internal/awsname"
	"spa-runner/internal/doctor"
	"spa-runner/internal/fault"
	"spa-runner/internal/hostfault"
	"spa-runner/internal/identity"
	"spa-runner/internal/retry"
	"spa-runner/pipeline"
	"spa-runner/steps"
)

// outside says that this is no build of CodeBuild, which sets this name in each.
func (d *diagnosis) outside() bool { return d.config.Environ["CODEBUILD_BUILD_ID"] == "" }

func (d *diagnosis) lookAtIdentity(ctx context.Context) doctor.Finding {
	err := d.identity
	if err == nil {
		d.caller, err = d.whoIs(ctx, d.cfg.Credentials)
	}
	where := ""
	if d.outside() {
		where = ", outside CodeBuild"
	}
	if err == nil {
		f := finding(d.caller.arn+where, nil, nil)
		if d.caller.isPerson() && !d.outside() {
			f.State, f.Cause = doctor.Warn, "that is no service role, but a build has keys of its own: look for AWS_ACCESS_KEY_ID and AWS_PROFILE among the variables of the project"
		}
		return f
	}
	f := finding("STS in "+d.config.Region+where, nil, err)
	var (
		none *identity.OwnError
		api  smithy.APIError
	)
	advice := hostfault.Advice(err)
	switch {
	case advice != "":
		f.Cause = "this machine cannot ask STS: " + err.Error()
		f.Fixes = []doctor.Fix{{Do: advice}}
	case errors.As(err, &none), d.identity != nil:
		f.Cause = "there is no identity to ask STS with: " + err.Error()
		f.Fixes = []doctor.Fix{{Do: "in CodeBuild give the project a service role; on a laptop sign in, or name a profile:", Paste: "aws sso login"}}
	case !errors.As(err, &api):
		f.Cause = "no answer from STS: " + err.Error()
		f.Fixes = []doctor.Fix{{Do: "open the way from the build to STS in its region: a VPC endpoint, NAT, HTTPS_PROXY, AWS_CA_BUNDLE, AWS_ENDPOINT_URL; from there this answers with any status:", Paste: "curl -sI https://sts." + d.config.Region + "." + awsname.DNSSuffix(d.config.Region)}}
	default:
		f.Fixes = []doctor.Fix{{Do: "the identity that the runner was started with is not valid, or no longer: in CodeBuild look at the service role of the project, on a laptop sign in again:", Paste: "aws sso login"}}
	}
	return f
}

// closeClock is the difference that nobody has to look at.
const closeClock = time.Minute

func (d *diagnosis) lookAtClock(context.Context) doctor.Finding {
	if !d.skewKnown {
		return doctor.Finding{State: doctor.Unneeded, Because: "STS did not tell its time"}
	}
	f := finding("within a minute of STS", nil, nil)
	if d.skew.Abs() <= closeClock {
		return f
	}
	f.Looked = "compared with STS"
	f.Cause = fmt.Sprintf("the clock of STS is ahead of this one by %s; signatures bear %s", d.skew.Round(time.Second), retry.Tolerated)
	f.Fixes = []doctor.Fix{{Do: "set the clock of this machine; on a laptop or a build agent of your own:", Paste: "sudo timedatectl set-ntp true"}}
	if f.State = doctor.Warn; d.skew.Abs() > retry.Tolerated {
		f.State = doctor.Mend
	}
	return f
}

func (d *diagnosis) lookAtSettingsRole(ctx context.Context) doctor.Finding {
	assume := step[steps.AssumeRole[pipeline.Settings]](d)
	if assume.Unneeded != "" {
		return doctor.Finding{State: doctor.Unneeded, Because: assume.Unneeded}
	}
	return lookAtRole(ctx, d, assume, d.config.SettingsExternalID)
}

// lookAtPackagesRole takes from make-setup nothing but its credentials.
func (d *diagnosis) lookAtPackagesRole(ctx context.Context) doctor.Finding {
	if d.config.PackagesRole == "" {
		return doctor.Finding{State: doctor.Unneeded, Because: "READ_PACKAGES_ROLE is unset, so make setup acts as nobody"}
	}
	setup := step[steps.Make[pipeline.Packages]](d)
	return lookAtRole(ctx, d, steps.AssumeRole[pipeline.Packages]{Credentials: setup.Credentials, Role: &d.config.PackagesRole, Session: setup.Session, Narrowed: setup.Narrowed}, "")
}

func (d *diagnosis) lookAtDeployRole(ctx context.Context) doctor.Finding {
	role, err := awsname.ParseRole(d.config.DeployRole)
	if err != nil { // variables.sh would have named it
		return unknown()
	}
	credentials, session := d.narrowedDeploy(ctx, role)
	assume := steps.AssumeRole[pipeline.Deploy]{Credentials: credentials, Role: &d.config.DeployRole, Session: session, Narrowed: "reading /cdk-bootstrap"}
	d.steps["assume-deploy-role"] = assume
	f := lookAtRole(ctx, d, assume, d.config.DeployExternalID)
	if !d.sourced {
		f.Looked += " (as the project says; variables.sh, which may name another, is not known)"
	}
	return f
}

// lookAtRole assumes a role by the step of a run, and asks STS who that session is.
func lookAtRole[S pipeline.Scope](ctx context.Context, d *diagnosis, assume steps.AssumeRole[S], externalID string) doctor.Finding {
	role, err := awsname.ParseRole(*assume.Role)
	if err != nil {
		return finding(*assume.Role, nil, err)
	}
	_, err = d.run(ctx, assume)
	var refused *steps.RefusedError
	if errors.As(err, &refused) && strings.HasPrefix(refused.Code, "AccessDenied") {
		return d.denied(role, externalID, refused)
	}
	if err == nil {
		var who caller
		if who, err = d.whoIs(ctx, assume); err == nil && (who.account != role.Account || !strings.HasSuffix("/"+role.Name, "/"+who.name)) {
			err = fault.WithHint(fmt.Errorf("STS says that the session is %s, which is not that role", who.arn),
				"something between the build and STS answers in its place: look at AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_STS and the proxy")
		}
	}
	return finding(role.String(), nil, err)
}

// denied says what AccessDenied means. STS does not tell which of the policies it
// is, nor whether the role is there.
func (d *diagnosis) denied(role awsname.Role, externalID string, refused error) doctor.Finding {
	if d.outside() && d.caller.isPerson() {
		return doctor.Finding{
			State: doctor.Unchecked, Looked: role.String(), Because: "service identity", Blame: "service identity",
			Blamed: &doctor.Finding{
				Cause: "the roles do not trust this identity, and should not: they trust the service role of the CodeBuild project, and this is somebody at a laptop (CODEBUILD_BUILD_ID is unset)",
				Fixes: []doctor.Fix{d.insideTheProject()},
			},
		}
	}
	f := finding(role.String(), nil, refused)
	if d.outside() {
		f.Fixes = append(f.Fixes, d.insideTheProject())
	}
	f.Fixes = append(
		f.Fixes,
		doctor.Fix{Do: fmt.Sprintf("in account %s, the role must be there, or its ARN is wrong:", role.Account), Paste: "aws iam get-role --role-name " + role.Name[strings.LastIndex(role.Name, "/")+1:]},
		doctor.Fix{Do: fmt.Sprintf("in account %s, the trust policy of %s needs this statement:", role.Account, role.Name), Paste: trustStatement(d.caller, externalID)},
		allowAssume(d.caller, role),
	)
	return f
}
