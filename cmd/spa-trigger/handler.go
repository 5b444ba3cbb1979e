package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"

	"spa-runner/internal/awsname"
	"spa-runner/internal/environments"
	"spa-runner/internal/guard"
	"spa-runner/internal/redact"
)

// handler is the function. It keeps nothing of one event for the next.
type handler struct {
	config   config
	aws      aws.Config
	wrong    error // what is wrong with either, told to every event
	function string
	redactor *redact.Redactor
	log      *slog.Logger
}

// answer is what the function says of an event that needs no retry.
type answer struct {
	Started []started `json:"started"`
	Why     string    `json:"why,omitempty"` // why nothing was started
}

// lastWords is what is left of the function's time to tell the error.
const lastWords = 2 * time.Second

// Invoke handles one event. An error is what Lambda tries again, after one and
// two minutes, and hands to the on-failure destination after that.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	log := h.log
	if lambda, ok := lambdacontext.FromContext(ctx); ok {
		log = log.With("request", lambda.AwsRequestID)
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-lastWords))
		defer cancel()
	}
	var a answer
	err := guard.Call(func() (err error) {
		a, err = h.handle(ctx, payload, log)
		return err
	})
	if err != nil {
		k, text := kindOf(err), h.redactor.String(err.Error())
		var panicked *guard.PanicError
		if errors.As(err, &panicked) {
			log = log.With("stack", panicked.Stack)
		}
		log.Error("the event failed", "type", k, "error", text, "started", a.Started)
		return nil, messages.InvokeResponse_Error{Type: string(k), Message: text}
	}
	if a.Why != "" {
		log.Info("nothing was started", "why", a.Why)
	}
	return json.Marshal(a)
}

func (h *handler) handle(ctx context.Context, payload []byte, log *slog.Logger) (answer, error) {
	if h.wrong != nil {
		return answer{}, h.wrong
	}
	r, err := readEvent(payload, h.config.trunk)
	if err != nil {
		return answer{}, err
	}
	for _, warning := range r.warnings {
		log.Warn(warning)
	}
	switch {
	case r.greeting:
		return answer{Started: []started{}, Why: h.greeting()}, nil
	case len(r.pushes) == 0:
		return answer{Started: []started{}, Why: fmt.Sprintf("it is no update of %s: %s", h.config.trunk, strings.Join(r.ignored, "; "))}, nil
	}
	p := r.newest()
	log = log.With("repository", p.repository.name, "commit", p.commit)
	log.Info("push", "ref", h.config.trunk, "pusher", p.pusher, "pushed_at", p.at, "event", p.event, "updates", len(r.pushes))
	return h.startFor(ctx, p, log)
}

// startFor starts what the push is for.
func (h *handler) startFor(ctx context.Context, p push, log *slog.Logger) (a answer, err error) {
	a.Started = []started{}
	r := &roles{
		aws: h.aws, session: awsname.SessionName(h.function, p.commit[:12]),
		secret:  func(keys ...string) { h.redactor.Add(keys...) },
		assumed: map[awsname.Role]func() (aws.Credentials, error){},
	}
	var list []started
	targets := h.config.targets
	c := newChanges(h.aws, p, log)
	switch {
	case h.config.batch:
		var touched []string
		if touched, err = c.batchEnvironments(ctx, h.config.folder); err != nil || len(touched) == 0 {
			a.Why = "the push touches no environment below " + h.config.folder
			return a, err
		}
		list, err = startBatch(ctx, r, targets[0], touched, p, log)
	case targets[0].folder != "":
		var touched []string
		all := folders(targets)
		if touched, err = c.touched(ctx, all, func(changed []string) []string { return environments.Touched(all, changed) }); err != nil || len(touched) == 0 {
			a.Why = "the push touches no environment of ENVIRONMENTS"
			return a, err
		}
		targets = slices.DeleteFunc(slices.Clone(targets), func(t target) bool { return !slices.Contains(touched, t.folder) })
		fallthrough
	default:
		list, err = startAll(ctx, r, targets, p, log)
	}
	a.Started = append(a.Started, list...)
	if err == nil && len(list) == 0 {
		a.Why = "a running batch has this commit of every environment already"
	}
	return a, err
}

func folders(targets []target) (list []string) {
	for _, t := range targets {
		list = append(list, t.folder)
	}
	return list
}

// greeting answers the event with which the Lambda console greets a new function.
func (h *handler) greeting() string {
	return "the configuration can be read, and this is no event of CodeCommit. To try the trigger, choose Test trigger in CodeCommit " +
		"(Settings, Triggers); or send an event here with a real commit: " +
		`{"Records":[{"eventSource":"aws:codecommit","eventId":"try-1","eventSourceARN":"arn:aws:codecommit:REGION:ACCOUNT:REPOSITORY",` +
		`"codecommit":{"references":[{"ref":"` + h.config.trunk + `","commit":"40 HEXADECIMAL DIGITS"}]}}]}`
}
