package report

import (
	"strconv"
	"time"

	"spa-runner/internal/record"
)

// written is a number as text.
func written(n int) string { return strconv.Itoa(n) }

// clock is a moment as people read it, "" if it is not known.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
}

// spoken is a time as people say it.
func spoken(d time.Duration) string {
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Hour:
		return written(int(d.Minutes())) + " min " + written(int(d.Seconds())%60) + " s"
	}
	return written(int(d.Hours())) + " h " + written(int(d.Minutes())%60) + " min"
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// soFar is how long a step took, or has taken if it still runs.
func soFar(s record.Step, at time.Time) time.Duration {
	took := milliseconds(s.TookMS)
	if s.Outcome == record.Running && !s.Started.IsZero() {
		took = max(took, at.Sub(s.Started))
	}
	return took
}

// bytes is a size as people say it.
func bytes(n int64) string {
	switch {
	case n < 1000:
		return strconv.FormatInt(n, 10) + " B"
	case n < 1_000_000:
		return strconv.FormatFloat(float64(n)/1000, 'f', 1, 64) + " kB"
	}
	return strconv.FormatFloat(float64(n)/1_000_000, 'f', 1, 64) + " MB"
}

// first is the start of a hash.
func first(hash string, digits int) string { return hash[:min(len(hash), digits)] }
