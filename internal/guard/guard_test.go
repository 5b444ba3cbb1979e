package guard

import (
	"errors"
	"strings"
	"testing"
)

func TestCall(t *testing.T) {
	t.Parallel()
	if err := Call(func() error { return nil }); err != nil {
		t.Errorf("got %v", err)
	}
	ours := errors.New("ours")
	if err := Call(func() error { return ours }); !errors.Is(err, ours) {
		t.Errorf("got %v", err)
	}
	var none []int
	for want, do := range map[string]func() error{
		"a defect of spa-runner: panic: index out of range [3] with length 0": func() error { none[3] = 1; return nil },
		"a defect of spa-runner: panic: a value":                              func() error { panic("a value") },
		"a defect of spa-runner: panic: ours":                                 func() error { panic(ours) },
	} {
		var got *PanicError
		if err := Call(do); !errors.As(err, &got) || !strings.Contains(strings.ReplaceAll(err.Error(), "runtime error: ", ""), want) {
			t.Errorf("got %v, want %s", err, want)
		} else if !strings.Contains(got.Stack, "TestCall") {
			t.Errorf("the stack does not say where: %s", got.Stack)
		}
	}
}
