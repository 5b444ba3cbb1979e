package report

import (
	"strings"

	"spa-runner/internal/record"
)

// How many of a list are shown. The rest is in the record.
const (
	maxPasses = 20
	maxSteps  = 200
	maxLaid   = 250 // of those added, and of those replaced
	maxRows   = 100 // of any other list
	openRows  = 12  // a longer list is folded
)

// deploying is the step that changes the target.
const deploying = "make-deploy"

const policy = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"/>`

// HTML is the record as one page that needs nothing else: no network, no script.
func HTML(r record.Record) []byte {
	w := &writer{b: make([]byte, 0, 32<<10)}
	v := verdictOf(r)
	w.put("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n").put(policy)
	w.put("\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<meta name=\"referrer\" content=\"no-referrer\"/>\n<title>")
	w.cut(v.word, 200)
	last := r.Last()
	for _, s := range []string{last.Environment, last.Target.Account} {
		if s != "" {
			w.put(" · ").cut(s, 100)
		}
	}
	w.put(" · spa-runner</title>\n<style>").put(style).put("</style>\n</head>\n<body class=\"").put(v.tone).put("\">\n<main>\n")
	w.header(r, v)
	w.why(r, last)
	if last.Number > 0 {
		w.facts(r, last, "")
	}
	passes := r.Passes[max(0, len(r.Passes)-maxPasses):]
	for _, p := range passes {
		w.timeline(p, r.Written, passOf(p, r))
		w.failures(r, p)
	}
	for i := len(passes) - 1; i >= 0; i-- {
		if i < len(passes)-1 {
			w.facts(r, passes[i], passOf(passes[i], r))
		}
		w.rest(passes[i], passOf(passes[i], r))
	}
	w.variables("Variables of the runner", r.Variables)
	w.names("Withheld from every child", r.Withheld, "")
	w.footer(r, len(r.Passes)-len(passes))
	return w.put("</main>\n</body>\n</html>\n").b
}

// passOf names a pass where there are several.
func passOf(p record.Pass, r record.Record) string {
	if len(r.Passes) < 2 {
		return ""
	}
	return "pass " + written(p.Number)
}

func (w *writer) header(r record.Record, v verdict) {
	last := r.Last()
	w.put("<header>\n<p class=\"over\">spa-runner, ").text(r.What).put(" <code>").text(r.Run).put("</code></p>\n<h1>").put(v.mark).put(" ").text(v.word).put("</h1>\n")
	if v.more != "" {
		w.put("<p class=\"lede\">").cut(v.more, 2000).put("</p>\n")
	}
	if last.Target.Account+last.Environment != "" {
		w.put("<p class=\"lede\">")
		if last.Environment != "" {
			w.put("Folder <strong>").text(last.Environment).put("</strong>")
		}
		if last.Target.Account != "" {
			w.put(" for account <strong>").text(last.Target.Account).put("</strong>, region <strong>").text(last.Target.Region).put("</strong>")
		}
		w.put("</p>\n")
	}
	w.put("<p class=\"meta\">")
	item := func(name markup, value string) {
		if value != "" {
			w.put("<span>").put(name).put(" ").text(value).put("</span>\n")
		}
	}
	item("started", clock(r.Started))
	if r.Ended.IsZero() {
		item("this is of", clock(r.Written))
	}
	item("ended", clock(r.Ended))
	item("took", spoken(milliseconds(r.TookMS)))
	if r.ExitCode != nil {
		item("exit code", written(*r.ExitCode))
	}
	if len(r.Passes) > 1 {
		item("passes", written(len(r.Passes)))
	}
	w.put("</p>\n</header>\n")
}

func (w *writer) heading(name markup, pass, more string) {
	w.put("<h2>").put(name)
	if pass != "" {
		w.put(", ").text(pass)
	}
	if more != "" {
		w.put(" <small>").text(more).put("</small>")
	}
	w.put("</h2>\n")
}

func (w *writer) footer(r record.Record, left int) {
	w.put("<footer>\n")
	if left > 0 {
		w.put("<p>").number(left).put(" earlier passes are left out here.</p>\n")
	}
	if w.full() {
		w.put("<p>This page was cut, since the run has more to tell than a page should hold.</p>\n")
	}
	w.put("<p>Everything is in ").put(record.File).put(", beside this page. Times are UTC. Written ").text(clock(r.Written))
	w.put(" by spa-runner ").text(r.Runner.Version)
	if r.Runner.Commit != "" {
		w.put(" (commit <code>").text(first(r.Runner.Commit, 12)).put("</code>)")
	}
	w.put(", ").text(r.Runner.Go).put(", ").text(r.Runner.OS).put("/").text(r.Runner.Arch).put(".</p>\n</footer>\n")
}

// verdict is the outcome at a glance.
type verdict struct {
	mark, tone markup
	word, more string
}

func verdictOf(r record.Record) verdict {
	switch {
	case r.Outcome == record.Held:
		return heldVerdict(r.Why, leftBehind(r))
	case r.Outcome == record.Failed && r.FailedStep == "":
		return verdict{"✖", "bad", "Failed before its first step", leftBehind(r)}
	case r.Outcome == record.Failed:
		return verdict{"✖", "bad", "Failed in " + r.FailedStep, leftBehind(r)}
	case r.Outcome != record.Finished:
		return verdict{"◷", "run", "Still running, or killed" + runningIn(r), "This is how it was at " + clock(r.Written) + ". If no newer page comes, the run was killed. " + leftBehind(r)}
	case r.Deployed:
		return verdict{"✔", "good", "Deployed", ""}
	case madeOther(r.End) != "" && !r.Rehearsal:
		return verdict{"○", "none", "Made " + madeOther(r.End), "The target deploy was not among those of " + deploying + " (SPA_RUNNER_DEPLOY_TARGETS)."}
	case r.Rehearsal:
		return verdict{"○", "none", "Nothing was deployed: a " + r.What, "Its credentials were not real: no AWS account knows them."}
	}
	return verdict{"○", "none", "Nothing was deployed", nothingSince(r.Last())}
}

// heldVerdict does not say that nothing was deployed if a pass before the held one did.
func heldVerdict(why, left string) verdict {
	if left == nothingDeployed {
		return verdict{"–", "warn", "Held: nothing was deployed", why}
	}
	return verdict{"–", "warn", "Held", strings.TrimSuffix(why, ".") + ". " + left}
}

func runningIn(r record.Record) string {
	for _, s := range r.Last().Steps {
		if s.Outcome == record.Running {
			return ", in " + s.Name
		}
	}
	return ""
}

// nothingSince says why nothing was deployed by a run that did not fail.
func nothingSince(p record.Pass) string {
	for _, s := range p.Steps {
		if s.Name != deploying {
			continue
		}
		switch s.Outcome {
		case record.Skipped:
			return deploying + " was skipped: " + s.Why
		case record.Finished:
			return "The run was a preview."
		}
	}
	return "The run ended before " + deploying + "."
}
