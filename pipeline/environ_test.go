package pipeline

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// carriers are the names that are known to lead to an identity, or to change
// what make does: of the AWS CLI and botocore, the Go, Java and JavaScript
// SDKs, ECS, CodeBuild, ssh and GNU make.
var carriers = strings.Fields(`
	AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_SECURITY_TOKEN AWS_ACCESS_KEY AWS_SECRET_KEY
	AWS_CREDENTIAL_EXPIRATION AWS_CREDENTIAL_FILE AWS_CREDENTIAL_PROFILES_FILE AWS_PROFILE AWS_DEFAULT_PROFILE
	AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE AWS_ROLE_ARN AWS_ROLE_SESSION_NAME AWS_WEB_IDENTITY_TOKEN_FILE
	AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_AUTHORIZATION_TOKEN
	AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE AWS_LOGIN_CACHE_DIRECTORY AWS_BEARER_TOKEN_BEDROCK
	AMAZON_ACCESS_KEY_ID AMAZON_SECRET_ACCESS_KEY AMAZON_SESSION_TOKEN BOTO_CONFIG CODEBUILD_AUTH_TOKEN
	ECS_AGENT_URI ECS_CONTAINER_METADATA_URI ECS_CONTAINER_METADATA_URI_V4 SSH_AUTH_SOCK
	MAKEFLAGS MFLAGS GNUMAKEFLAGS MAKEFILES MAKELEVEL MAKEOVERRIDES MAKE MAKE_COMMAND`)

// harmless are names of the SDKs that carry no identity.
var harmless = strings.Fields(`
	AWS_REGION AWS_DEFAULT_REGION AWS_EC2_METADATA_DISABLED AWS_EC2_METADATA_SERVICE_ENDPOINT
	AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE AWS_EC2_METADATA_V1_DISABLED AWS_CA_BUNDLE AWS_ENABLE_ENDPOINT_DISCOVERY
	AWS_S3_USE_ARN_REGION AWS_S3_DISABLE_MULTIREGION_ACCESS_POINTS AWS_S3_DISABLE_EXPRESS_SESSION_AUTH
	AWS_USE_DUALSTACK_ENDPOINT AWS_USE_FIPS_ENDPOINT AWS_DEFAULTS_MODE AWS_RETRY_MODE AWS_MAX_ATTEMPTS
	AWS_IGNORE_CONFIGURED_ENDPOINT_URLS AWS_ENDPOINT_URL AWS_SDK_UA_APP_ID AWS_DISABLE_REQUEST_COMPRESSION
	AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES AWS_ACCOUNT_ID AWS_ACCOUNT_ID_ENDPOINT_MODE AWS_REQUEST_CHECKSUM_CALCULATION
	AWS_RESPONSE_CHECKSUM_VALIDATION AWS_AUTH_SCHEME_PREFERENCE AWS_SIGV4A_SIGNING_REGION_SET AWS_LAMBDA_FUNCTION_NAME
	AWS_DATA_PATH AWS_METADATA_SERVICE_TIMEOUT AWS_METADATA_SERVICE_NUM_ATTEMPTS AWS_STS_REGIONAL_ENDPOINTS
	AWS_DISABLE_CLOCK_SKEW_CORRECTION AWS_RESTRICT_FILE_PERMISSIONS AWS_DEFAULT_OUTPUT AWS_CLI_AUTO_PROMPT AWS_EXECUTION_ENV AWS_SDK_LOAD_CONFIG AWS_CURRENT_ACCOUNT
	PATH HOME CODEBUILD_BUILD_ID CODEBUILD_SRC_DIR CODEBUILD_INITIATOR HTTPS_PROXY SECRET_OF_THE_USER`)

func TestForbidden(t *testing.T) {
	for _, name := range carriers {
		if Forbidden(name) == "" || Forbidden(strings.ToLower(name)) == "" {
			t.Errorf("%s may reach a child", name)
		}
	}
	for _, name := range harmless {
		if why := Forbidden(name); why != "" {
			t.Errorf("%s is withheld: %s", name, why)
		}
	}
}

// A name that a newer SDK reads, and that nobody has looked at, fails here.
func TestEveryNameThatTheGoSDKReadsIsKnown(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/config").Output()
	if err != nil {
		t.Skipf("needs the go command: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no source of the SDK: %v", err)
	}
	name := regexp.MustCompile(`"(AWS_[A-Z0-9_]+)"`)
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range name.FindAllSubmatch(source, -1) {
			found++
			checkKnown(t, string(match[1]))
		}
	}
	if found < 30 {
		t.Errorf("found %d names in the SDK, want at least 30: look at how it writes them now", found)
	}
}

// Whatever version of botocore is here: a name that sounds like an identity
// must be withheld.
func TestNamesThatBotocoreReads(t *testing.T) {
	out, err := exec.Command("python3", "-c", `
import botocore.configprovider as c
for v in c.BOTOCORE_DEFAUT_SESSION_VARIABLES.values():
    for name in (v[1] if isinstance(v[1], list) else [v[1]]):
        if name: print(name)`).Output()
	if err != nil {
		t.Skipf("needs python3 with botocore: %v", err)
	}
	identity := regexp.MustCompile("KEY|SECRET|TOKEN|CREDENTIAL|PROFILE|ROLE|LOGIN|SSO|CONFIG_FILE")
	for _, name := range strings.Fields(string(out)) {
		if identity.MatchString(name) && Forbidden(name) == "" {
			t.Errorf("botocore reads %s, and it may reach a child", name)
		}
	}
}

func checkKnown(t *testing.T, name string) {
	t.Helper()
	if Forbidden(name) == "" && !slices.Contains(harmless, name) {
		t.Errorf("an SDK reads %s: decide whether it carries an identity, and add it to carriers or harmless", name)
	}
}

func TestEnviron(t *testing.T) {
	e := NewEnviron([]string{"A=1", "B=x=y", "AWS_PROFILE=p", "MAKEFLAGS=i", "TOKEN=t", "=odd", "odd"})
	e.Withhold("TOKEN", "NOT_SET")
	e.Set("AWS_SESSION_TOKEN", "x")
	e.Set("C", "3")
	e.Unset("A")
	if got, want := e.Pairs(), []string{"B=x=y", "C=3"}; !slices.Equal(got, want) {
		t.Errorf("pairs: got %q, want %q", got, want)
	}
	if got, want := e.Withheld(), []string{"AWS_PROFILE", "MAKEFLAGS", "TOKEN"}; !slices.Equal(got, want) {
		t.Errorf("withheld: got %q, want %q", got, want)
	}
	if got := NewEnviron(nil).Pairs(); got == nil {
		t.Error("the pairs of an empty environment are nil, which os/exec takes for the runner's own")
	}
}

func TestChildEnvOfAScope(t *testing.T) {
	calls := 0
	deploy := Mint[Deploy](provider(&calls, 1<<40), func(...string) {})
	rt, _, _ := testRuntime()
	rt.Env = NewEnviron([]string{"A=1", "B=2", "AWS_SESSION_TOKEN=ambient", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/canary", "HTTP_PROXY=p"})
	c := Command{
		Dir: t.TempDir(), Argv: []string{"x"}, Without: []string{"B"},
		Env: []string{"D=4", "AWS_PROFILE=p", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/canary"},
	}
	blind := []string{"AWS_CONFIG_FILE=…", "AWS_EC2_METADATA_DISABLED=true", "AWS_SHARED_CREDENTIALS_FILE=…", "BOTO_CONFIG=/dev/null"}
	for name, test := range map[string]struct {
		keysInEnv bool
		want      []string
	}{
		"the endpoint": {false, []string{
			"AWS_CONTAINER_AUTHORIZATION_TOKEN=…", "AWS_CONTAINER_CREDENTIALS_FULL_URI=…", "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1",
		}},
		"keys": {true, []string{"AWS_ACCESS_KEY_ID=ASIAFAKE00000001", "AWS_SECRET_ACCESS_KEY=" + testSecret, "AWS_SESSION_TOKEN=token-of-nobody"}},
	} {
		rt.KeysInEnv = test.keysInEnv
		got, release, err := childEnv(t.Context(), rt, deploy, c)
		if err != nil {
			t.Fatal(err)
		}
		release()
		for i, pair := range got {
			if strings.HasPrefix(pair, "AWS_CONTAINER_") || stepFile.MatchString(pair) { // they differ each time
				got[i], _, _ = strings.Cut(pair, "=")
				got[i] += "=…"
			}
		}
		want := slices.Concat([]string{"A=1", "D=4", "HTTP_PROXY=p", "PWD=" + c.Dir}, blind, test.want)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	got, release, err := childEnv(t.Context(), rt, Credentials[None]{}, c)
	if err != nil || slices.ContainsFunc(got, func(pair string) bool { return strings.Contains(pair, "TOKEN") || strings.Contains(pair, "KEY") }) {
		t.Errorf("none: got %q, %v", got, err)
	}
	release()
}
