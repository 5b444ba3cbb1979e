package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"spa-runner/internal/awsname"
	"spa-runner/internal/config"
	"spa-runner/internal/doctor"
	"spa-runner/internal/lazyregexp"
	"spa-runner/pipeline"
	"spa-runner/steps"
)

// settingsFile is the file that SPA reads, and its name in the environment folder.
func (d *diagnosis) settingsFile(settings, environment string, env *pipeline.Environ) (name string, content []byte, err error) {
	name = "settings.yaml"
	if set, _ := env.Lookup("SETTINGS"); set != "" {
		if name = set; !filepath.IsLocal(set) { // SPA reads a file that the doctor has not
			return name, nil, os.ErrNotExist
		}
	}
	content, err = readBelow(settings, path.Join(environment, name))
	return path.Join(environment, name), content, err
}

var yamlKey = lazyregexp.New(`^( *)(\w+) *:(?:[ \t]+(.*))?$`)

// ofAutomation reads one value of the section `automation:` of SPA's settings, as
// people write it: block style, one key a line, a plain or quoted scalar. "" is what
// is not there, or written otherwise: no parser of YAML is worth its size for that.
func ofAutomation(content []byte, key string) string {
	inside, indent, value, found := false, "", "", false
	for line := range bytes.Lines(bytes.TrimPrefix(content, []byte("\ufeff"))) {
		text := strings.TrimRight(string(line), "\r\n")
		if trimmed := strings.TrimSpace(text); trimmed == "" || trimmed[0] == '#' {
			continue
		}
		if found { // and a line below it that is deeper goes on with the value
			if strings.HasPrefix(text, indent+" ") {
				return ""
			}
			return value
		}
		m := yamlKey.FindStringSubmatch(text)
		if text[0] != ' ' {
			inside, indent = m != nil && m[2] == "automation" && scalar(m[3]) == "", ""
			continue
		}
		if !inside || m == nil {
			continue
		}
		if indent == "" {
			indent = m[1]
		}
		if m[1] == indent && m[2] == key {
			value, found = scalar(m[3]), true
		}
	}
	return value
}

// scalar is a value without its quotes and the comment behind it, "" if it is something
// else: an anchor, a tag, a block, a list.
func scalar(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || strings.ContainsRune("#&*!|>[{", rune(text[0])) {
		return ""
	}
	if quote := text[0]; quote == '"' || quote == '\'' {
		value, rest, closed := strings.Cut(text[1:], string(quote))
		if rest = strings.TrimSpace(rest); !closed || rest != "" && rest[0] != '#' {
			return ""
		}
		return value
	}
	if i := strings.Index(text, " #"); i >= 0 {
		text = strings.TrimSpace(text[:i])
	}
	return text
}

// lookAtRegion compares what make will see with what the settings say: SPA takes
// the former, and CodeBuild sets that to its own.
func (d *diagnosis) lookAtRegion(context.Context) doctor.Finding {
	if !d.sourced {
		return unknown()
	}
	f := d.compareRegions(d.inTemp("settings"), d.config.Environment, d.rt.Env, d.config.DeployRegion, d.regionName())
	d.region = f.State != doctor.Mend
	return f
}

// regionName is the variable that decides about the region.
func (d *diagnosis) regionName() string {
	if d.sourceOf("DEPLOY_ENVIRONMENT_REGION") != "" {
		return "DEPLOY_ENVIRONMENT_REGION"
	}
	return "AWS_REGION"
}

func (d *diagnosis) compareRegions(settings, environment string, env *pipeline.Environ, region, decidedBy string) doctor.Finding {
	name, content, err := d.settingsFile(settings, environment, env)
	wanted := ofAutomation(content, "region")
	switch {
	case errors.Is(err, os.ErrNotExist), err == nil && wanted == "":
		if region == "" {
			return doctor.Finding{State: doctor.Unneeded, Because: name + " names no automation.region"}
		}
		return finding(region+" ("+decidedBy+"); "+name+" names none", nil, nil)
	case err != nil:
		return finding(name, nil, err)
	}
	f := finding(fmt.Sprintf("%s (%s), and %s in %s", region, decidedBy, wanted, name), nil, awsname.Region(wanted))
	switch {
	case f.State == doctor.Mend:
		f.Fixes = []doctor.Fix{{Do: "correct automation.region in " + name + " by a pull request to the settings"}}
	case region == "":
		f.Looked = wanted + " in " + name
	case region != wanted:
		f.State = doctor.Mend
		f.Cause = fmt.Sprintf("make would deploy to %s, since SPA prefers that to its settings, and the settings say %s", region, wanted)
		f.Fixes = []doctor.Fix{inProject("set this in the project or in variables.sh; or, if the other is meant, correct automation.region in "+name+":", "DEPLOY_ENVIRONMENT_REGION="+wanted)}
	}
	return f
}

func (d *diagnosis) lookAtAccount(context.Context) doctor.Finding {
	if !d.sourced {
		return unknown()
	}
	return d.compareAccounts(d.inTemp("settings"), d.config.Environment)
}

// preferredAccount is the variable by which SPA finds its account. Like AWS_REGION, and
// unlike all else that it reads, SPA takes it before the value in its settings
// (cdk/configuration.py, set_aws_environment).
const preferredAccount = "AWS_ACCOUNT"

// compareAccounts of the deploy role and of what SPA would deploy to.
func (d *diagnosis) compareAccounts(settings, environment string) doctor.Finding {
	ours := config.AccountOf(d.config.DeployRole)
	name, content, err := d.settingsFile(settings, environment, d.rt.Env)
	wanted, where, correct := ofAutomation(content, "account_id"), name, "automation.account_id in "+name+" by a pull request"
	if account, _ := d.rt.Env.Lookup(preferredAccount); account != "" && err == nil {
		set := "the environment"
		if v, ok := d.config.Script[preferredAccount]; ok {
			set = config.PlaceOf(v)
		}
		where, correct = preferredAccount, preferredAccount+" in "+set+", which SPA prefers to its settings"
		if wanted != "" && wanted != account {
			where += fmt.Sprintf(", which SPA prefers to %s in %s", wanted, name)
		}
		wanted = account
	}
	if err != nil || wanted == "" {
		return doctor.Finding{State: doctor.Unneeded, Because: name + " names no automation.account_id"}
	}
	f := finding(fmt.Sprintf("%s (DEPLOY_ENVIRONMENT_ROLE), and %s in %s", ours, wanted, where), nil, nil)
	if ours != wanted {
		f.State = doctor.Mend
		f.Cause = "CDK refuses to deploy a stack of one account with the credentials of another"
		f.Fixes = []doctor.Fix{{Do: "name the role of account " + wanted + " in DEPLOY_ENVIRONMENT_ROLE, or correct " + correct}}
	}
	return f
}

// defaultQualifier is CDK's, unless cdk.json has another.
// https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-customizing.html
const defaultQualifier = "hnb659fds"

// qualifier of the bootstrap that the code uses, "" if it does not use CDK.
func (d *diagnosis) qualifier() string {
	if !d.code {
		return defaultQualifier
	}
	content, err := readBelow(d.inTemp("code"), "cdk.json")
	if err != nil {
		return ""
	}
	var cdk struct {
		Context map[string]any `json:"context"`
	}
	_ = json.Unmarshal(content, &cdk) // what cannot be read, CDK complains of
	if own, _ := cdk.Context["@aws-cdk/core:bootstrapQualifier"].(string); own != "" {
		return own
	}
	return defaultQualifier
}

func (d *diagnosis) lookAtBootstrap(ctx context.Context) doctor.Finding {
	c := d.config
	role, err := awsname.ParseRole(c.DeployRole)
	if err != nil {
		return finding(c.DeployRole, nil, err)
	}
	qualifier := d.qualifier()
	if qualifier == "" {
		return doctor.Finding{State: doctor.Unneeded, Because: "the code has no cdk.json"}
	}
	parameter := "/cdk-bootstrap/" + qualifier + "/version"
	looked := fmt.Sprintf("%s in %s of account %s", parameter, c.DeployRegion, role.Account)
	version, err := d.parameter(ctx, step[steps.AssumeRole[pipeline.Deploy]](d), parameter)
	if err == nil {
		return finding(looked+": "+version, nil, nil)
	}
	f := finding(looked, nil, err)
	var refused *ssmError
	switch errors.As(err, &refused); {
	case refused != nil && refused.Code == "ParameterNotFound" && slices.Contains(c.DeployTargets, bootstrapTarget):
		f.State, f.Cause = doctor.Warn, "CDK is not bootstrapped there; SPA_RUNNER_DEPLOY_TARGETS says that the next run does so"
	case refused != nil && refused.Code == "ParameterNotFound" && !d.region:
		f.State, f.Cause = doctor.Warn, "CDK is not bootstrapped there; but whether that is the region of the target is not known, since the settings are not"
	case refused != nil && refused.Code == "ParameterNotFound":
		f.Cause = "CDK is not bootstrapped there, and deploys nothing without"
		f.Fixes = d.bootstrap(role, qualifier)
	case refused != nil && strings.HasPrefix(refused.Code, "AccessDenied"):
		f.Fixes = []doctor.Fix{allowRead(role, "ssm:GetParameter", "arn:"+role.Partition+":ssm:*:"+role.Account+":parameter/cdk-bootstrap/*")}
	default:
		f.Fixes = []doctor.Fix{{
			Do:    "open the way from the build to Systems Manager in that region, which CDK needs too: a VPC endpoint, NAT, HTTPS_PROXY; from there this answers with any status:",
			Paste: "curl -sI https://ssm." + c.DeployRegion + "." + awsname.DNSSuffix(c.DeployRegion),
		}}
	}
	return f
}
