package lazyregexp

import (
	"reflect"
	"regexp"
	"slices"
	"sync"
	"testing"
)

func TestIsWhatItStandsFor(t *testing.T) {
	const text = `^(\w+)=([0-9]{2,3})$`
	r, want := New(text), regexp.MustCompile(text)
	if r.compiled != nil {
		t.Error("it is compiled before it is used")
	}
	var group sync.WaitGroup
	for _, s := range []string{"a=12", "a=1", "", "abc=123", "a=12 "} {
		group.Go(func() {
			if r.MatchString(s) != want.MatchString(s) || r.FindString(s) != want.FindString(s) ||
				!slices.Equal(r.FindStringSubmatch(s), want.FindStringSubmatch(s)) ||
				!reflect.DeepEqual(r.FindSubmatch([]byte(s)), want.FindSubmatch([]byte(s))) ||
				!reflect.DeepEqual(r.FindAllStringSubmatch(s, -1), want.FindAllStringSubmatch(s, -1)) {
				t.Errorf("%q: got %q, want %q", s, r.FindStringSubmatch(s), want.FindStringSubmatch(s))
			}
		})
	}
	group.Wait()
}
