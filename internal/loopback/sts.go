package loopback

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"spa-runner/internal/lazyregexp"
)

// Limits of AssumeRole.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
const (
	minDuration     = 900 * time.Second
	maxDuration     = 43200 * time.Second
	maxChained      = time.Hour // also the default
	maxPolicyLength = 2048
	maxFormLength   = 1 << 20
)

var sessionNamePattern = lazyregexp.New(`^[\w+=,.@-]*$`)

// serveQuery answers what came in the Query protocol: a form with an Action.
func (s *Server) serveQuery(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFormLength))
	if err != nil {
		s.writeFault(w, r, &Fault{400, "MalformedInput", "reading the form: " + err.Error()})
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		s.writeFault(w, r, &Fault{400, "MalformedQueryString", "the body is no form: " + err.Error()})
		return
	}
	action := form.Get("Action")
	s.note("sts " + action)
	if action != "AssumeRole" && action != "GetCallerIdentity" {
		s.writeFault(w, r, notFaked(r, action))
		return
	}
	caller, err := s.authenticate(r, "sts", body)
	if err != nil {
		s.writeFault(w, r, err)
		return
	}
	call := Call{Action: action, CallerARN: caller.arn, CallerKey: caller.keyID, Time: s.opts.Clock()}
	var answer any
	if action == "AssumeRole" {
		answer, err = s.assumeRole(form, &call)
	} else {
		answer = newCallerIdentityResponse(caller)
	}
	if err != nil {
		call.Code = asFault(err).Code
	}
	s.mu.Lock()
	s.calls = append(s.calls, call)
	s.mu.Unlock()
	if err != nil {
		s.writeFault(w, r, err)
		return
	}
	writeXML(w, http.StatusOK, answer)
}

// assumeRole checks the form, fills call from it, asks the hook, and issues.
func (s *Server) assumeRole(form url.Values, call *Call) (any, error) {
	call.RoleARN = form.Get("RoleArn")
	call.SessionName = form.Get("RoleSessionName")
	call.Policy = form.Get("Policy")
	call.ExternalID = form.Get("ExternalId")
	err := errors.Join(checkRole(form), checkSessionName(form), checkDuration(form, call), checkPolicy(call.Policy))
	if err != nil {
		return nil, err // errors.As finds the first of them, as AWS names one
	}
	if s.opts.AssumeRole != nil {
		if err := s.opts.AssumeRole(*call); err != nil {
			return nil, err
		}
	}
	life := call.Duration
	if s.opts.Life != nil {
		life = s.opts.Life(*call)
	}
	issued := s.issue(call.RoleARN, call.SessionName, life)
	who, _ := s.session(issued.AccessKeyID)
	var answer assumeRoleResponse
	answer.Result.User.ID = who.userID
	answer.Result.User.ARN = who.arn
	answer.Result.Credentials.AccessKeyID = issued.AccessKeyID
	answer.Result.Credentials.SecretAccessKey = issued.SecretAccessKey
	answer.Result.Credentials.SessionToken = issued.SessionToken
	answer.Result.Credentials.Expiration = issued.Expires.Format(time.RFC3339)
	answer.RequestID = requestID()
	return answer, nil
}

func checkRole(form url.Values) error {
	switch role := form.Get("RoleArn"); {
	case !form.Has("RoleArn"):
		return constraint("null", "roleArn", "Member must not be null")
	case len(role) < 20:
		return constraint("'"+role+"'", "roleArn", "Member must have length greater than or equal to 20")
	case !rolePattern.MatchString(role):
		return &Fault{400, "ValidationError", role + " is invalid"}
	}
	return nil
}

func checkSessionName(form url.Values) error {
	switch name := form.Get("RoleSessionName"); {
	case !form.Has("RoleSessionName"):
		return constraint("null", "roleSessionName", "Member must not be null")
	case len(name) < 2:
		return constraint("'"+name+"'", "roleSessionName", "Member must have length greater than or equal to 2")
	case len(name) > 64:
		return constraint("'"+name+"'", "roleSessionName", "Member must have length less than or equal to 64")
	case !sessionNamePattern.MatchString(name):
		return constraint("'"+name+"'", "roleSessionName", `Member must satisfy regular expression pattern: [\w+=,.@-]*`)
	}
	return nil
}

// checkDuration also sets call.Duration. Whoever calls this server is an
// assumed role, the service role too, so that the limit of role chaining
// holds for all.
func checkDuration(form url.Values, call *Call) error {
	call.Duration = maxChained
	if !form.Has("DurationSeconds") {
		return nil
	}
	seconds, err := strconv.ParseInt(form.Get("DurationSeconds"), 10, 32)
	if err != nil {
		return &Fault{400, "MalformedInput", "DurationSeconds is not a number"}
	}
	call.Duration = time.Duration(seconds) * time.Second
	value := fmt.Sprintf("'%d'", seconds)
	switch {
	case call.Duration < minDuration:
		return constraint(value, "durationSeconds", "Member must have value greater than or equal to 900")
	case call.Duration > maxDuration:
		return constraint(value, "durationSeconds", "Member must have value less than or equal to 43200")
	case call.Duration > maxChained:
		return &Fault{400, "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"}
	}
	return nil
}

func checkPolicy(policy string) error {
	switch {
	case len(policy) > maxPolicyLength:
		return constraint("(a policy)", "policy", "Member must have length less than or equal to 2048")
	case policy != "" && !json.Valid([]byte(policy)):
		return &Fault{400, "MalformedPolicyDocument", "This policy contains invalid Json"}
	}
	return nil
}

func constraint(value, member, rule string) error {
	return &Fault{400, "ValidationError", fmt.Sprintf(
		"1 validation error detected: Value %s at '%s' failed to satisfy constraint: %s", value, member, rule)}
}

type assumeRoleResponse struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleResponse"`
	Result  struct {
		User struct {
			ID  string `xml:"AssumedRoleId"`
			ARN string `xml:"Arn"`
		} `xml:"AssumedRoleUser"`
		Credentials struct {
			AccessKeyID     string `xml:"AccessKeyId"`
			SecretAccessKey string
			SessionToken    string
			Expiration      string
		}
	} `xml:"AssumeRoleResult"`
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

type callerIdentityResponse struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
	Result  struct {
		ARN     string `xml:"Arn"`
		UserID  string `xml:"UserId"`
		Account string
	} `xml:"GetCallerIdentityResult"`
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

func newCallerIdentityResponse(who session) callerIdentityResponse {
	answer := callerIdentityResponse{RequestID: requestID()}
	answer.Result.ARN = who.arn
	answer.Result.UserID = who.userID
	answer.Result.Account = who.account
	return answer
}
