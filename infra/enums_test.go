package infra_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	codebuild "github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	codecommit "github.com/aws/aws-sdk-go-v2/service/codecommit/types"

	"spa-runner/infra/cfn"
)

// values are those of an enumeration of the SDK.
func values[E ~string](list []E) []string {
	var texts []string
	for _, v := range list {
		texts = append(texts, string(v))
	}
	return texts
}

// enums is what AWS takes where, by the type of the resource and the way to the
// property. No tool at hand looks at these: cfn-lint does not, and moto ignores
// both types.
func enums() map[string][]string {
	const project, repository = "AWS::CodeBuild::Project", "AWS::CodeCommit::Repository"
	return map[string][]string{
		project + ".Artifacts.Type":                                    values(codebuild.ArtifactsType("").Values()),
		project + ".Artifacts.NamespaceType":                           values(codebuild.ArtifactNamespace("").Values()),
		project + ".Artifacts.Packaging":                               values(codebuild.ArtifactPackaging("").Values()),
		project + ".BuildBatchConfig.Restrictions.ComputeTypesAllowed": values(codebuild.ComputeType("").Values()),
		project + ".Cache.Type":                                        values(codebuild.CacheType("").Values()),
		project + ".Environment.ComputeType":                           values(codebuild.ComputeType("").Values()),
		project + ".Environment.EnvironmentVariables.Type":             values(codebuild.EnvironmentVariableType("").Values()),
		project + ".Environment.ImagePullCredentialsType":              values(codebuild.ImagePullCredentialsType("").Values()),
		project + ".Environment.Type":                                  values(codebuild.EnvironmentType("").Values()),
		project + ".LogsConfig.CloudWatchLogs.Status":                  values(codebuild.LogsConfigStatusType("").Values()),
		project + ".Source.Type":                                       values(codebuild.SourceType("").Values()),
		repository + ".Triggers.Events":                                values(codecommit.RepositoryTriggerEventEnum("").Values()),
		"AWS::Events::Rule.EventPattern.detail.build-status":           values(codebuild.StatusType("").Values()),
		"AWS::Events::Rule.EventPattern.detail.event":                  {"referenceCreated", "referenceUpdated", "referenceDeleted"}, // https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
		"AWS::Events::Rule.EventPattern.detail.referenceType":          {"branch", "tag"},
		"AWS::Lambda::Function.Runtime":                                {"provided.al2023"}, // https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
		"AWS::Lambda::Function.Architectures":                          {"arm64", "x86_64"},
		"AWS::S3::Bucket.VersioningConfiguration.Status":               {"Enabled", "Suspended"},
		"AWS::S3::Bucket.LifecycleConfiguration.Rules.Status":          {"Enabled", "Disabled"},
		"AWS::S3::Bucket.OwnershipControls.Rules.ObjectOwnership":      {"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"},
		"AWS::S3::Bucket.BucketEncryption.ServerSideEncryptionConfiguration.ServerSideEncryptionByDefault.SSEAlgorithm": {"AES256", "aws:kms", "aws:kms:dsse"},
	}
}

// leaves calls f with every text below a property and the way to it.
func leaves(way string, value any, f func(way, text string)) {
	switch value := value.(type) {
	case map[string]any:
		for key, v := range value {
			leaves(way+"."+key, v, f)
		}
	case []any:
		for _, v := range value {
			leaves(way, v, f)
		}
	case string:
		f(way, value)
	}
}

// notInEnums are the values of a stack that AWS does not take, and those that look
// like values of an enumeration and are of none in the table. seen are the ways
// that something was found at.
func notInEnums(made *cfn.Stack, seen map[string]bool) (wrong []string) {
	table, looksLike := enums(), regexp.MustCompile(`^[A-Z][A-Z0-9]*_[A-Z0-9_]+$`)
	for name, resource := range made.Resources {
		leaves(resource.Type, resource.Properties, func(way, text string) {
			allowed, known := table[way]
			switch {
			case known:
				seen[way] = true
				if !slices.Contains(allowed, text) {
					wrong = append(wrong, fmt.Sprintf("%s: %s is %s, want one of %q", name, way, text, allowed))
				}
			case looksLike.MatchString(text) && strings.HasPrefix(way, "AWS::Code") && !strings.Contains(way, "EnvironmentVariables"):
				wrong = append(wrong, fmt.Sprintf("%s: %s is %s, which nothing is compared with", name, way, text))
			}
		})
	}
	return wrong
}

// Every value that the parameters allow, in a stack that was resolved with it.
func TestEveryValueIsOneOfAWS(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	check := func(template string, further ...map[string]string) {
		for _, wrong := range notInEnums(stack(t, template, further...), seen) {
			t.Errorf("%s.yaml with %v: %s", template, further, wrong)
		}
	}
	for template := range accounts {
		check(template)
		check(template, everything(template))
	}
	check("devops", batch())
	check("cloudops", map[string]string{"CreateRepository": "false"})
	for template, names := range map[string][]string{"devops": {"EnvironmentType", "ComputeType"}, "cloudops": {"Architecture"}} {
		for _, name := range names {
			allowed, _ := at(raw(t, template), "Parameters", name, "AllowedValues").([]any)
			if len(allowed) < 2 {
				t.Errorf("%s allows %v", name, allowed)
			}
			for _, value := range allowed {
				check(template, everything(template), map[string]string{name: fmt.Sprint(value)})
			}
		}
	}
	for way := range enums() {
		if !seen[way] {
			t.Errorf("no template has a %s: the table is longer than what is looked at", way)
		}
	}
}

// Each of these would be refused, or would never happen, at AWS alone.
func TestAWrongValueIsFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ template, right, wrong string }{
		{"devops", "Type: NO_SOURCE", "Type: NOSOURCE"},
		{"devops", "Type: NO_SOURCE", "Type: NONE"},
		{"devops", "{Type: NO_ARTIFACTS}", "{Type: NO_ARTIFACT}"},
		{"devops", "{Type: NO_CACHE}", "{Type: NONE}"},
		{"devops", "Status: ENABLED", "Status: Enabled"},
		{"devops", "SERVICE_ROLE, CODEBUILD", "SERVICE_ROLE, CODE_BUILD"},
		{"devops", "Type: SECRETS_MANAGER", "Type: SECRET_MANAGER"},
		{"devops", "Default: BUILD_GENERAL1_SMALL", "Default: BUILD_GENERAL_SMALL"},
		{"devops", "Default: LINUX_CONTAINER", "Default: LINUX"},
		{"devops", "TIMED_OUT]", "TIMEOUT]"},
		{"devops", "PrivilegedMode: false", "PrivilegedMode: ALWAYS_OFF"},
		{"cloudops", "updateReference", "updatedReference"},
		{"cloudops", "createReference]", "referenceCreated]"},
		{"cloudops", "provided.al2023", "provided.al2024"},
		{"cloudops", "Default: arm64", "Default: aarch64"},
	} {
		broken := strings.ReplaceAll(text(t, c.template), c.right, c.wrong)
		// A default of a parameter must be allowed, or the resolver finds the mistake first.
		allowed := strings.TrimPrefix(c.right, "Default: ")
		if allowed != c.right {
			broken = strings.NewReplacer("- "+allowed, "- "+strings.TrimPrefix(c.wrong, "Default: "), "["+allowed+",", "["+strings.TrimPrefix(c.wrong, "Default: ")+",").Replace(broken)
		}
		further := everything(c.template)
		delete(further, "ImageRepositoryArn")
		made, err := resolve(c.template, broken, ireland, further)
		if broken == text(t, c.template) || err != nil {
			t.Errorf("%s.yaml with %s is no template to test with: %v", c.template, c.wrong, err)
		} else if len(notInEnums(made, map[string]bool{})) == 0 {
			t.Errorf("%s.yaml: nobody sees that %s is no %s", c.template, c.wrong, c.right)
		}
	}
}
