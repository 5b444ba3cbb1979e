package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	"spa-runner/internal/guard"
)

// started is a build, or a batch of builds, as the answer of the function tells it.
type started struct {
	Project      string   `json:"project"`
	Environments []string `json:"environments,omitempty"`
	Build        string   `json:"build"`
}

// startAll starts the projects at once, so that one that fails or hangs keeps
// none of the others from being started. The errors are joined.
func startAll(ctx context.Context, r *roles, targets []target, p push, log *slog.Logger) ([]started, error) {
	builds := make([]started, len(targets))
	errs := make([]error, len(targets))
	var all sync.WaitGroup
	for i, t := range targets {
		all.Add(1)
		go func() {
			defer all.Done()
			errs[i] = guard.Call(func() (err error) {
				builds[i], err = start(ctx, r, t, p)
				return err
			})
		}()
	}
	all.Wait()
	var ok []started
	for i, t := range targets {
		if errs[i] == nil {
			ok = append(ok, builds[i])
			log.Info("build started", "project", t.project.String(), "environment", t.folder, "build", builds[i].Build)
		} else if t.folder != "" {
			errs[i] = fail(kindOf(errs[i]), t.folder, errs[i])
		}
	}
	return ok, errors.Join(errs...)
}

func start(ctx context.Context, r *roles, t target, p push) (started, error) {
	client, err := r.codebuild(ctx, t)
	if err != nil {
		return started{}, err
	}
	answer, err := client.StartBuild(ctx, &codebuild.StartBuildInput{
		ProjectName:                  &t.project.name,
		IdempotencyToken:             aws.String(token(p, t.project)),
		EnvironmentVariablesOverride: variables(p),
	})
	if err != nil {
		return started{}, explain(ctx, t.call("starting a build of", "codebuild:StartBuild"), err)
	}
	if answer.Build == nil {
		return started{}, notTheAnswer("starting a build of "+t.project.String(), "CodeBuild", "there is no build in its answer")
	}
	s := started{Project: t.project.name, Build: aws.ToString(answer.Build.Id)}
	if t.folder != "" {
		s.Environments = []string{t.folder}
	}
	return s, nil
}

// variables is what a build is told of the push. It takes none of them as a
// command: all were checked when the event was read.
func variables(p push) (list []types.EnvironmentVariable) {
	for _, v := range [][2]string{{commitVariable, p.commit}, {"SETTINGS_GIT_PUSHER", p.pusher}, {"SETTINGS_GIT_PUSHED_AT", p.at}} {
		if v[1] != "" {
			list = append(list, types.EnvironmentVariable{Name: &v[0], Value: &v[1], Type: types.EnvironmentVariableTypePlaintext})
		}
	}
	return list
}

const commitVariable = "SETTINGS_GIT_COMMIT"

// call is a request to CodeBuild about the project of the target.
func (t target) call(doing, permission string) call {
	return call{
		what: doing + " " + t.project.String(), service: "CodeBuild",
		denied:  fmt.Sprintf("the policy of the role %s must allow %s on it", t.role, permission),
		missing: fmt.Sprintf("there must be a project %s in region %s of account %s: look at NAME_OF_PROJECT_TO_START or ENVIRONMENTS; a project of another region is written as its ARN", t.project.name, t.project.region, t.project.account),
	}
}
