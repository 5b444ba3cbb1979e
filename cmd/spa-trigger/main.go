// Command spa-trigger is the Lambda function that starts a build when somebody
// pushes to the trunk of the settings. It assumes a role in the account of the
// CodeBuild project and starts it, and nothing else: what is deployed, and whether, the build decides.
//
// An update is never lost in silence: what cannot be started is an error, which
// Lambda tries again after one and two minutes and then hands to the function's
// on-failure destination.
//
//	ARN_OF_ROLE_TO_ASSUME     role that may start the project
//	NAME_OF_PROJECT_TO_START  its name, or its ARN, whose region is then used
//	SETTINGS_GIT_BRANCH       trunk of the settings; default main
//	ENVIRONMENTS              in place of one project: folder=project[@ROLE_ARN] entries, of which those are started that a push touches
//	START_BATCH               true: the project is started as a batch, one build an environment that a push touches
//	ENVIRONMENTS_FOLDER       the environments of a batch are the folders below it; default environments
package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"

	"spa-runner/internal/redact"
)

// version is set by the linker.
var version = "dev"

func main() {
	lambda.Start(newHandler(context.Background(), os.Getenv, os.Stdout))
}

// newHandler reads the configuration. What is wrong with it is told to every
// event, not here: a function that does not start up says less.
func newHandler(ctx context.Context, getenv func(string) string, out io.Writer) *handler {
	h := &handler{function: getenv("AWS_LAMBDA_FUNCTION_NAME"), redactor: redact.New()}
	if h.function == "" {
		h.function = "spa-trigger"
	}
	// An answer of AWS may quote them.
	h.redactor.Add(getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"), getenv("AWS_SESSION_TOKEN"))
	h.log = newLog(out, h.redactor)
	slog.SetDefault(h.log) // the Lambda library writes by the log package
	if h.config, h.wrong = newConfig(getenv); h.wrong == nil {
		h.aws, h.wrong = loadAWS(ctx)
	}
	var starts []string
	for _, t := range h.config.targets {
		starts = append(starts, t.project.String())
	}
	h.log.Info("function ready", "version", version, "trunk", h.config.trunk, "starts", starts, "batch", h.config.batch, "configured", h.wrong == nil)
	return h
}

// newLog writes one JSON object a line, with the fields that the runner's events begin with.
func newLog(out io.Writer, redactor *redact.Redactor) *slog.Logger {
	return slog.New(slog.NewJSONHandler(redacted{out, redactor}, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			switch {
			case len(groups) > 0:
			case a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime:
				return slog.String("ts", a.Value.Time().UTC().Format(timeLayout))
			case a.Key == slog.LevelKey:
				return slog.String(slog.LevelKey, strings.ToLower(a.Value.String()))
			}
			return a
		},
	}))
}

// redacted is given one whole line at a time.
type redacted struct {
	out      io.Writer
	redactor *redact.Redactor
}

func (r redacted) Write(line []byte) (int, error) {
	_, err := r.out.Write(r.redactor.Bytes(line))
	return len(line), err
}
