// Package record is what a run tells of itself in one file, spa-run/record.json:
// what was deployed where, as whom, from which commits, and how each step went.
// The summary, the JUnit file and the report are made of it.
package record

import "time"

// Schema is the version of the format. A field that is added leaves it as it is;
// one that goes, or means something else, raises it.
const Schema = 1

// Folder is where the files of a run are, in the work folder.
const Folder = "spa-run"

// The files in it.
const (
	File   = "record.json"
	JUnit  = "junit.xml"
	Report = "report.html"
)

// Outcome is what became of a run, a pass or a step.
type Outcome string

// The outcomes. A run or a pass that is Finished went to its end, whether it
// deployed or not: Deployed says that.
const (
	NotStarted Outcome = "not started"
	Running    Outcome = "running"
	Finished   Outcome = "finished"
	Failed     Outcome = "failed"
	Skipped    Outcome = "skipped"
	Held       Outcome = "held"
)

// Record is a run, as far as it has come. Times are UTC; what is not known is left out.
type Record struct {
	Schema  int       `json:"schema"`
	Run     string    `json:"run"`  // CODEBUILD_BUILD_ID, or 12 hexadecimal digits
	What    string    `json:"what"` // "run" or "dry run"
	Runner  Runner    `json:"runner"`
	Started time.Time `json:"started"`
	Written time.Time `json:"written"` // when this state was written
	Ended   time.Time `json:"ended,omitzero"`
	TookMS  int64     `json:"took_ms"` // so far

	End
	// Rehearsal says that no credentials were real.
	Rehearsal bool `json:"rehearsal"`

	// Trigger is the push that started the build, as its trigger told.
	Trigger Trigger `json:"trigger,omitzero"`
	// Variables are those of the runner that have a value, as they were at the start.
	Variables []Variable `json:"variables"`
	// Withheld are names of variables that no child sees.
	Withheld []string `json:"withheld,omitempty"`
	// Passes over the steps: a further one where the settings moved meanwhile.
	Passes []Pass `json:"passes"`
}

// End is how a run or a pass ended.
type End struct {
	Outcome    Outcome `json:"outcome"`
	Deployed   bool    `json:"deployed"`
	ExitCode   *int    `json:"exit_code,omitempty"` // nil while it runs
	FailedStep string  `json:"failed_step,omitempty"`
	EndedBy    string  `json:"ended_by,omitempty"` // a limit or a signal
	// Made are the targets that were made as the deployment, "" if that did not come to its
	// end. Deployed is false where the one that deploys is not among them.
	Made  string `json:"made,omitempty"`
	Why   string `json:"why,omitempty"` // it was held
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
}

// Runner is the program.
type Runner struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// Trigger is a push.
type Trigger struct {
	Commit   string `json:"commit,omitempty"`
	Pusher   string `json:"pusher,omitempty"`
	PushedAt string `json:"pushed_at,omitempty"` // as the trigger has it
}

// Variable is one that the runner knows. User info in URLs is left out, and so is the
// value of one that no child sees, since every child can read the record.
type Variable struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"` // such as "environment" or "flag"
}

// Pass is one way over the steps.
type Pass struct {
	Number  int       `json:"pass"`
	Started time.Time `json:"started"`
	TookMS  int64     `json:"took_ms"` // so far
	End

	Settings Commit `json:"settings,omitzero"`
	Code     Commit `json:"code,omitzero"`
	// Environment is the folder of the settings that is deployed.
	Environment string `json:"environment,omitempty"`
	Target      Target `json:"target,omitzero"`
	// Roles that were assumed, in that order. There is no key in here.
	Roles []Role `json:"roles"`
	// Decided are the variables of the runner that variables.sh set.
	Decided []Variable `json:"decided,omitempty"`
	// Exported and NotExported are the names of all that variables.sh set.
	Exported    []string `json:"exported,omitempty"`
	NotExported []string `json:"not_exported,omitempty"`
	// Overlay is each file that was laid over the code, in the order of the paths.
	Overlay []Laid `json:"overlay"`
	// Tools are versions by name, "none" where a tool is not there.
	Tools    map[string]string `json:"tools,omitempty"`
	Warnings []string          `json:"warnings,omitempty"` // each once; no retries
	Retries  []Retry           `json:"retries,omitempty"`
	// Steps are all of the plan, in its order, and then what came after it.
	Steps []Step `json:"steps"`
}

// Commit is what was cloned.
type Commit struct {
	URL    string `json:"url,omitempty"` // without user info
	Commit string `json:"commit"`
	Ref    string `json:"ref"`
	// Pinned says what keeps it from being another one tomorrow: "commit", "tag",
	// "tag and commit", or "" for a branch that may move.
	Pinned   string `json:"pinned,omitempty"`
	SignedBy string `json:"signed_by,omitempty"`
	Author   string `json:"author,omitempty"` // as in the commit: anyone can write anything there
	Authored string `json:"authored,omitempty"`
}

// Target is where it is deployed to.
type Target struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	Role    string `json:"role"`
}

// Role is one that was assumed.
type Role struct {
	Step    string    `json:"step"`
	Scope   string    `json:"scope"`
	Account string    `json:"account"`
	Role    string    `json:"role"` // its ARN
	Session string    `json:"session"`
	At      time.Time `json:"at"`
}

// Laid is one file of the overlay.
type Laid struct {
	Path   string `json:"path"`             // in the code
	Action string `json:"action"`           // "added" or "replaced"
	SHA256 string `json:"sha256,omitempty"` // of a file
	Size   int64  `json:"size"`             // in bytes
	Target string `json:"target,omitempty"` // of a symbolic link
}

// Retry is something that was tried again, and how often in all.
type Retry struct {
	Step  string `json:"step"`
	What  string `json:"what"`
	Times int    `json:"times"`
	Error string `json:"error"` // the last one
}

// Step is one of the plan, or what came after it.
type Step struct {
	Name    string    `json:"step"`
	Scope   string    `json:"scope,omitempty"` // none, settings, packages or deploy
	Outcome Outcome   `json:"outcome"`
	Started time.Time `json:"started,omitzero"`
	TookMS  int64     `json:"took_ms"`
	// Params are what it was to do.
	Params map[string]string `json:"params,omitempty"`
	Why    string            `json:"why,omitempty"` // it was skipped or held
	Error  string            `json:"error,omitempty"`
	Hint   string            `json:"hint,omitempty"`
	// LastLines are the last that its children printed, at most 30, in a step that failed.
	LastLines []string `json:"last_lines,omitempty"`
}
