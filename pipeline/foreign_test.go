package pipeline

import (
	"slices"
	"strings"
	"testing"
)

// Identities of other systems that run builds reach no child, by no way that a name
// takes into its environment, unless the project keeps them.
func TestForeignIdentitiesAreKept(t *testing.T) {
	t.Parallel()
	foreign := strings.Fields(`ACTIONS_ID_TOKEN_REQUEST_TOKEN ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_RUNTIME_TOKEN GITHUB_TOKEN GH_TOKEN
		CI_JOB_TOKEN CI_JOB_JWT CI_JOB_JWT_V1 CI_JOB_JWT_V2 CI_REPOSITORY_URL CI_REGISTRY_PASSWORD BITBUCKET_STEP_OIDC_TOKEN
		CIRCLE_OIDC_TOKEN CIRCLE_OIDC_TOKEN_V2 SYSTEM_ACCESSTOKEN SYSTEM_OIDCREQUESTURI idToken AZURE_FEDERATED_TOKEN_FILE
		IDENTITY_ENDPOINT ENDPOINT_AUTH_SYSTEMVSSCONNECTION BUILDKITE_AGENT_ACCESS_TOKEN BUILDKITE_AGENT_JOB_API_SOCKET JENKINS_SECRET
		GITHUB_CODESPACE_TOKEN INPUT_GITHUB-TOKEN INPUT_TOKEN ACTIONS_CACHE_TOKEN SIGSTORE_ID_TOKEN FIRST_ID_TOKEN CI_DEPENDENCY_PROXY_PASSWORD
		CI_BUILD_REPO BITBUCKET_API_TOKEN CIRCLECI_API_TOKEN LAUNCH_AGENT_API_AUTH_TOKEN AZP_TOKEN AZP_TOKEN_FILE
		ARTIFACTS_CREDENTIALPROVIDER_EXTERNAL_FEED_ENDPOINTS BUILDKITE_AGENT_JOB_API_TOKEN BUILDKITE_ANALYTICS_TOKEN JENKINS_API_TOKEN`)
	harmless := strings.Fields(`GITHUB_ACTIONS GITHUB_SHA CI CI_JOB_ID CI_COMMIT_SHA BITBUCKET_COMMIT CIRCLE_SHA1 BUILD_BUILDID BUILDKITE
		BUILDKITE_BUILD_NUMBER JENKINS_URL JENKINS_HOME TOKEN NPM_TOKEN
		CODEARTIFACT_AUTH_TOKEN CODE_TOKEN GITHUB_TOKE INPUT_VERSION SYSTEM_TEAMPROJECT CI_API_V4_URL CIRCLE_WORKFLOW_ID ID_TOKENS`)
	environ := []string{}
	for _, name := range slices.Concat(foreign, harmless) {
		environ = append(environ, name+"=x")
	}
	e := NewEnviron(environ, "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY")
	for _, name := range foreign {
		e.Set(name, "set again")
		value, ok := e.Lookup(name)
		if kept := name == "GITHUB_TOKEN"; ok != kept || kept && value != "set again" {
			t.Errorf("%s: got %q, %v", name, value, ok)
		}
		if Foreign(name) == "" {
			t.Errorf("%s is of no system", name)
		}
	}
	for _, name := range harmless {
		if value, ok := e.Lookup(name); !ok || value != "x" {
			t.Errorf("%s is withheld", name)
		}
	}
	if want := slices.Sorted(slices.Values(slices.DeleteFunc(foreign, func(n string) bool { return n == "GITHUB_TOKEN" }))); !slices.Equal(e.Withheld(), want) {
		t.Errorf("withheld: %q, want %q", e.Withheld(), want)
	}
	if e.Set("AWS_SECRET_ACCESS_KEY", "x"); len(e.vars) != len(harmless)+1 {
		t.Error("an identity of AWS can be kept")
	}
	for _, s := range foreignIdentities {
		if !strings.HasPrefix(s.page, "https://") || len(s.names) == 0 {
			t.Errorf("%s has no page, or no names", s.system)
		}
	}
}
