package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"golang.org/x/sys/unix"

	"spa-runner/pipeline"
)

// asHostile makes the test binary a program that looks for identities it was
// not given. Its value is the path of the hints.
const asHostile = "TEST_AS_HOSTILE"

// ofAnotherEnvironment is in the settings of an environment that is not deployed.
const ofAnotherEnvironment = "marker-of-another-environment"

// hints are what an attacker would have to guess. Secrets are written backwards,
// so that the attacker's own memory and files are no finding.
type hints struct {
	Secrets []string // to be found: keys of the service role
	Home    string   // of the user that the runner was started as
	Workdir string
	TestPID int // plays AWS, so that it holds every key: left alone
	Server  string
	Scan    bool // all ports of loopback, and not that server alone
	Clients bool // the AWS CLI and boto3 too
}

func backwards(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// hostile prints a line for each way to an identity that it found, sorted, and
// a last line that says that it went to its end.
func hostile() {
	var h hints
	text, err := os.ReadFile(os.Getenv(asHostile))
	if err == nil {
		err = json.Unmarshal(text, &h)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for i, secret := range h.Secrets {
		h.Secrets[i] = backwards(secret)
	}
	s := &searcher{hints: h, family: family(h.TestPID)}
	s.environment()
	s.sdks()
	s.files()
	s.processes()
	s.ports()
	s.privileges()
	slices.Sort(s.found)
	for _, line := range slices.Compact(s.found) {
		fmt.Println("FOUND " + line)
	}
	fmt.Println("searched as uid", os.Getuid(), "beside", len(s.family), "ancestors:", strings.Join(s.names(), ", "))
}

type searcher struct {
	hints
	family []relative
	mu     sync.Mutex
	found  []string
}

// relative is an ancestor of this process, up to the test.
type relative struct {
	pid  int
	name string
}

// family are the ancestors below the test: sh, make, the runner and the shell
// that started it.
func family(test int) []relative {
	var list []relative
	for pid := os.Getppid(); pid > 1 && pid != test; {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			break
		}
		cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		argv := strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00")
		name := filepath.Base(argv[0])
		switch {
		case strings.HasSuffix(argv[0], ".test") && argv[len(argv)-1] == "run":
			name = "the runner"
		case slices.Contains(argv, startsTheRunner):
			name = "the shell that started the runner"
		}
		list = append(list, relative{pid, name})
		var state string
		_, _ = fmt.Sscan(string(stat[bytes.LastIndexByte(stat, ')')+1:]), &state, &pid)
	}
	return list
}

func (s *searcher) names() []string {
	var names []string
	for _, r := range s.family {
		names = append(names, r.name)
	}
	return names
}

// relativeOf names a process of the family, or "" for all others.
func (s *searcher) relativeOf(pid int) string {
	for _, r := range s.family {
		if r.pid == pid {
			return r.name
		}
	}
	return ""
}

func (s *searcher) find(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = append(s.found, fmt.Sprintf(format, args...))
}

func (s *searcher) holds(text []byte) bool {
	return slices.ContainsFunc(s.Secrets, func(secret string) bool { return bytes.Contains(text, []byte(secret)) })
}

func (s *searcher) environment() {
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		carries := (pipeline.Forbidden(name) != "" || pipeline.Foreign(name) != "") && !strings.HasPrefix(name, "MAKE") && name != "MFLAGS"
		if text, err := os.ReadFile(value); err == nil && len(text) == 0 {
			carries = false // a configuration with nothing in it
		}
		if carries || s.holds([]byte(value)) {
			s.find("own environment: %s", name)
		}
	}
}

func (s *searcher) sdks() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if cfg, err := config.LoadDefaultConfig(ctx); err == nil {
		if keys, err := cfg.Credentials.Retrieve(ctx); err == nil {
			s.find("go sdk: %s", keys.Source)
		}
	}
	if !s.Clients {
		return
	}
	for name, argv := range map[string][]string{
		"aws cli": {"aws", "sts", "get-caller-identity"},
		"boto3":   {"python3", "-c", "import boto3, sys; sys.exit(boto3.Session().get_credentials() is None)"},
	} {
		if _, err := exec.LookPath(argv[0]); err == nil && exec.CommandContext(ctx, argv[0], argv[1:]...).Run() == nil {
			s.find("%s", name)
		}
	}
}

// files looks where keys lie about: homes, and everything that the run made.
func (s *searcher) files() {
	for _, home := range []string{s.Home, os.Getenv("HOME")} {
		for _, name := range []string{".aws/credentials", ".aws/config", ".boto", ".netrc", ".git-credentials"} {
			if text, err := os.ReadFile(filepath.Join(home, name)); err == nil && bytes.Contains(text, []byte(canary)) {
				s.find("file in the home of the runner's user: %s", name)
			}
		}
	}
	_ = filepath.WalkDir(s.Workdir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			if text, err := os.ReadFile(path); err == nil && s.holds(text) {
				s.find("file of the run: %s", path)
			} else if err == nil && bytes.Contains(text, []byte(ofAnotherEnvironment)) {
				s.find("settings of other environments")
			}
		}
		return nil
	})
}

func (s *searcher) processes() {
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() || pid == s.TestPID {
			continue
		}
		who := s.relativeOf(pid)
		dir := "/proc/" + entry.Name()
		for _, name := range []string{"environ", "cmdline"} {
			if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil && s.holds(text) {
				s.find("%s of %s", name, orPID(who, dir))
			}
		}
		if who == "" || who == "sh" || who == "make" {
			continue
		}
		if s.memory(dir) {
			s.find("memory of %s", who)
		}
		if open, err := os.ReadDir(filepath.Join(dir, "fd")); err == nil {
			for _, fd := range open {
				if _, err := os.Readlink(filepath.Join(dir, "fd", fd.Name())); err == nil {
					s.find("open files of %s", who)
				}
			}
		}
		if attach(pid) {
			s.find("ptrace of %s", who)
		}
		if syscall.Kill(pid, 0) == nil {
			s.find("signals to %s", who)
		}
	}
}

func orPID(who, dir string) string {
	if who == "" {
		return dir
	}
	return who
}

// memory searches what a process may write to: stack, heap and the like.
func (s *searcher) memory(dir string) bool {
	maps, err := os.ReadFile(filepath.Join(dir, "maps"))
	if err != nil {
		return false
	}
	mem, err := os.Open(filepath.Join(dir, "mem"))
	if err != nil {
		return false
	}
	defer mem.Close()
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		var mode string
		if n, _ := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); n != 3 || !strings.HasPrefix(mode, "rw") || to-from > 1<<30 {
			continue
		}
		block := make([]byte, to-from)
		n, _ := mem.ReadAt(block, int64(from))
		if s.holds(block[:n]) {
			return true
		}
	}
	return false
}

func attach(pid int) bool {
	if err := unix.PtraceAttach(pid); err != nil {
		return false
	}
	_, _ = unix.Wait4(pid, nil, unix.WALL, nil)
	_ = unix.PtraceDetach(pid)
	return true
}

// ports asks everything that listens on loopback for credentials.
func (s *searcher) ports() {
	s.ask(s.Server)
	if !s.Scan {
		return
	}
	next := make(chan int)
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for port := range next {
				address := fmt.Sprintf("127.0.0.1:%d", port)
				if conn, err := net.DialTimeout("tcp", address, 10*time.Second); err == nil {
					_ = conn.Close()
					s.ask(address)
				}
			}
		})
	}
	for port := 1; port <= 65535; port++ {
		next <- port
	}
	close(next)
	group.Wait()
}

func (s *searcher) ask(address string) {
	client := http.Client{Timeout: 15 * time.Second}
	for _, path := range []string{"/", "/credentials", "/v2/credentials", "/latest/meta-data/iam/security-credentials/"} {
		res, err := client.Get("http://" + address + path)
		if err != nil {
			continue
		}
		body, _ := io.ReadAll(io.LimitReader(res.Body, 1<<16))
		_ = res.Body.Close()
		if s.holds(body) {
			s.find("credentials on a port of loopback")
		}
	}
}

// privileges tries to become somebody else.
func (s *searcher) privileges() {
	if os.Getuid() == 0 {
		return // there is nobody above
	}
	if err := syscall.Setuid(0); err == nil {
		s.find("setuid(0)")
	}
	if noNew, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err != nil || noNew != 1 {
		s.find("programs with the setuid bit")
	}
}
