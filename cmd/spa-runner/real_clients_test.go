package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spa-runner/internal/loopback"
	"spa-runner/internal/oracle"
)

// client is a program that real deployments call AWS with. Its command calls
// GetCallerIdentity for so long, and says at the end that it made all its calls.
type client struct {
	name    string
	files   map[string]string // in the code
	env     map[string]string
	command func(time.Duration) string
}

func (c client) prepare(w *world) {
	for name, content := range c.files {
		w.write("code", name, content)
	}
	for name, value := range c.env {
		w.env[name] = value
	}
}

// allClients are those that are here; which are not is said.
func allClients(t *testing.T) []client {
	t.Helper()
	list := []client{goClient()}
	if asks(t, "aws", "--version") {
		list = append(list, awsClient())
	}
	if asks(t, "python3", "-c", "import boto3") {
		list = append(list, boto3Client())
	}
	if modules, why := nodeModules(t); why == "" {
		list = append(list, javascriptClient(modules), cdkClient(modules))
	} else {
		t.Log("the JavaScript SDK and the CDK CLI are not tried: " + why)
	}
	return list
}

func goClient() client {
	return client{name: "go sdk", command: func(long time.Duration) string {
		return asClient + "=" + long.String() + " $TEST_BINARY"
	}}
}

// untilRenewed is a client that calls until it was given so many keys.
func untilRenewed(keys int) client {
	return client{name: "go sdk", command: func(time.Duration) string {
		return fmt.Sprintf("%s=keys=%d $TEST_BINARY", asClient, keys)
	}}
}

func awsClient() client {
	return client{name: "aws", command: func(long time.Duration) string {
		return fmt.Sprintf(`end=$(($(date +%%s)+%d)); while :; do aws sts get-caller-identity --query Arn --output text || exit 1; `+
			`[ $(date +%%s) -lt $end ] || break; done; echo aws made all its calls`, int(long.Seconds()))
	}}
}

// awsConfigureClient makes profiles as deployments do that act in other accounts: what it
// writes is read by the next command, also by one of another target.
func awsConfigureClient() client {
	return client{name: "aws configure", command: func(time.Duration) string {
		return `set -e
aws configure set region eu-south-2 --profile third
aws configure set role_arn arn:aws:iam::444444444444:role/Third --profile third
aws configure set credential_source EcsContainer --profile third
aws configure set aws_access_key_id AKIAOFAPROFILE --profile fourth
aws configure get region --profile third
aws sts get-caller-identity --query Arn --output text
aws sts get-caller-identity --query Arn --output text --profile third
grep -q AKIAOFAPROFILE "$AWS_SHARED_CREDENTIALS_FILE" && echo aws configure made all its calls`
	}}
}

// Both sleep between their calls, so as to live through several renewals with
// one session, as a deployment does.
func boto3Client() client {
	return client{
		name: "boto3", command: func(long time.Duration) string { return fmt.Sprintf("python3 client.py %d", int(long.Seconds())) },
		files: map[string]string{"client.py": `import boto3, botocore.config, sys, time
end = time.time() + int(sys.argv[1])
sts = boto3.client("sts", config=botocore.config.Config(retries={"total_max_attempts": 1}))
while True:
    print("boto3 acts as", sts.get_caller_identity()["Arn"])
    if time.time() >= end: break
    time.sleep(0.5)
print("boto3 made all its calls")
`},
	}
}

func javascriptClient(modules string) client {
	return client{
		name: "javascript", command: func(long time.Duration) string { return fmt.Sprintf("node client.js %d", int(long.Seconds())) },
		env: map[string]string{"NODE_PATH": modules, "AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE": "1"},
		files: map[string]string{"client.js": `const {STSClient, GetCallerIdentityCommand} = require("@aws-sdk/client-sts");
const end = Date.now() + 1000 * Number(process.argv[2]);
(async () => {
  const sts = new STSClient({maxAttempts: 1});
  for (;;) {
    console.log("javascript acts as", (await sts.send(new GetCallerIdentityCommand({}))).Arn);
    if (Date.now() >= end) break;
    await new Promise(done => setTimeout(done, 500));
  }
  console.log("javascript made all its calls");
})().catch(e => { console.error("javascript:", e); process.exit(1); });
`},
	}
}

// cdkClient deploys an assembly. The CDK asks STS who it is and then
// CloudFormation, which the loopback AWS does not play: that it was asked, and
// answered so, is as far as this goes.
func cdkClient(modules string) client {
	return client{
		name: "cdk", env: map[string]string{"CDK_DISABLE_VERSION_CHECK": "1"},
		command: func(long time.Duration) string {
			return fmt.Sprintf(`end=$(($(date +%%s)+%d)); while :; do node %s deploy --app assembly --require-approval never --no-notices --ci >cdk.log 2>&1; `+
				`grep -q 'does not fake this AWS request.*cloudformation' cdk.log || { cat cdk.log; exit 1; }; `+
				`[ $(date +%%s) -lt $end ] || break; sleep 5; done; echo cdk made all its calls`,
				int(long.Seconds()), filepath.Join(modules, "aws-cdk", "bin", "cdk"))
		},
		files: map[string]string{
			"assembly/manifest.json": `{"version":"36.0.0","artifacts":{"Stack":{"type":"aws:cloudformation:stack",` +
				`"environment":"aws://333333333333/eu-west-1","properties":{"templateFile":"stack.json","stackName":"Stack"}}}}`,
			"assembly/stack.json": `{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}}}`,
		},
	}
}

// nodeModules is a folder with the JavaScript SDK and the CDK CLI, or why there
// is none.
func nodeModules(t *testing.T) (folder, why string) {
	t.Helper()
	if !oracle.Asked(os.Getenv) {
		return "", "SPA_TEST_ORACLES is not 1, as make check sets it"
	}
	if folder := os.Getenv("SPA_RUNNER_TEST_NODE_MODULES"); folder != "" {
		for _, name := range []string{"aws-cdk", "@aws-sdk/client-sts"} {
			if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
				t.Fatalf("SPA_RUNNER_TEST_NODE_MODULES: %v", err)
			}
		}
		return folder, ""
	}
	if os.Getenv("SPA_RUNNER_LONG") != "1" {
		return "", "set SPA_RUNNER_TEST_NODE_MODULES to a folder with aws-cdk and @aws-sdk/client-sts, or SPA_RUNNER_LONG=1 to install them"
	}
	dir := t.TempDir()
	install := exec.CommandContext(t.Context(), "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "aws-cdk@2.1148.1", "@aws-sdk/client-sts@3.1174.0")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Sprintf("npm install: %v: %s", err, out)
	}
	return filepath.Join(dir, "node_modules"), ""
}

// Each client by itself, once: it finds the endpoint and acts as the deploy role.
func TestRealClientsActAsTheDeployRole(t *testing.T) {
	t.Parallel()
	here := allClients(t)
	if asks(t, "aws", "--version") {
		here = append(here, awsConfigureClient())
	}
	t.Run("every client", func(t *testing.T) {
		if len(here) < 6 {
			t.Skipf("%d of 6 clients are here: the log of the test above says why", len(here))
		}
	})
	for _, c := range here {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, loopback.Options{})
			plant(w)
			w.useTestBinary()
			c.prepare(w)
			w.write("code", "client.sh", c.command(0)+"\n")
			w.write("code", "Makefile", "setup lint all-tests:\n\t@true\ndeploy:\n\t@sh client.sh 2>&1\n")
			w.serve()
			o := w.run("run")
			if o.code != 0 || !strings.Contains(o.output(t, "make-deploy"), c.name+" made all its calls") {
				t.Fatalf("%v", o)
			}
			asked := 0
			for _, call := range w.aws.Calls() {
				if call.Action != "GetCallerIdentity" {
					continue
				}
				if asked++; call.CallerARN != "arn:aws:sts::333333333333:assumed-role/Spa-DeployEnvironmentRole/TargetUpdateContext" &&
					!(c.name == "aws configure" && strings.HasPrefix(call.CallerARN, "arn:aws:sts::444444444444:assumed-role/Third/")) {
					t.Errorf("it acted as %s", call.CallerARN)
				}
			}
			if asked == 0 {
				t.Error("it did not ask STS who it is")
			}
		})
	}
}
