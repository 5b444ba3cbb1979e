package infra_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// overrides are the keys that requests to start one build, a batch, or both may have, all of
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodebuild.html
// A bool tells whether the request has a part of a build, which may have keys of its own, and a
// text is what the part becomes. Of the others, ours are those that the trigger needs or that
// comprise others, and more those that it may use: to have a failed build started again, how a
// source is fetched that it may not have, and how a batch is made whose commands it may give.
const overrides = `
bool  both   codebuild:artifacts                           part  .bucketOwnerAccess .encryptionDisabled .location
more  one    codebuild:autoRetryLimit
more  batch  codebuild:buildBatchConfig                    part  .restrictions.computeTypesAllowed .restrictions.fleetsAllowed .serviceRole
bool  both   codebuild:cache                               part  .location .modes .type
text  both   codebuild:encryptionKey
ours  both   codebuild:environment
text  both   codebuild:environment.certificate
text  both   codebuild:environment.computeType
ours  both   codebuild:environment.environmentVariables
ours  both   codebuild:environment.environmentVariables.name
ours  both   codebuild:environment.environmentVariables.value
text  one    codebuild:environment.fleet.fleetArn
text  both   codebuild:environment.image
text  both   codebuild:environment.imagePullCredentialsType
bool  both   codebuild:environment.privilegedMode
bool  both   codebuild:environment.registryCredential      part  .credential .credentialProvider
text  both   codebuild:environment.type
bool  both   codebuild:logsConfig                          part  .s3Logs .s3Logs.bucketOwnerAccess .s3Logs.encryptionDisabled .s3Logs.location .s3Logs.status
bool  both   codebuild:secondaryArtifacts                  part  .artifactIdentifier .bucketOwnerAccess .encryptionDisabled .location
bool  both   codebuild:secondarySources                    part  .auth.resource .auth.type .buildspec .buildStatusConfig.context .buildStatusConfig.targetUrl .insecureSsl .location .sourceIdentifier
text  both   codebuild:serviceRole
ours  both   codebuild:source
more  both   codebuild:source.auth.resource
more  both   codebuild:source.auth.type
more  one    codebuild:source.buildStatusConfig.context
more  one    codebuild:source.buildStatusConfig.targetUrl
ours  both   codebuild:source.buildspec
more  both   codebuild:source.insecureSsl
text  both   codebuild:source.location
`

// keys are those of a kind that requests for an action may have, or for any, in the order of the table.
func keys(kind, action string) (list []string) {
	without := map[string]string{"codebuild:StartBuild": "batch", "codebuild:StartBuildBatch": "one"}[action]
	for _, line := range lines(overrides) {
		if words := strings.Fields(line); words[0] == kind && words[1] != without {
			list = append(list, words[2])
		}
	}
	return list
}

// overridden asks whether the trigger may exchange each part of a build.
func (a *asker) overridden() {
	for action, feature := range map[string]string{"codebuild:StartBuild": "", "codebuild:StartBuildBatch": "batch"} {
		may, open := a.variant.with(feature), a.variant.feature("open")
		for _, key := range keys("text", action) {
			value := "x"
			if strings.HasSuffix(key, "Arn") {
				value = "arn:{P}:codebuild:{R}:{2}:fleet/x"
			}
			a.ask("trigger", action, "project", key+"="+value, false)
		}
		for _, key := range keys("bool", action) {
			a.ask("trigger", action, "project", key+"=false", may)
			a.ask("trigger", action, "project", key+"=true", may && open)
		}
	}
}

// filled is a question of whose request CodeBuild fills in the booleans that it does not
// have, as false. Whether it does so, AWS does not say: the answer must be the same.
func (q question) filled() (question, bool) {
	if q.action != "codebuild:StartBuild" && q.action != "codebuild:StartBuildBatch" {
		return q, false
	}
	q.context = maps.Clone(q.context)
	for _, key := range keys("bool", q.action) {
		if key = strings.ToLower(key); q.context[key] == nil {
			q.context[key] = []string{"false"}
		}
	}
	return q, true
}

// The template denies the texts and the booleans of the table, and no others: of a key that it
// denies and the table does not have, nobody would ask.
func TestTheTriggerIsDeniedWhatTheTableHas(t *testing.T) {
	t.Parallel()
	made := stack(t, "devops")
	got := map[string][]string{}
	for _, policy := range []string{"DeploymentTriggerPolicy", "TriggerLimitsPolicy"} {
		statements, _ := at(made.Resources[policy].Properties, "PolicyDocument", "Statement").([]any)
		for _, statement := range statements {
			for kind, condition := range map[string]any{"text": at(statement, "Condition", "Null"), "bool": at(statement, "Condition", "Bool")} {
				list, _ := condition.(map[string]any)
				for key := range list {
					if key != "codebuild:source.buildspec" { // denied to a single build, allowed to a batch
						got[kind] = append(got[kind], key)
					}
				}
			}
		}
	}
	for _, kind := range []string{"text", "bool"} {
		if slices.Sort(got[kind]); !slices.Equal(got[kind], keys(kind, "")) {
			t.Errorf("the template denies the keys\n%q, and the table has\n%q", got[kind], keys(kind, ""))
		}
	}
	if made := stack(t, "devops", map[string]string{"DenyTriggerOverrides": "false"}); made.Resources["TriggerLimitsPolicy"].Type != "" {
		t.Error("with DenyTriggerOverrides=false the booleans are denied")
	}
}
