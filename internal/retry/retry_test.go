package retry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

var errFault = errors.New("a fault")

// tried is what became of an operation that fails with each of a list of
// verdicts in turn, and then succeeds or, if the last one goes on, fails for ever.
type tried struct {
	attempts int
	waits    []time.Duration // as they were
	logged   []time.Duration // as the log has them
	err      error
}

func try(t *testing.T, ctx context.Context, p Policy, forever bool, verdicts ...Verdict) tried { //nolint:revive // t comes first in a test
	t.Helper()
	core, events := observer.New(zap.DebugLevel)
	var got tried
	last := time.Now()
	value, err := Do(ctx, p, zap.New(core), "knocking", func(context.Context) (string, error) {
		if got.attempts > 0 {
			got.waits = append(got.waits, time.Since(last))
		}
		last = time.Now()
		got.attempts++
		if !forever && got.attempts > len(verdicts) {
			return "in", nil
		}
		return "", errFault
	}, func(error) Verdict { return verdicts[min(got.attempts, len(verdicts))-1] })
	if got.err = err; err == nil && value != "in" {
		t.Errorf("got value %q", value)
	}
	for i, e := range events.All() {
		fields := e.ContextMap()
		if e.Message != "retrying" || e.Level != zap.WarnLevel || fields["what"] != "knocking" ||
			fields["attempt"] != int64(i+1) || fields["error"] != errFault.Error() {
			t.Errorf("got event %v %q %v", e.Level, e.Message, fields)
		}
		got.logged = append(got.logged, time.Duration(fields["delay_ms"].(int64))*time.Millisecond)
	}
	return got
}

func fixed(number float64) func() float64 { return func() float64 { return number } }

var again = Verdict{Again: true}

func TestDo(t *testing.T) {
	minute := Policy{Budget: time.Minute, Random: fixed(0.5)}
	ms := func(list ...int) (waits []time.Duration) {
		for _, n := range list {
			waits = append(waits, time.Duration(n)*time.Millisecond)
		}
		return waits
	}
	for name, test := range map[string]struct {
		policy   Policy
		forever  bool
		verdicts []Verdict
		want     []time.Duration
		text     string // of the error; "" is success
		mayPass  bool   // the error says so
	}{
		"at once":               {policy: minute},
		"twice again":           {policy: minute, verdicts: []Verdict{again, again}, want: ms(250, 500)},
		"final":                 {policy: minute, verdicts: []Verdict{{}}, forever: true, text: "a fault"},
		"passing, then final":   {policy: minute, verdicts: []Verdict{again, {}}, forever: true, want: ms(250), text: "a fault (given up after 2 attempts in 250ms)"},
		"no patience":           {policy: Policy{}, verdicts: []Verdict{again}, forever: true, text: "a fault"},
		"the budget runs out":   {policy: minute, verdicts: []Verdict{again}, forever: true, want: ms(250, 500, 1000, 2000, 4000, 8000, 10000, 10000, 10000, 10000, 4250), text: "a fault (given up after 12 attempts in 1m0s)", mayPass: true},
		"within":                {policy: minute, verdicts: []Verdict{{Again: true, Within: 20 * time.Second}}, forever: true, want: ms(250, 500, 1000, 2000, 4000, 8000, 4250), text: "a fault (given up after 8 attempts in 20s)"},
		"within what is over":   {policy: minute, verdicts: []Verdict{{Again: true, After: 30 * time.Second}, {Again: true, Within: 20 * time.Second}}, forever: true, want: ms(30000), text: "a fault (given up after 2 attempts in 30s)"},
		"the server asks":       {policy: minute, verdicts: []Verdict{{Again: true, After: 17 * time.Second}}, want: ms(17000)},
		"it asks for less":      {policy: minute, verdicts: []Verdict{{Again: true, After: time.Millisecond}}, want: ms(250)},
		"it asks for more":      {policy: minute, verdicts: []Verdict{{Again: true, After: time.Hour}}, forever: true, text: "a fault (given up after 1 attempt: the server asks to wait 1h0m0s, which is longer than this is worth)", mayPass: true},
		"a wait is not nothing": {policy: Policy{Budget: time.Minute, Random: fixed(0)}, verdicts: []Verdict{again, again}, want: ms(10, 10)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := try(t, t.Context(), test.policy, test.forever, test.verdicts...)
				if !slices.Equal(got.waits, test.want) || !slices.Equal(got.logged, test.want) || got.attempts != len(test.want)+1 {
					t.Errorf("%d attempts, waited %v, logged %v, want %v", got.attempts, got.waits, got.logged, test.want)
				}
				if MayPass(got.err) != test.mayPass {
					t.Errorf("it may pass: %v, want %v", !test.mayPass, test.mayPass)
				}
				if test.text == "" && got.err != nil || test.text != "" && (got.err == nil || got.err.Error() != test.text || !errors.Is(got.err, errFault)) {
					t.Errorf("got error %v, want %q", got.err, test.text)
				}
			})
		})
	}
}

// With the random numbers of the machine each wait is below the back-off, and
// two operations do not wait the same.
func TestJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Policy{Budget: 10 * time.Minute}
		var seen [][]time.Duration
		for range 20 {
			got := try(t, t.Context(), p, false, slices.Repeat([]Verdict{again}, 8)...)
			for i, wait := range got.waits {
				if ceiling := min(20*time.Second, 500*time.Millisecond<<i); wait <= 0 || wait > ceiling {
					t.Errorf("wait %d is %s, want more than nothing and at most %s", i+1, wait, ceiling)
				}
			}
			seen = append(seen, got.waits)
		}
		if slices.Equal(seen[0], seen[1]) {
			t.Errorf("twice %v", seen[0])
		}
	})
}

func TestDoEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("somebody stopped it")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(100*time.Millisecond, func() { cancel(cause) })
		start := time.Now()
		got := try(t, ctx, Policy{Budget: time.Minute, Random: fixed(0.5)}, true, again)
		if time.Since(start) != 100*time.Millisecond || got.attempts != 1 || !errors.Is(got.err, cause) || !errors.Is(got.err, errFault) {
			t.Errorf("got %v after %s and %d attempts", got.err, time.Since(start), got.attempts)
		}
		// It ends during an attempt.
		ctx, cancel = context.WithCancelCause(t.Context())
		attempts := 0
		core, events := observer.New(zap.DebugLevel)
		_, err := Do(ctx, Policy{Budget: time.Minute}, zap.New(core), "", func(ctx context.Context) (int, error) {
			attempts++
			cancel(cause)
			return 0, fmt.Errorf("calling: %w", ctx.Err())
		}, func(error) Verdict { return again })
		if !errors.Is(err, cause) || !strings.HasPrefix(err.Error(), cause.Error()) || attempts != 1 || events.Len() != 0 {
			t.Errorf("got %v after %d attempts and %d events", err, attempts, events.Len())
		}
	})
}

func TestAttemptThatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		var judged error
		_, err := Do(t.Context(), Policy{Budget: time.Minute, Attempt: 5 * time.Second}, zap.NewNop(), "", func(ctx context.Context) (int, error) {
			if attempts++; attempts < 3 {
				<-ctx.Done()
			}
			return 0, ctx.Err()
		}, func(err error) Verdict { judged = err; return Connection(err) })
		if err != nil || attempts != 3 || judged == nil || !strings.HasPrefix(judged.Error(), "it took longer than 5s: ") {
			t.Errorf("got %v after %d attempts, judged %v", err, attempts, judged)
		}
	})
}

func TestAnAttemptTookTooLongOnlyIfItFailedAfterItsLimit(t *testing.T) {
	for name, test := range map[string]struct {
		take time.Duration
		err  error
	}{
		"a success after the limit stands":                {10 * time.Second, nil},
		"a failure before the limit keeps its own reason": {time.Second, errFault},
	} {
		synctest.Test(t, func(t *testing.T) {
			value, err := Do(t.Context(), Policy{Attempt: 5 * time.Second}, zap.NewNop(), "", func(context.Context) (string, error) {
				time.Sleep(test.take) // of the bubble's clock
				return "in", test.err
			}, func(error) Verdict { return Verdict{} })
			if err != test.err { //nolint:errorlint // it must be that very error
				t.Errorf("%s: got the error %v, want %v", name, err, test.err)
			}
			if err == nil && value != "in" {
				t.Errorf("%s: got the value %q", name, value)
			}
		})
	}
}
