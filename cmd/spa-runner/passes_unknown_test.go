package main

import (
	"strings"
	"testing"

	"spa-runner/internal/loopback"
)

// A pass that ended before it knew the settings says nothing of where they moved. Another
// one follows only where a server was the cause, and answers by now.
func TestAPassThatDidNotComeToTheSettings(t *testing.T) {
	t.Parallel()
	busy, denied := status(503, "Retry-After", "3600"), refusedBySTS(403, "AccessDenied")
	for name, test := range map[string]struct {
		faults  map[string][]misbehaviour
		forever string
		code    int
		passes  int
		looks   int
		again   int // "settings can be read again"
		gaveUp  int // "there is no further pass"
	}{
		"the server is well again":           {on(settingsRefs, busy), "", 0, 2, 2, 1, 0},
		"STS is well again":                  {on(stsCall, refusedBySTS(400, "Throttling", "Retry-After", "3600")), "", 0, 2, 2, 1, 0},
		"it is not":                          {on(settingsRefs, busy), settingsRefs, 125, 1, 1, 0, 0},
		"it is each time in the last moment": {on(settingsRefs, busy, nil, busy, nil, busy), "", 125, 3, 3, 2, 0},
		"it gave the refs, and no files":     {on(settingsPack, busy), settingsPack, 125, 1, 1, 0, 0},
		"the role is refused":                {on(stsCall, denied), stsCall, 125, 1, 0, 0, 1},
		"the role is refused, and then not":  {on(stsCall, refusedBySTS(400, "ValidationError")), "", 125, 1, 0, 0, 1},
		"there is no such repository":        {on(settingsRefs, status(404)), "", 125, 1, 0, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, loopback.Options{Middleware: play(test.faults, test.forever).middleware})
			w.env["CODEBUILD_BUILD_ID"] = "project:1a-2b"
			w.serve()
			o := w.run("run")
			gaveUp, again := o.find(t, "there is no further pass: if there was a push meanwhile, it is not deployed", ""), o.find(t, "settings can be read again", "")
			if o.code != test.code || len(o.find(t, "step started", assumeSettings)) != test.passes || len(o.find(t, "step started", "look-again")) != test.looks ||
				len(again) != test.again || len(gaveUp) != test.gaveUp || len(o.find(t, "settings moved", "")) != 0 || strings.Contains(o.stdout, `"moved":true`) {
				t.Fatalf("got %v", o)
			}
			for i, e := range again {
				if e["to"] != w.commits["settings"] || e["from"] != nil || e["next_pass"] != float64(i+2) {
					t.Errorf("got %v", e)
				}
			}
			if test.gaveUp > 0 && (!strings.Contains(gaveUp[0]["why"].(string), "before it knew the settings") || gaveUp[0]["next"] == nil) {
				t.Errorf("got %v", gaveUp)
			}
			if test.passes > 2 && len(o.find(t, "the settings can be read again, and are not deployed", "")) != 1 {
				t.Errorf("nothing says that they are not deployed: %v", o)
			}
		})
	}
	w := newWorld(t, loopback.Options{Middleware: play(on(settingsRefs, busy), "").middleware})
	w.env["CODEBUILD_BUILD_ID"], w.env["SPA_RUNNER_LOG_FORMAT"] = "project:1a-2b", "mixed"
	w.serve()
	if o := w.run("run"); !strings.Contains(o.stdout, ", no commit of the settings\n  pass 2, since the settings could be read again:\n") {
		t.Errorf("got %v", o)
	}
}
