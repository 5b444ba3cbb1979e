package main

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	"spa-runner/internal/environments"
)

// runningBatches is what is known of the batches that a project is busy with.
//
// CodeBuild's limit of concurrent builds cannot be the guard here, as it is for
// a project with one environment: it counts the builds of a batch too. So the
// trigger looks itself. Two triggers that look at the same moment both find
// nothing; a reserved concurrency of 1 of the function closes that, and what is
// left is CloudFormation's own refusal of two updates of a stack at once.
type runningBatches struct {
	ours    []string // environments in a batch of this very commit: of a duplicate, or an earlier try
	busy    []string // environments whose build in another batch has not ended
	unknown bool     // there is a batch of other making, which may build anything
}

func (r runningBatches) covered(folder string) bool { return slices.Contains(r.ours, folder) }

func (b batch) running(ctx context.Context, commit string) (runningBatches, error) {
	var found runningBatches
	pages := codebuild.NewListBuildBatchesForProjectPaginator(b.client, &codebuild.ListBuildBatchesForProjectInput{
		ProjectName: &b.target.project.name,
		Filter:      &types.BuildBatchFilter{Status: types.StatusTypeInProgress},
	})
	for n := 0; pages.HasMorePages(); n++ {
		if n == maxPages { // nobody has so many; what does not end may hide anything
			found.unknown = true
			break
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return found, explain(ctx, b.target.call("listing the running batches of", "codebuild:ListBuildBatchesForProject"), err)
		}
		if len(page.Ids) == 0 {
			continue
		}
		answer, err := b.client.BatchGetBuildBatches(ctx, &codebuild.BatchGetBuildBatchesInput{Ids: page.Ids})
		if err != nil {
			return found, explain(ctx, b.target.call("reading the running batches of", "codebuild:BatchGetBuildBatches"), err)
		}
		for _, one := range answer.BuildBatches {
			found.add(one, commit)
		}
	}
	return found, nil
}

func (r *runningBatches) add(one types.BuildBatch, commit string) {
	if one.Complete || one.BuildBatchStatus != types.StatusTypeInProgress {
		return // it ended since it was listed
	}
	folders := map[string]string{}
	if one.Source != nil {
		folders = environments.Batched(aws.ToString(one.Source.Buildspec))
	}
	if len(folders) == 0 {
		r.unknown = true
		return
	}
	for identifier, folder := range folders {
		switch {
		case commitOf(one) == commit:
			r.ours = append(r.ours, folder)
		case !ended(one, identifier):
			r.busy = append(r.busy, folder)
		}
	}
}

// ended says whether the build of that name is over, and with it its look at the
// branch; the batch goes on as long as another build of it.
func ended(one types.BuildBatch, identifier string) bool {
	return slices.ContainsFunc(one.BuildGroups, func(g types.BuildGroup) bool {
		return aws.ToString(g.Identifier) == identifier && g.CurrentBuildSummary != nil &&
			g.CurrentBuildSummary.BuildStatus != "" && g.CurrentBuildSummary.BuildStatus != types.StatusTypeInProgress
	})
}

// commitOf is the commit that a batch was started for, "" if it does not say.
func commitOf(one types.BuildBatch) string {
	if one.Environment != nil {
		for _, v := range one.Environment.EnvironmentVariables {
			if aws.ToString(v.Name) == commitVariable {
				return aws.ToString(v.Value)
			}
		}
	}
	return ""
}
