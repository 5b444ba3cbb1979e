package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"
)

// A panic is a defect and no failed request, and the log says where it was.
func TestAPanicIsADefect(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	h := newHandler(t.Context(), variablesOf(append([]string{"AWS_REGION=eu-west-1"}, oneProject...)...), &out)
	h.config.targets = nil // a configuration that there cannot be
	_, err := h.Invoke(t.Context(), []byte(fixture(t, "trigger")))
	var told messages.InvokeResponse_Error
	if !errors.As(err, &told) || told.Type != string(kindDefect) || !strings.Contains(told.Message, "a defect of spa-runner") {
		t.Errorf("got %v, want a %s", err, kindDefect)
	}
	if log := out.String(); !strings.Contains(log, `"type":"Defect"`) || !strings.Contains(log, "startFor") {
		t.Errorf("the log does not say where it was:\n%s", log)
	}
}
