package main

import (
	"encoding/json"
	"slices"

	"spa-runner/internal/awsname"
	"spa-runner/internal/codecommit"
	"spa-runner/internal/config"
)

// A session policy takes away from a role, for one session, everything that it
// does not name; it never adds anything. It may have 2,048 characters.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session

type sessionPolicy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Effect    string
	Action    []string
	Resource  string
	Condition map[string]map[string][]string `json:",omitempty"`
}

func (p sessionPolicy) String() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings alone
	}
	return string(text)
}

func allow(statements ...statement) sessionPolicy {
	for i := range statements {
		statements[i].Effect = "Allow"
	}
	return sessionPolicy{Version: "2012-10-17", Statement: statements}
}

func equals(key string, values ...string) map[string]map[string][]string {
	return map[string]map[string][]string{"StringEquals": {key: values}}
}

// settingsRepository is the ARN of the repository with the settings: the role
// knows the partition and the account, the URL the region and the name.
func settingsRepository(role awsname.Role, repo codecommit.Repository) string {
	return "arn:" + role.Partition + ":codecommit:" + repo.Region + ":" + role.Account + ":" + repo.Name
}

// readSettings leaves the settings role one repository to read, and the key that
// it may be encrypted with, as CodeCommit uses it on behalf of who clones.
// https://docs.aws.amazon.com/codecommit/latest/userguide/encryption.html
//
// KMS is told by which service it was asked under the name codecommit.REGION.DOMAIN.
// The documentation has amazonaws.com for DOMAIN and leaves open whether other
// partitions have their own, so both are taken there: no service but this one
// has either name.
// https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
func readSettings(role awsname.Role, repo codecommit.Repository) sessionPolicy {
	domains := []string{"amazonaws.com", awsname.DNSSuffix(repo.Region)}
	var services []string
	for _, domain := range slices.Compact(domains) {
		services = append(services, "codecommit."+repo.Region+"."+domain)
	}
	return allow(
		statement{Action: []string{"codecommit:GitPull"}, Resource: settingsRepository(role, repo)},
		statement{Action: []string{"kms:Decrypt"}, Resource: "*", Condition: equals("kms:ViaService", services...)},
	)
}

// readPackages leaves the packages role what pip, npm and docker need to fetch
// from CodeArtifact and ECR. The token of CodeArtifact is one of STS for that
// service. Which domains and repositories is for the role itself to say.
// https://docs.aws.amazon.com/codeartifact/latest/ug/security_iam_id-based-policy-examples.html
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/security_iam_id-based-policy-examples.html
func readPackages() sessionPolicy {
	return allow(
		statement{Resource: "*", Action: []string{
			"codeartifact:DescribeDomain", "codeartifact:DescribePackage", "codeartifact:DescribePackageVersion",
			"codeartifact:DescribeRepository", "codeartifact:GetAuthorizationToken", "codeartifact:GetPackageVersionAsset",
			"codeartifact:GetPackageVersionReadme", "codeartifact:GetRepositoryEndpoint", "codeartifact:ListPackages",
			"codeartifact:ListPackageVersionAssets", "codeartifact:ListPackageVersionDependencies",
			"codeartifact:ListPackageVersions", "codeartifact:ListRepositories", "codeartifact:ListRepositoriesInDomain",
			"codeartifact:ReadFromRepository",
			"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:DescribeRepositories",
			"ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer", "ecr:ListImages",
		}},
		statement{
			Resource: "*", Action: []string{"sts:GetServiceBearerToken"},
			Condition: equals("sts:AWSServiceName", "codeartifact.amazonaws.com"),
		},
	)
}

// settingsPolicy is the session policy of the settings role, "" where there is
// none, with what it leaves, for people.
func settingsPolicy(c *config.Config) (policy, narrowed string) {
	role, err := awsname.ParseRole(c.SettingsRole)
	if !c.SettingsPolicy || c.CodeCommit == nil || err != nil {
		return "", ""
	}
	return readSettings(role, *c.CodeCommit).String(), "codecommit:GitPull on " + settingsRepository(role, *c.CodeCommit)
}

// packagesNarrowed is what readPackages leaves, for people.
const packagesNarrowed = "reading CodeArtifact and ECR"
