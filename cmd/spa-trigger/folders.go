package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/codecommit/types"

	"spa-runner/internal/environments"
)

// batchEnvironments are the folders below c.folder that the push touches. One that the push
// removes is known by the commit before, so that its files do not count as
// shared ones; there is nothing to build of it.
func (c changes) batchEnvironments(ctx context.Context, folder string) ([]string, error) {
	now, err := c.subfolders(ctx, folder, c.push.commit)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(now)
	if c.push.before != "" && !c.push.created {
		before, err := c.subfolders(ctx, folder, c.push.before)
		if err != nil {
			return nil, err
		}
		for _, old := range before {
			if !slices.Contains(all, old) {
				all = append(all, old)
				c.log.Warn("an environment was removed from the settings: nothing is built, and what is deployed of it stays", "environment", old)
			}
		}
	}
	if len(now) == 0 {
		c.log.Warn("there is no environment in the settings: they are the folders directly below ENVIRONMENTS_FOLDER", "folder", folder)
		return nil, nil
	}
	touched, err := c.touched(ctx, all)
	return slices.DeleteFunc(touched, func(f string) bool { return !slices.Contains(now, f) }), err
}

// subfolders of a folder at a commit; none where either is not there.
func (c changes) subfolders(ctx context.Context, folder, commit string) ([]string, error) {
	answer, err := c.client.GetFolder(ctx, &codecommit.GetFolderInput{RepositoryName: &c.push.repository.name, CommitSpecifier: &commit, FolderPath: &folder})
	var none *types.FolderDoesNotExistException
	var gone *types.CommitDoesNotExistException
	switch {
	case errors.As(err, &none), commit == c.push.before && errors.As(err, &gone):
		return nil, nil
	case err != nil:
		return nil, explain(ctx, c.call("reading the folders in "+folder+" of "+c.push.repository.name+" at "+commit, "codecommit:GetFolder"), err)
	}
	var list []string
	for _, sub := range answer.SubFolders {
		if path := strings.Trim(aws.ToString(sub.AbsolutePath), "/"); environments.Named(path) {
			list = append(list, path)
		}
	}
	slices.Sort(list)
	return list, nil
}
