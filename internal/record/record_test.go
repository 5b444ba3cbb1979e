package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"spa-runner/internal/redact"
)

// parse reads a record as strictly as one can.
func parse(t *testing.T, text []byte) (r Record) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil || decoder.More() {
		t.Fatalf("%v, more %v, in %.2000s", err, decoder.More(), text)
	}
	return r
}

func readRecord(t *testing.T, workdir string) Record {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(workdir, Folder, File))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, text)
}

func step(log *zap.Logger, name, scope string) *zap.Logger {
	return log.With(zap.String("step", name), zap.String("scope", scope))
}

// kept is a recorder that writes into a work folder.
func kept(t *testing.T, o Options, derived ...Derived) (r *Recorder, workdir string) {
	t.Helper()
	workdir = t.TempDir()
	dir, err := Open(workdir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dir.Close)
	r = NewRecorder(o)
	r.Keep(dir, derived...)
	return r, workdir
}

// The events of a run, as it goes: what is in the file at each point, and at the end.
func TestARunIsFoldedAsItGoes(t *testing.T) {
	r, workdir := kept(t, Options{LastLines: func(pass int, step string) []string { return []string{fmt.Sprint("of ", pass, " ", step)} }})
	plan := []Step{{Name: "clone-code", Scope: "none"}, {Name: "overlay-settings", Scope: "none"}, {Name: "make-lint", Scope: "none"}, {Name: "make-deploy", Scope: "deploy"}}
	r.StartPass(1, plan)
	log := zap.New(r).With(zap.String("run", "project:1a"), zap.Int("pass", 1))
	const role = "arn:aws:iam::333333333333:role/Deploy"
	log.Info("run started", zap.String("what", "run"), zap.Bool("rehearsal", true), zap.String("version", "v1"), zap.String("runner_commit", "0c"),
		zap.String("go", "go1"), zap.String("os", "linux"), zap.String("arch", "arm64"), zap.String("region", "eu-west-9"), zap.Strings("withheld_from_children", []string{"A", "B"}),
		zap.Dict("variables", zap.String("SETTINGS_GIT_PUSHER", "alice"), zap.String("SETTINGS_GIT_COMMIT", "5e"), zap.String("SETTINGS_GIT_PUSHED_AT", "noon"),
			zap.String("SETTINGS_ENVIRONMENT_PATH", "environments/a/")),
		zap.Dict("sources", zap.String("SETTINGS_GIT_COMMIT", "environment")))
	got := readRecord(t, workdir)
	if got.Schema != Schema || got.Run != "project:1a" || got.Outcome != Running || got.ExitCode != nil || !got.Rehearsal || got.What != "run" ||
		got.Runner != (Runner{"v1", "0c", "go1", "linux", "arm64"}) || got.Trigger != (Trigger{"5e", "alice", "noon"}) || !slices.Equal(got.Withheld, []string{"A", "B"}) {
		t.Errorf("at the start: got %+v", got)
	}
	if p := got.Passes[0]; p.Environment != "environments/a" || p.Target.Region != "eu-west-9" || len(p.Steps) != 4 || !reflect.DeepEqual(p.Steps[3], Step{Name: "make-deploy", Scope: "deploy", Outcome: NotStarted}) {
		t.Errorf("the first pass at the start: got %+v", p)
	}
	log.Info("variables.sh decides", zap.String("variable", "DEPLOY_ENVIRONMENT_ROLE"), zap.String("value", role))
	log.Info("variables.sh decides", zap.String("variable", "AWS_REGION"), zap.String("value", "eu-west-3"))
	log.Info("variables set", zap.Strings("exported", []string{"X"}), zap.Strings("not_exported", []string{"Y"}), zap.Strings("unset", nil))

	clone := step(log, "clone-code", "none")
	clone.Info("step started", zap.Dict("params", zap.String("url", "u")))
	clone.Warn("retrying", zap.String("what", "cloning"), zap.String("error", "503"), zap.Int("attempt", 1))
	clone.Warn("retrying", zap.String("what", "cloning"), zap.String("error", "429"), zap.Int("attempt", 2))
	clone.Info("code cloned", zap.String("commit", "c"), zap.String("ref", "refs/tags/v1"), zap.String("kind", "tag"), zap.String("pinned", "tag"), zap.String("url", "u"),
		zap.String("author", "a"), zap.Time("committed", time.Unix(0, 0)), zap.String("signed_by", "key"))
	clone.Info("step finished", zap.Int64("took_ms", 7))
	overlay := step(log, "overlay-settings", "none")
	overlay.Info("step started", zap.Dict("params"))
	overlay.Info("settings file", zap.String("file", "a"), zap.String("action", "added"), zap.String("sha256", "aa"), zap.Int64("size", 3))
	overlay.Info("settings file", zap.String("file", `"overlay": []`), zap.String("action", "replaced"), zap.String("target", "a"))
	overlay.Info("step skipped", zap.Int64("took_ms", 1), zap.String("why", "so"))
	lint := step(log, "make-lint", "none")
	lint.Info("step started", zap.Dict("params", zap.String("targets", "lint")))
	if got = readRecord(t, workdir); got.Passes[0].Steps[2].Outcome != Running || got.Passes[0].Steps[0].Outcome != Finished || got.Passes[0].Steps[3].Outcome != NotStarted {
		t.Errorf("in make-lint: got %+v", got.Passes[0].Steps)
	}
	lint.Info("versions", zap.String("make", "4"), zap.String("cdk", "none"))
	lint.Info("role assumed", zap.String("account", "3"), zap.String("role", "r"), zap.String("session", "s"))
	lint.Warn("careful", zap.String("file", "x"))
	lint.Warn("careful", zap.String("file", "x"))
	lint.Error("step failed", zap.Int64("took_ms", 9), zap.String("error", "make lint: exit status 2"), zap.String("hint", "h"))
	log.Error("pass failed", zap.Bool("deployed", false), zap.Int("exit_code", 2), zap.String("failed_step", "make-lint"), zap.String("error", "e"), zap.String("hint", "h"), zap.String("ended_by", "SIGTERM"))
	r.StartPass(2, plan)
	again := zap.New(r).With(zap.String("run", "project:1a"), zap.Int("pass", 2))
	again.Warn("run held", zap.Bool("deployed", false), zap.Int64("took_ms", 99), zap.Int("exit_code", 0), zap.String("why", "frozen"))

	got = readRecord(t, workdir)
	if got.Outcome != Held || got.Why != "frozen" || *got.ExitCode != 0 || got.TookMS != 99 || got.Ended.IsZero() || len(got.Passes) != 2 {
		t.Errorf("at the end: got %+v", got)
	}
	p := got.Passes[0]
	if p.Outcome != Failed || *p.ExitCode != 2 || p.FailedStep != "make-lint" || p.EndedBy != "SIGTERM" || p.Error != "e" || p.Hint != "h" || p.Deployed {
		t.Errorf("the end of the first pass: got %+v", p.End)
	}
	if p.Target != (Target{"333333333333", "eu-west-3", role}) || got.Passes[1].Target.Region != "eu-west-9" || got.Passes[1].Target.Role != "" {
		t.Errorf("targets: got %+v, and then %+v", p.Target, got.Passes[1].Target)
	}
	if p.Code != (Commit{URL: "u", Commit: "c", Ref: "refs/tags/v1", Pinned: "tag", SignedBy: "key", Author: "a", Authored: "1970-01-01T00:00:00Z"}) {
		t.Errorf("the code: got %+v", p.Code)
	}
	if want := []Laid{{Path: "a", Action: "added", SHA256: "aa", Size: 3}, {Path: `"overlay": []`, Action: "replaced", Target: "a"}}; !slices.Equal(p.Overlay, want) || len(got.Passes[1].Overlay) != 0 {
		t.Errorf("the overlay: got %+v", p.Overlay)
	}
	if want := []Retry{{"clone-code", "cloning", 2, "429"}}; !slices.Equal(p.Retries, want) {
		t.Errorf("retries: got %+v", p.Retries)
	}
	if p.Tools["make"] != "4" || p.Tools["cdk"] != "none" || len(p.Tools) != 2 || !slices.Equal(p.Exported, []string{"X"}) || !slices.Equal(p.NotExported, []string{"Y"}) {
		t.Errorf("got tools %v, exported %q and %q", p.Tools, p.Exported, p.NotExported)
	}
	if role := p.Roles[0]; role.Step != "make-lint" || role.Scope != "none" || role.Account != "3" || role.Role != "r" || role.Session != "s" || role.At.IsZero() {
		t.Errorf("roles: got %+v", p.Roles)
	}
	failed := p.Steps[2]
	if failed.Outcome != Failed || failed.TookMS != 9 || failed.Error != "make lint: exit status 2" || failed.Hint != "h" || failed.Params["targets"] != "lint" ||
		!slices.Equal(failed.LastLines, []string{"of 1 make-lint"}) || p.Steps[0].LastLines != nil || p.Steps[1].Why != "so" {
		t.Errorf("steps: got %+v", p.Steps)
	}
	if want := []string{"careful  file=x", "cloning was retried 2 times, the last time after: 429"}; !slices.Equal(got.Told(), want) {
		t.Errorf("to be warned of: got %q, want %q", got.Told(), want)
	}
}

// What was given up is in the error of the step.
func TestRetriesThatCameToNothing(t *testing.T) {
	r := NewRecorder(Options{})
	clone := step(zap.New(r), "clone-code", "none")
	clone.Info("step started")
	clone.Warn("retrying", zap.String("what", "cloning the code"), zap.String("error", "503"))
	if want := []string{"cloning the code was retried once, the last time after: 503"}; !slices.Equal(r.Record().Told(), want) {
		t.Errorf("got %q, want %q", r.Record().Told(), want)
	}
	clone.Error("step failed", zap.String("error", "503 (given up after 2 attempts in 1s)"))
	if got := r.Record(); len(got.Told()) != 0 || got.Passes[0].Retries[0].Times != 1 {
		t.Errorf("got %q, %+v", got.Told(), got.Passes[0].Retries)
	}
}

// A secret may read like the syntax of the file. Each text is masked on its own, and
// what is left parses.
func TestTextsAreMaskedAndTheFileIsNot(t *testing.T) {
	known := redact.New()
	secrets := []string{"\"outcome\": \"running\"", "hush-hush-0123", "\n  \"schema\": 1,\n"}
	known.Add(secrets...)
	r, workdir := kept(t, Options{Redact: known.String})
	log := zap.New(r).With(zap.String("run", "of hush-hush-0123"), zap.Int("pass", 1))
	all := strings.Join(secrets, " ")
	log.Info("run started", zap.String("version", all), zap.Dict("variables", zap.String("A", all)), zap.Dict("sources", zap.String("A", all)), zap.Strings("withheld_from_children", secrets))
	log.Warn(all, zap.String("x", all))
	lint := step(log, "make-lint", "none")
	lint.Info("step started", zap.Dict("params", zap.String("p", all)))
	lint.Info("settings file", zap.String("file", all), zap.String("target", all))
	lint.Info("code cloned", zap.String("url", all), zap.String("ref", all), zap.String("author", all))
	lint.Info("versions", zap.String("make", all))
	lint.Warn("retrying", zap.String("what", all), zap.String("error", all))
	lint.Info("variables.sh decides", zap.String("variable", "B"), zap.String("value", all))
	lint.Error("step failed", zap.String("error", all), zap.String("hint", all))
	log.Error("run failed", zap.String("error", all), zap.String("hint", all), zap.String("why", all))
	text, err := os.ReadFile(filepath.Join(workdir, Folder, File))
	if err != nil {
		t.Fatal(err)
	}
	parse(t, text)
	if strings.Contains(string(text), "hush-hush") || bytes.Count(text, []byte("***")) < 20 || !bytes.Contains(text, []byte(`"schema": 1,`)) {
		t.Errorf("got %s", text)
	}
}

// Whatever is made of the record, it does no harm to the run, nor to the record.
func TestADefectOfWhatIsDerivedIsAWarning(t *testing.T) {
	var warned []string
	r, workdir := kept(t, Options{Warn: func(pass int, err error) { warned = append(warned, fmt.Sprint(pass, " ", err)) }},
		Derived{Name: JUnit, Render: func(r Record) []byte { return []byte(r.Outcome) }},
		Derived{Name: Report, Render: func(r Record) []byte {
			if r.Outcome == Running {
				panic("a defect")
			}
			return []byte("done")
		}})
	log := zap.New(r).With(zap.Int("pass", 3))
	log.Info("run started")
	read := func(name string) string {
		text, _ := os.ReadFile(filepath.Join(workdir, Folder, name))
		return string(text)
	}
	if read(JUnit) != "running" || read(Report) != "" || readRecord(t, workdir).Outcome != Running {
		t.Errorf("got %q and %q", read(JUnit), read(Report))
	}
	log.Info("pass failed")
	if len(warned) != 1 || !strings.HasPrefix(warned[0], "3 ") || !strings.Contains(warned[0], "a defect") || r.Err() == nil {
		t.Errorf("got %q, %v", warned, r.Err())
	}
	log.Info("run finished")
	if read(JUnit) != "finished" || read(Report) != "done" || r.Err() != nil || readRecord(t, workdir).Outcome != Finished {
		t.Errorf("got %q and %q, %v", read(JUnit), read(Report), r.Err())
	}
}

// So it is with a defect in what an event adds: the run does not wait for the record.
func TestADefectOfAnEventIsAWarning(t *testing.T) {
	var warned []string
	r, workdir := kept(t, Options{
		Warn:      func(_ int, err error) { warned = append(warned, err.Error()) },
		LastLines: func(int, string) []string { panic("a defect") },
	})
	log := zap.New(r).With(zap.Int("pass", 1))
	log.Info("run started")
	func() {
		defer func() {
			if defect := recover(); defect != nil {
				t.Fatalf("the run ends: %v", defect)
			}
		}()
		step(log, "make-lint", "none").Error("step failed")
	}()
	log.Info("run failed")
	if got := readRecord(t, workdir); got.Outcome != Failed || len(warned) != 1 || !strings.Contains(warned[0], "a defect") {
		t.Errorf("got %+v, %q", got, warned)
	}
}

// An overlay of 20,000 files is encoded once, and a record is written in little time.
func TestManyFilesAreEncodedOnce(t *testing.T) {
	const files = 20_000
	r, workdir := kept(t, Options{})
	log := zap.New(r).With(zap.Int("pass", 1))
	overlay := step(log, "overlay-settings", "none")
	sum := strings.Repeat("0123456789abcdef", 4)
	for i := range files {
		overlay.Info("settings file", zap.String("file", fmt.Sprint("folder/file-", i)), zap.String("action", "added"), zap.String("sha256", sum), zap.Int64("size", int64(i)))
	}
	overlay.Info("step finished")
	before := r.state.encoded[0].text
	start := time.Now()
	for i := range 10 {
		next := step(log, fmt.Sprint("step-", i), "none")
		next.Info("step started")
		next.Info("step finished")
	}
	t.Logf("a write with %d files: %s", files, time.Since(start)/20)
	if after := r.state.encoded[0].text; &before[0] != &after[0] || len(before) != len(after) {
		t.Error("the overlay was encoded again")
	}
	if got := readRecord(t, workdir).Passes[0]; len(got.Overlay) != files || got.Overlay[files-1] != (Laid{Path: "folder/file-19999", Action: "added", SHA256: sum, Size: files - 1}) {
		t.Errorf("got %d files", len(got.Overlay))
	}
}

func BenchmarkWrite(b *testing.B) {
	workdir := b.TempDir()
	dir, err := Open(workdir)
	if err != nil {
		b.Fatal(err)
	}
	defer dir.Close()
	r := NewRecorder(Options{})
	r.Keep(dir)
	var plan []Step
	for i := range 10 {
		plan = append(plan, Step{Name: fmt.Sprint("step-", i), Scope: "none"})
	}
	r.StartPass(1, plan)
	log := step(zap.New(r).With(zap.Int("pass", 1)), "step-1", "none")
	for b.Loop() {
		log.Info("step finished")
	}
}
