package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/codecommit/types"
)

// maxPages of differences are read, of 100 files or so: a change of thousands of
// files means every environment, and 30 s are soon over.
const maxPages = 50

// changes knows what a push changed, from CodeCommit, as the function itself.
type changes struct {
	client *codecommit.Client
	push   push
	log    *slog.Logger
}

func newChanges(cfg aws.Config, p push, log *slog.Logger) changes {
	client := codecommit.NewFromConfig(cfg, func(o *codecommit.Options) { o.Region = p.repository.region })
	return changes{client: client, push: p, log: log}
}

// touched is which of the folders the push touches, by what it changed: all of them
// where that cannot be known, with the reason in the log.
func (c changes) touched(ctx context.Context, folders []string, by func(changed []string) []string) ([]string, error) {
	switch {
	case c.push.created:
		c.log.Info("every environment is meant: the branch is new")
		return folders, nil
	case c.push.before == "":
		c.log.Info("every environment is meant: the event of a repository trigger does not tell the commit before, and a push may bring several (an EventBridge rule tells it)")
		return folders, nil
	}
	paths, complete, err := c.paths(ctx)
	var gone *types.CommitDoesNotExistException
	var noID *types.CommitIdDoesNotExistException
	var invalid *types.InvalidCommitException
	switch {
	case errors.As(err, &gone), errors.As(err, &noID), errors.As(err, &invalid):
		c.log.Warn("every environment is meant: CodeCommit does not know the commits to compare any more", "before", c.push.before, "error", err.Error())
		return folders, nil
	case err != nil:
		return nil, explain(ctx, c.call("reading what "+c.push.commit+" changed in "+c.push.repository.name, "codecommit:GetDifferences"), err)
	case !complete:
		c.log.Warn("every environment is meant: the push changes more files than are looked at", "files", len(paths))
		return folders, nil
	}
	touched := by(paths)
	c.log.Info("the push was compared", "before", c.push.before, "files", len(paths), "touched", touched)
	return touched, nil
}

// paths are those of all files that the push adds, changes or removes; a file
// that moved has two.
func (c changes) paths(ctx context.Context) (paths []string, complete bool, err error) {
	pages := codecommit.NewGetDifferencesPaginator(c.client, &codecommit.GetDifferencesInput{
		RepositoryName: &c.push.repository.name, BeforeCommitSpecifier: &c.push.before, AfterCommitSpecifier: &c.push.commit,
	})
	for range maxPages {
		if !pages.HasMorePages() {
			return paths, true, nil
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, false, err
		}
		for _, d := range page.Differences {
			for _, blob := range []*types.BlobMetadata{d.BeforeBlob, d.AfterBlob} {
				if path := blobPath(blob); path != "" {
					paths = append(paths, path)
				}
			}
		}
	}
	return paths, !pages.HasMorePages(), nil
}

// call is one of the function's own requests to CodeCommit.
func (c changes) call(what, permission string) call {
	return call{
		what: what, service: "CodeCommit",
		denied:  "the policy of the function's role must allow " + permission + " on " + c.push.repository.String(),
		missing: "the repository of the event must be there, in the region of the event",
	}
}

func blobPath(blob *types.BlobMetadata) string {
	if blob == nil {
		return ""
	}
	return aws.ToString(blob.Path)
}
