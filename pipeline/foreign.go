package pipeline

import (
	"path"
	"strings"
)

// foreignIdentities are the variables by which a system that runs builds hands an
// identity to each process of a build, or a way to have one made: what holds such a
// variable acts as the build, and in some systems can become a role of AWS by it.
// An asterisk stands for any characters: the systems keep adding names, and users of
// GitLab choose those of ID tokens themselves, by custom with the end _ID_TOKEN.
var foreignIdentities = []struct {
	system, page string // the public page that names them
	names        []string
}{
	{
		"GitHub Actions", "https://docs.github.com/en/actions/reference/security/oidc",
		[]string{
			"ACTIONS_*TOKEN*", "ACTIONS_RUNNER_INPUT_*", "GITHUB_*TOKEN*", "GH_*TOKEN*",
			"INPUT_*TOKEN*", // what an action in a container gets as its inputs
		},
	},
	{
		"GitLab CI", "https://docs.gitlab.com/ci/variables/predefined_variables/",
		[]string{
			"CI_*TOKEN*", "CI_JOB_JWT*", "CI_*PASSWORD*", "GITLAB_*TOKEN*",
			"CI_REPOSITORY_URL", "CI_BUILD_REPO", // the job token is in their user info
		},
	},
	{"GitLab CI", "https://docs.gitlab.com/ci/secrets/id_token_authentication/", []string{"*_ID_TOKEN"}},
	{
		"Bitbucket Pipelines", "https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/",
		[]string{"BITBUCKET_*TOKEN*", "BITBUCKET_*PASSWORD*", "BITBUCKET_CLIENT_SECRET", "PIPELINES_JWT_TOKEN"},
	},
	{
		"CircleCI", "https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/",
		[]string{"CIRCLE_*TOKEN*", "CIRCLECI_*TOKEN*", "LAUNCH_AGENT_API_AUTH_TOKEN"},
	},
	{
		"Azure Pipelines", "https://learn.microsoft.com/en-us/azure/devops/pipelines/build/variables",
		[]string{
			"SYSTEM_ACCESSTOKEN", "SYSTEM_OIDCREQUESTURI", "ENDPOINT_AUTH_*", "AZURE_DEVOPS_EXT_PAT", "VSS_NUGET_ACCESSTOKEN",
			"VSS_NUGET_EXTERNAL_FEED_ENDPOINTS", "ARTIFACTS_CREDENTIALPROVIDER_*", "IDTOKEN", "SERVICEPRINCIPALKEY",
		},
	},
	{"Azure Pipelines", "https://learn.microsoft.com/en-us/azure/devops/pipelines/agents/docker", []string{"AZP_*TOKEN*", "AZP_CLIENTSECRET"}},
	{
		"Azure", "https://learn.microsoft.com/en-us/dotnet/api/azure.identity.environmentcredential",
		[]string{
			"AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_*", "AZURE_FEDERATED_TOKEN*", "AZURE_PASSWORD",
			"ARM_CLIENT_SECRET", "ARM_CLIENT_CERTIFICATE*", "ARM_OIDC_*",
			"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET",
		},
	},
	{
		"Buildkite", "https://buildkite.com/docs/pipelines/configure/environment-variables",
		[]string{"BUILDKITE_*TOKEN*", "BUILDKITE_AGENT_JOB_API_*"},
	},
	{
		"Jenkins", "https://github.com/jenkinsci/docker-agent",
		[]string{"JENKINS_*SECRET*", "JENKINS_*TOKEN*", "JENKINS_*PASSWORD*"},
	},
}

// Foreign names the system whose identity a variable is or leads to, "" if it is
// none. No child sees such a variable, unless the project keeps it.
func Foreign(name string) (system string) {
	upper := strings.ToUpper(name)
	for _, s := range foreignIdentities {
		for _, pattern := range s.names {
			if ok, err := path.Match(pattern, upper); ok && err == nil {
				return s.system
			}
		}
	}
	return ""
}
