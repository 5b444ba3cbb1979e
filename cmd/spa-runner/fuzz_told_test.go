package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// FuzzParameter: an answer is the parameter that a parser of JSON finds in it, or an error of
// a length that people read.
func FuzzParameter(f *testing.F) {
	f.Add(200, `{"Parameter":{"Name":"/cdk-bootstrap/hnb659fds/version","Type":"String","Value":"21","Version":1}}`)
	f.Add(400, `{"__type":"com.amazonaws.ssm#ParameterNotFound","message":"no"}`)
	f.Add(400, `{"__type":"#","message":"a\u001b[31m\nb"}`)
	f.Add(200, `{"Parameter":null}`)
	f.Add(200, `[]`)
	f.Add(302, `<html>`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		value, err := readParameter(&http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))})
		if (value == "") == (err == nil) || err == nil && (status != http.StatusOK || !strings.Contains(body, "alue")) {
			t.Errorf("got %q, %v", value, err)
		}
		var refused *ssmError
		if errors.As(err, &refused) && (status == http.StatusOK || refused.status != status) {
			t.Errorf("status %d gives %+v", status, refused)
		}
	})
}

// FuzzCaller: who STS says that this is goes into statements that people paste.
func FuzzCaller(f *testing.F) {
	for _, seed := range []string{
		"arn:aws:sts::222222222222:assumed-role/Role/Session", "arn:aws:iam::222222222222:user/path/alice", "arn:aws:iam::222222222222:root",
		"arn:aws:sts::222222222222:assumed-role//x", "arn:aws:iam::222222222222:user/", "arn:aws:iam::222222222222:user/a\"},{\"b\":\"", "arn:aws:sts::222222222222:assumed-role/\n/x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, arn string) {
		who := parseCaller(arn)
		if who.account == "" {
			return
		}
		if len(who.account) != 12 || who.arn != arn || who.partition == "" {
			t.Errorf("%q is read as %+v", arn, who)
		}
		var statement struct {
			Principal map[string]string
			Condition map[string]map[string]any
		}
		text := trustStatement(who, "of the project")
		if err := json.Unmarshal([]byte(text), &statement); err != nil || len(statement.Principal) != 1 || len(statement.Condition) != 2 ||
			statement.Principal["AWS"] != "arn:"+who.partition+":iam::"+who.account+":root" {
			t.Errorf("%q gives the statement %s", arn, text)
		}
	})
}
