package config

import (
	"bytes"
	"fmt"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"spa-runner/internal/fault"
	"spa-runner/internal/gitclone"
	"spa-runner/internal/redact"
	"spa-runner/internal/secretname"
)

// refNames are odd ones, for git and for the fuzzer.
var refNames = []string{
	"main", "v1.0", "feature/x", "refs/heads/main", "refs/tags/v1", "a.b", "a..b", ".a", "a.", "a/.b", "a./b", "a/b.", "a.lock", "a.lock/b", "a/b.lock", "a.locks", ".lock", "lock",
	"/a", "a/", "a//b", "a b", "a\tb", "a\x7fb", "a\x01", "a~1", "a^", "a:b", "a?b", "a*", "a[b", "a]b", `a\b`, "a@{b", "a@b", "a{b}", "@a", "a@", "@/a", "ü", "日本", "\xff\xfe", "a\u2028b", "\u00a0",
	"-a", "--", "a-", "HEAD", "FETCH_HEAD", "a'b", `a"b`, "$(id)", "`id`", "a;b", "a|b", "a&b", "a<b", "a!b", "a,b", "a=b", "a+b", "a#b", "%2e%2e", "a%b", "..", ".", "...", "a/../b", "a\nb", "a\x00b",
	"0123456789abcdef0123456789abcdef01234567", strings.Repeat("a", 300), "a/@/b", "a/@", "@{-1}", "@{u}",
}

// TestRefNamesLikeGit asks git about the same names. A dash at the beginning git
// refuses in branches alone, and @ is what it calls HEAD.
func TestRefNamesLikeGit(t *testing.T) {
	t.Parallel()
	refused := 0
	for _, name := range append(refNames, "@") {
		if strings.ContainsRune(name, 0) {
			continue // cannot be handed to git; the fuzzer knows it
		}
		want := exec.Command("git", "check-ref-format", "refs/heads/"+name).Run() == nil && !strings.HasPrefix(name, "-") && name != "@"
		var got string
		if err := ref(&got)(name); (err == nil) != want {
			t.Errorf("%q: got %v, and git takes it: %v", name, err, want)
		}
		if !want {
			refused++
		}
	}
	if refused < 30 {
		t.Errorf("git refuses %d names only: is it installed?", refused)
	}
}

// FuzzRef compares with go-git, which must not be handed a name that it refuses.
func FuzzRef(f *testing.F) {
	for _, name := range refNames {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		var got string
		err := ref(&got)(name)
		valid := plumbing.ReferenceName("refs/heads/"+name).Validate() == nil && !strings.HasPrefix(name, "-") && name != "@" || name == ""
		if name != "@" && slices.Contains(strings.Split(name, "/"), "@") {
			return // git takes a folder of that name, go-git does not, and says so when it clones
		}
		if err == nil && (got != name || !valid) {
			t.Errorf("%q is taken as %q, and go-git says %v", name, got, plumbing.ReferenceName("refs/heads/"+name).Validate())
		}
		if err != nil && valid {
			t.Errorf("%q is refused (%v), and go-git takes it", name, err)
		}
	})
}

// FuzzPath: what is taken as the folder of an environment is below the settings,
// in the one way to write it, and outside of git's own folder.
func FuzzPath(f *testing.F) {
	for _, value := range []string{
		"environments/production", ".", "./a/", "a//b", "a/./b", "..", "a/..", "a/../..", "/etc", "a\\b", "a b", ".git", "a/.git/b", ".GIT", "a/...", "-rf", "~", "a\x00b", "é", "a\u00a0b", "\xff", "a/b/c/", "$HOME", "a:b",
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		var got, again string
		if err := ParseRelativePath(&got)(value); err != nil {
			if got != "" {
				t.Errorf("%q is refused, and %q stored", value, got)
			}
			return
		}
		if value == "" {
			return
		}
		elements := strings.Split(got, "/")
		if !filepath.IsLocal(got) || path.Clean(got) != got || slices.Contains(elements, "..") || slices.ContainsFunc(elements, func(e string) bool { return strings.EqualFold(e, ".git") }) {
			t.Errorf("%q is taken as %q", value, got)
		}
		if strings.ContainsAny(got, " \t\r\n\x00\\") {
			t.Errorf("%q has characters in it that the shell and make trip over", got)
		}
		if err := ParseRelativePath(&again)(got); err != nil || again != got {
			t.Errorf("%q is taken as %q, and that as %q, %v", value, got, again, err)
		}
	})
}

// FuzzPassword writes URLs with a password in all the wrong ways. Nothing that
// shows a URL, or hands it on, shows the password.
func FuzzPassword(f *testing.F) {
	f.Add("https", "bob", "hunter2x!", "host.example", "/owner/code.git")
	f.Add("https", "bob", "longhead?tail#x", "h", "/p")
	f.Add("http", "", "p@ss/word", "host:8080", "/a?b#c@d")
	f.Add("https", "x-access-token", "ghp?0123#456", "[::1]:443", "/@scope/x")
	f.Add("ftp", "bob", "pa:ss:wo:rd", "h", "")
	f.Add("git+ssh", "git", "12345/6@789", "h", ":path")
	f.Add("https", "bob", "%zz%41%", "h", "/p")
	f.Add("https", "bob", `"quo'ted<x>`, "h", "/p")
	f.Add("", "bob", "hunter2x!//", "host", "/p")
	f.Add("file", "bob", "hunter2x!", "host", "/p")
	f.Add("0", "0", "//0000", "0", "0")
	f.Add("A", "0", "# 0", "0", "0")
	f.Add("codecommit::eu-west-1", "bob", "hunter2x!", "Repo", "")
	f.Fuzz(func(t *testing.T, scheme, user, password, host, rest string) {
		if strings.ContainsAny(scheme+host, "@/?#") || strings.ContainsAny(user, ":@/?#") || strings.Contains(rest, "@") || strings.TrimSpace(password) != password {
			return // the pieces are what they are called
		}
		// What is looked for is in two places of the password, and nowhere by chance.
		const head, tail = "ZxHead7", "QjTail4"
		third := len(password) / 3
		password = password[:third] + head + password[third:2*third] + tail + password[2*third:]
		raw := scheme + "://" + user + ":" + password + "@" + host + rest
		seen := func(text string) bool { return strings.Contains(text, head) || strings.Contains(text, tail) }
		if got := gitclone.DisplayURL(raw); seen(got) {
			t.Errorf("DisplayURL(%q) = %q", raw, got)
		}
		codecommit := strings.HasPrefix(raw, "codecommit:")                             // refused where there is more than a profile
		aPort := secretname.Port.MatchString(user + ":" + password + "@" + host + rest) // then all after the slash is a path
		if got := WithoutPassword(raw); !codecommit && !aPort && seen(got) {
			t.Errorf("withoutPassword(%q) = %q", raw, got)
		}
		if got := WithoutUserInfo(raw); seen(got) {
			t.Errorf("withoutUserInfo(%q) = %q", raw, got)
		}
		for _, name := range []string{"CODE_GIT_URL", "SETTINGS_GIT_URL"} {
			c := New(nil, []string{name + "=" + raw, "AWS_REGION=eu-west-1", "SETTINGS_ENVIRONMENT_PATH=e"})
			text := fmt.Sprint(c.Resolve(), c.Resolved, c.Warnings)
			if seen(text) && !codecommit {
				t.Errorf("%s=%q: %s", name, raw, text)
			}
		}
		if strings.ContainsFunc(raw, isSpace) || aPort || strings.Contains(user+":"+password, "://") {
			return // no way to write a password, or another way to read it
		}
		r := redact.New()
		r.Add(secretname.In([]string{"X=" + raw})...)
		if got := r.String("<" + password + ">"); got != "<***>" && !codecommit {
			t.Errorf("with X=%q in the environment the password is shown as %q", raw, got)
		}
	})
}

func isSpace(r rune) bool { return strings.ContainsRune(" \t\r\n\v\f", r) }

// FuzzVariables gives any value to any variable of the table, by each of the ways
// in. It is refused with a sentence that names the variable, or what is stored is
// what the variable is for; twice the same.
func FuzzVariables(f *testing.F) {
	table := new(Config).Variables()
	for i, v := range table {
		for _, value := range []string{v.Preset, "", " ", "x y", "arn:aws:iam::123456789012:role/R", "eu-west-1", "1h30m", "-1s", "a,b c", "--option", "X=1", "TRUE", "JSON", "https://u:p@h/p", "\x00", "é\n"} {
			f.Add(uint8(i), value, uint8(len(value)))
		}
	}
	target := regexp.MustCompile(`^[A-Za-z0-9_./%@+][^=\s]*$`)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, row uint8, value string, way uint8) {
		v := table[int(row)%len(table)]
		if v.Name == "SPA_RUNNER_WORKDIR" && filepath.IsAbs(value) {
			return // depends on the machine
		}
		t.Chdir(dir)
		flags, environ := map[string]string{}, []string{
			"SETTINGS_GIT_URL=codecommit::eu-west-1://S", "READ_SETTINGS_ROLE=" + settingsRole, "DEPLOY_ENVIRONMENT_ROLE=" + deployRole, "SETTINGS_ENVIRONMENT_PATH=e",
		}
		if way%2 == 0 {
			flags[v.Name] = value
		} else {
			environ = append(environ, v.Name+"="+value)
		}
		c := New(flags, environ)
		err := c.Resolve()
		first := fmt.Sprint(err, c.Resolved, c.Warnings)
		again := c.Resolve()
		if second := fmt.Sprint(again, c.Resolved, c.Warnings); first != second {
			t.Errorf("%s=%q: first %s, then %s", v.Name, value, first, second)
		}
		if err != nil {
			checkRefusal(t, v, value, err)
			return
		}
		for _, name := range slices.Concat(c.SetupTargets, c.LintTargets, c.TestTargets, c.DeployTargets) {
			if !target.MatchString(name) {
				t.Errorf("%s=%q: %q is no target", v.Name, value, name)
			}
		}
		for _, name := range c.DeployOnly {
			if strings.ContainsAny(name, "= \n") || name == "" {
				t.Errorf("%s=%q: %q is no name", v.Name, value, name)
			}
		}
		hashes := regexp.MustCompile(`^([0-9a-f]{40})?$`)
		if c.Timeout < 0 || c.StepTimeout < 0 || c.Grace < 0 || !hashes.MatchString(c.Code.Commit) || !hashes.MatchString(c.SettingsPin) || !hashes.MatchString(c.Trigger) {
			t.Errorf("%s=%q: took %v %v %v, %q %q %q", v.Name, value, c.Timeout, c.StepTimeout, c.Grace, c.Code.Commit, c.SettingsPin, c.Trigger)
		}
	})
}

// checkRefusal looks at what a person reads.
func checkRefusal(t *testing.T, v Variable, value string, err error) {
	t.Helper()
	if fault.ExitCode(err) != fault.ExitConfig {
		t.Errorf("%s=%q: exit code %d", v.Name, value, fault.ExitCode(err))
	}
	text := err.Error()
	related := []string{v.Name, "CODE_COMMIT_ENDPOINT", "SETTINGS_GIT_URL", "READ_SETTINGS_ROLE", "AWS_REGION"}
	if !slices.ContainsFunc(related, func(name string) bool { return strings.Contains(text, name) }) {
		t.Errorf("%s=%q: it is not named in %s", v.Name, value, text)
	}
	if v.Secret && len(value) > 5 && bytes.Contains([]byte(text), []byte(value)) {
		t.Errorf("%s: its value is in %s", v.Name, text)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f }) {
		t.Errorf("%s=%q: something that a terminal obeys is in %q", v.Name, value, text)
	}
}

// FuzzTriggerValues: what a trigger, or whoever starts a build, says of a push is for the
// log and the summary: one line, and a time that everybody reads alike.
func FuzzTriggerValues(f *testing.F) {
	for _, seed := range [][3]string{
		{"arn:aws:iam::111111111111:user/alice", "2026-03-01T13:00:00+01:00", "3"},
		{"arn:aws:sts::1:assumed-role/A/\x1b[31m", "0000-01-01T00:00:00+23:59", "+3"},
		{"$(id)", "9999-12-31T23:59:59-23:59", "11"},
		{"", "", ""},
		{"arn:a:b:::x\n", "2026-03-01T12:00:60Z", "0x2"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	shown := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)
	f.Fuzz(func(t *testing.T, who, when, passes string) {
		var told, at string
		if err := pusher(&told)(who); err == nil && (told != who || strings.ContainsFunc(told, func(r rune) bool { return r <= ' ' || r > '~' })) {
			t.Errorf("the pusher %q is told as %q", who, told)
		}
		if err := moment(&at)(when); err == nil && when != "" {
			was, err := time.Parse(time.RFC3339, when)
			is, err2 := time.Parse(time.RFC3339, at)
			if err != nil || err2 != nil || !is.Equal(was.Truncate(time.Second)) || !shown.MatchString(at) {
				t.Errorf("%q is told as %q: %v, %v", when, at, err, err2)
			}
		}
		var n int
		if err := passLimit(&n, true)(passes); err == nil && (n < 1 || n > maxPasses) {
			t.Errorf("%q allows %d passes", passes, n)
		}
	})
}
