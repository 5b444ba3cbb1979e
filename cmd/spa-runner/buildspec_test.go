package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"

	"spa-runner/internal/loopback"
	"spa-runner/internal/record"
)

// buildspec is what CodeBuild reads of one.
// https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
type buildspec struct {
	Version string
	Phases  map[string]phase
	Reports map[string]struct {
		Files  []string
		Format string `yaml:"file-format"`
	}
	Artifacts struct{ Files []string }
}

// phase is one of a buildspec.
type phase struct {
	Commands, Finally []string
	Runtimes          map[string]string `yaml:"runtime-versions"`
}

func readBuildspec(t *testing.T) (spec buildspec) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "buildspec.yml"))
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&spec); err != nil {
		t.Fatal(err)
	}
	if spec.Version != "0.2" || len(spec.Phases) != 2 || len(spec.Phases["build"].Commands) != 2 {
		t.Fatalf("want version 0.2 with two commands in the phase build, got %+v", spec)
	}
	// A version without quotes is a number: 3.10 is 3.1.
	if install := spec.Phases["install"]; len(install.Commands) != 0 || !maps.Equal(install.Runtimes, map[string]string{"python": "3.11", "nodejs": "22"}) {
		t.Fatalf("want no commands and two versions in the phase install, got %+v", install)
	}
	return spec
}

// buildspecCommands are the commands of buildspec.yml, all in one phase.
func buildspecCommands(t *testing.T) []string {
	t.Helper()
	return readBuildspec(t).Phases["build"].Commands
}

// codeBuild runs the commands as CodeBuild does: each in turn, in one folder,
// until the first whose status is not zero.
func codeBuild(t *testing.T, shell, dir string, env []string, commands []string) (output string, err error) {
	t.Helper()
	var out bytes.Buffer
	for _, command := range commands {
		cmd := exec.CommandContext(t.Context(), shell, "-c", command)
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, &out, &out
		if err := cmd.Run(); err != nil {
			return out.String(), err
		}
	}
	return out.String(), nil
}

func TestBuildspecRunsTheRightBinaryAndNoOther(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not here: the buildspec cannot be tried")
	}
	binary := []byte("#!/bin/sh\necho \"RAN with $*\"\nexit ${STATUS:-0}\n")
	digest := sha256.Sum256(binary)
	var served atomic.Pointer[[]byte]
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/spa-runner-linux-" + runtime.GOARCH:
			_, _ = w.Write(*served.Load())
		case "/plain/spa-runner-linux-" + runtime.GOARCH:
			http.Redirect(w, r, "http://"+r.Host, http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o644); err != nil {
		t.Fatal(err)
	}
	commands := buildspecCommands(t)
	good := hex.EncodeToString(digest[:])

	for _, shell := range []string{"dash", "bash"} {
		if _, err := exec.LookPath(shell); err != nil {
			t.Logf("%s is not here: not tried", shell)
			continue
		}
		for name, test := range map[string]struct {
			served   string
			sum, url string
			more     []string
			want     string // "" means that nothing may run
		}{
			"as released":             {sum: good, url: "/v1", want: "RAN with run\n"},
			"another command":         {sum: good, url: "/v1", more: []string{"SPA_RUNNER_COMMAND=plan --json"}, want: "RAN with plan --json\n"},
			"tampered":                {served: "#!/bin/sh\necho RAN anyway\n", sum: good, url: "/v1"},
			"no digest":               {sum: "", url: "/v1"},
			"another digest":          {sum: strings.Repeat("0", 64), url: "/v1"},
			"not there":               {sum: good, url: "/v2"},
			"redirected to plain":     {sum: good, url: "/plain"},
			"an error page, with 404": {served: "", sum: good, url: "/nowhere"},
		} {
			served.Store(&binary)
			if test.served != "" {
				tampered := []byte(test.served)
				served.Store(&tampered)
			}
			env := append([]string{
				"PATH=" + os.Getenv("PATH"), "CURL_CA_BUNDLE=" + ca, "SPA_RUNNER_URL=" + server.URL + test.url,
				"SPA_RUNNER_SHA256_AMD64=" + test.sum, "SPA_RUNNER_SHA256_ARM64=" + test.sum,
			}, test.more...)
			out, err := codeBuild(t, shell, t.TempDir(), env, commands)
			if test.want != "" && (err != nil || !strings.HasSuffix(out, test.want)) {
				t.Errorf("%s, %s: got %v and %s", shell, name, err, out)
			}
			if test.want == "" && (err == nil || strings.Contains(out, "RAN")) {
				t.Errorf("%s, %s: it was run: %s", shell, name, out)
			}
		}
		env := []string{
			"PATH=" + os.Getenv("PATH"), "CURL_CA_BUNDLE=" + ca, "SPA_RUNNER_URL=" + server.URL + "/v1",
			"SPA_RUNNER_SHA256_AMD64=" + good, "SPA_RUNNER_SHA256_ARM64=" + good, "STATUS=64",
		}
		served.Store(&binary)
		if out, err := codeBuild(t, shell, t.TempDir(), env, commands); err == nil || !strings.Contains(err.Error(), "64") {
			t.Errorf("%s: the status of the runner is lost: %v, %s", shell, err, out)
		}
	}
}

// Where the untrusted user may not go, and Python is, the way is opened for that user alone.
func TestTheWayToPythonIsOpened(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"buildspec.yml", "infra/buildspec-preview.yml"} {
		for name, c := range map[string]struct {
			user, python string
			want         fs.FileMode
		}{
			"AWS's image, and a user":    {"codebuild-user", ".pyenv", 0o701},
			"AWS's image":                {"", ".pyenv", 0o700},
			"another image, and a user":  {"codebuild-user", "elsewhere", 0o700},
			"another image without user": {"", "elsewhere", 0o700},
		} {
			text, err := os.ReadFile(filepath.Join("..", "..", file))
			if err != nil {
				t.Fatal(err)
			}
			var spec buildspec
			dir, root := t.TempDir(), filepath.Join(t.TempDir(), "root")
			err = errors.Join(yaml.Unmarshal(text, &spec), os.MkdirAll(filepath.Join(root, c.python), 0o755), os.Chmod(root, 0o700),
				os.WriteFile(filepath.Join(dir, "spa-runner"), []byte("#!/bin/sh\nexit 64\n"), 0o755))
			commands := spec.Phases["build"].Commands
			if err != nil || len(commands) != 2 || strings.Count(commands[1], "/root") != 3 {
				t.Fatalf("%s: %v, %q", file, err, commands)
			}
			env := []string{"PATH=" + os.Getenv("PATH"), "SPA_RUNNER_UNTRUSTED_USER=" + c.user, "DEPLOY_ENVIRONMENT_ROLE=x"}
			if c.user == "" {
				env = append(env[:1], env[2:]...)
			}
			out, err := codeBuild(t, "sh", dir, env, []string{strings.ReplaceAll(commands[1], "/root", root)})
			info, serr := os.Stat(root)
			if serr != nil || info.Mode().Perm() != c.want {
				t.Errorf("%s, %s: the folder has the mode %v, want %v; %v", file, name, info.Mode().Perm(), c.want, serr)
			}
			if err == nil || !strings.Contains(err.Error(), "64") { // whatever chmod did
				t.Errorf("%s, %s: the status of the runner is lost: %v, %s", file, name, err, out)
			}
		}
	}
}

// An s3:// URL goes through the AWS CLI; here a stand-in of it.
func TestBuildspecFetchesFromABucket(t *testing.T) {
	binary := []byte("#!/bin/sh\necho RAN\n")
	digest := sha256.Sum256(binary)
	bin := t.TempDir()
	cli := "#!/bin/sh\n[ \"$1 $2 $3 $4 $5\" = \"s3 cp --only-show-errors s3://bucket/v1/spa-runner-linux-" + runtime.GOARCH + " spa-runner\" ] || exit 1\n" +
		"printf '#!/bin/sh\\necho RAN\\n' >spa-runner\n"
	if err := os.WriteFile(filepath.Join(bin, "aws"), []byte(cli), 0o755); err != nil {
		t.Fatal(err)
	}
	sum := hex.EncodeToString(digest[:])
	out, err := codeBuild(t, "sh", t.TempDir(), []string{
		"PATH=" + bin + ":" + os.Getenv("PATH"), "SPA_RUNNER_URL=s3://bucket/v1",
		"SPA_RUNNER_SHA256_AMD64=" + sum, "SPA_RUNNER_SHA256_ARM64=" + sum,
	}, buildspecCommands(t))
	if err != nil || !strings.HasSuffix(out, "RAN\n") {
		t.Errorf("got %v and %s", err, out)
	}
}

// ofARun are the files that a run leaves for CodeBuild to keep.
func ofARun() []string { return []string{record.File, record.JUnit, record.Report} }

// CodeBuild reports and keeps something of every build, whatever became of it: it fails
// one of which it finds nothing, and a build of the doctor that found nothing to mend,
// say, has not failed.
func TestEveryBuildIsReportedAndKept(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*world, map[string]string)
		good    bool
		none    bool // there was no run
	}{
		"a run":                 {good: true},
		"a run that fails":      {prepare: func(w *world, _ map[string]string) { w.write("code", "Makefile", "setup:\n\t@false\n") }},
		"a wrong variable":      {prepare: func(_ *world, env map[string]string) { env["DEPLOY_ENVIRONMENT_ROLE"] = "nobody" }, none: true},
		"plan":                  {prepare: func(_ *world, env map[string]string) { env["SPA_RUNNER_COMMAND"] = "plan" }, good: true, none: true},
		"no binary":             {prepare: func(_ *world, env map[string]string) { env["SPA_RUNNER_URL"] = "s3://bucket/v2" }, none: true},
		"another binary":        {prepare: func(_ *world, env map[string]string) { env["SPA_RUNNER_SHA256_AMD64"] = "0" }, none: true},
		"no folder of a runner": {prepare: func(_ *world, env map[string]string) { delete(env, "SPA_RUNNER_URL") }, none: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, loopback.Options{})
			env := inABucket(t, w)
			if test.prepare != nil {
				test.prepare(w, env)
			}
			w.serve()
			spec, list := readBuildspec(t), []string{}
			for name, value := range env {
				list = append(list, name+"="+value)
			}
			build := spec.Phases["build"]
			out, err := codeBuild(t, "sh", w.workdir, list, build.Commands)
			if (err == nil) != test.good {
				t.Errorf("got %v and %s", err, out)
			}
			if out, err := codeBuild(t, "sh", w.workdir, list, build.Finally); err != nil || out != "" {
				t.Errorf("in the end: %v, %s", err, out)
			}
			reported, kept := collect(t, w.workdir, spec.Reports["steps"].Files), collect(t, w.workdir, spec.Artifacts.Files)
			if len(spec.Reports) != 1 || spec.Reports["steps"].Format != "JUNITXML" || !slices.Equal(reported, []string{record.Folder + "/" + record.JUnit}) {
				t.Errorf("%d reports of %v", len(spec.Reports), reported)
			}
			for _, file := range ofARun() {
				if got := slices.Contains(kept, record.Folder+"/"+file); got == test.none && file != record.JUnit || !got && file == record.JUnit {
					t.Errorf("%s is kept: %t of %q", file, got, kept)
				}
			}
			if text, cases := junitCases(t, w.workdir); cases == 0 || len(ofARun()) > 1 && strings.Contains(text, "no report of a run") != test.none {
				t.Errorf("%d cases, %s", cases, text)
			}
			if !test.none && len(kept) < len(ofARun()) || slices.ContainsFunc(kept, func(file string) bool { return !strings.HasPrefix(file, record.Folder+"/") }) {
				t.Errorf("kept are %q", kept)
			}
		})
	}
}

// What a run wrote stays, and one that was killed before it did is reported all the same.
func TestTheReportOfARunStays(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{record.JUnit: "of the run", record.File: "no report of a run"} {
		dir := t.TempDir()
		if err := errors.Join(os.Mkdir(filepath.Join(dir, record.Folder), 0o755), os.WriteFile(filepath.Join(dir, record.Folder, file), []byte("<testcase>of the run</testcase>"), 0o644)); err != nil {
			t.Fatal(err)
		}
		out, err := codeBuild(t, "sh", dir, []string{"PATH=" + os.Getenv("PATH")}, readBuildspec(t).Phases["build"].Finally)
		if text, cases := junitCases(t, dir); err != nil || out != "" || cases != 1 || !strings.Contains(text, want) {
			t.Errorf("with %s: got %s, want %q, %v, %s", file, text, want, err, out)
		}
	}
}

// A report that is none is not sent, waited for, or written through.
func TestWhatIsNoReportIsReplaced(t *testing.T) {
	t.Parallel()
	for what, put := range map[string]func(elsewhere, name string) error{
		"dangling link": os.Symlink,
		"link to a file": func(elsewhere, name string) error {
			return errors.Join(os.WriteFile(elsewhere, nil, 0o600), os.Symlink(elsewhere, name))
		},
		"FIFO":   func(_, name string) error { return syscall.Mkfifo(name, 0o600) },
		"folder": func(_, name string) error { return os.Mkdir(name, 0o700) },
	} {
		dir, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "elsewhere")
		name := filepath.Join(dir, record.Folder, record.JUnit)
		if err := errors.Join(os.Mkdir(filepath.Dir(name), 0o755), put(elsewhere, name)); err != nil {
			t.Fatal(err)
		}
		out, err := codeBuild(t, "sh", dir, []string{"PATH=" + os.Getenv("PATH")}, readBuildspec(t).Phases["build"].Finally)
		if info, lerr := os.Lstat(name); err != nil || out != "" || lerr != nil || !info.Mode().IsRegular() {
			t.Fatalf("%s: %v, %v, %s", what, err, lerr, out)
		}
		if text, cases := junitCases(t, dir); cases != 1 || !strings.Contains(text, "no report of a run") {
			t.Errorf("%s: got %s", what, text)
		}
		if written, _ := os.ReadFile(elsewhere); len(written) > 0 {
			t.Errorf("%s: it was written through: %s", what, written)
		}
	}
}

// inABucket is the environment of a build whose runner, this test, is in a bucket; the AWS
// CLI is a stand-in.
func inABucket(t *testing.T, w *world) map[string]string {
	t.Helper()
	binary, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	digest, bin := sha256.Sum256(binary), t.TempDir()
	cli := "#!/bin/sh\n[ \"$4\" = s3://bucket/v1/spa-runner-linux-" + runtime.GOARCH + " ] && exec cp '" + os.Args[0] + "' \"$5\"\n" +
		"echo \"fatal error: Key $4 does not exist\" >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(bin, "aws"), []byte(cli), 0o755); err != nil {
		t.Fatal(err)
	}
	env := maps.Clone(w.env)
	sum := hex.EncodeToString(digest[:])
	env["PATH"], env["SPA_RUNNER_URL"], env["CODEBUILD_BUILD_ID"] = bin+":"+env["PATH"], "s3://bucket/v1", "project:1a-2b"
	env["SPA_RUNNER_SHA256_AMD64"], env["SPA_RUNNER_SHA256_ARM64"] = sum, sum
	delete(env, "SPA_RUNNER_WORKDIR")
	delete(env, "SPA_RUNNER_LOG_FORMAT")
	return env
}

// collect finds files as CodeBuild does. Of its patterns it takes those that are documented.
func collect(t *testing.T, dir string, patterns []string) (files []string) {
	t.Helper()
	for _, pattern := range patterns {
		folder, recursive := strings.CutSuffix(pattern, "/**/*")
		if strings.Contains(folder, "*") {
			t.Fatalf("whether CodeBuild knows %q is not known", pattern)
		}
		err := filepath.WalkDir(filepath.Join(dir, folder), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && (recursive || path == filepath.Join(dir, folder)) {
				path, err = filepath.Rel(dir, path)
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if len(files) == 0 {
		t.Errorf("no file matches %q, and that fails the build", patterns)
	}
	return files
}

// junitCases are those of the report, which must be well-formed XML.
func junitCases(t *testing.T, dir string) (text string, cases int) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, record.Folder, record.JUnit))
	if err != nil {
		t.Fatal(err)
	}
	for decoder := xml.NewDecoder(bytes.NewReader(content)); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return string(content), cases
		}
		if err != nil {
			t.Fatalf("%v in %s", err, content)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "testcase" {
			cases++
		}
	}
}

// Whose parser of YAML CodeBuild has, nobody says: both files are the same to PyYAML, which
// knows YAML 1.1.
func TestTheBuildspecsAreTheSameToPyYAML(t *testing.T) {
	t.Parallel()
	if exec.CommandContext(t.Context(), "python3", "-c", "import yaml").Run() != nil {
		t.Skip("python3 with PyYAML is not on this machine: it was not asked")
	}
	for _, name := range []string{"buildspec.yml", "infra/buildspec-preview.yml"} {
		file := filepath.Join("..", "..", name)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "python3", "-c", "import json,sys,yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))", file).Output()
		if err != nil {
			t.Fatal(err)
		}
		var ours, theirs any
		if err := errors.Join(yaml.Unmarshal(text, &ours), json.Unmarshal(out, &theirs)); err != nil || !reflect.DeepEqual(ours, theirs) {
			t.Errorf("%s: %v, got %v here and %v there", name, err, ours, theirs)
		}
	}
}
