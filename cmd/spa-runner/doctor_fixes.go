package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"spa-runner/internal/awsname"
	"spa-runner/internal/doctor"
	"spa-runner/internal/identity"
)

// defaultProject is the name that infra/devops.yaml gives the project.
const defaultProject = "Spa-DeployAutomationEnvironment"

// project is the project of this build, which CodeBuild tells as NAME:UUID.
func (d *diagnosis) project() string {
	name, _, _ := strings.Cut(d.config.Environ["CODEBUILD_BUILD_ID"], ":")
	if name == "" {
		return defaultProject
	}
	return name
}

// startBuild is the command for one build with one variable changed.
func (d *diagnosis) startBuild(name, value string) string {
	return command("aws codebuild start-build --project-name", d.project()) +
		command(" --environment-variables-override", "name="+name+",value="+value+",type=PLAINTEXT")
}

// bootstrapTarget is that of SPA, which make-deploy makes in the region of the target.
const bootstrapTarget = "bootstrap-cdk"

// bootstrap says how CDK is bootstrapped where the next run deploys: by a run, if the
// Makefile of the code has SPA's target, else by hand.
func (d *diagnosis) bootstrap(role awsname.Role, qualifier string) []doctor.Fix {
	c := d.config
	targets := append([]string{bootstrapTarget}, c.DeployTargets...)
	byRun := doctor.Fix{
		Do:    "one run that does so before it deploys; later runs need nothing of it:",
		Paste: d.startBuild("SPA_RUNNER_DEPLOY_TARGETS", strings.Join(targets, " ")),
	}
	if d.makefileNames([]string{bootstrapTarget}) {
		return []doctor.Fix{byRun}
	}
	byHand := doctor.Fix{
		Do:    fmt.Sprintf("the Makefile of the code names no %s; by somebody who may do so in account %s:", bootstrapTarget, role.Account),
		Paste: command("cdk bootstrap", "aws://"+role.Account+"/"+c.DeployRegion),
	}
	if qualifier != defaultQualifier {
		byHand.Paste += command(" --qualifier", qualifier)
	}
	byRun.Do = "or, when the Makefile has such a target, one run that does so before it deploys:"
	return []doctor.Fix{byHand, byRun}
}

func (d *diagnosis) insideTheProject() doctor.Fix {
	return doctor.Fix{
		Do:    "ask from inside the project, with its name in the place of this one if it has another; the answer is in the log of the build:",
		Paste: d.startBuild("SPA_RUNNER_COMMAND", "doctor"),
	}
}

// trust is a statement of the trust policy of a role.
type trust struct {
	Effect    string
	Principal map[string]string
	Action    string
	Condition map[string]map[string]any
}

// trustStatement lets a role be assumed by one role of another account. It names
// the account and pins the role by a condition: a Principal that does not exist
// (yet) is refused by IAM, and one that is made anew is not the one it was.
func trustStatement(who caller, externalID string) string {
	s := trust{
		Effect: "Allow", Action: "sts:AssumeRole",
		Principal: map[string]string{"AWS": "arn:" + who.partition + ":iam::" + who.account + ":root"},
		Condition: map[string]map[string]any{"ArnEquals": {"aws:PrincipalArn": who.roleARNs()}},
	}
	if externalID != "" {
		s.Condition["StringEquals"] = map[string]any{"sts:ExternalId": externalID}
	}
	return indented(s)
}

// allowAssume lets an identity assume a role.
func allowAssume(who caller, role awsname.Role) doctor.Fix {
	s := identity.Allow(identity.Statement{Action: []string{"sts:AssumeRole"}, Resource: role.String()})
	if who.kind != "assumed-role" {
		return doctor.Fix{Do: who.arn + " needs this policy:", Paste: indented(s)}
	}
	name := "assume-" + role.Name[strings.LastIndex(role.Name, "/")+1:]
	return doctor.Fix{
		Do:    fmt.Sprintf("in account %s, the service role must be allowed to assume it:", who.account),
		Paste: command("aws iam put-role-policy --role-name", who.name, "--policy-name", name, "--policy-document", s.String()),
	}
}

// allowRead lets a role do one thing on one resource.
func allowRead(role awsname.Role, action, resource string) doctor.Fix {
	return doctor.Fix{
		Do: fmt.Sprintf("in account %s, the policy of %s needs this statement:", role.Account, role.Name),
		Paste: indented(struct{ Effect, Action, Resource string }{
			"Allow", action, resource,
		}),
	}
}

func indented(v any) string {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // strings alone
	}
	return string(text)
}

// inProject is a variable to be set in the project.
func inProject(do string, pairs ...string) doctor.Fix {
	return doctor.Fix{Do: do, Paste: strings.Join(pairs, "\n")}
}

// askOfFolder is how an environment of a checkout is asked for.
func askOfFolder(environment string) string {
	return command("spa-runner doctor --settings . --settings-environment-path", environment)
}
