package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"time"

	"spa-runner/internal/redact"
)

const (
	redactedText   = mebibyte
	redactedRounds = 64
)

// redaction masks twenty secrets in a log, in pieces as a child's pipe gives
// them, against the standard library, which gets the secrets as they are and not
// their encodings. MEMORY is all that was allocated while 64 MiB went through, so
// that the memory of one log of any length is less. It is the last row, since it
// makes this program bigger (peakMemory).
func redaction() contest {
	secrets, text := twentySecrets()
	redactor := redact.New()
	redactor.Add(secrets...)
	pairs := make([]string, 0, 2*len(secrets))
	for _, secret := range secrets {
		pairs = append(pairs, secret, redact.Mask)
	}
	replacer := strings.NewReplacer(pairs...)
	pieces := make([]string, 0, len(text)/(64<<10)+1)
	for rest := text; rest != ""; {
		n := min(len(rest), 64<<10)
		pieces, rest = append(pieces, rest[:n]), rest[n:]
	}
	rounds := func(write func(piece string) error) (sample, error) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		for range redactedRounds {
			for _, piece := range pieces {
				if err := write(piece); err != nil {
					return sample{}, err
				}
			}
		}
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		return sample{took: took, memory: int64(after.TotalAlloc - before.TotalAlloc)}, nil
	}
	return contest{
		work: "mask 20 secrets and their encodings", peer: "strings.Replacer, raw", aim: 1, memory: mebibyte,
		bytes: int64(len(text)) * redactedRounds, speed: 400,
		runner: func(context.Context) (sample, error) {
			w := redactor.Writer(io.Discard)
			buffer := make([]byte, 64<<10) // as a child's pipe gives it: to make each anew would be measured too
			s, err := rounds(func(piece string) error { _, err := w.Write(buffer[:copy(buffer, piece)]); return err })
			if err == nil {
				err = w.Close()
			}
			return s, err
		},
		base: func(context.Context) (sample, error) {
			return rounds(func(piece string) error { _, err := replacer.WriteString(io.Discard, piece); return err })
		},
	}
}

// twentySecrets are keys and tokens as AWS makes them, and a log with one of
// them in every thousandth line.
func twentySecrets() (secrets []string, text string) {
	rnd := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same in each run, on purpose
	random := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rnd.Uint32()) //nolint:gosec // the low byte is what is wanted
		}
		return base64.StdEncoding.EncodeToString(b)
	}
	for range 5 {
		secrets = append(secrets, "ASIA"+random(12), random(30), "ghp_"+random(27), random(600))
	}
	var b strings.Builder
	for line := 1; b.Len() < redactedText; line++ {
		fmt.Fprintf(&b, "tests/test_accounts.py::test_case_with_a_long_name_%d PASSED  [ %d%%]\n", line, line%100)
		if line%1000 == 0 {
			fmt.Fprintf(&b, "export AWS_SESSION_TOKEN=%s\n", secrets[rnd.IntN(len(secrets))])
		}
	}
	return secrets, b.String()
}
