package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"spa-runner/internal/loopback"
)

const (
	settingsRole = "arn:aws:iam::111111111111:role/Spa-ReadSettingsRole"
	deployRole   = "arn:aws:iam::333333333333:role/Spa-DeployEnvironmentRole"
	region       = "eu-west-1"
	// tag is the release of SPA that is measured, or that the stand-in plays.
	tag = "v.24.06.18"
	// lines is what the targets print, each as often as the issue asks.
	lines = 1_000_000
	// pythonLine is the text before each number, so that a line is about as
	// long as one of a test run.
	pythonLine = "tests/test_accounts.py::test_case_with_a_long_name PASSED"
)

// settings are the files of the private repository, with an environment for
// each of the code repositories.
var settings = map[string]string{
	"environments/spa/variables.sh":  "export CODE_GIT_BRANCH=" + tag + "\nexport ALERT_EMAIL=alerts@example.com\n",
	"environments/spa/settings.yaml": "environment: bench\n",
	"environments/spa/fixtures/accounts.csv": "email,unit\n" +
		strings.Repeat("somebody@example.com,development\n", 200),
	"environments/lines/settings.yaml": "environment: bench\n",
}

// makefile is the code whose targets print much.
var makefile = fmt.Sprintf("python:\n\t@python3 -c 'for i in range(%d): print(\"%s\", i)'\nseq:\n\t@seq %d\n", lines, pythonLine, lines)

// world is what both sides act on: servers on this machine, the repositories
// behind them, and an environment that is the same for both.
type world struct {
	server *loopback.Server
	dir    string // everything is below it
	runner string // path of spa-runner
	self   string // path of this program
	env    []string
	spa    string // what the repository of the code is, for the table
}

// newWorld makes the repositories and serves them. Code is a bare clone of SPA;
// "" makes a stand-in.
func newWorld(ctx context.Context, dir, runner, code string) (*world, error) {
	w := &world{dir: dir, runner: runner, spa: "SPA " + tag}
	if code == "" {
		w.spa = "a stand-in for SPA"
		code = filepath.Join(dir, "spa.git")
		if err := w.standIn(ctx, code); err != nil {
			return nil, err
		}
	}
	bare := func(name string) string { return filepath.Join(dir, name+".git") }
	err := errors.Join(
		w.repository(ctx, settings, bare("settings")),
		w.repository(ctx, map[string]string{"Makefile": makefile}, bare("lines")),
		w.repository(ctx, map[string]string{"settings.yaml": "environment: bench\n"}, bare("smallest-settings")),
		w.repository(ctx, map[string]string{"Makefile": "setup lint all-tests deploy:\n\t@:\n"}, bare("smallest")),
	)
	if err != nil {
		return nil, err
	}
	if w.self, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	if w.server, err = loopback.Start(ctx, loopback.Options{}); err != nil {
		return nil, err
	}
	err = errors.Join(
		w.serveSettings("SpaSettings", bare("settings")),
		w.serveSettings("Smallest", bare("smallest-settings")),
		w.server.ServeGit("smallest-settings", loopback.GitRepository{Dir: bare("smallest-settings")}),
		w.server.ServeGit("smallest", loopback.GitRepository{Dir: bare("smallest")}),
		w.server.ServeGit("spa", loopback.GitRepository{Dir: code}),
		w.server.ServeGit("lines", loopback.GitRepository{Dir: bare("lines")}),
		w.home(),
	)
	return w, err
}

// serveSettings serves a bare repository as CodeCommit does.
func (w *world) serveSettings(name, bare string) error {
	return w.server.ServeCodeCommit(name, loopback.CodeCommitRepository{Dir: bare, Account: "111111111111", Region: region})
}

// home makes the home folder and the environment of both sides. The service
// role is in the usual file, so that the workbook's `unset` leads back to it as
// it does in CodeBuild.
func (w *world) home() error {
	service := w.server.ServiceCredentials()
	err := writeFiles(filepath.Join(w.dir, "home"), map[string]string{
		".aws/credentials": fmt.Sprintf("[default]\naws_access_key_id=%s\naws_secret_access_key=%s\naws_session_token=%s\n",
			service.AccessKeyID, service.SecretAccessKey, service.SessionToken),
		// In place of git-remote-codecommit, which the workbook installs with pip.
		// Like it, this is one start of Python that signs one clone.
		".gitconfig": "[credential]\n\tuseHttpPath = true\n\thelper = \"!f() { test \\\"$1\\\" != get || " +
			"aws codecommit credential-helper get --ignore-host-check; }; f\"\n",
	})
	w.env = []string{
		"PATH=" + pathWithoutShims(), "HOME=" + filepath.Join(w.dir, "home"), "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"AWS_REGION=" + region, "AWS_DEFAULT_REGION=" + region, "AWS_ENDPOINT_URL=" + w.server.URL(), "CODE_COMMIT_ENDPOINT=" + w.server.URL(),
		"READ_SETTINGS_ROLE=" + settingsRole, "DEPLOY_ENVIRONMENT_ROLE=" + deployRole, "SETTINGS_GIT_BRANCH=main",
	}
	return err
}

// pathWithoutShims puts the folder of the real python3, if it has the aws CLI
// too, before those of version managers: their shims are shell scripts that
// cost the peer a tenth of a second each time.
func pathWithoutShims() string {
	path := os.Getenv("PATH")
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		return path
	}
	bin := filepath.Dir(strings.TrimSpace(string(out)))
	if _, err := os.Stat(filepath.Join(bin, "aws")); err != nil {
		return path
	}
	return bin + string(os.PathListSeparator) + path
}

// repository makes a bare repository with one commit on main, of these files
// and of those that are in the folder beside it.
func (w *world) repository(ctx context.Context, files map[string]string, bare string) error {
	dir := bare + ".files"
	if err := writeFiles(dir, files); err != nil {
		return err
	}
	_, err := loopback.Snapshot(ctx, dir, bare)
	return err
}

// standIn makes a repository of the size of SPA's at the tag: 295 files, 5.8 MB,
// of which 19 pictures, which do not shrink, are 4.7 MB.
func (w *world) standIn(ctx context.Context, bare string) error {
	random := rand.New(rand.NewPCG(24, 6))
	for i := range 295 {
		name := fmt.Sprintf("folder%d/module%d.py", i%30, i)
		var b bytes.Buffer
		if i < 19 {
			name = fmt.Sprintf("media/picture%d.png", i)
			for b.Len() < 247_000 {
				_ = binary.Write(&b, binary.LittleEndian, random.Uint64())
			}
		}
		for b.Len() < 4_100 {
			fmt.Fprintf(&b, "    value_%d = function_%d(account, %d)\n", random.IntN(50), random.IntN(50), random.IntN(1e6))
		}
		if err := writeFiles(bare+".files", map[string]string{name: b.String()}); err != nil {
			return err
		}
	}
	if err := w.repository(ctx, nil, bare); err != nil {
		return err
	}
	for _, args := range [][]string{{"tag", tag}, {"repack", "-adq"}} {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", bare}, args...)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("git %v in %s: %w\n%s", args, bare, err, out)
		}
	}
	return nil
}

func writeFiles(dir string, files map[string]string) error {
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("making folders for %s: %w", path, err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
	}
	return nil
}
