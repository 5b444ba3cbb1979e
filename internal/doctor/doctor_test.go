package doctor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func says(state State) func(context.Context) Finding {
	return func(context.Context) Finding { return Finding{State: state} }
}

func states(r Report) []State {
	var list []State
	for _, f := range r.Checks {
		list = append(list, f.State)
	}
	return list
}

// What depends on something broken is not made, and names the cause and not the way to it.
func TestOneCauseIsOneFinding(t *testing.T) {
	t.Parallel()
	made := false
	r := Run(t.Context(), []Check{
		{Name: "a", Look: says(Mend)},
		{Name: "b", Needs: []string{"a"}, Look: func(context.Context) Finding { made = true; return Finding{State: Mend} }},
		{Name: "c", Needs: []string{"b"}, Look: says(Mend)},
		{Name: "d", Unless: []string{"b"}, Look: says(OK)}, // b found nothing
		{Name: "e", Unless: []string{"a"}, Look: says(OK)},
		{Name: "f", Look: func(context.Context) Finding { return Finding{State: Unchecked, Because: "c"} }},
		{Name: "g", Needs: []string{"w"}, Look: says(OK)},
		{Name: "w", Look: says(Warn)},
		{Name: "h", Needs: []string{"w"}, Look: says(Unneeded)},
	}, time.Minute)
	want := []State{Mend, Unchecked, Unchecked, OK, Unchecked, Unchecked, OK, Warn, Unneeded}
	if got := states(r); !slices.Equal(got, want) || made {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, f := range r.Checks {
		if f.State == Unchecked && f.Because != "a" {
			t.Errorf("%s was not made because of %q", f.Name, f.Because)
		}
	}
	if r.Healthy || r.Mend != 1 || r.Warn != 1 || r.Unchecked != 4 {
		t.Errorf("got %+v", r)
	}
}

// What a later check finds out about an earlier one is told there, once.
func TestBlame(t *testing.T) {
	t.Parallel()
	blames := func(cause string) func(context.Context) Finding {
		return func(context.Context) Finding {
			return Finding{State: Unchecked, Because: "a", Blame: "a", Blamed: &Finding{Cause: cause, Fixes: []Fix{{Do: cause}}}}
		}
	}
	r := Run(t.Context(), []Check{
		{Name: "a", Look: says(OK)}, {Name: "b", Look: blames("x")}, {Name: "c", Look: blames("x")}, {Name: "d", Look: blames("y")},
	}, time.Minute)
	if a := r.Checks[0]; a.State != Mend || a.Cause != "x\ny" || len(a.Fixes) != 2 || r.Mend != 1 || r.Unchecked != 3 {
		t.Errorf("got %+v", r)
	}
}

// What was not looked at for want of time is not healthy, though nothing else was found.
func TestAReportThatWasCutIsNotHealthy(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancelCause(t.Context())
	checks := []Check{
		{Name: "the last of its time", Look: func(context.Context) Finding { end(errors.New("no more time")); return Finding{State: OK} }},
		{Name: "cut", Look: says(OK)},
	}
	if r := Run(ctx, checks, time.Minute); r.Healthy || r.Mend != 0 || r.Unchecked != 1 || !strings.Contains(r.Text(false), "but 1 check not made") {
		t.Errorf("got %+v", r)
	}
	if r := Run(t.Context(), checks[1:], time.Minute); !r.Healthy {
		t.Errorf("got %+v", r)
	}
}

// A doctor that hangs is no doctor.
func TestNoCheckHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release, ended := make(chan struct{}), errors.New("no more time")
		ctx, end := context.WithCancelCause(t.Context())
		r := Run(ctx, []Check{
			{Name: "asks a server", Look: func(ctx context.Context) Finding { <-ctx.Done(); return Finding{State: Mend, Cause: "no answer"} }},
			{Name: "reads a dead disk", Look: func(context.Context) Finding { <-release; return Finding{State: OK} }},
			{Name: "panics", Look: func(context.Context) Finding { panic("a bug") }},
			{Name: "ends all", Look: func(context.Context) Finding { end(ended); return Finding{State: OK} }},
			{Name: "has no time", Look: says(OK)},
		}, time.Minute)
		close(release)
		want := []State{Mend, Mend, Mend, OK, Unchecked}
		if got := states(r); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		for i, text := range []string{"no answer", "it took longer than 1m0s", "a bug", "", "no more time"} {
			if f := r.Checks[i]; !strings.Contains(f.Cause+f.Because, text) {
				t.Errorf("%s: got %+v, want %q", f.Name, f, text)
			}
		}
	})
}

func TestText(t *testing.T) {
	t.Parallel()
	r := Report{Mend: 1, Unchecked: 1, Checks: []Finding{
		{Name: "short", State: OK, Looked: "here"},
		{Name: "a longer one", State: Mend, Looked: "there", Cause: strings.Repeat("word ", 30) + "end\nnext", Fixes: []Fix{
			{Do: "do this:", Paste: "{\n  \"a\": 1\n}"}, {Do: "or that"},
		}},
		{Name: "x", State: Unchecked, Because: "a longer one"},
		{Name: "y", State: Unneeded, Because: "nobody wants it"},
		{Name: "z", State: Warn, Looked: "it", Cause: "perhaps"},
	}}
	const want = `✔ short         here
✖ a longer one  there
    word word word word word word word word word word word word word word word word word word word
    word word word word word word word word word word word end
    next
    → do this:

        {
          "a": 1
        }

    → or that
– x             not checked because of: a longer one
– y             not needed: nobody wants it
! z             it
    perhaps

1 thing to mend; 1 check not made because of that. Mend, and run the doctor again.
`
	if got := r.Text(false); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := r.Text(true); !strings.Contains(got, "\x1b[31m✖\x1b[0m a longer one") || strings.ReplaceAll(got, "\x1b", "") == want {
		t.Errorf("got %q", got)
	}
	for _, test := range []struct {
		r    Report
		want string
	}{{Report{}, "All is well.\n"}, {Report{Warn: 2}, "2 warnings, nothing to mend.\n"}, {Report{Mend: 2}, "2 things to mend.\n"}, {Report{Unchecked: 1}, "but 1 check not made"}} {
		if got := test.r.Text(false); !strings.Contains(got, test.want) {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
