package loopback

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Fault is an error as AWS answers it. An Options.AssumeRole hook returns one
// to play AccessDenied (403), Throttling (400), InternalFailure (500) and so
// on; SDKs retry some codes and all of 500, 502, 503 and 504.
// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
type Fault struct {
	Status  int // HTTP status; below 400 it is taken as 500
	Code    string
	Message string
}

func (f *Fault) Error() string { return fmt.Sprintf("%s (HTTP %d): %s", f.Code, f.Status, f.Message) }

// asFault makes of a hook's error what is answered.
func asFault(err error) *Fault {
	var f *Fault
	if !errors.As(err, &f) {
		return &Fault{500, "InternalFailure", err.Error()}
	}
	if f.Status < 400 {
		return &Fault{500, f.Code, f.Message}
	}
	return f
}

// notFaked says in one sentence what was asked for and that it is not played.
func notFaked(r *http.Request, action string) error {
	asked := r.Method + " " + r.URL.Path
	if action == "" {
		action = r.Header.Get("X-Amz-Target")
	}
	if action != "" {
		asked += " " + action
	}
	if service := scopeService(r); service != "" {
		asked = service + " " + asked
	}
	return &Fault{501, "NotImplemented", fmt.Sprintf("the dry run does not fake this AWS request: %.300q; "+
		"it plays sts AssumeRole, sts GetCallerIdentity and git", asked)}
}

// scopeService is the service that a request was signed for, if it was.
func scopeService(r *http.Request) string {
	a, err := parseAuthorization(r.Header.Get("Authorization"))
	if err != nil {
		return ""
	}
	return a.service
}

func isForm(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") &&
		r.Header.Get("X-Amz-Target") == ""
}

type xmlError struct {
	Type    string `xml:"Type"`
	Code    string `xml:"Code"`
	Message string `xml:"Message"`
}

// writeFault answers in the protocol of the request, since an SDK shows the
// sentence only if it can parse the answer: XML for the Query protocol and
// the REST services that speak XML, JSON for all others.
func (s *Server) writeFault(w http.ResponseWriter, r *http.Request, err error) {
	f := asFault(err)
	id := requestID()
	w.Header().Set("X-Amzn-Requestid", id)
	e := xmlError{Type: "Sender", Code: f.Code, Message: f.Message}
	if f.Status >= 500 {
		e.Type = "Receiver"
	}
	switch service := scopeService(r); {
	case service == "ec2":
		writeXML(w, f.Status, struct {
			XMLName   xml.Name `xml:"Response"`
			Error     xmlError `xml:"Errors>Error"`
			RequestID string   `xml:"RequestID"`
		}{Error: e, RequestID: id})
	case service == "s3":
		writeXML(w, f.Status, struct {
			XMLName xml.Name `xml:"Error"`
			xmlError
			RequestID string `xml:"RequestId"`
		}{xmlError: e, RequestID: id})
	case isForm(r), service == "route53", service == "cloudfront":
		writeXML(w, f.Status, struct {
			XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
			Error     xmlError `xml:"Error"`
			RequestID string   `xml:"RequestId"`
		}{Error: e, RequestID: id})
	default:
		w.Header().Set("X-Amzn-Errortype", f.Code)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(f.Status)
		json.NewEncoder(w).Encode(map[string]string{"__type": f.Code, "message": f.Message})
	}
}

// writeXML sends an answer. An error of the connection is the client's to see.
func writeXML(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	xml.NewEncoder(w).Encode(answer)
}

func requestID() string {
	b := random(16)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
