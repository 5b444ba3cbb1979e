package pipeline

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const testSecret = "secretkey/of+nobody"

func provider(calls *int, life time.Duration) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		*calls++
		return aws.Credentials{
			AccessKeyID: fmt.Sprintf("ASIAFAKE%08d", *calls), SecretAccessKey: testSecret, SessionToken: "token-of-nobody",
			CanExpire: true, Expires: time.Now().Add(life),
		}, nil
	})
}

func TestZeroCredentialsFailClosed(t *testing.T) {
	for name, retrieve := range map[string]func(context.Context) (aws.Credentials, error){
		"none":     Credentials[None]{}.Retrieve,
		"settings": Credentials[Settings]{}.Retrieve,
		"packages": Credentials[Packages]{}.Retrieve,
		"deploy":   Credentials[Deploy]{}.Retrieve,
	} {
		creds, err := retrieve(t.Context())
		if !errors.Is(err, ErrNoCredentials) || creds.HasKeys() {
			t.Errorf("%s: got %v, %v, want ErrNoCredentials", name, creds.HasKeys(), err)
		}
	}
	rt, _, out := testRuntime()
	err := Exec(t.Context(), rt, Credentials[Deploy]{}, Command{Dir: t.TempDir(), Argv: []string{"echo", "started"}})
	if !errors.Is(err, ErrNoCredentials) || out.String() != "" {
		t.Errorf("Exec with nothing in a scope: got %v and output %q, want ErrNoCredentials and nothing started", err, out)
	}
}

func TestScopesAreNotConvertible(t *testing.T) {
	scopes := []reflect.Type{
		reflect.TypeFor[Credentials[None]](), reflect.TypeFor[Credentials[Settings]](),
		reflect.TypeFor[Credentials[Packages]](), reflect.TypeFor[Credentials[Deploy]](),
	}
	for i, one := range scopes {
		for j, other := range scopes {
			if i != j && one.ConvertibleTo(other) {
				t.Errorf("%v converts to %v: an identity could change its scope", one, other)
			}
		}
	}
}

func TestCredentialsAreCachedAndRegistered(t *testing.T) {
	calls := 0
	var registered []string
	secret := func(s ...string) { registered = append(registered, s...) }

	long := Mint[Settings](provider(&calls, time.Hour), secret)
	for range 3 {
		if _, err := long.Retrieve(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if calls != 1 {
		t.Errorf("an hour of life: got %d calls of the provider for 3 uses, want 1", calls)
	}
	for _, want := range []string{"ASIAFAKE00000001", testSecret, "token-of-nobody"} {
		if !slices.Contains(registered, want) {
			t.Errorf("%s was not registered as a secret", want)
		}
	}
}

func TestPrintingAStepShowsNoKey(t *testing.T) {
	calls := 0
	creds := Mint[Deploy](provider(&calls, time.Hour), func(...string) {})
	if _, err := creds.Retrieve(t.Context()); err != nil {
		t.Fatal(err)
	}
	holdingStep := struct {
		Credentials[Deploy]
		Token Secret
	}{creds, NewSecret("git-token-value")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		text := fmt.Sprintf(verb, holdingStep) + fmt.Sprintf(verb, &holdingStep)
		for _, secret := range []string{testSecret, "git-token-value", "token-of-nobody", fmt.Sprintf("%x", "git-token-value")} {
			if strings.Contains(text, secret) {
				t.Errorf("%s of a step shows %q: %s", verb, secret, text)
			}
		}
	}
}
