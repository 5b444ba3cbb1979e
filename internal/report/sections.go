package report

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"spa-runner/internal/record"
)

// facts say what was deployed where, and as whom.
func (w *writer) facts(r record.Record, p record.Pass, pass string) {
	w.heading("What, where, and as whom", pass, "")
	w.put("<div class=\"facts\">\n")
	w.commit("Settings", p.Settings, p.Environment)
	w.commit("Code", p.Code, "")
	w.put("<section>\n<h3>Target</h3>\n")
	if p.Target.Account == "" {
		w.put("<p>not known, as far as the run came</p>\n")
	} else {
		w.put("<p class=\"big\">account ").text(p.Target.Account).put(", ").text(p.Target.Region).put("</p>\n<dl>\n")
		w.fact("as", p.Target.Role, true)
		w.fact("outcome", told(p.End), false)
		w.put("</dl>\n")
	}
	w.put("</section>\n<section>\n<h3>Push</h3>\n")
	if r.Trigger == (record.Trigger{}) {
		w.put("<p>The run was not told of a push.</p>\n")
	} else {
		w.put("<p class=\"big\">").text(cmp.Or(r.Trigger.Pusher, "by somebody")).put("</p>\n<dl>\n")
		w.fact("at", r.Trigger.PushedAt, false)
		w.fact("commit", r.Trigger.Commit, true)
		if taken := p.Settings.Commit; taken != "" && r.Trigger.Commit != "" && r.Trigger.Commit != taken {
			w.fact("note", "the settings that were taken are of another commit", false)
		}
		w.put("</dl>\n")
	}
	w.put("</section>\n</div>\n")
}

func told(e record.End) string {
	switch {
	case e.Deployed:
		return "deployed"
	case e.FailedStep != "":
		return string(e.Outcome) + " in " + e.FailedStep
	case madeOther(e) != "":
		return "made " + madeOther(e) + ", not deploy"
	case e.Outcome == record.Finished:
		return "finished, nothing was deployed"
	}
	return string(e.Outcome)
}

func (w *writer) commit(of markup, c record.Commit, folder string) {
	w.put("<section>\n<h3>").put(of).put("</h3>\n")
	if c.Commit == "" {
		w.put("<p>not cloned</p>\n</section>\n")
		return
	}
	w.put("<p class=\"big mono\">").text(first(c.Commit, 12)).put("</p>\n<dl>\n")
	w.fact("ref", c.Ref, true)
	w.fact("pinned by", cmp.Or(c.Pinned, "nothing: a branch may move"), false)
	w.fact("commit", c.Commit, true)
	w.fact("folder", folder, true)
	w.fact("signed by", c.SignedBy, false)
	w.fact("author", c.Author, false)
	w.fact("authored", c.Authored, false)
	w.fact("from", c.URL, true)
	w.put("</dl>\n</section>\n")
}

func (w *writer) fact(name markup, value string, mono bool) {
	if value == "" {
		return
	}
	w.put("<dt>").put(name).put("</dt><dd>")
	if mono {
		w.put("<code>").text(value).put("</code>")
	} else {
		w.text(value)
	}
	w.put("</dd>\n")
}

// timeline has a bar for each step, in proportion to the time that the pass took.
func (w *writer) timeline(p record.Pass, at time.Time, pass string) {
	span := milliseconds(p.TookMS)
	for _, s := range p.Steps {
		if !s.Started.IsZero() {
			span = max(span, s.Started.Add(soFar(s, at)).Sub(p.Started))
		}
	}
	span = max(span, time.Millisecond)
	more := spoken(span)
	if pass != "" { // what is above is of the last pass
		more += ", " + told(p.End)
		if p.Settings.Commit != "" {
			more += ", settings " + first(p.Settings.Commit, 12)
		}
	}
	w.heading("Timeline", pass, more)
	w.put("<ol class=\"steps\">\n")
	for i, s := range p.Steps {
		if i == maxSteps || w.full() {
			w.put("<li>").number(len(p.Steps) - i).put(" more</li>\n")
			break
		}
		w.step(s, p, span, at)
	}
	w.put("</ol>\n<p class=\"axis\" aria-hidden=\"true\"><span><b>0</b><b>").text(spoken(span / 2)).put("</b><b>").text(spoken(span)).put("</b></span></p>\n")
}

func (w *writer) step(s record.Step, p record.Pass, span time.Duration, at time.Time) {
	mark, tone, say := markup("·"), markup("none"), string(s.Outcome)
	switch s.Outcome {
	case record.Finished:
		mark, tone, say = "✔", "good", ""
	case record.Failed:
		mark, tone = "✖", "bad"
	case record.Running:
		mark, tone, say = "◷", "run", "running at "+clock(at)
	case record.Skipped, record.Held:
		mark, say = "–", string(s.Outcome)+": "+s.Why
	}
	took := soFar(s, at)
	// Of a step that finished there is the mark alone, which is then to be read out too.
	read := markup(`aria-hidden="true"`)
	if say == "" {
		read = `role="img" aria-label="finished"`
	}
	w.put("<li class=\"").put(tone).put("\"><span class=\"mark\" ").put(read).put(">").put(mark).put("</span><span class=\"name\">").text(s.Name)
	if s.Scope != "" && s.Scope != "none" {
		w.put(" <small>as ").text(s.Scope).put("</small>")
	}
	w.put("</span><span class=\"track\" aria-hidden=\"true\">")
	if !s.Started.IsZero() && s.Outcome != record.Skipped {
		left := min(max(100*float64(s.Started.Sub(p.Started))/float64(span), 0), 100)
		width := min(max(100*float64(took)/float64(span), 0), 100-left)
		w.put("<span class=\"bar\" style=\"--l:").decimal(left, 3).put(";--w:").decimal(width, 3).put("\"></span>")
	}
	w.put("</span><span class=\"time\">")
	if s.Outcome != record.NotStarted && s.Outcome != record.Skipped {
		w.text(spoken(took))
	}
	w.put("</span>")
	if say != "" {
		w.put("<span class=\"say\">").text(say).put("</span>")
	}
	w.put("</li>\n")
}

// rest is what one looks up: in the order in which a person would ask.
func (w *writer) rest(p record.Pass, pass string) {
	w.list("Warnings", p.Warnings, pass)
	w.retries(p.Retries, pass)
	w.overlay(p.Overlay, pass)
	w.roles(p.Roles, pass)
	w.variables("Variables that variables.sh decided", p.Decided)
	w.names("Exported by variables.sh", p.Exported, pass)
	w.names("Set by variables.sh, not exported", p.NotExported, pass)
	if len(p.Tools) == 0 {
		return
	}
	w.heading("Tools", pass, "")
	w.table("tool", "version", "")
	for i, name := range slices.Sorted(maps.Keys(p.Tools)) {
		if w.enough(i, len(p.Tools), maxRows) {
			break
		}
		w.put("<tr><td><code>").text(name).put("</code></td><td>").text(p.Tools[name]).put("</td></tr>\n")
	}
	w.put("</tbody>\n</table>\n")
}

func (w *writer) list(name markup, texts []string, pass string) {
	if len(texts) == 0 {
		return
	}
	w.heading(name, pass, written(len(texts)))
	w.put("<ul>\n")
	for i, s := range texts {
		if i == maxRows || w.full() {
			w.put("<li>and ").number(len(texts) - i).put(" more</li>\n")
			break
		}
		w.put("<li>").text(s).put("</li>\n")
	}
	w.put("</ul>\n")
}

func (w *writer) names(title markup, names []string, pass string) {
	if len(names) == 0 {
		return
	}
	w.heading(title, pass, "names only")
	w.put("<p class=\"names\">")
	for i, s := range names {
		if i == maxRows || w.full() {
			w.put("and ").number(len(names) - i).put(" more")
			break
		}
		w.text(s).put(" &#160; ")
	}
	w.put("</p>\n")
}
