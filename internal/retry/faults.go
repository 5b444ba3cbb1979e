package retry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"

	"spa-runner/internal/hostfault"
)

// What failures of any server are worth.
const (
	// Settling is how long AWS may take until what was just created is known
	// everywhere, and how long a server or proxy may take to start.
	Settling = 20 * time.Second
	// Briefly is for what will probably not pass.
	Briefly = 5 * time.Second
)

// Status judges an answer by its HTTP status and its header alone: 429, 500,
// 502, 503 and 504 may pass; Retry-After is honoured.
// https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
func Status(code int, header http.Header, now time.Time) Verdict {
	switch code {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return Verdict{Again: true, After: after(header, now)}
	}
	return Verdict{}
}

// after reads Retry-After, seconds or a date. A date is compared with the
// server's own clock, where it tells that: ours may be wrong.
func after(header http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil {
		return time.Duration(min(seconds, 1<<30)) * time.Second //nolint:gosec // just bounded
	}
	date, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if skew, ok := Skew(header, now); ok {
		now = now.Add(skew)
	}
	return max(0, date.Sub(now))
}

// Skew is how far the clock of the server that answered is ahead of now. The
// answer of a cache (Age) tells nothing.
func Skew(header http.Header, now time.Time) (time.Duration, bool) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil || header.Get("Age") != "" {
		return 0, false
	}
	return date.Sub(now), true
}

// Tolerated is the difference of two clocks that signatures survive: AWS allows
// five minutes.
const Tolerated = 5 * time.Minute

// WarnOfClock logs that requests to a server are signed by its clock from now on,
// which is ahead of ours.
func WarnOfClock(log *zap.Logger, server string, ahead time.Duration) {
	log.Warn("the clock of this machine is wrong: requests are signed by that of the server",
		zap.String("server", server), zap.String("its_clock_is_ahead_by", ahead.Round(time.Second).String()))
}

// network are the errors of the system that a network or the other side can cause.
// Any other one is of this machine, which no attempt changes.
var network = []syscall.Errno{
	syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.EHOSTDOWN,
	syscall.ENETUNREACH, syscall.ENETDOWN, syscall.ENETRESET, syscall.ENOTCONN, syscall.EADDRNOTAVAIL, syscall.EAGAIN,
}

// ofThisMachine says that an error has its cause here.
func ofThisMachine(err error) bool {
	if _, known := hostfault.Of(err); known {
		return true
	}
	var errno syscall.Errno
	return errors.As(err, &errno) && !slices.Contains(network, errno)
}

// Connection judges an error of an exchange that did not come to an answer, or
// not to the end of one.
func Connection(err error) Verdict {
	var (
		dns         *net.DNSError
		authority   x509.UnknownAuthorityError
		hostname    x509.HostnameError
		invalid     x509.CertificateInvalidError
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		alert       tls.AlertError
		timeout     interface{ Timeout() bool }
	)
	switch {
	case errors.Is(err, context.Canceled), ofThisMachine(err):
		return Verdict{}
	case errors.As(err, &certificate), errors.As(err, &authority), errors.As(err, &hostname), errors.As(err, &invalid),
		errors.As(err, &record), errors.As(err, &alert), errors.Is(err, http.ErrSchemeMismatch):
		return Verdict{} // nobody mends a certificate in a minute
	case errors.As(err, &dns) && dns.IsNotFound:
		return Verdict{} // a typing mistake, in most cases
	case errors.As(err, &dns):
		return Verdict{Again: true}
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Verdict{Again: true, Within: Settling}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, syscall.ECONNABORTED), errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return Verdict{Again: true}
	}
	return Verdict{Again: true, Within: Briefly} // such as a proxy's refusal, for which Go has no type
}
