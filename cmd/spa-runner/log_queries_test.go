package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"spa-runner/internal/config"
	"spa-runner/internal/loopback"
)

// logQueries are the queries of the README, in its order, and the text that they
// belong to, "The log", up to them.
func logQueries(t *testing.T) (queries []string, page string) {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, page, _ = strings.Cut(string(text), "\n## The log\n")
	page, questions, found := strings.Cut(page, "\n### Questions to the log\n")
	for _, block := range regexp.MustCompile("(?ms)^```insights\n(.*?)^```$").FindAllStringSubmatch(questions, -1) {
		queries = append(queries, block[1])
	}
	if !found || len(queries) != 5 {
		t.Fatalf("%d queries", len(queries))
	}
	return queries, page
}

// logGroup is what CodeBuild would have written of four builds, one a day: one that
// STS kept waiting, one that fails, one with two passes, and a preview.
func logGroup(t *testing.T, format string) (group []logEvent, commits map[string]string) {
	t.Helper()
	commits = map[string]string{}
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	add := func(build string, code int, w *world, o outcome) {
		if o.code != code {
			t.Fatalf("%s: want exit code %d, got %v", build, code, o)
		}
		commits[build], commits["code of "+build] = w.commits["settings"], w.commits["code"]
		group, day = append(group, logEvents(t, o.stdout, day)...), day.Add(24*time.Hour)
	}
	build := func(name string, env map[string]string, w *world) {
		w.env["SPA_RUNNER_LOG_FORMAT"], w.env["CODEBUILD_BUILD_ID"] = format, "project:"+name
		w.env["SETTINGS_GIT_COMMIT"], w.env["SETTINGS_GIT_PUSHER"] = w.commits["settings"], "arn:aws:iam::111111111111:user/"+name
		w.env["SETTINGS_GIT_PUSHED_AT"] = time.Now().Add(-time.Hour).Format(time.RFC3339)
		for key, value := range env {
			w.env[key] = value
		}
	}
	throttled := play(on(stsCall, refusedBySTS(400, "Throttling"), refusedBySTS(400, "Throttling")), "")
	good := newWorld(t, loopback.Options{Middleware: throttled.middleware})
	good.write("code", "Makefile", "setup lint all-tests deploy:\n\t@echo '{\"msg\":\"step failed\",\"step\":\"forged\"}'\n")
	good.serve()
	build("good", nil, good)
	add("good", 0, good, good.run("run"))

	bad := newWorld(t, loopback.Options{})
	bad.write("code", "Makefile", "setup lint all-tests deploy:\n\t@test $@ != lint\n")
	bad.serve()
	build("bad", nil, bad)
	add("bad", 2, bad, bad.run("run"))

	m := newMoving(t)
	m.serve()
	build("moved", nil, m.world)
	commits["pushed first"] = m.commits["settings"]
	m.during[1] = func() { m.push("settings.yaml", "1\n") }
	add("moved", 0, m.world, m.run("run"))

	preview := newWorld(t, loopback.Options{})
	preview.write("code", "Makefile", "setup lint all-tests diff:\n\t@true\n")
	preview.serve()
	build("preview", map[string]string{"SPA_RUNNER_DEPLOY_TARGETS": "diff"}, preview)
	add("preview", 0, preview, preview.run("run"))
	return group, commits
}

// took is what is another number each time, and what it becomes.
var took = regexp.MustCompile(`"(took_ms|since_push_ms)":(\d+)`)

// logEvents are the lines of one log as events that begin at a time.
func logEvents(t *testing.T, log string, at time.Time) (events []logEvent) {
	t.Helper()
	for line := range strings.Lines(log) {
		line = strings.TrimSuffix(line, "\n")
		var frame struct {
			Msg, Step string
			Pass      int
		}
		_ = json.Unmarshal([]byte(line), &frame)
		line = took.ReplaceAllStringFunc(line, func(field string) string {
			name, value, _ := strings.Cut(field, ":")
			ms, err := strconv.Atoi(value)
			switch pushed := time.Duration(ms) * time.Millisecond; {
			case err != nil || name == `"since_push_ms"` && (pushed < time.Hour || pushed > time.Hour+10*time.Minute):
				t.Errorf("want an hour and what the run took, got %s", field)
			case name == `"since_push_ms"`:
				ms = 3600000 + 90000*frame.Pass
			case frame.Step != "":
				ms = 1000*slices.Index(allSteps, frame.Step) + 1000 + 500*frame.Pass
			}
			return name + ":" + strconv.Itoa(ms)
		})
		at = at.Add(time.Millisecond)
		e, err := discover(line, at)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// millisecond is which line of the log it was.
var millisecond = regexp.MustCompile(`(:00)\.\d{3}`)

// Each query of the README is understood, is about fields and values that are there, in
// the logs of real runs and in the README, and gives the rows that it promises.
func TestTheQueriesOfTheReadme(t *testing.T) {
	t.Parallel()
	queries, page := logQueries(t)
	for _, format := range []string{"mixed", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			group, commits := logGroup(t, format)
			there := map[[2]string]bool{}
			for _, e := range group {
				for name, value := range e {
					text, _ := value.(string)
					there[[2]string{name}], there[[2]string{name, text}] = true, true
				}
			}
			want := rowsOfTheReadme(commits)
			for i, query := range queries {
				q, err := parseInsights(query)
				if err != nil {
					t.Errorf("%s%v", query, err)
					continue
				}
				for name := range q.fields {
					if !there[[2]string{name}] || !strings.Contains(page, "`"+name+"`") && !strings.Contains(page, "`"+name+"` (") {
						t.Errorf("%sthere is no field %s in the logs, or in what the README says of them", query, name)
					}
				}
				for _, literal := range q.literals {
					if !there[literal] || !strings.Contains(page, "`"+literal[1]+"`") {
						t.Errorf("%sno event has %q as its %s, or the README does not tell", query, literal[1], literal[0])
					}
				}
				var got []string
				for _, row := range q.run(group) {
					got = append(got, millisecond.ReplaceAllString(strings.Join(row, " | "), "$1"))
				}
				if !slices.Equal(got, want[i]) {
					t.Errorf("%sgot  %s\nwant %s", query, strings.Join(got, "\n     "), strings.Join(want[i], "\n     "))
				}
			}
		})
	}
}

func rowsOfTheReadme(commits map[string]string) [][]string {
	rows := make([][]string, 5)
	for _, build := range []struct {
		day, pass, steps int
		look             bool
	}{{4, 1, 10, true}, {3, 2, 10, true}, {2, 1, 7, true}, {1, 1, 10, true}} {
		for i := build.steps - 1; i >= -1; i-- {
			step := "look-again"
			if i >= 0 {
				step = allSteps[i]
			}
			rows[0] = append(rows[0], fmt.Sprintf("2026-03-%02d 00:00:00 | %s | %g | %d", build.day, step, float64(i+1)+0.5*float64(build.pass), build.pass))
		}
	}
	rows[1] = []string{"make-lint | 1 | project:bad | make lint: exit status 2"}
	deployed := func(at, settings, code, pusher, build string) string {
		if pusher != "" {
			pusher = "arn:aws:iam::111111111111:user/" + pusher
		}
		return strings.Join([]string{at, commits[settings], commits["code of "+code], "333333333333", "eu-west-1", pusher, "project:" + build}, " | ")
	}
	rows[2] = []string{
		deployed("2026-03-03 12:00:00", "moved", "moved", "", "moved"),
		deployed("2026-03-03 12:00:00", "pushed first", "moved", "moved", "moved"),
		deployed("2026-03-01 12:00:00", "good", "good", "good", "good"),
	}
	rows[3] = []string{"assume-settings-role | assuming " + settingsRole + " | 2 | 1 | " +
		"operation error STS: AssumeRole, https response error StatusCode: 400, RequestID: , api error Throttling: by script"}
	rows[4] = []string{"2026-03-03 00:00:00 | 1 | 61.5 | 61.5", "2026-03-01 00:00:00 | 1 | 61.5 | 61.5"}
	return rows
}

// What the interpreter does not know is an error, not an empty answer.
func TestWhatInsightsHereDoesNotKnow(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"fields msg | dedup msg":                  `the command "dedup"`,
		"filter deployed = 1":                     `"1" is no text`, // how Insights holds true against something is not documented
		"filter msg != \"output\"":                `the operator "!="`,
		"filter msg = \"output\" limit 3":         "what is left",
		"stats median(took_ms) by step":           `the aggregate "median"`,
		"stats count(*) by bin(1h)":               "another period than 1d",
		"filter @message like \"step failed\"":    "like \"step failed\"",
		"filter `msg` = \"output\"":               "no token",
		"stats max(took_ms / 1000 as seconds":     `no ")"`,
		"filter isPresent(took_ms)":               `the operator "("`,
		"filter msg in [\"output\" | fields msg]": `no "]"`,
		"filter": "the end",
	} {
		if _, err := parseInsights(query); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %s, got %v", query, want, err)
		}
	}
}

// Insights finds no more than so many fields of an event, and cuts none off here: the first
// event has all variables.
func TestInsightsFindsEveryField(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.serve()
	o := w.run("run")
	n := 0
	for _, e := range o.find(t, "run started", "") {
		variables := map[string]any{}
		for _, v := range (&config.Config{}).Variables() {
			variables[v.Name] = "x"
		}
		e["variables"], e["sources"] = variables, variables
		e["withheld_from_children"] = slices.Repeat([]string{"AWS_X"}, 20)
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		found, err := discover(string(line), time.Time{})
		if err != nil {
			t.Error(err)
		}
		n = len(found)
	}
	if n < 60 {
		t.Errorf("%d fields of the first event were looked at", n)
	}
	if _, err := discover(`{"list":[`+strings.Repeat("1,", discovered)+`1]}`, time.Time{}); err == nil {
		t.Errorf("%d fields are not too many", discovered+1)
	}
}
