package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// report prints the table and what the parts took, and returns how many rows miss an aim.
func report(out io.Writer, results []result, busy string) (missed int) {
	_, _ = fmt.Fprintf(out, "\nspa-runner against what it replaces: medians of pairs that were run in turn, on %d CPUs%s\n\n",
		runtime.NumCPU(), busy)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "WORK\tPEER\tRUNNER TOOK\tPEER TOOK\tRATIO\tAIM\tPAIRS\tBEST\tCPU TIME\tPEER'S\tMEMORY\tPEER'S\tAT MOST\tBESIDES\t")
	for _, r := range results {
		verdict := "ok"
		if what := r.missed(); what != "" {
			missed++
			verdict = "OVER: " + what
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%.2f\t%s\t%d: %.2f-%.2f\t%.2f\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.work, r.peer,
			seconds(r.runnerTook), seconds(r.baseTook), r.ratio, aimOf(r.aim), r.pairs, r.least, r.most, r.best,
			seconds(r.runnerCPU), seconds(r.baseCPU), mebibytes(r.peak), mebibytes(r.basePeak), r.memoryAtMost(), r.besides(), verdict)
	}
	_ = table.Flush()
	for _, r := range results {
		if len(r.runnerParts) > 0 {
			_, _ = fmt.Fprintf(out, "\n%s:\n  spa-runner  %s\n", r.work, listParts(r.runnerParts))
		}
		if len(r.baseParts) > 0 {
			_, _ = fmt.Fprintf(out, "  bash        %s\n", listParts(r.baseParts))
		}
	}
	_, _ = fmt.Fprint(out, "\nPAIRS: how many, with the least and the greatest ratio of one. BEST: the ratio of the fastest runs of each side, which other\n"+
		"work on the machine disturbs least. CPU TIME: user and system, of the whole process and what it waited for.\n"+
		"MEMORY: the most that any process of a side had resident (ru_maxrss); AT MOST with an x is times the peer's.\n")
	return missed
}

// load says how busy the machine is besides, where that can be known.
func load() string {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	minute, _, _ := strings.Cut(string(content), " ")
	return ", load " + minute + " before"
}

// seconds is a time in the table; that of what is not measured is 0.
func seconds(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f s", d.Seconds())
}

func mebibytes(n int64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%d MiB", (n+mebibyte-1)/mebibyte)
}

func aimOf(aim float64) string {
	if aim == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", aim)
}

// memoryAtMost is what the runner may take.
func (r result) memoryAtMost() string {
	var limits []string
	if r.memory > 0 {
		limits = append(limits, mebibytes(r.memory))
	}
	if r.memoryAim > 0 {
		limits = append(limits, aimOf(r.memoryAim)+" x")
	}
	if len(limits) == 0 {
		return "-"
	}
	return strings.Join(limits, ", ")
}

// besides is what counts in a row beside its ratio, with its aim in brackets.
func (r result) besides() string {
	switch {
	case r.speed > 0:
		return fmt.Sprintf("%.0f MB/s (%.0f at least)", r.rate(), r.speed)
	case r.aLine > 0:
		return fmt.Sprintf("%.2f µs more a line (%.0f at most)", r.moreALine().Seconds()*1e6, r.aLine.Seconds()*1e6)
	}
	return "-"
}

// listParts leaves out what takes no time.
func listParts(parts []part) string {
	var list []string
	for _, p := range parts {
		if p.took >= time.Millisecond {
			list = append(list, fmt.Sprintf("%s %.3f", p.name, p.took.Seconds()))
		}
	}
	return strings.Join(list, ", ")
}
