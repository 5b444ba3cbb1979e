package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"spa-runner/infra/cfn"
)

// makefile stands for the real one: what it builds depends on the commit, as that does.
const makefile = `dist:
	@rm -rf dist && mkdir dist
	@for arch in amd64 arm64; do echo "$$arch of $$(git rev-parse HEAD)" >dist/spa-runner-linux-$$arch; done
	@cd dist && sha256sum * >SHA256SUMS
check:
	@echo checked
vuln:
	@echo "vuln: NOT CHECKED" && exit 1
`

// scratch is a repository with the real files in which a release is pinned.
type scratch struct {
	t *testing.T
	repository
	said strings.Builder
}

func newScratch(t *testing.T) *scratch {
	t.Helper()
	s := &scratch{t: t}
	s.repository = repository{dir: t.TempDir(), out: &s.said}
	for _, file := range []string{"buildspec.yml", "infra/buildspec-preview.yml", "infra/devops.yaml"} {
		content, err := os.ReadFile(filepath.Join("..", "..", file))
		if err != nil {
			t.Fatal(err)
		}
		s.write(file, string(content))
	}
	if err := writePins(s.dir, pinned{}); err != nil { // so that the tests begin alike
		t.Fatal(err)
	}
	s.write("Makefile", makefile)
	s.write(".gitignore", "dist/\n")
	s.run("git", "init", "-q", "-b", "main")
	s.commit("Begin")
	return s
}

func (s *scratch) write(file, content string) {
	s.t.Helper()
	name := filepath.Join(s.dir, file)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scratch) read(file string) string {
	s.t.Helper()
	content, err := os.ReadFile(filepath.Join(s.dir, file))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(content)
}

func (s *scratch) run(args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), args[0], args[1:]...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v: %v, %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (s *scratch) commit(message string) {
	s.t.Helper()
	s.run("git", "add", "-A")
	s.run("git", "commit", "-q", "--allow-empty", "-m", message)
}

// pinsAre asks whether what is pinned is right; want is a part of the error, "" if it is.
func (s *scratch) pinsAre(want string) {
	s.t.Helper()
	s.temp = s.t.TempDir()
	hasError(s.t, s.pins(s.t.Context()), want)
}

func (s *scratch) pinsIt(want string) {
	s.t.Helper()
	s.temp = s.t.TempDir()
	hasError(s.t, s.pin(s.t.Context()), want)
}

func hasError(t *testing.T, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestThePinIsTheReleaseBefore(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.pinsAre("")
	s.pinsIt("no tag to pin")
	s.run("git", "tag", "v1.0.0")
	s.pinsAre("") // a release cannot pin itself
	s.commit("Go on")
	s.pinsAre("nothing is pinned, and the last tag is v1.0.0")

	s.pinsIt("")
	s.pinsIt("commit them") // it is not, yet
	s.commit("Pin v1.0.0")
	s.pinsAre("")
	s.said.Reset()
	s.pinsIt("")
	if changed := s.run("git", "status", "--porcelain"); changed != "" || !strings.Contains(s.said.String(), "nothing changed") {
		t.Errorf("the second time: %s %s", s.said.String(), changed)
	}

	s.run("git", "tag", "-a", "-m", "second", "v1.1.0")
	s.pinsAre("")
	s.commit("Go on")
	s.pinsAre("v1.0.0 is pinned, and the last tag is v1.1.0: make pin")
	s.pinsIt("")
	s.commit("Pin v1.1.0")
	s.pinsAre("")

	first := s.run("git", "rev-parse", "v1.0.0")
	s.run("git", "tag", "-f", "v1.1.0", "v1.1.0~1")
	s.pinsAre("the tag v1.1.0 is at ")
	s.pinsIt("it was moved")
	s.run("git", "tag", "-d", "v1.1.0")
	s.pinsAre("v1.1.0 is pinned, and the last tag is v1.0.0")
	s.run("git", "tag", "-d", "v1.0.0")
	s.pinsAre("v1.1.0 is pinned, and there is no tag before this commit")
	s.run("git", "tag", "v1.0.0", first)
	s.pinsIt("")
	s.commit("Go back")
	s.pinsAre("")
}

func TestTamperedPins(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.run("git", "tag", "v1.0.0")
	s.commit("Go on")
	s.pinsIt("")
	s.commit("Pin v1.0.0")
	s.pinsAre("")
	is, err := readPins(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	files := []string{"buildspec.yml", "infra/buildspec-preview.yml", "infra/devops.yaml"}
	other := strings.Repeat("0123456789abcdef", 4)
	good := map[string]string{}
	for _, file := range files {
		good[file] = s.read(file)
	}
	for arch, sum := range map[string]string{"AMD64": is.amd64, "ARM64": is.arm64} {
		for _, file := range files {
			for n := range strings.Count(good[file], sum) {
				parts := strings.SplitAfterN(good[file], sum, n+2)
				s.write(file, strings.TrimSuffix(strings.Join(parts[:n+1], ""), sum)+other+strings.Join(parts[n+1:], ""))
				s.pinsAre("not the same in all places")
				s.write(file, good[file])
			}
		}
		for _, file := range files {
			s.write(file, strings.ReplaceAll(good[file], sum, other))
		}
		s.pinsAre("SPA_RUNNER_SHA256_" + arch + " is pinned as " + other + ", and v1.0.0 built again is " + sum)
		for _, file := range files {
			s.write(file, good[file])
		}
	}
	for _, test := range []struct{ file, old, new, want string }{
		{"infra/devops.yaml", "Default: v1.0.0", "Default: v1.0.1", "not the same in all places"},
		{"buildspec.yml", "those of v1.0.0", "those of v1.0.1", "not the same in all places"},
		{"buildspec.yml", is.commit, strings.Repeat("0", 40), "not the same in all places"},
		{"buildspec.yml", "# Without the last two, ", "# ", "does not say which release"},
		{"buildspec.yml", "${SPA_RUNNER_SHA256_AMD64:-", "${SHA256:-", "no place for SPA_RUNNER_SHA256_AMD64"},
	} {
		s.write(test.file, strings.Replace(good[test.file], test.old, test.new, 1))
		s.pinsAre(test.want)
		s.write(test.file, good[test.file])
	}
	s.pinsAre("")
}

// With a release pinned the template still fits into one call, still holds the buildspecs
// letter for letter, and a buildspec runs that release and no other.
func TestWhatIsPinnedIsWhatRuns(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	before := map[string]string{}
	for _, file := range []string{"buildspec.yml", "infra/buildspec-preview.yml", "infra/devops.yaml"} {
		before[file] = s.read(file)
	}
	s.run("git", "tag", "v10.10.10")
	s.commit("Go on")
	s.pinsIt("")
	template := s.read("infra/devops.yaml")
	if air := 51_200 - len(template); air < 5_000 {
		t.Errorf("with a release pinned, devops.yaml has %d bytes less than a call takes, want at least 5,000", air)
	}
	held := buildspecs(t, template)
	for file, project := range map[string]string{"buildspec.yml": "Project", "infra/buildspec-preview.yml": "PreviewProject"} {
		if _, spec, _ := strings.Cut(s.read(file), "\nversion: "); held[project] != "version: "+spec {
			t.Errorf("the template does not hold %s, but\n%s", file, held[project])
		}
		var spec struct {
			Phases map[string]struct{ Commands []string }
		}
		if err := yaml.Unmarshal([]byte(s.read(file)), &spec); err != nil {
			t.Fatal(err)
		}
		for content, good := range map[string]bool{"amd64 of " + s.run("git", "rev-parse", "v10.10.10") + "\n": true, "another\n": false} {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "fetched"), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "sh", "-c", "uname() { echo x86_64; }\naws() { cp fetched \"$5\"; }\n"+spec.Phases["build"].Commands[0])
			cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "SPA_RUNNER_URL=s3://bucket/v1", "SPA_RUNNER_SHA256_AMD64="}
			if out, err := cmd.CombinedOutput(); (err == nil) != good {
				t.Errorf("%s with %q: %v, %s", file, content, err, out)
			}
		}
	}
	if err := writePins(s.dir, pinned{}); err != nil {
		t.Fatal(err)
	}
	for file, want := range before {
		if s.read(file) != want {
			t.Errorf("%s does not come back as it was", file)
		}
	}
}

// buildspecs are those of the projects of the template, with the release that it pins.
func buildspecs(t *testing.T, template string) map[string]string {
	t.Helper()
	parsed, err := cfn.Parse([]byte(template))
	if err != nil {
		t.Fatal(err)
	}
	stack, err := parsed.Resolve(cfn.Place{Account: "222222222222", Region: "eu-west-1", Partition: "aws", URLSuffix: "amazonaws.com", Stack: "devops"}, map[string]string{
		"CloudOpsAccountId": "111111111111", "ReadSettingsRole": "arn:aws:iam::111111111111:role/A", "DeployEnvironmentRole": "arn:aws:iam::333333333333:role/B",
		"PreviewEnvironmentRole": "arn:aws:iam::333333333333:role/C", "SettingsGitUrl": "codecommit::eu-west-1://SpaSettings", "SettingsEnvironmentPath": "a",
		"CodeGitBranch": "v1", "CodeGitCommit": strings.Repeat("0123456789", 4), // and no runner: that is pinned
	})
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]string{}
	for name, resource := range stack.Resources {
		if source, ok := resource.Properties["Source"].(map[string]any); ok {
			held[name], _ = source["BuildSpec"].(string)
		}
	}
	return held
}

func TestTheLastLineSaysWhatWasNotProved(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.temp = t.TempDir()
	err := s.check(t.Context(), []string{"check"})
	hasError(t, err, "NOT PASSED, vuln, bills, programs FAILED; of ")
	hasError(t, err, "proved: clean, builds, sums, pins; NOT proved: check (left out, as asked), ")
	s.write("Makefile", strings.Replace(makefile, "exit 1", "true", 1))
	s.temp = t.TempDir()
	err = s.check(t.Context(), nil)
	hasError(t, err, "NOT PASSED, clean FAILED; of ")
	hasError(t, err, "proved: nothing; NOT proved: check (needs clean), vuln (needs clean), builds (needs clean), sums (needs builds)")
}

// interrupted cancels when a line was written, as Ctrl-C does.
type interrupted struct {
	cancel func()
	at     string
}

func (i interrupted) Write(p []byte) (int, error) {
	if strings.Contains(string(p), i.at) {
		i.cancel()
	}
	return len(p), nil
}

// Whoever stops it is not told that parts failed, and why that was.
func TestAnInterruptionIsNoFinding(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.temp = t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.out = interrupted{cancel, "release-check: builds"}
	err := s.check(ctx, []string{"check", "vuln"})
	hasError(t, err, "NOT PASSED, interrupted; of ")
	hasError(t, err, "proved: clean; NOT proved: check (left out, as asked), vuln (left out, as asked), builds (interrupted), sums (interrupted)")
	s.temp = t.TempDir()
	_, _, err = s.lastTag(ctx, true)
	if hasError(t, err, "canceled"); strings.Contains(err.Error(), "shallow clone") {
		t.Errorf("got %v", err)
	}
}

func TestBuildsThatDiffer(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"pwd", "date +%Z", `echo "$$GOFLAGS"`, `echo "$$GOAMD64"`, `echo "$$GOCACHE"`, "umask"} {
		s := newScratch(t)
		s.write("Makefile", strings.Replace(makefile, "\t@cd dist", "\t@"+line+" >dist/more\n\t@cd dist", 1))
		s.commit("Build in " + line)
		s.temp = t.TempDir()
		hasError(t, s.builds(t.Context()), "more is not the same in both builds")
	}
	s := newScratch(t)
	s.temp = t.TempDir()
	hasError(t, s.builds(t.Context()), "")
	hasError(t, s.sums(t.Context()), "")
	s.write("dist/more", "x")
	hasError(t, s.sums(t.Context()), "more is not in SHA256SUMS")
	s.write("dist/spa-runner-linux-amd64", "x")
	hasError(t, s.sums(t.Context()), `of "spa-runner-linux-amd64", which is`)
}

func TestModulesOf(t *testing.T) {
	t.Parallel()
	told := "bin/x: go1.26.9\n\tpath\tspa-runner/cmd/x\n\tmod\tspa-runner\tv1.0.0\t\n" +
		"\tdep\texample.com/b\tv1.0.0\th1:AAAA\n\tdep\texample.com/a\tv1.0.0\n\t=>\texample.com/c\tv2.0.0\th1:BBBB\n\tbuild\t-trimpath=true\n"
	want := "example.com/b v1.0.0 000000|example.com/c v2.0.0 041041|stdlib 1.26.9"
	if got := strings.Join(modulesOf(told), "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
