package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// FuzzTriggerValues: what a trigger, or whoever starts a build, says of a push is for the
// log and the summary: one line, and a time that everybody reads alike.
func FuzzTriggerValues(f *testing.F) {
	for _, seed := range [][3]string{
		{"arn:aws:iam::111111111111:user/alice", "2026-03-01T13:00:00+01:00", "3"},
		{"arn:aws:sts::1:assumed-role/A/\x1b[31m", "0000-01-01T00:00:00+23:59", "+3"},
		{"$(id)", "9999-12-31T23:59:59-23:59", "11"},
		{"", "", ""},
		{"arn:a:b:::x\n", "2026-03-01T12:00:60Z", "0x2"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	shown := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)
	f.Fuzz(func(t *testing.T, who, when, passes string) {
		var told, at string
		if err := pusher(&told)(who); err == nil && (told != who || strings.ContainsFunc(told, func(r rune) bool { return r <= ' ' || r > '~' })) {
			t.Errorf("the pusher %q is told as %q", who, told)
		}
		if err := moment(&at)(when); err == nil && when != "" {
			was, err := time.Parse(time.RFC3339, when)
			is, err2 := time.Parse(time.RFC3339, at)
			if err != nil || err2 != nil || !is.Equal(was.Truncate(time.Second)) || !shown.MatchString(at) {
				t.Errorf("%q is told as %q: %v, %v", when, at, err, err2)
			}
		}
		var n int
		if err := passLimit(&n, true)(passes); err == nil && (n < 1 || n > maxPasses) {
			t.Errorf("%q allows %d passes", passes, n)
		}
	})
}

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
