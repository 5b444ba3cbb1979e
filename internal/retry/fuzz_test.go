package retry

import (
	"net/http"
	"testing"
	"time"
)

// FuzzHeader: whatever a server says of its time, and of how long to wait, the wait
// is none or one that the budget is compared with.
func FuzzHeader(f *testing.F) {
	for _, seed := range [][3]string{
		{"7", "Sun, 06 Nov 1994 08:49:37 GMT", ""},
		{"Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:30 GMT", ""},
		{"-1", "", "3"},
		{"99999999999999999999", "x", ""},
		{"18446744073709551615", "Sunday, 06-Nov-94 08:49:37 GMT", ""},
		{"Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, after, date, age string) {
		header := http.Header{"Retry-After": {after}, "Date": {date}, "Age": {age}}
		v := Status(http.StatusTooManyRequests, header, now)
		if !v.Again || v.After < 0 {
			t.Errorf("got %+v", v)
		}
		p := Policy{Budget: time.Minute}
		if wait := p.wait(1, 0, v); wait < 0 || wait > time.Minute || v.After > time.Minute && wait != 0 {
			t.Errorf("waits %s for %+v", wait, v)
		}
		if ahead, known := Skew(header, now); known && (age != "" || now.Add(ahead).Year() > 9999) {
			t.Errorf("the clock is ahead by %s", ahead)
		}
	})
}
