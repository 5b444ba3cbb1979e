package infra_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	spa "spa-runner"
	"spa-runner/infra/cfn"
	"spa-runner/internal/oracle"
)

// All of them resolve, as small as they can be and with everything in them, in
// every partition, and there is no name of one partition in another.
func TestTemplatesResolveInEveryPartition(t *testing.T) {
	t.Parallel()
	for _, p := range partitions() {
		place := cfn.Place{Region: p.region, Partition: p.name, URLSuffix: p.suffix}
		for template := range accounts {
			// What is given as a parameter is of the partition that the user is in.
			here := strings.NewReplacer("arn:aws:", "arn:"+place.Partition+":", "eu-west-1", place.Region)
			for _, further := range []map[string]string{nil, everything(template)} {
				values := required(template)
				for name, value := range further {
					values[name] = value
				}
				for name, value := range values {
					values[name] = here.Replace(value)
				}
				made, err := resolve(template, text(t, template), place, values)
				if err != nil {
					t.Errorf("%s.yaml in %s: %v", template, place.Partition, err)
					continue
				}
				all := fmt.Sprint(made.Resources, made.Outputs)
				for _, arn := range regexp.MustCompile(`arn:aws[a-z-]*`).FindAllString(all, -1) {
					if arn != "arn:"+place.Partition {
						t.Errorf("%s.yaml has %s in %s", template, arn, place.Partition)
					}
				}
				// Services have the same name in IAM everywhere: only the address of the queue has the domain of the partition.
				for _, service := range regexp.MustCompile(`[a-z0-9.-]+\.amazonaws\.[a-z.]+`).FindAllString(all, -1) {
					if !slices.Contains(services, service) && service != "sqs."+place.Region+"."+place.URLSuffix {
						t.Errorf("%s.yaml in %s: no service is called %s in IAM", template, place.Partition, service)
					}
				}
			}
		}
	}
}

// services are those that the templates trust, by their names in IAM.
var services = []string{"codebuild.amazonaws.com", "codecommit.amazonaws.com", "events.amazonaws.com", "lambda.amazonaws.com"}

func TestNoNameOfOnePartition(t *testing.T) {
	t.Parallel()
	for template := range accounts {
		text := regexp.MustCompile(`(?m)^ *#.*$`).ReplaceAllString(text(t, template), "")
		for _, found := range regexp.MustCompile(`arn:aws:|URLSuffix|[a-z0-9.-]*amazonaws[a-z.]*`).FindAllString(text, -1) {
			if !slices.Contains(services, found) {
				t.Errorf("%s.yaml has the literal %s", template, found)
			}
		}
	}
}

// Above 51,200 bytes `aws cloudformation deploy` wants a bucket to put the template into, and
// what is to come needs room.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
func TestTemplatesFitIntoOneCall(t *testing.T) {
	t.Parallel()
	for template := range accounts {
		if air := 51_200 - len(text(t, template)); air < 5_000 {
			t.Errorf("%s.yaml has %d bytes less than a call takes, want at least 5,000", template, air)
		}
	}
}

func TestTheBuildspecsAreOneText(t *testing.T) {
	t.Parallel()
	preview, err := os.ReadFile("buildspec-preview.yml")
	if err != nil {
		t.Fatal(err)
	}
	const install = "  install:\n    runtime-versions: {python: '3.11', nodejs: '22'}\n"
	for _, c := range []struct {
		image, install string
		further        map[string]string
	}{
		{"", install, nil},
		{"aws/codebuild/standard:7.0", install, nil},
		{"", strings.NewReplacer("3.11", "3.10", "22", "24.1").Replace(install), map[string]string{"PythonVersion": "3.10", "NodejsVersion": "24.1"}},
		// CodeBuild supports the versions in images of AWS alone.
		// https://docs.aws.amazon.com/codebuild/latest/userguide/runtime-versions.html
		{"222222222222.dkr.ecr.eu-west-1.example/builder:1", "", nil},
		{"public.ecr.aws/codebuild/amazonlinux-x86_64-standard:5.0", "", nil},
		{"golang", "", nil},
	} {
		devops := stack(t, "devops", everything("devops"), map[string]string{"Image": c.image}, c.further)
		for project, file := range map[string]string{"Project": spa.Buildspec, "PreviewProject": string(preview)} {
			head, want, _ := strings.Cut(file, "\nversion: ")
			if strings.Count(want, install) != 1 || strings.Contains(strings.ReplaceAll(head, "\n#", ""), "\n") {
				t.Fatalf("the file for %s begins with more than comments, or has no phase install: %s", project, file)
			}
			want = "version: " + strings.Replace(want, install, c.install, 1)
			if got := at(devops.Resources[project].Properties, "Source", "BuildSpec"); got != want {
				t.Errorf("the buildspec of %s with the image %q is not the file's: got\n%v\nwant\n%s", project, c.image, got, want)
			}
		}
	}
}

// CodeBuild ends a build without a signal, the runner ends its own with a summary.
func TestTheRunnerEndsBeforeTheBuild(t *testing.T) {
	t.Parallel()
	allowed, _ := at(raw(t, "devops"), "Parameters", "TimeoutInMinutes", "AllowedValues").([]any)
	if len(allowed) < 3 {
		t.Fatalf("TimeoutInMinutes allows %v", allowed)
	}
	for _, minutes := range allowed {
		build, err := time.ParseDuration(fmt.Sprint(minutes) + "m")
		if err != nil {
			t.Fatal(err)
		}
		devops := stack(t, "devops", everything("devops"), map[string]string{"TimeoutInMinutes": fmt.Sprint(minutes)})
		for _, project := range []string{"Project", "PreviewProject"} {
			runner, err := time.ParseDuration(variables(t, devops, project)["SPA_RUNNER_TIMEOUT"])
			if got := fmt.Sprint(at(devops.Resources[project].Properties, "TimeoutInMinutes")); err != nil || got != fmt.Sprint(minutes) || build-runner != 5*time.Minute {
				t.Errorf("%s of %v minutes ends after %s, and its runner after %v, %v", project, minutes, got, runner, err)
			}
		}
	}
}

// The runner itself reads what the projects have, and finds nothing wrong.
func TestTheRunnerUnderstandsTheVariables(t *testing.T) {
	t.Parallel()
	runner := filepath.Join(t.TempDir(), "spa-runner")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", runner, "../cmd/spa-runner").CombinedOutput(); err != nil {
		t.Fatalf("building the runner: %v\n%s", err, out)
	}
	plan := func(values map[string]string, arguments ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), runner, append([]string{"plan"}, arguments...)...)
		cmd.Dir, cmd.Env = t.TempDir(), []string{"PATH=" + os.Getenv("PATH"), "AWS_REGION=eu-west-1", "CODEBUILD_BUILD_ID=x:1"}
		for name, value := range values {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for name, made := range map[string]*cfn.Stack{"small": stack(t, "devops"), "everything": stack(t, "devops", everything("devops"))} {
		for _, project := range []string{"Project", "PreviewProject"} {
			if _, ok := made.Resources[project]; !ok && project == "PreviewProject" {
				continue
			}
			values, want := variables(t, made, project), "arn:aws:iam::333333333333:role/Spa-DeployEnvironmentRole"
			var arguments []string
			if project == "PreviewProject" {
				want = "arn:aws:iam::333333333333:role/Spa-PreviewEnvironmentRole"
				arguments = []string{"--deploy-targets", "diff", "--deploy-environment-role", values["DEPLOY_ENVIRONMENT_ROLE"]}
			}
			// What the function tells a build besides, at its longest.
			told := map[string]string{
				"SETTINGS_GIT_COMMIT": strings.Repeat("0123456789", 4), "SETTINGS_GIT_PUSHED_AT": "2026-03-01T12:00:00.000Z",
				"SETTINGS_GIT_PUSHER": "arn:aws-us-gov:iam::111111111111:user/" + strings.Repeat("x", 895),
			}
			if got := slices.Sorted(maps.Keys(told)); !slices.Equal(got, pushed(t)) {
				t.Fatalf("the function tells %q", pushed(t))
			}
			maps.Copy(values, told)
			out, err := plan(values, arguments...)
			for variable := range told {
				if !strings.Contains(out, " "+variable+" ") {
					t.Errorf("%s, %s: plan does not know %s:\n%s", name, project, variable, out)
				}
			}
			if err != nil || !strings.Contains(out, want) || !strings.Contains(out, values["SETTINGS_ENVIRONMENT_PATH"]) {
				t.Errorf("%s, %s: plan says %v:\n%s", name, project, err, out)
			}
			values["SPA_RUNNER_TIMEOUTS"] = "55m"
			if out, err := plan(values, arguments...); err == nil {
				t.Errorf("%s, %s: plan does not mind a variable that there is not:\n%s", name, project, out)
			}
		}
	}
}

func TestTheProjectIsToldItsEnvironment(t *testing.T) {
	t.Parallel()
	one, many := stack(t, "devops"), stack(t, "devops", batch())
	if got := variables(t, one, "Project")["SETTINGS_ENVIRONMENT_PATH"]; got != "environments/automation" {
		t.Errorf("the project deploys %q", got)
	}
	// A variable of the project would win over that of a build of the batch.
	if got, ok := variables(t, many, "Project")["SETTINGS_ENVIRONMENT_PATH"]; ok {
		t.Errorf("every build of a batch is told %q", got)
	}
	// A limit above the quota of the account is refused, and new accounts have a quota of 1: by default a batch has none.
	limited := stack(t, "devops", batch(), map[string]string{"MaximumBuilds": "7"})
	for want, made := range map[string]*cfn.Stack{"1 <nil>": one, "<nil> <nil>": many, "7 7": limited} {
		project := made.Resources["Project"].Properties
		if got := fmt.Sprint(project["ConcurrentBuildLimit"], " ", at(project, "BuildBatchConfig", "Restrictions", "MaximumBuildsAllowed")); got != want {
			t.Errorf("there may be %s builds at a time, and in a batch, want %s", got, want)
		}
	}
	if at(one.Resources["Project"].Properties, "BuildBatchConfig") != nil || at(many.Resources["Project"].Properties, "BuildBatchConfig", "ServiceRole") != many.Resources["BatchRole"].ARN {
		t.Error("a batch is possible without EnableBatch, or has no role with it")
	}
}

// A push that reaches the function on two ways starts two builds.
func TestOneTriggerAPush(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		further map[string]string
		rule    bool
	}{
		{"a repository of the stack", nil, false},
		{"one that is there", map[string]string{"CreateRepository": "false"}, true},
		{"a project an environment", map[string]string{"Environments": "environments/a=Project"}, true},
		{"a batch", map[string]string{"StartBatch": "true"}, true},
	} {
		made := stack(t, "cloudops", c.further)
		_, permission := made.Resources["TriggerPermission"]
		_, rule := made.Resources["PushRule"]
		_, ruled := made.Resources["RulePermission"]
		trigger := at(made.Resources["Repository"].Properties, "Triggers", 0) != nil
		if rule != c.rule || ruled != c.rule || permission == c.rule || trigger == c.rule {
			t.Errorf("%s: trigger %t with permission %t, rule %t with permission %t", c.name, trigger, permission, rule, ruled)
		}
	}
}

func TestWhatMustNotGetLostIsKept(t *testing.T) {
	t.Parallel()
	for template, names := range map[string][]string{"cloudops": {"Repository"}, "devops": {"Bucket"}, "automation": nil} {
		for name, resource := range stack(t, template).Resources {
			if resource.Keeps != slices.Contains(names, name) {
				t.Errorf("%s.yaml: %s is kept when the stack goes: %t", template, name, resource.Keeps)
			}
			// What a creation that fails leaves behind has the name that the next try wants.
			if !resource.Undone {
				t.Errorf("%s.yaml: %s stays behind when its creation is rolled back", template, name)
			}
		}
	}
}

func TestTheBucketIsPrivate(t *testing.T) {
	t.Parallel()
	made := stack(t, "devops")
	bucket, policy := made.Resources["Bucket"].Properties, made.Resources["BucketPolicy"].Properties
	for _, what := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
		if at(bucket, "PublicAccessBlockConfiguration", what) != true {
			t.Errorf("the bucket has no %s", what)
		}
	}
	if at(bucket, "VersioningConfiguration", "Status") != "Enabled" || at(bucket, "OwnershipControls", "Rules", 0, "ObjectOwnership") != "BucketOwnerEnforced" {
		t.Error("the bucket has no versions, or objects of others")
	}
	statement := at(policy, "PolicyDocument", "Statement", 0)
	if at(statement, "Effect") != "Deny" || at(statement, "Principal") != "*" || at(statement, "Action") != "s3:*" || at(statement, "Condition", "Bool", "aws:SecureTransport") != "false" {
		t.Errorf("the bucket is read without TLS: %v", statement)
	}
	for _, rule := range at(bucket, "LifecycleConfiguration", "Rules").([]any) {
		if at(rule, "ExpirationInDays") != nil && at(rule, "Prefix") != "runs/" {
			t.Errorf("more than the files of runs expires: %v", rule)
		}
	}
	if got, ok := stack(t, "devops", map[string]string{"ArtifactBucket": "is-there"}).Resources["Bucket"]; ok {
		t.Errorf("a second bucket is made: %v", got)
	}
}

// The files of a run are kept below the prefix that the lifecycle ends and that the build may write to, each project
// and each build in a folder of its own: path, build and name "/" make runs/PROJECT/BUILD.
// https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectArtifacts.html
func TestTheFilesOfARunAreKept(t *testing.T) {
	t.Parallel()
	for _, bucket := range []string{"", "is-there"} {
		made := stack(t, "devops", map[string]string{"ArtifactBucket": bucket, "PreviewEnvironmentRole": "arn:aws:iam::333333333333:role/Look"})
		location, kept := bucket, at(made.Resources["Project"].Properties, "Artifacts")
		if bucket == "" {
			location = made.Resources["Bucket"].Ref
		}
		want := map[string]any{
			"Type": "S3", "Location": location, "Path": "runs/Spa-DeployAutomationEnvironment", "NamespaceType": "BUILD_ID", "Name": "/", "Packaging": "NONE",
		}
		if !reflect.DeepEqual(kept, want) {
			t.Errorf("got %v, want %v", kept, want)
		}
		if got := variables(t, made, "Project")["SPA_RUNNER_ARTIFACTS_URL"]; got != "s3://"+location+"/runs/Spa-DeployAutomationEnvironment" {
			t.Errorf("the runner is told %s", got)
		}
		// Whoever pushes a branch decides what a preview writes.
		preview := made.Resources["PreviewProject"].Properties
		if text := fmt.Sprint(at(preview, "Source", "BuildSpec")); at(preview, "Artifacts", "Type") != "NO_ARTIFACTS" || strings.Contains(text, "artifacts:") || strings.Contains(text, "reports:") {
			t.Errorf("a preview keeps files: %v", preview)
		}
	}
	if !regexp.MustCompile(`(?m)^reports:\n  steps:$`).MatchString(spa.Buildspec) {
		t.Error("no report group is named steps, as the questions of IAM are about")
	}
}

// Beside the templates it gets broken ones, so that its silence means something.
func TestCfnLint(t *testing.T) {
	t.Parallel()
	oracle.Need(t, os.Getenv)
	if _, err := exec.LookPath("cfn-lint"); err != nil {
		t.Skip("cfn-lint is not here: the templates are not linted")
	}
	folder := t.TempDir()
	arguments := []string{"--include-checks", "I", "--", "cloudops.yaml", "devops.yaml", "automation.yaml"}
	mistakes := []struct{ template, right, wrong string }{
		{"cloudops", "Runtime: provided.al2023", "Runtime: provided.al2022"},
		{"automation", "!Ref DeployPolicyArns", "!Ref DeployPolicies"},
		{"automation", "ssm:GetParameter", "ssm:GetParam"},
	}
	for i, mistake := range mistakes {
		broken, file := strings.ReplaceAll(text(t, mistake.template), mistake.right, mistake.wrong), filepath.Join(folder, fmt.Sprintf("broken-%d.yaml", i))
		if err := os.WriteFile(file, []byte(broken), 0o644); err != nil || broken == text(t, mistake.template) {
			t.Fatalf("breaking %s in %s.yaml: %v", mistake.right, mistake.template, err)
		}
		arguments = append(arguments, file)
	}
	out, err := exec.CommandContext(t.Context(), "cfn-lint", arguments...).CombinedOutput()
	for template := range accounts {
		if regexp.MustCompile(`(?m)^` + template + `\.yaml:`).Match(out) {
			t.Errorf("cfn-lint complains of %s.yaml:\n%s", template, out)
		}
	}
	for i, mistake := range mistakes {
		if err == nil || !strings.Contains(string(out), fmt.Sprintf("broken-%d.yaml:", i)) {
			t.Errorf("cfn-lint does not mind %s, %v:\n%s", mistake.wrong, err, out)
		}
	}
}
