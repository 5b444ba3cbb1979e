package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"spa-runner/internal/loopback"
)

// moving is a world, in CodeBuild, in which something happens to the settings
// while a pass works: when it clones the code, it has the settings already.
type moving struct {
	*world
	bare string // the settings

	mu      sync.Mutex
	during  map[int]func()            // by the number of the pass
	passes  int                       // that came to the code
	asked   int                       // how often for the settings' branches
	cloned  bool                      // the code, since the settings were asked for
	answer  func(http.ResponseWriter) // if set, of those who look
	looking func()                    // if set, is called when somebody looks

	// By the number of the passes that came to the code: what answers the next clone of
	// the settings, or this clone of the code.
	settingsOf, codeOf map[int]func(http.ResponseWriter)
}

// movingMakefile writes down what is deployed, fails in lint if the settings say
// so, and shows its environment.
const movingMakefile = `setup:
	@env >$(HOME)/env-setup-$(SPA_TEST_PASS)
lint:
	@test ! -e broken
all-tests:
	@true
deploy:
	@echo "$(SPA_SETTINGS_COMMIT) $$(cat settings.yaml)" >>$(HOME)/deployed
`

func newMoving(t *testing.T) *moving {
	t.Helper()
	m := &moving{during: map[int]func(){}}
	m.world = newWorld(t, loopback.Options{Middleware: m.middleware})
	m.env["CODEBUILD_BUILD_ID"] = "project:1a-2b"
	m.write("code", "Makefile", movingMakefile)
	m.write("settings", environmentPath+"/settings.yaml", "0\n")
	return m
}

func (m *moving) serve() {
	m.t.Helper()
	m.world.serve()
	m.bare = filepath.Join(m.t.TempDir(), "settings.git")
	m.push("settings.yaml", "0\n")
	err := m.aws.ServeCodeCommit("SpaSettings", loopback.CodeCommitRepository{Dir: m.bare, Account: "111111111111"})
	if err != nil {
		m.t.Fatal(err)
	}
}

// push changes one file of the environment, and gives the commit that main is at
// then. An empty content removes the file.
func (m *moving) push(name, content string) string {
	path := filepath.Join(m.dirs["settings"], environmentPath, name)
	err := os.WriteFile(path, []byte(content), 0o644)
	if content == "" {
		err = os.Remove(path)
	}
	if err != nil {
		m.t.Error(err)
	}
	commit, err := loopback.Snapshot(m.t.Context(), m.dirs["settings"], m.bare)
	if err != nil {
		m.t.Error(err)
	}
	m.commits["settings"] = commit
	return commit
}

func (m *moving) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		defer m.mu.Unlock()
		switch r.URL.Path {
		case "/git/code.git/info/refs":
			m.passes++
			if f := m.during[m.passes]; f != nil {
				f()
			}
			m.cloned = true
			if f := m.codeOf[m.passes]; f != nil {
				f(rw)
				return
			}
		case "/v1/repos/SpaSettings/info/refs":
			m.asked++
			look := m.cloned || m.answer != nil && m.passes > 0 // or it is the clone of the next pass
			m.cloned = false
			if look && m.looking != nil {
				m.looking()
			}
			if look && m.answer != nil {
				m.answer(rw)
				return
			}
			if f := m.settingsOf[m.passes]; f != nil && !look {
				f(rw)
				return
			}
		}
		next.ServeHTTP(rw, r)
	})
}

// sync makes what the test and the server wrote visible to each other.
func (m *moving) sync() {
	m.mu.Lock()
	defer m.mu.Unlock()
}

func (m *moving) run(args ...string) outcome {
	m.t.Helper()
	m.sync()
	defer m.sync()
	return m.world.run(args...)
}

// deployed are the commits and the settings that the target saw.
func (m *moving) deployed() []string {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.home, "deployed"))
	if err != nil && !os.IsNotExist(err) {
		m.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// looked are the numbers of the passes after which was looked.
func (m *moving) looked(o outcome) []string {
	m.t.Helper()
	list := []string{}
	for _, e := range o.find(m.t, "step started", "look-again") {
		list = append(list, fmt.Sprint(e["pass"]))
	}
	return list
}

func (m *moving) git(args ...string) {
	m.t.Helper()
	out, err := exec.CommandContext(m.t.Context(), "git", append([]string{"--git-dir", m.bare}, args...)...).CombinedOutput()
	if err != nil {
		m.t.Errorf("git %q: %v, %s", args, err, out)
	}
}
