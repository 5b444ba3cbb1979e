package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// authority is an STS: it numbers the keys that it gives, and is down when it is told so.
type authority struct {
	life    time.Duration
	down    func() bool
	account string
	given   int
}

func (a *authority) Retrieve(context.Context) (aws.Credentials, error) {
	if a.down != nil && a.down() {
		return aws.Credentials{}, errors.New("no answer from STS")
	}
	a.given++
	account := a.account
	if account == "" {
		account = "333333333333"
	}
	return aws.Credentials{
		AccessKeyID: fmt.Sprintf("ASIAFAKE%08d", a.given), SecretAccessKey: testSecret, SessionToken: "token-of-nobody",
		AccountID: account, CanExpire: true, Expires: time.Now().UTC().Truncate(time.Second).Add(a.life),
	}, nil
}

// keep renews what an authority gives in a bubble of fake time, and asks the
// endpoint every quarter of a second for so long. It returns the keys that the
// endpoint gave, in their order, and how often it had none.
func keep(t *testing.T, a *authority, long time.Duration) (keys []string, refused int, events *observer.ObservedLogs) {
	t.Helper()
	core, events := observer.New(zap.DebugLevel)
	h := &holder{provider: a, secret: func(...string) {}}
	if _, err := h.retrieve(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); h.keepFresh(ctx, zap.New(core)) }()
	e := &endpoint{holder: h, scope: "deploy", host: "127.0.0.1:1", token: "t"}
	for start := time.Now(); time.Since(start) < long; time.Sleep(250 * time.Millisecond) {
		status, body := ask(e, http.MethodGet, endpointPath, "127.0.0.1:1", "t")
		switch {
		case status == http.StatusServiceUnavailable:
			refused++
			continue
		case status != http.StatusOK:
			t.Fatalf("got %d %v", status, body)
		}
		if end, err := time.Parse("2006-01-02T15:04:05Z", body["Expiration"]); err != nil || !time.Now().Before(end) {
			t.Fatalf("after %s the endpoint gave what ended at %s (%v)", time.Since(start), body["Expiration"], err)
		}
		if key := body["AccessKeyId"]; len(keys) == 0 || keys[len(keys)-1] != key {
			keys = append(keys, key)
		}
	}
	cancel()
	<-done
	return keys, refused, events
}

func TestCredentialsAreRenewedInTheBackground(t *testing.T) {
	for life, test := range map[time.Duration]struct {
		long     time.Duration
		min, max int // distinct keys
	}{
		time.Hour:        {3 * time.Hour, 6, 7},
		15 * time.Minute: {time.Hour, 8, 9},
		20 * time.Second: {2 * time.Minute, 12, 14},
		2 * time.Second:  {10 * time.Second, 8, 20},
	} {
		t.Run(life.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				keys, refused, events := keep(t, &authority{life: life}, test.long)
				if refused != 0 || len(keys) < test.min || len(keys) > test.max {
					t.Errorf("got %d keys and was refused %d times, want %d to %d and never", len(keys), refused, test.min, test.max)
				}
				renewed := events.FilterMessage("credentials renewed").All()
				if over := len(renewed) - (len(keys) - 1); over < 0 || over > 1 { // the last may come after the last question
					t.Errorf("%d renewals are logged, want %d", len(renewed), len(keys)-1)
				}
				for _, e := range renewed {
					if fields := e.ContextMap(); fields["account"] != "333333333333" || fields["expires"] == nil || strings.Contains(fmt.Sprint(fields), "ASIA") {
						t.Errorf("a renewal is logged as %v", fields)
					}
				}
			})
		})
	}
}

// The clients that are most in a hurry want new credentials 15 minutes before
// the end of the old: what they get always has more left than that.
func TestAnHourIsRenewedBeforeAnyClientAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &holder{provider: &authority{life: time.Hour}, secret: func(...string) {}}
		if _, err := h.retrieve(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go h.keepFresh(ctx, zap.NewNop())
		for range 240 {
			time.Sleep(time.Minute)
			if creds, _ := h.held(); time.Until(creds.Expires) < 29*time.Minute {
				t.Fatalf("only %s are left", time.Until(creds.Expires))
			}
		}
		cancel()
		synctest.Wait()
	})
}

// STS is down for a while that ends before the credentials do: nobody notices,
// but the log tells each failure and when it is tried again.
func TestAnOutageOfSTSIsOutlasted(t *testing.T) {
	for life, outage := range map[time.Duration]time.Duration{
		time.Hour: 28 * time.Minute, 80 * time.Second: 30 * time.Second, 20 * time.Second: 7 * time.Second,
	} {
		t.Run(life.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				// From the first renewal on, which is the worst moment.
				down := func() bool {
					since := time.Since(start) - life/2 + time.Second
					return since > 0 && since < outage+time.Second
				}
				keys, refused, events := keep(t, &authority{life: life, down: down}, 2*life)
				failed := events.FilterMessage("renewal failed").All()
				if refused != 0 || len(keys) < 2 || len(failed) < 2 {
					t.Errorf("got %d keys, %d refusals and %d failures in the log", len(keys), refused, len(failed))
				}
				for i, e := range failed {
					fields := e.ContextMap()
					next, err := time.Parse(time.RFC3339, fmt.Sprint(fields["next_try"]))
					if err != nil || e.Level != zapcore.WarnLevel || fields["error"] != "no answer from STS" || fields["expires"] == nil {
						t.Errorf("a failure is logged as %s %v, %v", e.Level, fields, err)
					}
					if wait := next.Sub(e.Time); wait > lastRetry || i == 0 && wait > 2*firstRetry {
						t.Errorf("failure %d is tried again after %s", i+1, wait)
					}
				}
			})
		})
	}
}

// STS is down for longer than the credentials live: the endpoint says so in
// place of giving what has ended, and gives again when STS does.
func TestExpiredCredentialsAreNeverServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		down := func() bool {
			return time.Since(start) > 20*time.Minute && time.Since(start) < 90*time.Minute
		}
		keys, refused, _ := keep(t, &authority{life: time.Hour, down: down}, 2*time.Hour)
		refusedFor := time.Duration(refused) * 250 * time.Millisecond
		if len(keys) != 2 || refusedFor < 30*time.Minute || refusedFor > 30*time.Minute+lastRetry {
			t.Errorf("got keys %q, and none for %s, want two and half an hour", keys, refusedFor)
		}
	})
}

func TestWhatIsStillValidOutlivesAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := false
		a := &authority{life: time.Hour, down: func() bool { return down }}
		deploy := Mint[Deploy](a, func(...string) {})
		for _, step := range []struct {
			after time.Duration
			down  bool
			key   string
		}{
			{0, false, "ASIAFAKE00000001"},
			{29 * time.Minute, false, "ASIAFAKE00000001"},
			{2 * time.Minute, true, "ASIAFAKE00000001"}, // it was asked for another, in vain
			{0, false, "ASIAFAKE00000002"},
			{61 * time.Minute, true, ""},
		} {
			time.Sleep(step.after)
			down = step.down
			creds, err := deploy.Retrieve(t.Context())
			if creds.AccessKeyID != step.key || (err != nil) != (step.key == "") {
				t.Errorf("after %s more: got %q, %v, want %q", step.after, creds.AccessKeyID, err, step.key)
			}
		}
	})
}

// Something else that answers in the place of STS cannot move a deployment to
// another account half-way, nor put nothing in the place of something.
func TestARenewalThatIsNoneIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*aws.Credentials){
		"of another account": func(c *aws.Credentials) { c.AccountID = "999999999999" },
		"without keys":       func(c *aws.Credentials) { c.SecretAccessKey = "" },
		"expired":            func(c *aws.Credentials) { c.Expires = time.Now().Add(-time.Second) },
		"a panic":            nil,
	} {
		a := &authority{life: time.Hour}
		spoilt := false
		h := &holder{secret: func(...string) {}, provider: aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			creds, err := a.Retrieve(ctx)
			if spoilt {
				spoil(&creds) // nil: a panic
			}
			return creds, err
		})}
		first, err := h.renew(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		spoilt = true
		if got, err := h.renew(t.Context()); err == nil || got.HasKeys() {
			t.Errorf("%s: got %v, %v", name, got.AccountID, err)
		}
		if held, _ := h.held(); held != first {
			t.Errorf("%s: what was held was replaced", name)
		}
	}
	nothing := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, nil })
	empty := Mint[Deploy](nothing, func(...string) {})
	if _, err := empty.Retrieve(t.Context()); !errors.Is(err, ErrUnusable) {
		t.Errorf("nothing at all: got %v", err)
	}
}

// ask asks an endpoint without the network.
func ask(e *endpoint, method, path, host, token string) (status int, body map[string]string) {
	r := httptest.NewRequest(method, path, nil)
	r.Host = host
	r.Header.Set("Authorization", token)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w.Code, decode(w.Body)
}
