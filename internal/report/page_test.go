package report

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"spa-runner/internal/record"
)

// tags are those of the page, with the attributes that each may have.
func tags() map[string]string {
	known := map[string]string{
		"html": "lang", "meta": "charset http-equiv content name", "body": "class", "span": "class style aria-hidden role aria-label",
		"p": "class aria-hidden", "div": "class", "ol": "class", "li": "class", "th": "scope class", "details": "open",
	}
	for _, name := range strings.Fields("head title style main header section footer h1 h2 h3 small strong code pre dl dt dd b ul table thead tbody tr td summary") {
		known[name] = ""
	}
	return known
}

// pageErrors is all that is wrong with a page. It is stricter than a browser: each tag
// and attribute is one of the template's, with its quotes, each is closed in turn, and
// everything else is escaped.
func pageErrors(page []byte) error {
	if !utf8.Valid(page) {
		return fmt.Errorf("invalid UTF-8")
	}
	if len(page) > 1<<20 {
		return fmt.Errorf("%d bytes", len(page))
	}
	rest, found := strings.CutPrefix(string(page), "<!DOCTYPE html>\n")
	if !found {
		return fmt.Errorf("no doctype")
	}
	tag := regexp.MustCompile(`^<(/?)([a-z][a-z0-9]*)((?: [a-z-]+="[^"<>]*")*)(/?)>`)
	attribute := regexp.MustCompile(` ([a-z-]+)="([^"]*)"`)
	entity := regexp.MustCompile(`^&(amp|lt|gt|#34|#39|#160);`)
	bar := regexp.MustCompile(`^--l:[0-9.]+;--w:[0-9.]+$`)
	template := tags()
	var open []string
	for rest != "" {
		if rest[0] != '<' {
			text, _, _ := strings.Cut(rest, "<")
			rest = rest[len(text):]
			if len(open) > 0 && open[len(open)-1] == "style" {
				if text != style {
					return fmt.Errorf("another style")
				}
				continue
			}
			if strings.ContainsAny(text, ">\"'") {
				return fmt.Errorf("not escaped: %.200q", text)
			}
			for i, r := range text {
				if unseen(r) && r != '\n' && r != '\t' {
					return fmt.Errorf("a character that is not seen: %U", r)
				}
				if r == '&' && !entity.MatchString(text[i:]) {
					return fmt.Errorf("an ampersand: %.20q", text[i:])
				}
			}
			continue
		}
		m := tag.FindStringSubmatch(rest)
		if m == nil {
			return fmt.Errorf("not a tag: %.100q", rest)
		}
		rest = rest[len(m[0]):]
		allowed, known := template[m[2]]
		if !known {
			return fmt.Errorf("the tag %s", m[2])
		}
		for _, a := range attribute.FindAllStringSubmatch(m[3], -1) {
			if !strings.Contains(" "+allowed+" ", " "+a[1]+" ") {
				return fmt.Errorf("the attribute %s of %s", a[1], m[2])
			}
			if a[1] == "style" && !bar.MatchString(a[2]) {
				return fmt.Errorf("the style %q", a[2])
			}
		}
		switch {
		case m[4] != "": // closes itself
		case m[1] == "":
			open = append(open, m[2])
		case len(open) == 0 || open[len(open)-1] != m[2]:
			return fmt.Errorf("</%s> in %v", m[2], open)
		default:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("not closed: %v", open)
	}
	return nil
}

func TestThePageHasNothingButItsOwnTags(t *testing.T) {
	for name, r := range runs() {
		if err := pageErrors(HTML(r)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"<script>", "<p onclick=\"x\">", "&#0;", "\u202e", "</p>", "<p>", "\"", "<p style=\"x\"></p>"} {
		if page := strings.Replace(string(HTML(goodRun())), "</main>", bad+"</main>", 1); pageErrors([]byte(page)) == nil {
			t.Errorf("%q in a page is not found", bad)
		}
	}
}

func TestThePageNeedsNothingElse(t *testing.T) {
	page := string(HTML(goodRun()))
	if want := `content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"`; strings.Count(page, want) != 1 {
		t.Error("no policy that forbids everything")
	}
	for _, way := range []string{"url(", "@import", "src=", "href=", "<script", "<link"} {
		if strings.Contains(page, way) {
			t.Errorf("%s in a page that loads nothing", way)
		}
	}
}

func TestTheOutcomeAtAGlance(t *testing.T) {
	again := twoPasses()
	until(&again.Passes[1], "clone-code", record.Failed)
	again.End = record.End{Outcome: record.Failed, FailedStep: "clone-code"}
	half := goodRun()
	until(&half.Passes[0], "make-deploy", record.Failed)
	half.End = record.End{Outcome: record.Failed, FailedStep: "make-deploy"}
	skips := previewRun()
	s := until(&skips.Passes[0], "make-deploy", record.Skipped)
	s.Why = "SPA_RUNNER_DEPLOY_TARGETS is empty"
	earlier := previewRun()
	earlier.Passes[0].Steps = earlier.Passes[0].Steps[:8]
	thenHeld := heldRun()
	thenHeld.Passes = append([]record.Pass{pass(1)}, thenHeld.Passes...)
	unhinted := failedRun()
	unhinted.Hint, unhinted.Passes[0].Hint = "", ""
	for _, test := range []struct {
		record record.Record
		want   []string
	}{
		{unhinted, []string{"<h1>✖ Failed in make-all-tests</h1>", "All that it printed is in the log"}},
		{goodRun(), []string{"<h1>✔ Deployed</h1>", "<title>Deployed · environments/production · 111122223333 · spa-runner</title>"}},
		{failedRun(), []string{"<h1>✖ Failed in make-all-tests</h1>", "Nothing was deployed.", "exit code 2", "`make all-tests` ended", "run the same here", "Last lines of make-all-tests", "AssertionError: assert &#39;a lot&#39; == 500.0"}},
		{again, []string{"<h1>✖ Failed in clone-code</h1>", "What an earlier pass deployed is there"}},
		{half, []string{"<h1>✖ Failed in make-deploy</h1>", "Some of it may be deployed"}},
		{heldRun(), []string{"<h1>– Held: nothing was deployed</h1>", "freeze until Monday", "remove the file"}},
		{twoPasses(), []string{"<h1>✔ Deployed</h1>", ", deployed, settings " + pass(1).Settings.Commit[:12], ", deployed, settings 45c48cce2e2d"}},
		{thenHeld, []string{"<h1>– Held</h1>", "freeze until Monday", "What an earlier pass deployed is there"}},
		{previewRun(), []string{"<h1>○ Nothing was deployed</h1>", "a preview"}},
		{skips, []string{"<h1>○ Nothing was deployed</h1>", "make-deploy was skipped: SPA_RUNNER_DEPLOY_TARGETS is empty"}},
		{earlier, []string{"<h1>○ Nothing was deployed</h1>", "ended before make-deploy"}},
		{dryRun(), []string{"<h1>○ Nothing was deployed: a dry run</h1>", "no AWS account knows them", "<dd>finished, nothing was deployed</dd>"}},
		{made("bootstrap-cdk", false), []string{"<h1>○ Made bootstrap-cdk</h1>", "<title>Made bootstrap-cdk · ", "The target deploy was not among those of make-deploy", "<dd>made bootstrap-cdk, not deploy</dd>"}},
		{made("bootstrap-cdk deploy", true), []string{"<h1>✔ Deployed</h1>", "<dd>deployed</dd>"}},
		{killedRun(), []string{"<h1>◷ Still running, or killed, in make-deploy</h1>", "how it was at 2026-03-14 02:46:46 UTC", "Some of it may be deployed", "1 min 35 s"}},
		{failedEarly(), []string{"<h1>✖ Failed before its first step</h1>", "SETTINGS_ENVIRONMENT_PATH is not set", "set it in the project"}},
	} {
		page := string(HTML(test.record))
		for _, want := range test.want {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %q in the page", test.want[0], want)
			}
		}
	}
}

// What a record tells is on the page, or there is a word that it is not.
func TestThePageTellsWhatTheRecordTells(t *testing.T) {
	page := string(HTML(failedRun()))
	for _, want := range []string{
		"spa-deploy:3f0a51c2", "8f14e45fceea167a5a36dedd4bea2543f1c0a9d7", "nothing: a branch may move", "codecommit::eu-west-3://SpaSettings",
		"c81e728d9d4c2f636f067f89cc14862c65990f21", "tag and commit", "B5690EEEBB952194", "Ada Lovelace &lt;ada@example.com&gt;",
		"arn:aws:iam::111122223333:role/SpaDeployment", "SettingsContext-842", "2026-03-14T02:40:12Z", "<p class=\"big\">ada</p>",
		"media/logo.png", "44.1 kB", "<code>09ce09ce09ce</code>", "link to <code>fixtures/settings/settings.yaml</code>", "2 replaced, 3 added",
		"connection reset by peer", "set CODE_GIT_COMMIT", "STACK_PREFIX", "SHORT_NAME", "CODE_GIT_TOKEN", "SPA_RUNNER_STEP_TIMEOUT",
		"2.147.0", "v1.4.0", "go1.26.0", "linux/amd64", "record.json", "skipped: SPA_RUNNER_LINT_TARGETS is empty",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	if page := string(HTML(manyFiles())); !strings.Contains(page, "and 13083 more: record.json has them all") || !strings.Contains(page, "6667 replaced, 13333 added") {
		t.Error("a page of 20,000 files does not say how many it leaves out")
	}
	if page := string(HTML(everywhere(strings.Repeat("x", 1<<20)))); !strings.Contains(page, "… [1046576 bytes more]") {
		t.Error("a line of 1 MB was not cut, or nothing says so")
	}
}

// Every list of a record can be long at once, and each text of it.
func TestThePageIsBounded(t *testing.T) {
	for _, text := range []string{strings.Repeat("x", 8000), strings.Repeat("\u202e", 3000), strings.Repeat("'", 8000)} {
		r := everywhere(text)
		p := &r.Passes[0]
		for range 500 {
			p.Steps, p.Roles, p.Retries = append(p.Steps, p.Steps[0]), append(p.Roles, p.Roles[0]), append(p.Retries, p.Retries[0])
			p.Warnings, p.Exported, p.Overlay = append(p.Warnings, text), append(p.Exported, text), append(p.Overlay, p.Overlay[0])
			r.Variables = append(r.Variables, r.Variables[0])
		}
		for range 30 {
			p.Steps[0].LastLines = append(p.Steps[0].LastLines, text)
			r.Passes = append(r.Passes, *p)
		}
		page := HTML(r)
		if err := pageErrors(page); err != nil {
			t.Errorf("%d bytes: %v", len(page), err)
		}
		if !strings.Contains(string(page), "This page was cut") || !strings.Contains(string(page), "11 earlier passes are left out") {
			t.Error("nothing says that the page was cut")
		}
	}
}

// A page is made at the end of every step.
func TestAPageIsMadeFast(t *testing.T) {
	if os.Getenv("SPA_RUNNER_LONG") != "1" {
		t.Skip("it measures: SPA_RUNNER_LONG=1 does")
	}
	for _, test := range []struct {
		name   string
		record record.Record
		most   time.Duration
	}{{"usual", goodRun(), time.Millisecond}, {"20,000 files", manyFiles(), 20 * time.Millisecond}} {
		best := time.Hour // of several: the machine has other things to do
		for range 50 {
			began := time.Now()
			HTML(test.record)
			JUnit(test.record)
			best = min(best, time.Since(began))
		}
		if t.Logf("%s: %v", test.name, best); best > test.most {
			t.Errorf("%s: %v, want at most %v", test.name, best, test.most)
		}
	}
}

func BenchmarkHTML(b *testing.B) {
	for _, name := range []string{"good", "failed", "many-files", "long"} {
		r := runs()[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				HTML(r)
			}
		})
	}
}

func FuzzHTML(f *testing.F) {
	for _, text := range []string{"", "a", hostile(), "<!--", "</style>", "&#x3c;", strings.Repeat("\u202e", 3000)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := pageErrors(HTML(everywhere(text))); err != nil {
			t.Errorf("%.200q: %v", text, err)
		}
	})
}
