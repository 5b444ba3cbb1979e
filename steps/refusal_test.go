package steps

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"spa-runner/internal/fault"
	"spa-runner/pipeline"
)

// saysSTS is an error that STS names, as the SDK wraps it.
func saysSTS(code string) error {
	return &smithy.OperationError{ServiceID: "STS", OperationName: "AssumeRole", Err: &smithy.GenericAPIError{
		Code: code, Message: "what STS said",
	}}
}

func TestAssumeRoleExplainsRefusals(t *testing.T) {
	api := saysSTS
	const again, passing = "start the build again", "a fault that may pass"
	policies := []string{
		"the trust policy of " + deployRole, "must name the service role of the CodeBuild project",
		"the policy of that service role must allow sts:AssumeRole on " + deployRole,
	}
	for name, test := range map[string]struct {
		err       error
		text      []string
		hint      []string
		unrelated []string // in the hint
	}{
		"AccessDenied": {api("AccessDenied"), []string{"STS answered AccessDenied: what STS said"}, policies, []string{"sign in", "HTTPS_PROXY"}},
		"AccessDeniedException": {
			api("AccessDeniedException"), []string{"STS answered AccessDeniedException"}, policies, []string{"sign in", "HTTPS_PROXY"},
		},
		"ExpiredToken":            {api("ExpiredToken"), []string{"STS answered ExpiredToken: what STS said"}, []string{"not valid, or no longer"}, []string{"policy"}},
		"InvalidClientTokenId":    {api("InvalidClientTokenId"), []string{"InvalidClientTokenId"}, []string{"not valid, or no longer"}, []string{"policy"}},
		"RegionDisabledException": {api("RegionDisabledException"), []string{"RegionDisabledException"}, []string{"AWS_REGION"}, []string{"policy"}},
		"RegionDisabled":          {api("RegionDisabled"), []string{"RegionDisabled"}, []string{"AWS_REGION"}, []string{again}},
		"SignatureDoesNotMatch":   {api("SignatureDoesNotMatch"), nil, []string{"the clock of this machine", "a proxy changes requests"}, []string{again, "policy"}},
		"ValidationError":         {api("ValidationError"), nil, []string{"DEPLOY_ENVIRONMENT_ROLE", "DEPLOY_ENVIRONMENT_EXTERNAL_ID", "number of the build", "one hour"}, []string{again, "SETTINGS"}},
		"MalformedPolicyDocument": {api("MalformedPolicyDocument"), nil, []string{"the runner sent no session policy", "AWS_ENDPOINT_URL"}, []string{again, "SPA_RUNNER"}},
		"what nobody knows":       {api("NoSuchThing"), nil, []string{"documentation of AssumeRole"}, []string{again}},
		"InternalFailure":         {api("InternalFailure"), []string{"STS answered InternalFailure: what STS said"}, []string{passing, again}, []string{"policy"}},
		"ServiceUnavailable":      {api("ServiceUnavailable"), nil, []string{passing, again}, nil},
		"ThrottlingException":     {api("ThrottlingException"), nil, []string{passing, again}, nil},
		"IDPCommunicationError":   {api("IDPCommunicationError"), nil, []string{passing, again}, nil},
		"no more open files": {
			&net.OpError{Op: "dial", Err: os.NewSyscallError("socket", syscall.EMFILE)},
			[]string{"this machine cannot ask STS", "too many open files"},
			[]string{"ulimit -n"},
			[]string{"VPC", "service role", again},
		},
		"the network": {
			&net.OpError{Op: "dial", Err: errors.New("no route to host")},
			[]string{"no answer from STS", "no route to host"},
			[]string{"HTTPS_PROXY", "VPC endpoint", "service role"},
			[]string{"policy"},
		},
	} {
		s := newStage(t)
		role := deployRole
		err := s.run(answering(&role, aws.Credentials{}, test.err))
		if err == nil || fault.ExitCode(err) != fault.ExitRunner || s.count("role assumed") != 0 {
			t.Fatalf("%s: got %v", name, err)
		}
		contains(t, name, err.Error(), append(test.text, deployRole)...)
		contains(t, name+", hint", fault.Hint(err), test.hint...)
		for _, text := range test.unrelated {
			if strings.Contains(fault.Hint(err), text) {
				t.Errorf("%s: the hint speaks of %q: %s", name, text, fault.Hint(err))
			}
		}
	}
}

// A session policy that STS does not take has its own hint, by whose it is.
func TestASessionPolicyThatSTSRefuses(t *testing.T) {
	role := settingsRole
	refusing := func(code string) aws.CredentialsProvider {
		return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, saysSTS(code) })
	}
	none := func(...string) {}
	for _, code := range []string{"PackedPolicyTooLarge", "PackedPolicyTooLargeException", "MalformedPolicyDocument", "MalformedPolicyDocumentException"} {
		settings := pipeline.Mint[pipeline.Settings](refusing(code), none)
		clone := CloneSettings{Credentials: settings, Narrowed: true, From: &Source{}, CodeCommit: onCodeCommit(t, "", settings).CodeCommit}
		for name, test := range map[string]struct {
			step pipeline.Step
			hint string
			off  bool // the variable that leaves the policy out is named
		}{
			"settings":              {AssumeRole[pipeline.Settings]{Credentials: settings, Role: &role, Narrowed: "one repository"}, "narrows " + role, true},
			"settings, in a clone":  {clone, "narrows the settings role", true},
			"settings, as they are": {AssumeRole[pipeline.Settings]{Credentials: settings, Role: &role}, "the runner sent no session policy", false},
			"packages": {Make[pipeline.Packages]{
				Credentials: pipeline.Mint[pipeline.Packages](refusing(code), none), Target: "setup", Role: role,
			}, "READ_PACKAGES_ROLE", false},
			"deploy": {AssumeRole[pipeline.Deploy]{Credentials: pipeline.Mint[pipeline.Deploy](refusing(code), none), Role: &role}, "the runner sent no session policy", false},
		} {
			err := newStage(t).run(test.step)
			hint := fault.Hint(err)
			if !strings.Contains(fmt.Sprint(err), "STS answered "+code) || !strings.Contains(hint, test.hint) || strings.Contains(hint, "start the build again") ||
				strings.Contains(hint, "SPA_RUNNER_SETTINGS_SESSION_POLICY=off") != test.off {
				t.Errorf("%s, %s: got %v, hint %q", name, code, err, hint)
			}
		}
	}
}
