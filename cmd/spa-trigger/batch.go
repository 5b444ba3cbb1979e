package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"

	"spa-runner/internal/environments"
)

// startBatch starts one batch of the touched environments. Those that a running
// batch is busy with are left to Lambda's retries, and to the running builds, which look at the branch themselves.
func startBatch(ctx context.Context, r *roles, t target, touched []string, p push, log *slog.Logger) ([]started, error) {
	client, err := r.codebuild(ctx, t)
	if err != nil {
		return nil, err
	}
	b := batch{client: client, target: t, log: log}
	running, err := b.running(ctx, p.commit)
	if err != nil {
		return nil, err
	}
	var free, busy []string
	for _, folder := range touched {
		switch {
		case running.covered(folder):
			log.Info("a running batch has this commit of it already", "environment", folder)
		case running.unknown, slices.Contains(running.busy, folder):
			busy = append(busy, folder)
		default:
			free = append(free, folder)
		}
	}
	var list []started
	if len(free) > 0 {
		one, err := b.start(ctx, free, p)
		if err != nil {
			return nil, err
		}
		log.Info("batch started", "project", t.project.String(), "environments", free, "build", one.Build)
		list = append(list, one)
	}
	if len(busy) > 0 {
		return list, fail(kindRunning, "starting a batch of "+t.project.String(), fmt.Errorf("a batch is busy with %s: %s", strings.Join(busy, ", "), runningText))
	}
	return list, nil
}

type batch struct {
	client *codebuild.Client
	target target
	log    *slog.Logger
}

func (b batch) start(ctx context.Context, folders []string, p push) (started, error) {
	buildspec, err := b.buildspec(ctx, folders)
	if err != nil {
		return started{}, err
	}
	answer, err := b.client.StartBuildBatch(ctx, &codebuild.StartBuildBatchInput{
		ProjectName: &b.target.project.name,
		// What a retry asks for may be less than what came first.
		IdempotencyToken:             aws.String(token(p, b.target.project, buildspec)),
		EnvironmentVariablesOverride: variables(p),
		BuildspecOverride:            &buildspec,
	})
	if err != nil {
		return started{}, explain(ctx, b.target.call("starting a batch of", "codebuild:StartBuildBatch"), err)
	}
	if answer.BuildBatch == nil {
		return started{}, notTheAnswer("starting a batch of "+b.target.project.String(), "CodeBuild", "there is no batch in its answer")
	}
	return started{Project: b.target.project.name, Environments: folders, Build: aws.ToString(answer.BuildBatch.Id)}, nil
}

var (
	inlineBuildspec = regexp.MustCompile(`(?m)^phases:`)
	ownBatch        = regexp.MustCompile(`(?m)^batch:`)
)

// buildspec is that of the project, with a build for each of the folders.
func (b batch) buildspec(ctx context.Context, folders []string) (string, error) {
	doing := b.target.call("reading the buildspec of", "codebuild:BatchGetProjects")
	answer, err := b.client.BatchGetProjects(ctx, &codebuild.BatchGetProjectsInput{Names: []string{b.target.project.name}})
	switch {
	case err != nil:
		return "", explain(ctx, doing, err)
	case len(answer.Projects) == 0:
		return "", fail(kindNotFound, doing.what, errors.New(doing.missing))
	}
	project := answer.Projects[0]
	text := ""
	if project.Source != nil {
		text = aws.ToString(project.Source.Buildspec)
	}
	limit := environments.MaxBuilds
	if c := project.BuildBatchConfig; c != nil && c.Restrictions != nil && c.Restrictions.MaximumBuildsAllowed != nil {
		limit = int(*c.Restrictions.MaximumBuildsAllowed)
	}
	switch {
	case project.BuildBatchConfig == nil:
		err = errors.New("the project has no batch configuration: give it one, with a role that may start its builds")
	case !inlineBuildspec.MatchString(text):
		err = errors.New("its buildspec is not written in the project itself, where a batch takes it from")
	case ownBatch.MatchString(text):
		err = errors.New("its buildspec has a batch of its own: take that out, the environments make the batch")
	case len(folders) > limit:
		err = fmt.Errorf("the push touches %d environments, and a batch of it has at most %d builds: raise MaximumBuildsAllowed of the project's batch configuration, or share the environments out among projects (ENVIRONMENTS)", len(folders), limit)
	default:
		return environments.Batch(text, folders)
	}
	return "", fail(kindConfig, doing.what, err)
}
