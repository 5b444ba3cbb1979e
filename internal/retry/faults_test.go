package retry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestStatus(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for _, test := range []struct {
		code        int
		after, date string
		want        Verdict
	}{
		{200, "", "", Verdict{}},
		{301, "", "", Verdict{}},
		{400, "1", "", Verdict{}},
		{401, "1", "", Verdict{}},
		{403, "1", "", Verdict{}},
		{404, "1", "", Verdict{}},
		{501, "1", "", Verdict{}},
		{505, "", "", Verdict{}},
		{429, "", "", again},
		{500, "", "", again},
		{502, "", "", again},
		{503, "", "", again},
		{504, "", "", again},
		{429, "7", "", Verdict{Again: true, After: 7 * time.Second}},
		{503, " 7 ", "", Verdict{Again: true, After: 7 * time.Second}},
		{429, "99999999999999999", "", Verdict{Again: true, After: 1 << 30 * time.Second}},
		{429, "-7", "", again},
		{429, "soon", "", again},
		{429, "1.5", "", again},
		{429, "0", "", again},
		{503, in(9 * time.Second), "", Verdict{Again: true, After: 9 * time.Second}},
		{503, in(-9 * time.Second), "", again},
		// A server whose clock is ten minutes ahead of ours.
		{503, in(10*time.Minute + 9*time.Second), in(10 * time.Minute), Verdict{Again: true, After: 9 * time.Second}},
	} {
		header := http.Header{"Retry-After": {test.after}, "Date": {test.date}}
		if got := Status(test.code, header, now); got != test.want {
			t.Errorf("%d, Retry-After %q, Date %q: got %+v, want %+v", test.code, test.after, test.date, got, test.want)
		}
	}
}

func TestSkew(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for date, want := range map[string]time.Duration{"Sun, 01 Mar 2026 12:10:00 GMT": 10 * time.Minute, "Sun, 01 Mar 2026 11:00:00 GMT": -time.Hour} {
		if got, ok := Skew(http.Header{"Date": {date}}, now); got != want || !ok {
			t.Errorf("%s: got %s, %v", date, got, ok)
		}
	}
	for _, header := range []http.Header{{}, {"Date": {"yesterday"}}, {"Date": {"Sun, 01 Mar 2026 12:10:00 GMT"}, "Age": {"600"}}} {
		if got, ok := Skew(header, now); ok {
			t.Errorf("%v: got %s", header, got)
		}
	}
}

func TestConnection(t *testing.T) {
	op := func(err error) error {
		return &url.Error{Op: "Get", URL: "https://example.org", Err: &net.OpError{Op: "read", Err: os.NewSyscallError("read", err)}}
	}
	settling, briefly := Verdict{Again: true, Within: Settling}, Verdict{Again: true, Within: Briefly}
	for name, test := range map[string]struct {
		err  error
		want Verdict
	}{
		"reset":               {op(syscall.ECONNRESET), again},
		"broken pipe":         {op(syscall.EPIPE), again},
		"timed out":           {op(syscall.ETIMEDOUT), again},
		"refused":             {op(syscall.ECONNREFUSED), settling},
		"no route":            {op(syscall.EHOSTUNREACH), settling},
		"closed early":        {&url.Error{Op: "Get", Err: io.EOF}, again},
		"ended early":         {fmt.Errorf("reading: %w", io.ErrUnexpectedEOF), again},
		"limit of an attempt": {fmt.Errorf("calling: %w", context.DeadlineExceeded), again},
		"interrupted":         {fmt.Errorf("calling: %w", context.Canceled), Verdict{}},
		"no such name":        {&net.DNSError{Err: "no such host", IsNotFound: true}, Verdict{}},
		"no answer of DNS":    {&net.DNSError{Err: "server misbehaving", IsTemporary: true}, again},
		"authority":           {x509.UnknownAuthorityError{}, Verdict{}},
		"certificate":         {&tls.CertificateVerificationError{Err: x509.HostnameError{}}, Verdict{}},
		"alert":               {tls.AlertError(40), Verdict{}},
		"no TLS":              {tls.RecordHeaderError{}, Verdict{}},
		"another":             {errors.New("Proxy Authentication Required"), briefly},
		"no more ports":       {op(syscall.EADDRNOTAVAIL), briefly},
		"network is down":     {op(syscall.ENETDOWN), briefly},
		// What follows is of this machine, and is tried once.
		"open files":          {op(syscall.EMFILE), Verdict{}},
		"open files, of all":  {op(syscall.ENFILE), Verdict{}},
		"open files, for DNS": {&net.DNSError{Err: "dial udp 192.0.2.1:53: socket: too many open files", IsTemporary: true}, Verdict{}},
		"full disk":           {fmt.Errorf("%w (%w)", op(syscall.ECONNRESET), &fs.PathError{Op: "write", Path: "pack", Err: syscall.ENOSPC}), Verdict{}},
		"a firewall":          {op(syscall.EPERM), Verdict{}},
		"no permission":       {op(syscall.EACCES), Verdict{}},
		"no memory":           {op(syscall.ENOMEM), Verdict{}},
		"nobody knows it":     {op(syscall.EXDEV), Verdict{}},
	} {
		if got := Connection(test.err); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
}
