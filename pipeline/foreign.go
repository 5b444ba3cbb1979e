package pipeline

import "strings"

// foreignIdentities are the variables by which a system that runs builds hands an
// identity to each process of a build, or a way to have one made: what holds such a
// variable acts as the build, and in some systems can become a role of AWS by it.
// A name that ends in an asterisk stands for all that begin like it.
var foreignIdentities = []struct {
	system, page string // the public page that names them
	names        []string
}{
	{
		"GitHub Actions", "https://docs.github.com/en/actions/reference/security/oidc",
		[]string{
			"ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_RUNNER_INPUT_*",
			"GITHUB_TOKEN", "GH_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GH_ENTERPRISE_TOKEN",
		},
	},
	{
		"GitLab CI", "https://docs.gitlab.com/ci/variables/predefined_variables/",
		[]string{
			"CI_JOB_TOKEN", "CI_JOB_JWT*", "CI_BUILD_TOKEN", "CI_REGISTRY_PASSWORD", "CI_DEPLOY_PASSWORD", "CI_DEPENDENCY_PROXY_PASSWORD",
			"CI_REPOSITORY_URL", // the job token is in its user info
			"GITLAB_TOKEN", "GITLAB_OIDC_TOKEN", "CI_SERVER_TOKEN", "CI_RUNNER_TOKEN",
		},
	},
	{
		"Bitbucket Pipelines", "https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/",
		[]string{"BITBUCKET_STEP_OIDC_TOKEN", "BITBUCKET_ACCESS_TOKEN", "BITBUCKET_TOKEN", "BITBUCKET_APP_PASSWORD", "PIPELINES_JWT_TOKEN"},
	},
	{
		"CircleCI", "https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/",
		[]string{"CIRCLE_OIDC_TOKEN*", "CIRCLE_TOKEN", "CIRCLE_API_TOKEN", "CIRCLECI_CLI_TOKEN"},
	},
	{
		"Azure Pipelines", "https://learn.microsoft.com/en-us/azure/devops/pipelines/build/variables",
		[]string{
			"SYSTEM_ACCESSTOKEN", "SYSTEM_OIDCREQUESTURI", "ENDPOINT_AUTH_*", "AZURE_DEVOPS_EXT_PAT", "VSS_NUGET_ACCESSTOKEN",
			"VSS_NUGET_EXTERNAL_FEED_ENDPOINTS", "IDTOKEN", "SERVICEPRINCIPALKEY",
		},
	},
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
		[]string{"BUILDKITE_AGENT_ACCESS_TOKEN", "BUILDKITE_AGENT_TOKEN", "BUILDKITE_AGENT_JOB_API_*", "BUILDKITE_API_TOKEN", "BUILDKITE_API_ACCESS_TOKEN"},
	},
	{
		"Jenkins", "https://github.com/jenkinsci/docker-agent",
		[]string{"JENKINS_SECRET", "JENKINS_AGENT_SECRET", "JENKINS_API_TOKEN", "JENKINS_TOKEN", "JENKINS_PASSWORD"},
	},
}

// Foreign names the system whose identity a variable is or leads to, "" if it is
// none. No child sees such a variable, unless the project keeps it.
func Foreign(name string) (system string) {
	upper := strings.ToUpper(name)
	for _, s := range foreignIdentities {
		for _, pattern := range s.names {
			if prefix, ok := strings.CutSuffix(pattern, "*"); upper == pattern || ok && strings.HasPrefix(upper, prefix) {
				return s.system
			}
		}
	}
	return ""
}
