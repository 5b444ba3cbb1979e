package loopback

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"spa-runner/internal/lazyregexp"
)

// ssmTarget is the one operation of Systems Manager that is played.
const ssmTarget = "AmazonSSM.GetParameter"

// parameterPattern is what Systems Manager takes for the name of a parameter.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
var parameterPattern = lazyregexp.New(`^[a-zA-Z0-9_.\-/]+$`)

// Parameter is a parameter of Systems Manager.
type Parameter struct {
	// Account owns the parameter: for sessions of other accounts it does not exist.
	Account string
	// Region that clients sign for; empty means eu-west-1.
	Region string
	Value  string
	// Denied answers AccessDeniedException, as a missing permission does.
	Denied bool
}

// ServeParameter serves a parameter to GetParameter, or replaces it. Before the first
// one, Systems Manager is not played: that there is none would be a lie.
func (s *Server) ServeParameter(name string, p Parameter) {
	if p.Region == "" {
		p.Region = "eu-west-1"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parameters[name] = p
}

func (s *Server) playsSSM() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.parameters) > 0
}

// Requests are all requests so far, oldest first, granted or not: "sts AssumeRole",
// "ssm GetParameter", "codecommit GET info/refs?service=git-upload-pack". What
// the server does not play is in it too, with its method and path.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

func (s *Server) note(request string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, request)
}

// noteRequest notes what is not a form, whose action is in its body.
func (s *Server) noteRequest(r *http.Request) {
	for prefix, service := range map[string]string{codeCommitPrefix: "codecommit ", plainPrefix: "git "} {
		if rest, ok := strings.CutPrefix(r.URL.RequestURI(), prefix); ok {
			_, operation, _ := strings.Cut(rest, "/")
			s.note(service + r.Method + " " + operation)
			return
		}
	}
	if service, action, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		s.note(strings.ToLower(strings.TrimPrefix(service, "Amazon")) + " " + action)
	} else if !isForm(r) {
		s.note(r.Method + " " + r.URL.RequestURI())
	}
}

// serveParameter answers GetParameter in JSON 1.1. The parts of the session policy
// that matter to it are not judged: this server knows no IAM.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
func (s *Server) serveParameter(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFormLength))
	if err != nil {
		s.writeFault(w, r, &Fault{400, "SerializationException", err.Error()})
		return
	}
	who, err := s.authenticate(r, "ssm", body)
	if err != nil {
		s.writeFault(w, r, err)
		return
	}
	var asked struct{ Name string }
	if err := json.Unmarshal(body, &asked); err != nil || !parameterPattern.MatchString(asked.Name) {
		s.writeFault(w, r, &Fault{400, "ValidationException", "Parameter name is not valid."})
		return
	}
	s.mu.Lock()
	p, known := s.parameters[asked.Name]
	s.mu.Unlock()
	auth, _ := parseAuthorization(r.Header.Get("Authorization")) // authenticate has read it
	resource := "arn:aws:ssm:" + auth.region + ":" + who.account + ":parameter/" + strings.TrimPrefix(asked.Name, "/")
	switch {
	case known && p.Denied:
		s.writeFault(w, r, &Fault{400, "AccessDeniedException", fmt.Sprintf("User: %s is not authorized to perform: ssm:GetParameter on resource: %s", who.arn, resource)})
	case !known || p.Account != who.account || p.Region != auth.region:
		s.writeFault(w, r, &Fault{400, "ParameterNotFound", ""})
	default:
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.Header().Set("X-Amzn-Requestid", requestID())
		_ = json.NewEncoder(w).Encode(map[string]any{"Parameter": map[string]any{
			"ARN": resource, "DataType": "text", "Name": asked.Name, "Type": "String", "Value": p.Value, "Version": 1,
		}})
	}
}
