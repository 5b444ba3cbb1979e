package infra_test

import (
	"fmt"
	"slices"
	"strings"

	"spa-runner/infra/iam"
)

// question is one that is put to a world. Half of an access can be asked alone:
// with admin, who asks has AdministratorAccess besides, so that the target's
// policy decides; with open, the target allows the accounts of the system all,
// so that the policies of who asks decide.
type question struct {
	who     string // ARN or service
	admin   bool
	action  string
	target  string      // ARN
	open    *iam.Policy // of the target, if all accounts are let in
	context iam.Context
	want    bool
}

func (q question) String() string {
	who, target := q.who, q.target
	if q.admin {
		who += " as an administrator"
	}
	if q.open != nil {
		target += " as if it trusted all accounts"
	}
	return fmt.Sprintf("%s: %s on %s, %v", who, q.action, target, q.context)
}

// names are what the tables call principals and targets. {N} is the prefix.
const names = `
build           arn:{P}:iam::{2}:role/{N}DeployEnvironmentServiceRole
previewer       arn:{P}:iam::{2}:role/{N}PreviewServiceRole
batch           arn:{P}:iam::{2}:role/{N}BatchRole
trigger         arn:{P}:iam::{2}:role/{N}DeploymentTriggerRole
schedule        arn:{P}:iam::{2}:role/{N}DeployScheduleRole
function        arn:{P}:iam::{1}:role/{N}OnCodeCommitUpdateRole
settings        arn:{P}:iam::{1}:role/{N}ReadSettingsRole
deploy          arn:{P}:iam::{3}:role/{N}DeployEnvironmentRole
look            arn:{P}:iam::{3}:role/{N}PreviewEnvironmentRole

packages        arn:{P}:iam::{4}:role/Packages
other           arn:{P}:iam::{3}:role/Two-DeployEnvironmentRole
other2          arn:{P}:iam::{3}:role/Three-DeployEnvironmentRole
trigger2        arn:{P}:iam::{2}:role/Two-DeploymentTriggerRole
careless1       arn:{P}:iam::{1}:role/Careless
careless2       arn:{P}:iam::{2}:role/Careless
careless3       arn:{P}:iam::{3}:role/Careless
careless4       arn:{P}:iam::{4}:role/Careless
cdk-deploy      arn:{P}:iam::{3}:role/cdk-hnb659fds-deploy-role-{3}-{R}
cdk-file        arn:{P}:iam::{3}:role/cdk-hnb659fds-file-publishing-role-{3}-{R}
cdk-image       arn:{P}:iam::{3}:role/cdk-hnb659fds-image-publishing-role-{3}-{R}
cdk-lookup      arn:{P}:iam::{3}:role/cdk-hnb659fds-lookup-role-{3}-{R}
cdk-execute     arn:{P}:iam::{3}:role/cdk-hnb659fds-cfn-exec-role-{3}-{R}
cdk-other       arn:{P}:iam::{3}:role/cdk-other-deploy-role-{3}-{R}
cdk-foreign     arn:{P}:iam::{4}:role/cdk-hnb659fds-deploy-role-{4}-{R}

admin1          arn:{P}:iam::{1}:role/Admin
admin2          arn:{P}:iam::{2}:role/Admin
admin3          arn:{P}:iam::{3}:role/Admin
admin4          arn:{P}:iam::{4}:role/Admin
user1           arn:{P}:iam::{1}:user/U
user2           arn:{P}:iam::{2}:user/U
user3           arn:{P}:iam::{3}:user/U
user4           arn:{P}:iam::{4}:user/U
root1           arn:{P}:iam::{1}:root
root2           arn:{P}:iam::{2}:root
root3           arn:{P}:iam::{3}:root
root4           arn:{P}:iam::{4}:root
twin1           arn:{P}:iam::{1}:role/{N}DeployEnvironmentServiceRole
twin3           arn:{P}:iam::{3}:role/{N}DeployEnvironmentServiceRole
twin4           arn:{P}:iam::{4}:role/{N}DeployEnvironmentServiceRole
twinfunction2   arn:{P}:iam::{2}:role/{N}OnCodeCommitUpdateRole
twinfunction4   arn:{P}:iam::{4}:role/{N}OnCodeCommitUpdateRole
near            arn:{P}:iam::{2}:role/{N}DeployEnvironmentServiceRole2
nearpreviewer   arn:{P}:iam::{2}:role/{N}PreviewServiceRole2
nearfunction    arn:{P}:iam::{1}:role/{N}OnCodeCommitUpdateRole2
deeper          arn:{P}:iam::{2}:role/deeper/{N}DeployEnvironmentServiceRole
usertwin        arn:{P}:iam::{2}:user/{N}DeployEnvironmentServiceRole

project         arn:{P}:codebuild:{R}:{2}:project/{N}DeployAutomationEnvironment
project2        arn:{P}:codebuild:{R}:{2}:project/{N}DeployAutomationEnvironment2
preview-project arn:{P}:codebuild:{R}:{2}:project/{N}PreviewAutomationEnvironment
project-there   arn:{P}:codebuild:us-east-9:{2}:project/{N}DeployAutomationEnvironment
project4        arn:{P}:codebuild:{R}:{4}:project/{N}DeployAutomationEnvironment
reports         arn:{P}:codebuild:{R}:{2}:report-group/{N}DeployAutomationEnvironment-steps
preview-reports arn:{P}:codebuild:{R}:{2}:report-group/{N}PreviewAutomationEnvironment-steps
reports2        arn:{P}:codebuild:{R}:{2}:report-group/Another-steps

log             arn:{P}:logs:{R}:{2}:log-group:/aws/codebuild/{N}DeployAutomationEnvironment:log-stream:s
preview-log     arn:{P}:logs:{R}:{2}:log-group:/aws/codebuild/{N}PreviewAutomationEnvironment:log-stream:s
near-log        arn:{P}:logs:{R}:{2}:log-group:/aws/codebuild/{N}DeployAutomationEnvironment2:log-stream:s
function-log    arn:{P}:logs:{R}:{1}:log-group:/aws/lambda/{N}OnCodeCommitUpdate:log-stream:s
near-function-log arn:{P}:logs:{R}:{1}:log-group:/aws/lambda/{N}OnCodeCommitUpdate2:log-stream:s
log-there       arn:{P}:logs:us-east-9:{2}:log-group:/aws/codebuild/{N}DeployAutomationEnvironment:log-stream:s

bucket          arn:{P}:s3:::{B}
runner          arn:{P}:s3:::{B}/v1.0.0/spa-runner-linux-amd64
runner2         arn:{P}:s3:::{B}/v1.0.0-2/spa-runner-linux-amd64
run             arn:{P}:s3:::{B}/runs/{N}DeployAutomationEnvironment/id/spa-run/report.html
near-run        arn:{P}:s3:::{B}/runs/{N}DeployAutomationEnvironment2/id/spa-run/report.html
preview-run     arn:{P}:s3:::{B}/runs/{N}PreviewAutomationEnvironment/id/spa-run/report.html
bucket2         arn:{P}:s3:::{B}2
object2         arn:{P}:s3:::{B}2/v1.0.0/spa-runner-linux-amd64

repository      arn:{P}:codecommit:{R}:{1}:SpaSettings
repository2     arn:{P}:codecommit:{R}:{1}:SpaSettings2
repository-there arn:{P}:codecommit:us-east-9:{1}:SpaSettings
repository4     arn:{P}:codecommit:{R}:{4}:SpaSettings

fn              arn:{P}:lambda:{R}:{1}:function:{N}OnCodeCommitUpdate
fn2             arn:{P}:lambda:{R}:{1}:function:{N}OnCodeCommitUpdate2
failed          arn:{P}:sqs:{R}:{1}:{N}FailedEvents
failed2         arn:{P}:sqs:{R}:{1}:{N}FailedEvents2
topic           arn:{P}:sns:{R}:{2}:{N}DeployFailures
topic2          arn:{P}:sns:{R}:{2}:{N}DeployFailures2
key             arn:{P}:kms:{R}:{1}:key/0a0a
key2            arn:{P}:kms:{R}:{1}:key/0b0b
image           arn:{P}:ecr:{R}:{2}:repository/image
image2          arn:{P}:ecr:{R}:{2}:repository/image2
secret          arn:{P}:secretsmanager:{R}:{2}:secret:token-abcdef
secret2         arn:{P}:secretsmanager:{R}:{2}:secret:token-ghijkl
interface       arn:{P}:ec2:{R}:{2}:network-interface/eni-0a0a
interface4      arn:{P}:ec2:{R}:{4}:network-interface/eni-0a0a
stack           arn:{P}:cloudformation:{R}:{3}:stack/Spa/0a0a
stack-there     arn:{P}:cloudformation:us-east-9:{3}:stack/Spa/0a0a
stack4          arn:{P}:cloudformation:{R}:{4}:stack/Spa/0a0a
bootstrap       arn:{P}:ssm:{R}:{3}:parameter/cdk-bootstrap/hnb659fds/version
bootstrap-there arn:{P}:ssm:us-east-9:{3}:parameter/cdk-bootstrap/hnb659fds/version
bootstrap-sub   arn:{P}:ssm:{R}:{3}:parameter/cdk-bootstrap/hnb659fds/other
bootstrap2      arn:{P}:ssm:{R}:{3}:parameter/cdk-bootstrap/other/version
bootstrap4      arn:{P}:ssm:{R}:{4}:parameter/cdk-bootstrap/hnb659fds/version
parameter       arn:{P}:ssm:{R}:{3}:parameter/password
rule            arn:{P}:events:{R}:{2}:rule/{N}DeploySchedule
any             *
`

// square is all that a service can be asked here, each action on each
// target: what no table allows is denied.
const square = `
sts             AssumeRole TagSession SetSourceIdentity | build previewer batch trigger schedule function settings deploy look packages other other2 trigger2 careless1 careless2 careless3 careless4 cdk-deploy cdk-file cdk-image cdk-lookup cdk-execute cdk-other cdk-foreign
codebuild       StartBuild StartBuildBatch StopBuild StopBuildBatch RetryBuild RetryBuildBatch UpdateProject DeleteProject BatchGetProjects BatchGetBuilds BatchGetBuildBatches ListBuildBatchesForProject | project project2 preview-project project-there project4
codebuild       CreateReportGroup CreateReport UpdateReport BatchPutTestCases BatchPutCodeCoverages DeleteReportGroup | reports preview-reports reports2
logs            CreateLogStream PutLogEvents GetLogEvents DeleteLogStream | log preview-log near-log function-log near-function-log log-there
s3              GetObject PutObject DeleteObject | runner runner2 run near-run preview-run object2
s3              ListBucket GetBucketAcl GetBucketLocation PutBucketPolicy DeleteBucket | bucket bucket2
codecommit      GitPull GitPush GetCommit GetDifferences GetFolder GetFile GetBranch MergeBranchesByFastForward DeleteRepository PutRepositoryTriggers | repository repository2 repository-there repository4
lambda          InvokeFunction UpdateFunctionCode | fn fn2
sqs             SendMessage ReceiveMessage DeleteQueue | failed failed2
sns             Publish | topic topic2
kms             Decrypt Encrypt | key key2
ecr             BatchCheckLayerAvailability BatchGetImage GetDownloadUrlForLayer PutImage | image image2
ecr             GetAuthorizationToken CreateRepository | any
secretsmanager  GetSecretValue PutSecretValue | secret secret2
ec2             CreateNetworkInterface DeleteNetworkInterface CreateNetworkInterfacePermission | interface interface4
ec2             DescribeDhcpOptions DescribeNetworkInterfaces DescribeSecurityGroups DescribeSubnets DescribeVpcs DescribeInstances | any
cloudformation  DescribeStackResources DescribeStacks GetTemplate GetTemplateSummary ListStackResources CreateStack UpdateStack DeleteStack CreateChangeSet ExecuteChangeSet | stack stack-there stack4
ssm             GetParameter PutParameter | bootstrap bootstrap-there bootstrap-sub bootstrap2 bootstrap4 parameter
iam             PassRole AttachRolePolicy CreateRole | build deploy careless1 careless2 careless3
events          PutRule | rule
`

// allowed is what the roles of the system may do, as far as their own policies
// go: who, actions, targets, the feature that it belongs to, and what the
// request has to say besides. deploy is an administrator if not told otherwise.
const allowed = `
build     | sts:AssumeRole                            | settings deploy
build     | sts:AssumeRole                            | packages      | packages
build     | sts:AssumeRole                            | other other2  | other
build     | s3:GetObject                              | runner
build     | s3:PutObject                              | run
build     | s3:GetBucketAcl s3:GetBucketLocation      | bucket
build     | logs:CreateLogStream logs:PutLogEvents    | log
build     | codebuild:CreateReportGroup codebuild:CreateReport codebuild:UpdateReport codebuild:BatchPutTestCases | reports
build     | ec2:Describe(DhcpOptions,NetworkInterfaces,SecurityGroups,Subnets,Vpcs) | any | vpc
build     | ec2:CreateNetworkInterface ec2:DeleteNetworkInterface | interface interface4 | vpc
build     | ec2:CreateNetworkInterfacePermission      | interface     | vpc | ec2:AuthorizedService=codebuild.amazonaws.com
build     | ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:GetDownloadUrlForLayer | image | image
build     | ecr:GetAuthorizationToken                 | any           | image
build     | secretsmanager:GetSecretValue             | secret        | secret

previewer | sts:AssumeRole                            | settings look | preview
previewer | s3:GetObject                              | runner        | preview
previewer | logs:CreateLogStream logs:PutLogEvents    | preview-log   | preview
previewer | ec2:Describe(DhcpOptions,NetworkInterfaces,SecurityGroups,Subnets,Vpcs) | any | vpc&preview
previewer | ec2:CreateNetworkInterface ec2:DeleteNetworkInterface | interface interface4 | vpc&preview
previewer | ec2:CreateNetworkInterfacePermission      | interface     | vpc&preview | ec2:AuthorizedService=codebuild.amazonaws.com
previewer | ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:GetDownloadUrlForLayer | image | image&preview
previewer | ecr:GetAuthorizationToken                 | any           | image&preview

trigger   | codebuild:StartBuild                      | project
trigger   | codebuild:StartBuildBatch codebuild:BatchGetProjects codebuild:BatchGetBuildBatches codebuild:ListBuildBatchesForProject | project | batch
batch     | codebuild:StartBuild codebuild:StopBuild codebuild:RetryBuild | project | batch
schedule  | codebuild:StartBuild                      | project       | schedule

function  | sts:AssumeRole                            | trigger
function  | sts:AssumeRole                            | trigger2      | other
function  | codecommit:GetDifferences codecommit:GetFolder | repository
function  | logs:CreateLogStream logs:PutLogEvents    | function-log
function  | sqs:SendMessage                           | failed
function  | kms:Decrypt                               | key           | key | kms:ViaService=codecommit.{R}.amazonaws.com
settings  | codecommit:GitPull                        | repository
settings  | kms:Decrypt                               | key           | key | kms:ViaService=codecommit.{R}.amazonaws.com

deploy    | sts:AssumeRole                            | cdk-deploy cdk-file cdk-image cdk-lookup | cdk
deploy    | ssm:GetParameter                          | bootstrap bootstrap-there | cdk
deploy    | ec2:DescribeVpcs                          | any           | deploypolicy
deploy    | *                                         | *             | !cdk&!deploypolicy
look      | cloudformation:DescribeStackResources cloudformation:DescribeStacks cloudformation:GetTemplate cloudformation:GetTemplateSummary cloudformation:ListStackResources | stack stack-there | preview
look      | ssm:GetParameter                          | bootstrap bootstrap-there | preview
look      | ec2:DescribeVpcs                          | any           | previewpolicy
`

// trusted is who may become whom, among all principals and all roles.
const trusted = `
build      settings deploy
previewer  settings look
function   trigger
`

// single are questions that are not in the squares above: services, and what
// the request says of itself. The answer may be a feature: yes with it alone.
const single = `
# The services that run things as a role, for this system alone.
yes      codebuild  sts:AssumeRole  build      aws:SourceAccount={2} aws:SourceArn=<project>
no       codebuild  sts:TagSession  build      aws:SourceAccount={2} aws:SourceArn=<project>
no       codebuild  sts:AssumeRole  build      aws:SourceAccount={2} aws:SourceArn=<project2>
no       codebuild  sts:AssumeRole  build      aws:SourceAccount={2} aws:SourceArn=<preview-project>
no       codebuild  sts:AssumeRole  build      aws:SourceAccount={4} aws:SourceArn=<project>
no       codebuild  sts:AssumeRole  build      aws:SourceAccount={4} aws:SourceArn=<project4>
no       codebuild  sts:AssumeRole  build      aws:SourceAccount={2}
no       codebuild  sts:AssumeRole  build      aws:SourceArn=<project>
no       lambda     sts:AssumeRole  build      aws:SourceAccount={2} aws:SourceArn=<project>
no       ec2        sts:AssumeRole  build      aws:SourceAccount={2} aws:SourceArn=<project>
preview  codebuild  sts:AssumeRole  previewer  aws:SourceAccount={2} aws:SourceArn=<preview-project>
no       codebuild  sts:TagSession  previewer  aws:SourceAccount={2} aws:SourceArn=<preview-project>
no       codebuild  sts:AssumeRole  previewer  aws:SourceAccount={2} aws:SourceArn=<project>
no       codebuild  sts:AssumeRole  previewer  aws:SourceAccount={4} aws:SourceArn=<preview-project>
no       codebuild  sts:AssumeRole  previewer  aws:SourceAccount={2} aws:SourceArn=<preview-project>2
no       codebuild  sts:AssumeRole  previewer  aws:SourceAccount={2}
no       codebuild  sts:AssumeRole  previewer  aws:SourceArn=<preview-project>
no       lambda     sts:AssumeRole  previewer  aws:SourceAccount={2} aws:SourceArn=<preview-project>
no       ec2        sts:AssumeRole  previewer  aws:SourceAccount={2} aws:SourceArn=<preview-project>
batch    codebuild  sts:AssumeRole  batch      aws:SourceAccount={2} aws:SourceArn=<project>
# Which ARN CodeBuild names for a batch, AWS does not say.
batch    codebuild  sts:AssumeRole  batch      aws:SourceAccount={2} aws:SourceArn=arn:{P}:codebuild:{R}:{2}:build-batch/{N}DeployAutomationEnvironment:0a
no       codebuild  sts:TagSession  batch      aws:SourceAccount={2} aws:SourceArn=<project>
no       codebuild  sts:AssumeRole  batch      aws:SourceAccount={4} aws:SourceArn=<project4>
no       codebuild  sts:AssumeRole  batch      aws:SourceArn=<project>
no       lambda     sts:AssumeRole  batch      aws:SourceAccount={2} aws:SourceArn=<project>
no       ec2        sts:AssumeRole  batch      aws:SourceAccount={2} aws:SourceArn=<project>
schedule events     sts:AssumeRole  schedule   aws:SourceAccount={2} aws:SourceArn=<rule>
no       events     sts:TagSession  schedule   aws:SourceAccount={2} aws:SourceArn=<rule>
no       events     sts:AssumeRole  schedule   aws:SourceAccount={2} aws:SourceArn=<rule>2
no       events     sts:AssumeRole  schedule   aws:SourceAccount={4} aws:SourceArn=<rule>
no       events     sts:AssumeRole  schedule   aws:SourceAccount={2}
no       events     sts:AssumeRole  schedule   aws:SourceArn=<rule>
no       codebuild  sts:AssumeRole  schedule   aws:SourceAccount={2} aws:SourceArn=<rule>
no       ec2        sts:AssumeRole  schedule   aws:SourceAccount={2} aws:SourceArn=<rule>
# What Lambda says of itself then, AWS does not document.
yes      lambda     sts:AssumeRole  function
yes      lambda     sts:AssumeRole  function   aws:SourceAccount={1} aws:SourceArn=<fn>
no       lambda     sts:TagSession  function
no       lambda     sts:TagSession  function   aws:SourceAccount={1} aws:SourceArn=<fn>
no       codebuild  sts:AssumeRole  function   aws:SourceAccount={1} aws:SourceArn=<fn>
no       ec2        sts:AssumeRole  function   aws:SourceAccount={1} aws:SourceArn=<fn>

# The trigger: CodeCommit for this repository, or EventBridge for its rule.
trigger  codecommit lambda:InvokeFunction      fn   aws:SourceAccount={1} aws:SourceArn=<repository>
no       codecommit lambda:InvokeFunction      fn   aws:SourceAccount={1} aws:SourceArn=<repository2>
no       codecommit lambda:InvokeFunction      fn   aws:SourceAccount={1} aws:SourceArn=<repository-there>
no       codecommit lambda:InvokeFunction      fn   aws:SourceAccount={4} aws:SourceArn=<repository4>
no       codecommit lambda:InvokeFunction      fn   aws:SourceAccount={4} aws:SourceArn=<repository>
no       codecommit lambda:InvokeFunction      fn   aws:SourceArn=<repository>
no       codecommit lambda:InvokeFunction      fn   aws:SourceAccount={1}
no       codecommit lambda:UpdateFunctionCode  fn   aws:SourceAccount={1} aws:SourceArn=<repository>
no       codecommit lambda:InvokeFunction      fn2  aws:SourceAccount={1} aws:SourceArn=<repository>
no       s3         lambda:InvokeFunction      fn   aws:SourceAccount={1} aws:SourceArn=<repository>
no       ec2        lambda:InvokeFunction      fn   aws:SourceAccount={1} aws:SourceArn=<repository>
rule     events     lambda:InvokeFunction      fn   aws:SourceArn=arn:{P}:events:{R}:{1}:rule/{N}PushOnTrunk
rule     events     lambda:InvokeFunction      fn   aws:SourceAccount={1} aws:SourceArn=arn:{P}:events:{R}:{1}:rule/{N}PushOnTrunk
no       events     lambda:InvokeFunction      fn   aws:SourceAccount={1} aws:SourceArn=arn:{P}:events:{R}:{1}:rule/{N}PushOnTrunk2
no       events     lambda:InvokeFunction      fn   aws:SourceAccount={4} aws:SourceArn=arn:{P}:events:{R}:{4}:rule/{N}PushOnTrunk
no       events     lambda:InvokeFunction      fn   aws:SourceAccount={1}
no       events     lambda:UpdateFunctionCode  fn   aws:SourceAccount={1} aws:SourceArn=arn:{P}:events:{R}:{1}:rule/{N}PushOnTrunk
no       ec2        lambda:InvokeFunction      fn   aws:SourceAccount={1} aws:SourceArn=arn:{P}:events:{R}:{1}:rule/{N}PushOnTrunk
no       admin4     lambda:InvokeFunction      fn
no       build      lambda:InvokeFunction      fn
no       trigger+   lambda:InvokeFunction      fn

# What a trigger may tell the build, and what it may not. overrides asks for each other part of one.
yes      trigger    codebuild:StartBuild       project  codebuild:environment.environmentVariables.name=SETTINGS_GIT_COMMIT,SETTINGS_GIT_PUSHER,SETTINGS_GIT_PUSHED_AT
no       trigger    codebuild:StartBuild       project  codebuild:environment.environmentVariables.name=SETTINGS_GIT_COMMIT,SPA_RUNNER_COMMAND
no       trigger    codebuild:StartBuild       project  codebuild:environment.environmentVariables.name=DEPLOY_ENVIRONMENT_ROLE
no       trigger    codebuild:StartBuild       project  codebuild:environment.environmentVariables.name=SETTINGS_GIT_PUSHED_AT2
no       trigger    codebuild:StartBuild       project  codebuild:source.buildspec=x
batch    trigger    codebuild:StartBuildBatch  project  codebuild:source.buildspec=x
batch    trigger    codebuild:StartBuildBatch  project  codebuild:environment.environmentVariables.name=SETTINGS_GIT_COMMIT,SETTINGS_GIT_PUSHER,SETTINGS_GIT_PUSHED_AT
no       trigger    codebuild:StartBuildBatch  project  codebuild:environment.environmentVariables.name=SPA_RUNNER_COMMAND
# They limit nobody else.
schedule schedule   codebuild:StartBuild       project  codebuild:artifacts=true
batch    batch      codebuild:StartBuild       project  codebuild:artifacts=true
!cdk&!deploypolicy  deploy  codebuild:StartBuild  project+  codebuild:artifacts=true
!cdk&!deploypolicy  deploy  codebuild:StartBuild  project+  codebuild:environment.environmentVariables.name=SPA_RUNNER_COMMAND
# A batch tells each build its environment. The schedule is trusted: its rule alone has that role.
batch    batch      codebuild:StartBuild       project  codebuild:environment.environmentVariables.name=SETTINGS_ENVIRONMENT_PATH
schedule schedule   codebuild:StartBuild       project  codebuild:environment.environmentVariables.name=SETTINGS_ENVIRONMENT_PATH

# The external id, which the squares send along.
!externalid build      sts:AssumeRole  settings
!externalid build      sts:AssumeRole  deploy
!externalid build      sts:AssumeRole  settings  sts:ExternalId=wrong
!externalid build      sts:AssumeRole  deploy    sts:ExternalId=wrong
!externalid build      sts:AssumeRole  deploy    sts:ExternalId=settings-id
!externalid build      sts:AssumeRole  settings  sts:ExternalId=settings-id2
!externalid build      sts:AssumeRole  deploy    sts:ExternalId=deploy-id2
preview&!externalid previewer  sts:AssumeRole  look      sts:ExternalId=deploy-id2
preview&!externalid previewer  sts:AssumeRole  settings
preview&!externalid previewer  sts:AssumeRole  look
preview&!externalid previewer  sts:AssumeRole  look      sts:ExternalId=wrong

# Through other services than CodeCommit, and for other services than CodeBuild.
no       settings   kms:Decrypt  key  kms:ViaService=s3.{R}.amazonaws.com
no       settings   kms:Decrypt  key  kms:ViaService=codecommit.us-east-9.amazonaws.com
no       settings   kms:Decrypt  key2 kms:ViaService=codecommit.{R}.amazonaws.com
no       settings   kms:Encrypt  key  kms:ViaService=codecommit.{R}.amazonaws.com
no       function   kms:Decrypt  key  kms:ViaService=s3.{R}.amazonaws.com
no       function   kms:Decrypt  key2 kms:ViaService=codecommit.{R}.amazonaws.com
no       function   kms:Encrypt  key  kms:ViaService=codecommit.{R}.amazonaws.com
no       build      ec2:CreateNetworkInterfacePermission  interface   ec2:AuthorizedService=lambda.amazonaws.com
no       build      ec2:CreateNetworkInterfacePermission  interface   ec2:AuthorizedService=codebuild.amazonaws.com.cn
no       build      ec2:CreateNetworkInterfacePermission  interface4+ ec2:AuthorizedService=codebuild.amazonaws.com
no       previewer  ec2:CreateNetworkInterfacePermission  interface4+ ec2:AuthorizedService=codebuild.amazonaws.com

# The bucket, which if it was there before has no policy of ours.
yes      build      s3:GetObject     runner
!bucket  build      s3:GetObject     runner  aws:SecureTransport=false
!bucket  build      s3:PutObject     run     aws:SecureTransport=false
yes      admin2     s3:GetObject     runner
!bucket  admin2     s3:GetObject     runner  aws:SecureTransport=false
!bucket  admin2     s3:PutObject     run     aws:SecureTransport=false
!bucket  admin2     s3:ListBucket    bucket  aws:SecureTransport=false
!bucket  root2      s3:GetObject     runner  aws:SecureTransport=false
no       admin4     s3:GetObject     runner
no       admin4     s3:PutObject     runner
no       admin1     s3:PutObject     runner
no       root4      s3:GetObject     runner
no       s3         s3:GetObject     runner

# The mail.
# EventBridge tells a topic nothing of the rule.
mail     events     sns:Publish      topic
no       events     sns:Publish      topic2
no       events     sns:DeleteTopic  topic
no       ec2        sns:Publish      topic
no       s3         sns:Publish      topic
no       admin4     sns:Publish      topic
`

// wires is what must run as, or be told, what.
const wires = `
DevOps Project                                       | build
DevOps Project READ_SETTINGS_ROLE                    | settings
DevOps Project DEPLOY_ENVIRONMENT_ROLE               | deploy
DevOps Project batch                                 | batch      | batch
DevOps PreviewProject                                | previewer  | preview
DevOps PreviewProject READ_SETTINGS_ROLE             | settings   | preview
DevOps PreviewProject DEPLOY_ENVIRONMENT_ROLE        | look       | preview
DevOps Schedule                                      | schedule   | schedule
DevOps Schedule target                               | project    | schedule
DevOps FailureRule target                            | topic      | mail
CloudOps OnCodeCommitUpdate                          | function
CloudOps OnCodeCommitUpdate ARN_OF_ROLE_TO_ASSUME    | trigger
CloudOps OnCodeCommitUpdate NAME_OF_PROJECT_TO_START | project
CloudOps PushRule target                             | fn         | rule
`

var ours = strings.Fields("build previewer batch trigger schedule function settings deploy look")

// with tells whether a variant has all of the features, joined by &.
func (v variant) with(features string) bool {
	return !slices.ContainsFunc(strings.Split(features, "&"), func(f string) bool { return !v.feature(f) })
}
