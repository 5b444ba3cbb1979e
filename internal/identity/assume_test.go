package identity

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"

	"spa-runner/internal/retry"

	"github.com/aws/smithy-go"
)

// saysSTS is an error that STS names, as the SDK wraps it.
func saysSTS(code string) error {
	return &smithy.OperationError{ServiceID: "STS", OperationName: "AssumeRole", Err: &smithy.GenericAPIError{
		Code: code, Message: "what STS said",
	}}
}

// What is tried again, and for how long.
func TestJudgeSTS(t *testing.T) {
	again, settling := retry.Verdict{Again: true}, retry.Verdict{Again: true, Within: retry.Settling}
	for code, want := range map[string]retry.Verdict{
		"AccessDenied": settling, "AccessDeniedException": settling, "InvalidClientTokenId": settling, "UnrecognizedClientException": settling,
		"Throttling": again, "RequestLimitExceeded": again, "RequestTimeout": again, "InternalFailure": again, "ServiceUnavailable": again, "IDPCommunicationError": again,
		"ExpiredToken": {}, "SignatureDoesNotMatch": {}, "ValidationError": {}, "PackedPolicyTooLarge": {}, "MalformedPolicyDocument": {}, "RegionDisabledException": {}, "NoSuchThing": {},
	} {
		if got := JudgeSTS(saysSTS(code)); got != want {
			t.Errorf("%s: got %+v, want %+v", code, got, want)
		}
	}
	full := &net.OpError{Op: "dial", Err: os.NewSyscallError("socket", syscall.ENFILE)}
	if got := JudgeSTS(errors.Join(errors.New("exceeded maximum number of attempts"), full)); got != (retry.Verdict{}) {
		t.Errorf("an error of this machine: got %+v", got)
	}
}
