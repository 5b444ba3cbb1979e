package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"spa-runner/internal/fault"
	"spa-runner/internal/loopback"
	"spa-runner/pipeline"
)

// answering is a step whose STS answers this.
func answering(role *string, creds aws.Credentials, err error) AssumeRole[pipeline.Deploy] {
	provider := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return creds, err })
	return AssumeRole[pipeline.Deploy]{
		Credentials: pipeline.Mint[pipeline.Deploy](provider, func(...string) {}),
		Role:        role, Session: "TargetUpdateContext-17",
	}
}

// keys are credentials of an account.
func keys(account string) aws.Credentials {
	return aws.Credentials{
		AccessKeyID: "ASIAKEYOFATEST", SecretAccessKey: "secret-of-a-test", SessionToken: "token-of-a-test",
		AccountID: account, CanExpire: true, Expires: time.Now().Add(time.Hour),
	}
}

func TestAssumeRoleNamesAndParams(t *testing.T) {
	role := settingsRole
	settings := AssumeRole[pipeline.Settings]{Role: &role, Session: "SettingsContext-17"}
	if got := settings.Name(); got != "assume-settings-role" {
		t.Errorf("got name %q", got)
	}
	if got, want := fmt.Sprint(settings.Params()), "[{role "+settingsRole+"} {session SettingsContext-17}]"; got != want {
		t.Errorf("got params %s, want %s", got, want)
	}
	none := ""
	deploy := AssumeRole[pipeline.Deploy]{Role: &none, Session: "x"}
	if got := deploy.Name(); got != "assume-deploy-role" {
		t.Errorf("got name %q", got)
	}
	contains(t, "a role that is not known yet", fmt.Sprint(deploy.Params()), "variables.sh")
	settings.Unneeded = "no need"
	if got := fmt.Sprint(settings.Params()); got != "[{skipped no need}]" {
		t.Errorf("got params %s of a step that is skipped", got)
	}
}

func TestAssumeRole(t *testing.T) {
	server := startAWS(t, loopback.Options{})
	s := newStage(t)
	role := deployRole
	s.mustRun(AssumeRole[pipeline.Deploy]{
		Credentials: assumed[pipeline.Deploy](server, deployRole, s.redact), Role: &role, Session: "TargetUpdateContext-17",
	})
	e := s.event("role assumed")
	expires, err := time.Parse(time.RFC3339, fmt.Sprint(e["expires"]))
	if e["account"] != "333333333333" || e["role"] != deployRole || e["session"] != "TargetUpdateContext-17" ||
		err != nil || time.Until(expires) < 50*time.Minute || time.Until(expires) > time.Hour {
		t.Errorf("got %v, %v", e, err)
	}
	if len(s.secrets) != 3 {
		t.Fatalf("%d secrets were registered, want the three of the credentials", len(s.secrets))
	}
	s.wantSilence(s.secrets...)
}

func TestAssumeRoleIsSkippedWhereThereIsNothingToAssume(t *testing.T) {
	s := newStage(t)
	s.mustRun(AssumeRole[pipeline.Settings]{Unneeded: "the settings are not on CodeCommit"}) // no credentials, no role
	if got := s.event("step skipped")["why"]; got != "the settings are not on CodeCommit" {
		t.Errorf("got %v", got)
	}
}

// What is asked before may end the pass, and then nothing is assumed.
func TestAssumeRoleAsksBefore(t *testing.T) {
	role := deployRole
	retrieved := false
	step := answering(&role, keys("333333333333"), nil)
	step.Credentials = pipeline.Mint[pipeline.Deploy](aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		retrieved = true
		return keys("333333333333"), nil
	}), func(...string) {})
	var answer error
	step.Before = func(context.Context, *pipeline.Runtime) error { return answer }
	answer = fault.Hold("not today")
	s := newStage(t)
	if err := s.run(step); fault.Held(err) == nil || retrieved || s.count("step held") != 1 {
		t.Errorf("got %v, retrieved %v", err, retrieved)
	}
	answer = nil
	if s.mustRun(step); !retrieved {
		t.Error("the role was not assumed")
	}
}

// The role is read when the step runs: variables.sh may have changed it.
func TestAssumeRoleReadsTheRoleLate(t *testing.T) {
	s := newStage(t)
	role := ""
	step := answering(&role, keys("333333333333"), nil)
	role = deployRole
	s.mustRun(step)
	if got := s.event("role assumed")["role"]; got != deployRole {
		t.Errorf("got %v", got)
	}
	if got := fmt.Sprint(s.event("step started")["params"]); !strings.Contains(got, deployRole) {
		t.Errorf("params: got %s", got)
	}
}

func TestAssumeRoleRefusesCredentialsOfAnotherAccount(t *testing.T) {
	for _, account := range []string{"999999999999", "", "033333333333"} {
		s := newStage(t)
		role := deployRole
		err := s.run(answering(&role, keys(account), nil))
		if err == nil || fault.ExitCode(err) != fault.ExitRunner || s.count("role assumed") != 0 {
			t.Fatalf("account %q: got %v", account, err)
		}
		contains(t, "error", err.Error(), deployRole, fmt.Sprintf("%q", account), `"333333333333"`, "not used")
		contains(t, "hint", fault.Hint(err), "AWS_ENDPOINT_URL_STS", "proxy")
		s.wantSilence("ASIAKEYOFATEST", "secret-of-a-test", "token-of-a-test")
	}
}

func TestAssumeRoleWithoutCredentialsFailsClosed(t *testing.T) {
	s := newStage(t)
	role := deployRole
	err := s.run(AssumeRole[pipeline.Deploy]{Role: &role})
	if !errors.Is(err, pipeline.ErrNoCredentials) || s.count("role assumed") != 0 {
		t.Errorf("got %v", err)
	}
	if strings.Contains(err.Error(), "STS") {
		t.Errorf("STS is blamed for what is missing in the plan: %v", err)
	}
}

func TestAssumeRoleThatIsInterruptedBlamesNoNetwork(t *testing.T) {
	s := newStage(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	role := deployRole
	step := AssumeRole[pipeline.Deploy]{Role: &role, Credentials: pipeline.Mint[pipeline.Deploy](
		aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			cancel(&fault.InterruptedError{Signal: 15})
			<-ctx.Done()
			return aws.Credentials{}, fmt.Errorf("calling: %w", ctx.Err())
		}), func(...string) {})}
	err := s.runIn(ctx, step)
	if fault.ExitCode(err) != 143 || fault.Hint(err) != "" {
		t.Errorf("got %v, hint %q", err, fault.Hint(err))
	}
}

func TestAssumeRoleThatIsNone(t *testing.T) {
	for _, value := range []string{"", "Spa-DeployEnvironmentRole", "arn:aws:sts::333333333333:assumed-role/X/session"} {
		s := newStage(t)
		err := s.run(answering(&value, keys("333333333333"), nil))
		var wrong *fault.ConfigError
		if !errors.As(err, &wrong) || fault.ExitCode(err) != fault.ExitConfig || s.count("role assumed") != 0 {
			t.Errorf("%q: got %v", value, err)
		}
	}
}
