package main

import (
	"strings"
	"testing"
	"time"
)

func TestWhatComesAfterAPass(t *testing.T) {
	t.Parallel()
	usual := afterPass{pass: 1, limit: 3, took: "a", head: "b", timeLimit: true, left: 30 * time.Minute, longest: 10 * time.Minute}
	for name, test := range map[string]struct {
		change func(*afterPass)
		want   decision
		why    string
	}{
		"the settings moved":                {func(*afterPass) {}, startOver, "moved"},
		"they did not":                      {func(a *afterPass) { a.head = "a" }, runIsOver, "did not move"},
		"nobody has looked":                 {func(a *afterPass) { a.head = "" }, lookFirst, "meanwhile"},
		"it failed, and they moved":         {func(a *afterPass) { a.exitCode = 2 }, startOver, "moved"},
		"it failed, nobody has looked":      {func(a *afterPass) { a.exitCode, a.head = 125, "" }, lookFirst, "meanwhile"},
		"a child was killed":                {func(a *afterPass) { a.exitCode = 137 }, startOver, "moved"},
		"it took no commit":                 {func(a *afterPass) { a.exitCode, a.took = 125, "" }, giveUp, "before it knew the settings"},
		"nor did anybody look":              {func(a *afterPass) { a.exitCode, a.took, a.head = 125, "", "" }, giveUp, "before it knew the settings"},
		"there was no pass, as in a plan":   {func(a *afterPass) { a.took, a.head = "", "" }, lookFirst, "meanwhile"},
		"a server kept them back":           {func(a *afterPass) { a.exitCode, a.took, a.mayPass = 125, "", true }, startOver, "can be read again"},
		"it did, and nobody looked":         {func(a *afterPass) { a.exitCode, a.took, a.head, a.mayPass = 125, "", "", true }, lookFirst, "meanwhile"},
		"it did, in the last pass":          {func(a *afterPass) { a.exitCode, a.took, a.mayPass, a.pass = 125, "", true, 3 }, leaveIt, "pass 3 of 3"},
		"a server kept back the code":       {func(a *afterPass) { a.exitCode, a.mayPass = 125, true }, startOver, "moved"},
		"the disk is full":                  {func(a *afterPass) { a.exitCode, a.ofMachine = 125, true }, giveUp, "this machine"},
		"it is, and nobody looked":          {func(a *afterPass) { a.exitCode, a.ofMachine, a.head = 125, true, "" }, giveUp, "this machine"},
		"it is, before the settings":        {func(a *afterPass) { a.exitCode, a.ofMachine, a.took = 125, true, "" }, giveUp, "this machine"},
		"it is, and one pass":               {func(a *afterPass) { a.exitCode, a.ofMachine, a.limit = 125, true, 1 }, runIsOver, "SPA_RUNNER_MAX_PASSES"},
		"the second pass":                   {func(a *afterPass) { a.pass = 2 }, startOver, "moved"},
		"the last pass":                     {func(a *afterPass) { a.pass = 3 }, leaveIt, "pass 3 of 3 (SPA_RUNNER_MAX_PASSES)"},
		"the last pass, nobody has looked":  {func(a *afterPass) { a.pass, a.head = 3, "" }, lookFirst, "meanwhile"},
		"the last pass, they did not move":  {func(a *afterPass) { a.pass, a.head = 3, "a" }, runIsOver, "did not move"},
		"just enough time":                  {func(a *afterPass) { a.left = 10 * time.Minute }, startOver, "moved"},
		"too little time":                   {func(a *afterPass) { a.left = 10*time.Minute - 1 }, leaveIt, "leaves 10m0s, and the longest pass took 10m0s (SPA_RUNNER_TIMEOUT)"},
		"too little time, nobody looked":    {func(a *afterPass) { a.left, a.head = 0, "" }, lookFirst, "meanwhile"},
		"the time is over":                  {func(a *afterPass) { a.left = -time.Minute }, leaveIt, "leaves 0s"},
		"no time limit":                     {func(a *afterPass) { a.timeLimit, a.left = false, 0 }, startOver, "moved"},
		"one pass":                          {func(a *afterPass) { a.limit = 1 }, runIsOver, "SPA_RUNNER_MAX_PASSES"},
		"one pass, nobody has looked":       {func(a *afterPass) { a.limit, a.head = 1, "" }, runIsOver, "SPA_RUNNER_MAX_PASSES"},
		"pinned":                            {func(a *afterPass) { a.pinned = true }, runIsOver, "SETTINGS_GIT_PIN"},
		"pinned, nobody has looked":         {func(a *afterPass) { a.pinned, a.head = true, "" }, runIsOver, "SETTINGS_GIT_PIN"},
		"wrong configuration":               {func(a *afterPass) { a.exitCode = 64 }, runIsOver, "64"},
		"a time limit":                      {func(a *afterPass) { a.exitCode = 124 }, runIsOver, "124"},
		"SIGHUP":                            {func(a *afterPass) { a.exitCode = 129 }, runIsOver, "129"},
		"SIGINT":                            {func(a *afterPass) { a.exitCode = 130 }, runIsOver, "130"},
		"SIGQUIT":                           {func(a *afterPass) { a.exitCode = 131 }, runIsOver, "131"},
		"SIGTERM":                           {func(a *afterPass) { a.exitCode = 143 }, runIsOver, "143"},
		"SIGTERM, and nobody has looked":    {func(a *afterPass) { a.exitCode, a.head = 143, "" }, runIsOver, "143"},
		"wrong configuration, nobody looks": {func(a *afterPass) { a.exitCode, a.head = 64, "" }, runIsOver, "64"},
	} {
		state := usual
		test.change(&state)
		if got, why := state.decide(); got != test.want || !strings.Contains(why, test.why) {
			t.Errorf("%s: got %d (%s), want %d (%s)", name, got, why, test.want, test.why)
		}
	}
}
