package identity

import (
	"encoding/json"
	"slices"

	"spa-runner/internal/awsname"
	"spa-runner/internal/codecommit"
)

// A session policy takes away from a role, for one session, everything that it
// does not name; it never adds anything. It may have 2,048 characters.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session

type SessionPolicy struct {
	Version   string
	Statement []Statement
}

type Statement struct {
	Effect    string
	Action    []string
	Resource  string
	Condition map[string]map[string][]string `json:",omitempty"`
}

func (p SessionPolicy) String() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings alone
	}
	return string(text)
}

// Allow makes a policy of what it allows.
func Allow(statements ...Statement) SessionPolicy {
	for i := range statements {
		statements[i].Effect = "Allow"
	}
	return SessionPolicy{Version: "2012-10-17", Statement: statements}
}

func equals(key string, values ...string) map[string]map[string][]string {
	return map[string]map[string][]string{"StringEquals": {key: values}}
}

// SettingsRepository is the ARN of the repository with the settings: the role
// knows the partition and the account, the URL the region and the name.
func SettingsRepository(role awsname.Role, repo codecommit.Repository) string {
	return "arn:" + role.Partition + ":codecommit:" + repo.Region + ":" + role.Account + ":" + repo.Name
}

// ReadSettings leaves the settings role one repository to read, and the key that
// it may be encrypted with, as CodeCommit uses it on behalf of who clones.
// https://docs.aws.amazon.com/codecommit/latest/userguide/encryption.html
//
// KMS is told by which service it was asked under the name codecommit.REGION.DOMAIN.
// The documentation has amazonaws.com for DOMAIN and leaves open whether other
// partitions have their own, so both are taken there: no service but this one
// has either name.
// https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
func ReadSettings(role awsname.Role, repo codecommit.Repository) SessionPolicy {
	domains := []string{"amazonaws.com", awsname.DNSSuffix(repo.Region)}
	var services []string
	for _, domain := range slices.Compact(domains) {
		services = append(services, "codecommit."+repo.Region+"."+domain)
	}
	return Allow(
		Statement{Action: []string{"codecommit:GitPull"}, Resource: SettingsRepository(role, repo)},
		Statement{Action: []string{"kms:Decrypt"}, Resource: "*", Condition: equals("kms:ViaService", services...)},
	)
}

// ReadPackages leaves the packages role what pip, npm and docker need to fetch
// from CodeArtifact and ECR. The token of CodeArtifact is one of STS for that
// service. Which domains and repositories is for the role itself to say.
// https://docs.aws.amazon.com/codeartifact/latest/ug/security_iam_id-based-policy-examples.html
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/security_iam_id-based-policy-examples.html
func ReadPackages() SessionPolicy {
	return Allow(
		Statement{Resource: "*", Action: []string{
			"codeartifact:DescribeDomain", "codeartifact:DescribePackage", "codeartifact:DescribePackageVersion",
			"codeartifact:DescribeRepository", "codeartifact:GetAuthorizationToken", "codeartifact:GetPackageVersionAsset",
			"codeartifact:GetPackageVersionReadme", "codeartifact:GetRepositoryEndpoint", "codeartifact:ListPackages",
			"codeartifact:ListPackageVersionAssets", "codeartifact:ListPackageVersionDependencies",
			"codeartifact:ListPackageVersions", "codeartifact:ListRepositories", "codeartifact:ListRepositoriesInDomain",
			"codeartifact:ReadFromRepository",
			"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:DescribeRepositories",
			"ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer", "ecr:ListImages",
		}},
		Statement{
			Resource: "*", Action: []string{"sts:GetServiceBearerToken"},
			Condition: equals("sts:AWSServiceName", "codeartifact.amazonaws.com"),
		},
	)
}

// PackagesNarrowed is what readPackages leaves, for people.
const PackagesNarrowed = "reading CodeArtifact and ECR"
