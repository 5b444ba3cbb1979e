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

// batchEnvironments are the folders directly below one that the push touches. Of an
// environment that the push removes there is nothing to build.
func (c changes) batchEnvironments(ctx context.Context, folder string) ([]string, error) {
	now, err := c.subfolders(ctx, folder)
	if err != nil || len(now) == 0 {
		return nil, err
	}
	return c.touched(ctx, now, func(paths []string) []string {
		for _, one := range environments.Below(folder, paths) {
			if !slices.Contains(now, one) {
				c.log.Warn("an environment was removed from the settings: nothing is built, and what is deployed of it stays", "environment", one)
			}
		}
		return environments.TouchedBelow(folder, now, paths)
	})
}

// subfolders are the environments below a folder at the commit of the push; none
// where the folder is not there.
func (c changes) subfolders(ctx context.Context, folder string) ([]string, error) {
	answer, err := c.client.GetFolder(ctx, &codecommit.GetFolderInput{RepositoryName: &c.push.repository.name, CommitSpecifier: &c.push.commit, FolderPath: &folder})
	var none *types.FolderDoesNotExistException
	switch {
	case errors.As(err, &none):
		answer = &codecommit.GetFolderOutput{}
	case err != nil:
		return nil, explain(ctx, c.call("reading the folders in "+folder+" of "+c.push.repository.name+" at "+c.push.commit, "codecommit:GetFolder"), err)
	}
	var list []string
	for _, sub := range answer.SubFolders {
		if path := strings.Trim(aws.ToString(sub.AbsolutePath), "/"); environments.Named(path) {
			list = append(list, path)
		}
	}
	if len(list) == 0 {
		c.log.Warn("there is no environment in the settings: they are the folders directly below ENVIRONMENTS_FOLDER", "folder", folder)
	}
	slices.Sort(list)
	return list, nil
}
