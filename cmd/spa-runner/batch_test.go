package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"

	"spa-runner/internal/loopback"
)

// batchWorld is a world whose settings have a history, and whose temporary
// folder is to be empty in the end.
type batchWorld struct {
	*world
	temp string
}

func newBatchWorld(t *testing.T, options loopback.Options) *batchWorld {
	t.Helper()
	w := &batchWorld{world: newWorld(t, options), temp: t.TempDir()}
	w.env["TMPDIR"] = w.temp
	w.env["SETTINGS_ENVIRONMENT_PATH"] = "environments/of-the-project"
	w.gitIn(w.dirs["settings"], "init", "--quiet", "--initial-branch=main")
	t.Cleanup(func() {
		if left, err := os.ReadDir(w.temp); err != nil || len(left) > 0 {
			t.Errorf("the temporary folder has %v, %v", left, err)
		}
		if made, err := os.ReadDir(w.workdir); err != nil || len(made) > 0 {
			t.Errorf("the work folder has %v, %v", made, err)
		}
	})
	return w
}

// ParseCommit commits the folder of the settings as it is.
func (w *batchWorld) commit() string {
	w.t.Helper()
	w.gitIn(w.dirs["settings"], "add", "--all")
	w.gitIn(w.dirs["settings"], "commit", "--quiet", "--allow-empty", "--message=settings")
	return w.gitIn(w.dirs["settings"], "rev-parse", "HEAD")
}

// move renames, and removes where to is "".
func (w *batchWorld) move(from, to string) {
	w.t.Helper()
	from, to = filepath.Join(w.dirs["settings"], from), filepath.Join(w.dirs["settings"], to)
	var err error
	if to == w.dirs["settings"] {
		err = os.RemoveAll(from)
	} else {
		err = os.Rename(from, to)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// serveSettings serves what was committed, as CodeCommit.
func (w *batchWorld) serveSettings(exact bool) {
	w.t.Helper()
	bare := filepath.Join(w.t.TempDir(), "settings.git")
	w.gitIn(w.dirs["settings"], "clone", "--quiet", "--bare", ".", bare)
	if err := w.aws.ServeCodeCommit("SpaSettings", loopback.CodeCommitRepository{Dir: bare, Account: "111111111111", NoExactCommits: !exact}); err != nil {
		w.t.Fatal(err)
	}
}

// built are the environments of a printed batch, and nil of nothing.
func built(t *testing.T, text string) (folders []string) {
	t.Helper()
	var spec struct {
		Version   float64
		Phases    map[string]phase
		Reports   map[string]any
		Artifacts map[string]any
		Batch     struct {
			FastFail  *bool `yaml:"fast-fail"`
			BuildList []struct {
				Identifier string
				Env        struct{ Variables map[string]string }
			} `yaml:"build-list"`
		}
	}
	if text == "" {
		return nil
	}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&spec); err != nil {
		t.Fatalf("no YAML: %v\n%s", err, text)
	}
	if spec.Version != 0.2 || !slices.Equal(spec.Phases["build"].Commands, buildspecCommands(t)) || spec.Batch.FastFail == nil || *spec.Batch.FastFail {
		t.Errorf("that is no batch of buildspec.yml: %+v", spec)
	}
	for _, build := range spec.Batch.BuildList {
		if build.Identifier == "" || len(build.Env.Variables) != 1 {
			t.Errorf("a build is %+v", build)
		}
		folders = append(folders, build.Env.Variables["SETTINGS_ENVIRONMENT_PATH"])
	}
	return folders
}

func TestABatchActsAsSettingsOnly(t *testing.T) {
	t.Parallel()
	w := newBatchWorld(t, loopback.Options{})
	for _, name := range []string{"one", "two", "three"} {
		w.write("settings", "environments/"+name+"/settings.yaml", "environment: "+name+"\n")
	}
	first := w.commit()
	w.write("settings", "environments/two/settings.yaml", "environment: other\n")
	second := w.commit()
	w.serve() // the code
	for _, exact := range []bool{true, false} {
		w.serveSettings(exact)
		before := len(w.aws.Calls())
		o := w.run("batch", "--changed-since", first)
		if got, want := built(t, o.stdout), []string{"environments/two"}; o.code != 0 || !slices.Equal(got, want) {
			t.Fatalf("exact commits: %v: built %q, want %q: %v", exact, got, want, o)
		}
		calls := w.aws.Calls()[before:]
		if len(calls) != 1 || calls[0].RoleARN != settingsRole || !strings.Contains(calls[0].Policy, "codecommit:GitPull") {
			t.Errorf("calls of STS: %+v, want one for the settings role, narrowed", calls)
		}
		for _, e := range (outcome{stdout: o.stderr}).events(t) {
			if scope := e["scope"]; scope != nil && scope != "settings" {
				t.Errorf("an event as %v: %v", scope, e)
			}
		}
	}
	all := built(t, w.run("batch").stdout)
	if want := []string{"environments/one", "environments/test", "environments/three", "environments/two"}; !slices.Equal(all, want) {
		t.Errorf("built %q, want %q", all, want)
	}
	// A pin is what is built, and not what it is compared with.
	if got := built(t, w.run("batch", "--settings-git-pin", first, "--changed-since", second).stdout); !slices.Equal(got, []string{"environments/two"}) {
		t.Errorf("at a pin: built %q", got)
	}
	// What each build of the batch does with its variable.
	w.env["SETTINGS_ENVIRONMENT_PATH"], w.env["SPA_RUNNER_WORKDIR"] = all[0], t.TempDir()
	if o := w.run("run"); o.code != 0 || !strings.HasPrefix(o.output(t, "make-deploy"), "deploying one to account 333333333333") {
		t.Errorf("a build of the batch: %v", o)
	}
}

func TestWhatABatchNames(t *testing.T) {
	t.Parallel()
	w := newBatchWorld(t, loopback.Options{})
	for _, name := range []string{"environments/production/settings.yaml", "environments/production/deep/x.csv", "environments/gone/settings.yaml", "shared/x", "docs/README.md"} {
		w.write("settings", name, name)
	}
	first := w.commit()
	all := []string{"environments/production", "environments/test"}
	w.env["AWS_PROFILE"] = "of-nobody" // no identity is asked for
	for _, c := range []struct {
		name   string
		change func()
		want   []string
	}{
		{"nothing", func() {}, nil},
		{"an environment is removed", func() { w.move("environments/gone", "") }, nil},
		{"documentation", func() {
			w.write("settings", "docs/README.md", "other")
			w.write("settings", "environments/README.md", "new")
		}, nil},
		{"a file", func() { w.write("settings", "environments/test/settings.yaml", "other") }, all[1:]},
		{"documentation of one", func() { w.write("settings", "environments/test/README.md", "new") }, all[1:]},
		{"a rename in one", func() { w.move("environments/production/deep/x.csv", "environments/production/x.csv") }, all[:1]},
		{"a rename from one to another", func() { w.move("environments/production/deep/x.csv", "environments/test/x.csv") }, all},
		{"an environment is renamed", func() { w.move("environments/test", "environments/new") }, []string{"environments/new"}},
		{"a deletion", func() { w.move("environments/production/deep", "") }, all[:1]},
		{"a shared file", func() { w.write("settings", "shared/x", "other") }, all},
		{"a shared file is removed", func() { w.move("shared", "") }, all},
		{"a hidden folder", func() { w.write("settings", "environments/.templates/x", "new") }, all},
	} {
		w.gitIn(w.dirs["settings"], "checkout", "--quiet", "-B", "main", first)
		w.move("environments/gone", "") // in each of them
		c.change()
		w.commit()
		o := w.run("batch", "--settings", w.dirs["settings"], "--changed-since", first)
		if got := built(t, o.stdout); o.code != 0 || !slices.Equal(got, c.want) {
			t.Errorf("%s: built %q, want %q: %v", c.name, got, c.want, o)
		}
		if said := strings.Contains(o.stderr, "there is nothing to build"); said != (c.want == nil) {
			t.Errorf("%s: that there is nothing to build is said = %v", c.name, said)
		}
	}
	if len(w.assumed()) != 0 {
		t.Errorf("roles were assumed for settings on this disk: %q", w.assumed())
	}
	// A checkout without a branch, uncommitted edits, a bare repository.
	w.gitIn(w.dirs["settings"], "checkout", "--quiet", "--detach", first)
	w.write("settings", "environments/uncommitted/x", "new")
	bare := filepath.Join(t.TempDir(), "bare repository.git")
	w.gitIn(w.dirs["settings"], "clone", "--quiet", "--bare", ".", bare)
	want := []string{"environments/gone", "environments/production", "environments/test"}
	for _, dir := range []string{w.dirs["settings"], bare} {
		if got := built(t, w.run("batch", "--settings", dir).stdout); !slices.Equal(got, want) {
			t.Errorf("%s: built %q, want %q", dir, got, want)
		}
	}
	w.env["ENVIRONMENTS_FOLDER"] = "environments/production"
	if got := built(t, w.run("batch", "--settings", bare).stdout); !slices.Equal(got, []string{"environments/production/deep"}) {
		t.Errorf("ENVIRONMENTS_FOLDER: built %q", got)
	}
	if got := built(t, w.run("batch", "--settings", bare, "--environments-folder", "environments/").stdout); !slices.Equal(got, want) {
		t.Errorf("--environments-folder: built %q", got)
	}
}

// touchedByGit is what git says of two commits, read in another way than ours.
func (w *batchWorld) touchedByGit(from, to string) (touched []string) {
	there, hit := map[string]bool{}, map[string]bool{}
	for _, line := range strings.Split(w.gitIn(w.dirs["settings"], "ls-tree", "-d", "-z", "--name-only", to, "environments/"), "\x00") {
		if name := strings.TrimPrefix(line, "environments/"); name != "" && name[0] != '.' {
			there[name] = true
		}
	}
	fields := strings.Split(w.gitIn(w.dirs["settings"], "diff", "--name-status", "--no-renames", "-z", from, to), "\x00")
	for i := 1; i < len(fields); i += 2 {
		elements := strings.Split(fields[i], "/")
		if len(elements) > 2 && elements[0] == "environments" && elements[1][0] != '.' {
			hit[elements[1]] = true
		} else if !strings.HasSuffix(fields[i], ".md") {
			for name := range there {
				hit[name] = true
			}
		}
	}
	for name := range hit {
		if there[name] {
			touched = append(touched, "environments/"+name)
		}
	}
	slices.Sort(touched)
	return touched
}

func TestABatchNamesWhatGitSaysIsTouched(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	w := newBatchWorld(t, loopback.Options{})
	paths := []string{
		"environments/a/x", "environments/a/README.md", "environments/b\"c/x", "environments/ü/deep/x", "environments/it's/x", "environments/d/x",
		"environments/.hidden/x", "environments/d", "README.md", "docs/a.md", "shared", "environments/x.md",
	}
	commits := []string{w.commit()}
	for range 20 {
		path := filepath.Join(w.dirs["settings"], paths[random.IntN(len(paths))])
		if random.IntN(6) == 0 { // less often, since it touches all
			path = filepath.Join(w.dirs["settings"], "shared")
		} else if filepath.Base(path) == "shared" {
			path = filepath.Join(w.dirs["settings"], "environments/a/x")
		}
		info, err := os.Lstat(path)
		switch there := err == nil; {
		case there && (!info.Mode().IsRegular() || random.IntN(3) > 0):
			err = os.RemoveAll(path)
		case there:
			err = os.Chmod(path, []os.FileMode{0o644, 0o755}[random.IntN(2)])
		default:
			if parent := filepath.Dir(path); strings.HasSuffix(parent, "/environments/d") {
				_ = os.Remove(parent) // it may be a file
			}
			if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil && random.IntN(4) == 0 {
				err = os.Symlink("../elsewhere", path)
			} else if err == nil {
				err = os.WriteFile(path, []byte(fmt.Sprint(random.IntN(3))), 0o644)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		commits = append(commits, w.commit())
	}
	some, none := 0, 0
	for range 16 {
		i := random.IntN(len(commits) - 1)
		from, to := commits[i], commits[min(i+1+random.IntN(2), len(commits)-1)]
		w.gitIn(w.dirs["settings"], "checkout", "--quiet", "--detach", to)
		o := w.run("batch", "--settings", w.dirs["settings"], "--changed-since", from)
		want := w.touchedByGit(from, to)
		if got := built(t, o.stdout); o.code != 0 || !slices.Equal(got, want) {
			t.Errorf("%s..%s: built %q, want %q: %v", from, to, got, want, o)
		}
		if len(want) > 0 {
			some++
		} else {
			none++
		}
	}
	t.Logf("%d with, %d without something to build", some, none)
}

func TestABatchThatCannotBe(t *testing.T) {
	t.Parallel()
	w := newBatchWorld(t, loopback.Options{})
	for i := range 101 {
		w.write("settings", fmt.Sprintf("many/%d/x", i), "x")
	}
	w.write("settings", "spaces/a b/x", "x")
	w.write("settings", "spaces/ok/x", "x")
	w.write("settings", "secret/S3cr3tV4lue/x", "x")
	w.commit()
	w.serveSettings(true)
	w.env["SOME_PASSWORD"] = "S3cr3tV4lue"
	buildspec := filepath.Join(t.TempDir(), "buildspec.yml")
	if err := os.WriteFile(buildspec, []byte("version: 0.2\nbatch:\n  build-list: []\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	local := []string{"--settings", w.dirs["settings"]}
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no such commit", []string{"--changed-since", strings.Repeat("1", 40)}, 125, "--changed-since takes a commit that the repository of the settings still gives out"},
		{"no such commit here", append(local, "--changed-since", strings.Repeat("1", 40)), 125, "without it all environments are built"},
		{"no commit", append(local, "--changed-since", "main"), 64, "not a full commit hash"},
		{"no environments", append(local, "--environments-folder", "nowhere"), 64, `no folder below "nowhere"`},
		{"a folder outside", append(local, "--environments-folder", "../x"), 64, "ENVIRONMENTS_FOLDER"},
		{"the top", append(local, "--environments-folder", "."), 64, "move the environments into a folder"},
		{"too many", append(local, "--environments-folder", "many"), 64, "101 environments"},
		{"names that a run refuses", append(local, "--environments-folder", "spaces"), 64, `the environment "spaces/a b" cannot be built`},
		{"a secret", append(local, "--environments-folder", "secret"), 64, "value of a secret variable"},
		{"a batch already", append(local, "--buildspec", buildspec), 64, "has a batch already"},
		{"no buildspec", append(local, "--buildspec", buildspec+"2"), 64, "no such file"},
		{"no repository", []string{"--settings", w.temp}, 64, "not a git repository"},
		{"no folder", []string{"--settings", "https://example.com/x"}, 64, "no such file"},
		{"two places", append(local, "--settings-git-url", "codecommit://x"), 64, "give one"},
		{"a branch that is not there", []string{"--settings-git-branch", "other"}, 125, "no branch and no tag"},
		{"a role that may not", []string{"--read-settings-role", "arn:aws:iam::444444444444:role/Other"}, 125, "444444444444"},
	} {
		o := w.run(append([]string{"batch"}, c.args...)...)
		if o.code != c.code || o.stdout != "" || !strings.Contains(o.stderr, c.want) {
			t.Errorf("%s: want %d and %q, got %v", c.name, c.code, c.want, o)
		}
		if strings.Contains(o.stderr, "S3cr3tV4lue") {
			t.Errorf("%s: the secret is in %s", c.name, o.stderr)
		}
	}
	w.env["TMPDIR"] = filepath.Join(w.temp, "nowhere")
	if o := w.run("batch"); o.code != 125 || !strings.Contains(o.stderr, w.env["TMPDIR"]) {
		t.Errorf("without a place for the settings: %v", o)
	}
}

func TestABatchThatIsInterruptedLeavesNothing(t *testing.T) {
	t.Parallel()
	reached, release := make(chan struct{}), make(chan struct{})
	w := newBatchWorld(t, loopback.Options{Middleware: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/git-upload-pack") {
				close(reached)
				<-release
			}
			next.ServeHTTP(rw, r)
		})
	}})
	w.commit()
	w.serveSettings(true)
	var stdout, stderr strings.Builder
	cmd := w.command("batch")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-reached
	if made, err := os.ReadDir(w.temp); err != nil || len(made) != 1 {
		t.Errorf("it works in %v, %v", made, err)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
	close(release)
	if code := cmd.ProcessState.ExitCode(); code != 143 || stdout.Len() > 0 {
		t.Errorf("exit code %d, %s%s", code, stdout.String(), stderr.String())
	}
}

// The commands of the help, with the AWS CLI, against what records what it sends.
func TestTheCommandsOfABatch(t *testing.T) {
	t.Parallel()
	needsCLI(t)
	w := newBatchWorld(t, loopback.Options{})
	first := w.commit()
	w.write("settings", "folders/it's\"$x\"`id`/x", "x")
	second := w.commit()
	var mu sync.Mutex
	var sent []string
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var input struct{ ProjectName, BuildspecOverride string }
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if err := json.Unmarshal(body, &input); err != nil || input.ProjectName != "NAME" || !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".StartBuildBatch") {
			t.Errorf("%s: %v", body, err)
		}
		sent = append(sent, input.BuildspecOverride)
		rw.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(rw, `{"buildBatch":{"id":"NAME:1"}}`)
	}))
	t.Cleanup(server.Close)
	_, script, _ := strings.Cut(batchHelp, "nothing, so\n\n")
	script, _, _ = strings.Cut(script, "\n\n")
	dir := t.TempDir()
	if err := os.Symlink(os.Args[0], filepath.Join(dir, "spa-runner")); err != nil {
		t.Fatal(err)
	}
	w.env["ENVIRONMENTS_FOLDER"], w.env["AWS_ENDPOINT_URL_CODEBUILD"], w.env["AWS_DEFAULT_REGION"] = "folders", server.URL, "eu-west-1"
	w.env["PATH"] = dir + ":" + w.env["PATH"]
	start := func(before string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sh", "-euc", script)
		cmd.Dir, cmd.Env = w.workdir, []string{"before=" + before}
		for name, value := range w.env {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
	w.serveSettings(true)
	start(first)
	start(second) // nothing was touched, so nothing is started
	mu.Lock()
	defer mu.Unlock()
	if len(sent) != 1 || !slices.Equal(built(t, sent[0]), []string{"folders/it's\"$x\"`id`"}) {
		t.Errorf("sent %q", sent)
	}
}
