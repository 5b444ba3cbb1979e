package redact

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// realSecrets returns 20 secrets like those of five AWS identities: 5 access keys, 10 secret keys and git tokens, 5 session tokens of
// 800 characters.
func realSecrets() []string {
	rnd := rand.New(rand.NewPCG(1, 2))
	random := func(n int, prefix, alphabet string) string {
		b := []byte(prefix)
		for len(b) < n {
			b = append(b, alphabet[rnd.IntN(len(alphabet))])
		}
		return string(b)
	}
	upper := "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	mixed := upper + "abcdefghijklmnopqrstuvwxyz0189"
	var secrets []string
	for range 5 {
		token := base64.StdEncoding.EncodeToString([]byte(random(598, "\x17\x0a\x19IQoJb3JpZ2luX2Vj", mixed)))
		secrets = append(secrets, random(20, "ASIA", upper), random(40, "", mixed+"/+"), random(40, "ghp_", mixed), token)
	}
	return secrets
}

// buildOutput returns about n bytes like those that make, pip, npm and the CDK print, with a secret in every so many lines; 0 is never.
func buildOutput(n, every int, secrets []string) []byte {
	rnd := rand.New(rand.NewPCG(3, 4))
	formats := []string{
		"Collecting aws-cdk-lib>=2.%d.0 (from -r requirements.txt (line %d))\n",
		"  Downloading aws_cdk.asset_awscli_v1-2.2.%d-py3-none-any.whl.metadata (%d kB)\n",
		"tests/unit/test_budgets.py::TestBudgets::test_%d PASSED                     [ %d%%]\n",
		"Spa-Prod | %d/47 | 12:31:%d PM | CREATE_COMPLETE | AWS::Lambda::Function | OnAccountTemplate (ParametersOnAccountTemplate0F4E)\n",
		"npm warn deprecated glob@%d.2.3: Glob versions prior to v%d are no longer supported\n",
		"{\"level\":\"INFO\",\"location\":\"handler:%d\",\"message\":\"processing event\",\"timestamp\":\"2025-01-31 10:12:%d,123+0000\"}\n",
		"copying build/lib/code/%d/transactions.py -> https://files.pythonhosted.org/packages/3f/a1/%d/c0ffee0123456789abcdef\n",
	}
	var b bytes.Buffer
	for line := 1; b.Len() < n; line++ {
		fmt.Fprintf(&b, formats[rnd.IntN(len(formats))], rnd.IntN(90)+10, rnd.IntN(90)+10)
		if every > 0 && line%every == 0 {
			fmt.Fprintf(&b, "export AWS_SESSION_TOKEN=%s\n", secrets[rnd.IntN(len(secrets))])
		}
	}
	return b.Bytes()
}

type benchCase struct {
	name     string
	redactor *Redactor
	text     []byte
}

func benchCases() []benchCase {
	const size = 4 << 20
	secrets := realSecrets()
	real, short := New(), New()
	real.Add(secrets...)
	short.Add(secrets...)
	short.Add("hunt3r") // the shortest there is: the window moves 3 bytes at most
	return []benchCase{
		{"clean", real, buildOutput(size, 0, nil)},
		{"secret_per_1000_lines", real, buildOutput(size, 1000, secrets)},
		{"clean_with_6_byte_secret", short, buildOutput(size, 0, nil)},
	}
}

func BenchmarkBytes(b *testing.B) {
	for _, c := range benchCases() {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			for b.Loop() {
				c.redactor.Bytes(c.text)
			}
		})
	}
}

func BenchmarkWriter(b *testing.B) {
	for _, c := range benchCases() {
		b.Run(c.name+"/64KiB", func(b *testing.B) {
			w := c.redactor.Writer(io.Discard)
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				for rest := c.text; len(rest) > 0; {
					n := min(len(rest), 64<<10)
					_, _ = w.Write(rest[:n])
					rest = rest[n:]
				}
			}
		})
		b.Run(c.name+"/lines", func(b *testing.B) {
			lines := bytes.SplitAfter(c.text, []byte("\n"))
			w := c.redactor.Writer(io.Discard)
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				for _, line := range lines {
					_, _ = w.Write(line)
				}
			}
		})
	}
}

func BenchmarkAdd(b *testing.B) {
	secrets := realSecrets()
	for b.Loop() {
		New().Add(secrets...)
	}
}

// BenchmarkAddOneByOne compiles the patterns again for each secret.
func BenchmarkAddOneByOne(b *testing.B) {
	secrets := realSecrets()
	for b.Loop() {
		r := New()
		for _, secret := range secrets {
			r.Add(secret)
		}
	}
}

// TestThroughput: children that print much must not wait for the redactor. The limit is far below what it does on a machine
// of its own, and one good run among many is enough, since other work can only slow it down.
func TestThroughput(t *testing.T) {
	if os.Getenv("SPA_RUNNER_LONG") != "1" {
		t.Skip("it measures: SPA_RUNNER_LONG=1 does")
	}
	if raceDetector() {
		t.Skip("NOT MEASURED: the race detector makes it ten times slower")
	}
	const aim, enough = 100, 400 // MB/s
	for _, c := range benchCases() {
		var best float64
		for began := time.Now(); best < enough && time.Since(began) < 500*time.Millisecond || best < aim && time.Since(began) < 10*time.Second; {
			start := time.Now()
			w := c.redactor.Writer(io.Discard)
			for piece := range slices.Chunk(c.text, 64<<10) {
				_, _ = w.Write(piece)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			best = max(best, float64(len(c.text))/1e6/time.Since(start).Seconds())
		}
		t.Logf("%s: %.0f MB/s through a Writer with %d patterns of %d secrets", c.name, best, len(c.redactor.matcher.Load().patterns), len(realSecrets()))
		if best < aim {
			t.Errorf("%s: %.0f MB/s, want at least %d", c.name, best, aim)
		}
	}
}

// raceDetector tells whether this test was built with -race.
func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-race" && s.Value == "true" })
}

// BenchmarkReplacer is what the standard library makes of the same patterns, to compare with.
func BenchmarkReplacer(b *testing.B) {
	c := benchCases()[0]
	var pairs []string
	for _, p := range c.redactor.matcher.Load().patterns {
		pairs = append(pairs, p, Mask)
	}
	replacer, text := strings.NewReplacer(pairs...), string(c.text)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		replacer.Replace(text)
	}
}
