package codecommit

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ireland is what a build in eu-west-1 knows.
var ireland = Defaults{Region: "eu-west-1"}

const (
	regional = "git-codecommit.eu-west-1.amazonaws.com"
	vpce     = "vpce-0b47ea360adebf88a-jkl88hez.git-codecommit.us-east-1.vpce.amazonaws.com"
	local    = "http://127.0.0.1:1234"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		raw  string
		env  Defaults
		want Repository
		warn string // in the only warning
	}{
		{"codecommit::ap-southeast-4://My.Repo-1_", ireland, Repository{"ap-southeast-4", "My.Repo-1_", "git-codecommit.ap-southeast-4.amazonaws.com", "https://git-codecommit.ap-southeast-4.amazonaws.com/v1/repos/My.Repo-1_"}, ""},
		{"codecommit::eu-west-1://" + strings.Repeat("n", 100), Defaults{}, Repository{"eu-west-1", strings.Repeat("n", 100), regional, "https://" + regional + "/v1/repos/" + strings.Repeat("n", 100)}, ""},
		{"codecommit::eu-west-1://prof@R", Defaults{}, Repository{"eu-west-1", "R", regional, "https://" + regional + "/v1/repos/R"}, "profile before the @ is ignored"},
		{"codecommit://R", ireland, Repository{"eu-west-1", "R", regional, "https://" + regional + "/v1/repos/R"}, ""},
		{"codecommit://prof@R", ireland, Repository{"eu-west-1", "R", regional, "https://" + regional + "/v1/repos/R"}, "profile before the @ is ignored"},
		{"codecommit://R/", ireland, Repository{"eu-west-1", "R", regional, "https://" + regional + "/v1/repos/R"}, "slash after the name"},
		{"codecommit::cn-north-1://R", ireland, Repository{"cn-north-1", "R", "git-codecommit.cn-north-1.amazonaws.com.cn", "https://git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/R"}, ""},
		{"https://" + regional + "/v1/repos/R", Defaults{Region: "us-east-1"}, Repository{"eu-west-1", "R", regional, "https://" + regional + "/v1/repos/R"}, ""},
		{"https://" + regional + ":443/v1/repos/R", Defaults{}, Repository{"eu-west-1", "R", regional, "https://" + regional + "/v1/repos/R"}, ""},
		{"HTTPS://Git-CodeCommit.EU-West-1.amazonaws.com/v1/repos/R", Defaults{}, Repository{"eu-west-1", "R", regional, "https://" + regional + "/v1/repos/R"}, ""},
		{"https://" + regional + "/v1/repos/R/", Defaults{}, Repository{"eu-west-1", "R", regional, "https://" + regional + "/v1/repos/R"}, "slash after the name"},
		{"https://bob-at-123:sesame@" + regional + "/v1/repos/R", Defaults{}, Repository{"eu-west-1", "R", regional, "https://" + regional + "/v1/repos/R"}, "user before the @ is ignored"},
		{"https://git-codecommit-fips.us-gov-west-1.amazonaws.com/v1/repos/R", ireland, Repository{"us-gov-west-1", "R", "git-codecommit-fips.us-gov-west-1.amazonaws.com", "https://git-codecommit-fips.us-gov-west-1.amazonaws.com/v1/repos/R"}, ""},
		{"https://git-codecommit.cn-northwest-1.amazonaws.com.cn/v1/repos/R", ireland, Repository{"cn-northwest-1", "R", "git-codecommit.cn-northwest-1.amazonaws.com.cn", "https://git-codecommit.cn-northwest-1.amazonaws.com.cn/v1/repos/R"}, ""},
		{"https://" + vpce + "/v1/repos/R", ireland, Repository{"us-east-1", "R", vpce, "https://" + vpce + "/v1/repos/R"}, ""},
		{"https://vpce-0b-j-us-east-1a.git-codecommit-fips.us-east-1.vpce.amazonaws.com/v1/repos/R", ireland, Repository{"us-east-1", "R", "vpce-0b-j-us-east-1a.git-codecommit-fips.us-east-1.vpce.amazonaws.com", "https://vpce-0b-j-us-east-1a.git-codecommit-fips.us-east-1.vpce.amazonaws.com/v1/repos/R"}, ""},

		// CODE_COMMIT_ENDPOINT: the region of the signature stays that of the URL, and the port is not signed.
		{"codecommit::eu-west-2://R", Defaults{"eu-west-1", local}, Repository{"eu-west-2", "R", "127.0.0.1", local + "/v1/repos/R"}, ""},
		{"codecommit://R", Defaults{"eu-west-1", local + "/"}, Repository{"eu-west-1", "R", "127.0.0.1", local + "/v1/repos/R"}, ""},
		{"codecommit::us-east-1://R", Defaults{"eu-west-1", vpce}, Repository{"us-east-1", "R", vpce, "https://" + vpce + "/v1/repos/R"}, ""},
		{"codecommit://R", Defaults{"eu-west-1", "Git.Internal.example:8443"}, Repository{"eu-west-1", "R", "git.internal.example", "https://git.internal.example:8443/v1/repos/R"}, ""},
		{"https://git.internal.example/v1/repos/R", Defaults{"eu-west-1", "git.internal.example"}, Repository{"eu-west-1", "R", "git.internal.example", "https://git.internal.example/v1/repos/R"}, ""},
		{local + "/v1/repos/R", Defaults{"eu-west-1", local}, Repository{"eu-west-1", "R", "127.0.0.1", local + "/v1/repos/R"}, ""},
		{"https://" + regional + "/v1/repos/R", Defaults{"us-east-1", regional}, Repository{"eu-west-1", "R", regional, "https://" + regional + "/v1/repos/R"}, ""},
		{"https://" + vpce + ":8443/v1/repos/R", Defaults{"", vpce + ":8443"}, Repository{"us-east-1", "R", vpce, "https://" + vpce + ":8443/v1/repos/R"}, ""},
		{"https://" + regional + "/v1/repos/R", Defaults{"us-east-1", local}, Repository{"eu-west-1", "R", "127.0.0.1", local + "/v1/repos/R"}, "127.0.0.1:1234 instead of " + regional},
	} {
		got, warnings, err := Parse(c.raw, c.env)
		if err != nil || got != c.want {
			t.Errorf("Parse(%q, %+v) =\n%+v, %v, want\n%+v", c.raw, c.env, got, err, c.want)
		}
		if c.warn == "" && len(warnings) > 0 || c.warn != "" && (len(warnings) != 1 || !strings.Contains(warnings[0], c.warn)) {
			t.Errorf("Parse(%q, %+v) warns %q, want %q", c.raw, c.env, warnings, c.warn)
		}
		if !Is(c.raw, c.env) {
			t.Errorf("Is(%q, %+v) = false, and Parse reads it", c.raw, c.env)
		}
	}
}

// mistakes are URLs that are meant to be CodeCommit and are not, with a part of the answer.
var mistakes = []struct {
	raw  string
	env  Defaults
	want string
}{
	// The HTTPS URL pasted where a name belongs.
	{"codecommit://git-codecommit.us-west-2.amazonaws.com/v1/repos/hello", ireland, "not a URL; write codecommit::us-west-2://hello"},
	{"codecommit::eu-west-1://https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/hello", ireland, "not a URL; write codecommit::eu-west-1://hello"},
	{"codecommit::https://git-codecommit-fips.us-east-1.amazonaws.com/v1/repos/hello.git", ireland, "not a URL; write codecommit::us-east-1://hello"},
	{"codecommit://https://github.com/a/b", ireland, "not a URL; write codecommit::eu-west-1://NAME or https"},

	// Colons and regions.
	{"codecommit:://R", ireland, "no region between the colons"},
	{"codecommit::://R", ireland, "no region between the colons"},
	{"codecommit:eu-west-1://R", ireland, "before a region there are two"},
	{"codecommit::eu-west-1:R", ireland, "no :// before the name"},
	{"codecommit::R", ireland, "no :// before the name"},
	{"codecommit:R", ireland, "before a region there are two"},
	{"codecommit::europe://R", ireland, `"europe" is not a region`},
	{"codecommit::eu-west-1a://R", ireland, "write its region, eu-west-1"},
	{"codecommit::EU-WEST-1://R", ireland, "write eu-west-1"},
	{"codecommit://R", Defaults{}, "AWS_REGION is not set"},
	{"codecommit://R", Defaults{Region: "europe"}, `AWS_REGION is of no use: "europe"`},
	{"CodeCommit::eu-west-1://R", ireland, "lower case"},

	// Names.
	{"codecommit://", ireland, "name of the repository is missing"},
	{"codecommit:///", ireland, "goes on after a slash"},
	{"codecommit::eu-west-1://prof@", ireland, "name of the repository is missing"},
	{"codecommit://R.git", ireland, "never end in .git"},
	{"codecommit://R/sub", ireland, "no folders"},
	{"codecommit://" + strings.Repeat("n", 101), ireland, "up to 100 letters"},
	{"codecommit://R%20S", ireland, "up to 100 letters"},
	{"codecommit://Rôle", ireland, "up to 100 letters"},
	{"codecommit://..", ireland, "up to 100 letters"},
	{"https://" + regional + "/v1/repos/..", ireland, "up to 100 letters"},
	{"https://" + regional + "/v1/repos/%2e%2e", ireland, "up to 100 letters"},
	{"https://" + regional + "/v1/repos/R.GIT", ireland, "never end in .git"},
	{"https://" + regional + "/v1/repos/", ireland, "name of the repository is missing"},
	{"https://" + regional + "/v1/repos/R/tree/main", ireland, "no folders"},

	// White space, quotes, placeholders.
	{" codecommit://R", ireland, "white space"},
	{"codecommit://R\n", ireland, "white space"},
	{"codecommit://R\u200b", ireland, "invisible character"},
	{"'codecommit://R'", ireland, "quotes"},
	{"codecommit::${AWS_REGION}://R", ireland, "placeholder or a variable"},
	{"https://git-codecommit.<region>.amazonaws.com/v1/repos/R", ireland, "placeholder or a variable"},

	// HTTPS.
	{"http://" + regional + "/v1/repos/R", ireland, "must begin with https://"},
	{"https://" + regional + ":8443/v1/repos/R", ireland, "no port 8443"},
	{"https://" + regional + ":x/v1/repos/R", ireland, "not a well-formed URL"},
	{"https://" + regional + "/R", ireland, "should look like https://" + regional + "/v1/repos/NAME"},
	{"https://" + regional, ireland, "should look like https://" + regional + "/v1/repos/NAME"},
	{"https://" + regional + "/v1/repos/R?x=y", ireland, "with ? or #"},
	{"https://" + regional + "/v1/repos/R#x", ireland, "with ? or #"},
	{"https://git-codecommit.europe.amazonaws.com/v1/repos/R", ireland, `"europe" is not a region`},
	{"https://codecommit.eu-west-1.amazonaws.com/v1/repos/R", ireland, "host of CodeCommit's API"},
	{"https://git-codecommit.eu-west-1.amazonaws.com.cn/v1/repos/R", ireland, "in eu-west-1 it ends in amazonaws.com"},
	{"https://git-codecommit.cn-north-1.amazonaws.com/v1/repos/R", ireland, "ends in amazonaws.com.cn"},
	{"https://git-codecommit.eu-west-1.amazonaws.com.evil.example/v1/repos/R", ireland, "is not CodeCommit's"},
	{"https://git-codecommit.eu-west-1.evil.example/v1/repos/R", ireland, "is not CodeCommit's"},
	{"https://evil.git-codecommit.eu-west-1.amazonaws.com/v1/repos/R", ireland, "no host of CodeCommit"},
	{"https://git-codecommit.eu-west-1.vpce.amazonaws.com/v1/repos/R", ireland, "no host of CodeCommit"},
	{"https://vpce-1.git-codecommit.eu-west-1.amazonaws.com/v1/repos/R", ireland, "no host of CodeCommit"},

	// Other notations of the right thing.
	{"ssh://git-codecommit.eu-west-1.amazonaws.com/v1/repos/R", ireland, "SSH is not supported, no key is read; write codecommit::eu-west-1://R"},
	{"ssh://APKAEIBAERJR2EXAMPLE@git-codecommit.eu-west-1.amazonaws.com/v1/repos/R", ireland, "write codecommit::eu-west-1://R"},
	{"git://git-codecommit.eu-west-1.amazonaws.com/v1/repos/R", ireland, "git:// is not supported; write codecommit::eu-west-1://R"},
	{"git-codecommit.eu-west-1.amazonaws.com/v1/repos/R", ireland, "no https:// before it; write codecommit::eu-west-1://R"},
	{"git@git-codecommit.eu-west-1.amazonaws.com:v1/repos/R", ireland, "write codecommit::eu-west-1://R"},
	{"arn:aws:codecommit:eu-west-1:123456789012:R", ireland, "an ARN cannot be cloned; write codecommit::eu-west-1://R"},
	{"https://eu-west-1.console.aws.amazon.com/codesuite/codecommit/repositories/R/browse?region=eu-west-1", ireland, "console cannot be cloned; write codecommit::eu-west-1://R"},

	// The endpoint.
	{"codecommit::eu-west-1://R", Defaults{"", vpce}, "CODE_COMMIT_ENDPOINT is a host of us-east-1"},
	{"codecommit://R", Defaults{"eu-west-1", "http://git.internal.example"}, "clear text"},
	{"codecommit://R", Defaults{"eu-west-1", "http://127.0.0.1.evil.example"}, "clear text"},
	{"codecommit://R", Defaults{"eu-west-1", "https://git.internal.example/v1/repos/R"}, "goes on after the host"},
	{"codecommit://R", Defaults{"eu-west-1", "ftp://127.0.0.1"}, "not http or https"},
	{"codecommit://R", Defaults{"eu-west-1", "https://"}, "not a name"},
	{"codecommit://R", Defaults{"eu-west-1", "http://[::1]:80"}, "IPv4"},
	{"codecommit://R", Defaults{"eu-west-1", "a host"}, "CODE_COMMIT_ENDPOINT is \"a host\": not well formed"},
	{local + "/v1/repos/R", Defaults{"", local}, "region comes from AWS_REGION"},
}

func TestParseMistakes(t *testing.T) {
	for _, c := range mistakes {
		repo, _, err := Parse(c.raw, c.env)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Parse(%q, %+v) = %+v, %v, want an error with %q", c.raw, c.env, repo, err, c.want)
		}
		if repo != (Repository{}) {
			t.Errorf("Parse(%q) = %+v beside its error", c.raw, repo)
		}
		// If Is took it for something else, it would be cloned without a signature and without this message.
		if !Is(c.raw, c.env) {
			t.Errorf("Is(%q, %+v) = false, want true so that the message is seen", c.raw, c.env)
		}
	}
	if _, _, err := Parse("", ireland); err == nil || !strings.Contains(err.Error(), "it is empty") {
		t.Errorf("Parse of nothing = %v", err)
	}
}

// What a message proposes is worth nothing if it is refused in its turn.
func TestProposalsCanBeRead(t *testing.T) {
	proposed := regexp.MustCompile(`(?:codecommit:|https://)[^ ,;]*(?:NAME|://\w+)`)
	seen := 0
	for _, c := range mistakes {
		_, _, err := Parse(c.raw, c.env)
		if err == nil {
			continue // TestParseMistakes says so
		}
		_, advice, _ := strings.Cut(err.Error(), "write ")
		for _, url := range proposed.FindAllString(advice, -1) {
			seen++
			if _, _, err := Parse(url, ireland); err != nil {
				t.Errorf("for %q the message proposes %q: %v", c.raw, url, err)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d proposals were found in the messages", seen)
	}
}

func TestIsNot(t *testing.T) {
	for _, raw := range []string{
		"", "https://github.com/org/repo", "https://example.com/v1/repos/R", "https://codecommit.example.com/R", "git@github.com:org/codecommit.git",
		"/srv/git/settings", "../git-codecommit", "./codecommit", "git-codecommit.old/settings", "C:/x", "file:///git-codecommit.x/y", local + "/v1/repos/R",
	} {
		if Is(raw, ireland) {
			t.Errorf("Is(%q) = true", raw)
		}
	}
	if Is(local+"/git/R", Defaults{"eu-west-1", local}) {
		t.Error("Is takes another path on the endpoint's server for CodeCommit")
	}
	if Is("http://127.0.0.1:12345/v1/repos/R", Defaults{"eu-west-1", local}) {
		t.Error("Is takes another port for the endpoint")
	}
}

// Nothing that may be a password comes out again, however badly it was written.
func TestParseNeverShowsUserInfo(t *testing.T) {
	const password = "sesame"
	for _, raw := range []string{
		"https://bob:sesame@" + regional + "/v1/repos/R", // accepted, with a warning
		"https://bob:sesame@" + regional + "/v1/repos/R.git",
		"https://sesame@" + regional + "/v1/repos/R/x",
		"https://bob:a/sesame@" + regional + "/v1/repos/R",
		"https://sesame/x@" + regional + "/v1/repos/R",
		"https://bob:123/sesame@" + regional + "/v1/repos/R",
		"https://bob:a?sesame@" + regional + "/v1/repos/R",
		"https://bob:a#sesame@" + regional + "/v1/repos/R",
		"https://bob:se%zzsame:sesame@" + regional + "/v1/repos/R",
		"https://bob:ses ame@" + regional + "/v1/repos/R",
		"http://bob:sesame@" + regional + "/v1/repos/R",
		"ssh://bob:sesame@" + regional + "/v1/repos/R",
		"bob:sesame@" + regional + "/v1/repos/R",
		"bob:sesame//x@" + regional + "/v1/repos/R",
		"codecommit::https://bob:sesame@" + regional + "/v1/repos/R",
		"codecommit::eu-west-1://bob:sesame@" + regional + "/v1/repos/R",
		"codecommit::bob:sesame@eu-west-1://R",
		"codecommit::bob:sesame://x@R",
		"codecommit://bob:sesame@R",
		"codecommit://bob:sesame@R.git",
		"codecommit:bob:sesame@R",
		"https://" + regional + "/v1/repos/R?password=sesame",
		"https://evil.example/v1/repos/R?X-Amz-Security-Token=sesame",
	} {
		for _, env := range []Defaults{ireland, {"eu-west-1", local}} {
			repo, warnings, err := Parse(raw, env)
			said := strings.Join(append(warnings, repo.URL, repo.Host, repo.Name, repo.Region), "\n")
			if err != nil {
				said += err.Error()
			}
			if strings.Contains(said, password) || strings.Contains(said, "ses ame") {
				t.Errorf("Parse(%q) says %q", raw, said)
			}
		}
	}
	for _, endpoint := range []string{"https://bob:sesame@git.example", "bob:sesame@git.example", "https://bob:a/sesame@git.example", "https://git.example?sesame"} {
		_, _, err := Parse("codecommit://R", Defaults{"eu-west-1", endpoint})
		if err == nil || strings.Contains(err.Error(), password) {
			t.Errorf("with endpoint %q Parse says %v, want an error without the password", endpoint, err)
		}
	}
}

func TestParseErrorIsShort(t *testing.T) {
	_, _, err := Parse("codecommit://"+strings.Repeat("x", 100_000), ireland)
	if err == nil || len(err.Error()) > 1000 {
		t.Errorf("the error for 100 kB has %d bytes, want at most 1000", len(err.Error()))
	}
}

func FuzzParse(f *testing.F) {
	endpoints := []string{"", regional, vpce, local, "git.internal.example:8443"}
	for _, c := range mistakes {
		f.Add(c.raw, c.env.Region, c.env.Endpoint)
	}
	for _, e := range endpoints {
		f.Add("codecommit::us-east-1://prof@R/", "", e)
		f.Add("codecommit://R", "us-east-1", e)
		f.Add("https://u:p@"+vpce+":443/v1/repos/a.b-c_d", "eu-west-1", e)
	}
	f.Fuzz(func(t *testing.T, raw, region, endpoint string) {
		env := Defaults{Region: region, Endpoint: endpoint}
		repo, _, err := Parse(raw, env)
		if err != nil {
			if repo != (Repository{}) {
				t.Errorf("Parse(%q, %+v) = %+v beside error %v", raw, env, repo, err)
			}
			return
		}
		if !Is(raw, env) {
			t.Errorf("Parse reads %q with %+v and Is does not take it", raw, env)
		}
		again, warnings, err := Parse(repo.URL, Defaults{Region: repo.Region, Endpoint: endpoint})
		if err != nil || again != repo || len(warnings) > 0 {
			t.Errorf("%q became %+v, whose URL becomes %+v, %q, %v", raw, repo, again, warnings, err)
		}
		if endpoint == "" {
			short, warnings, err := Parse("codecommit::"+repo.Region+"://"+repo.Name, Defaults{})
			same := err == nil && len(warnings) == 0 && short.Region == repo.Region && short.Name == repo.Name
			standard := !slices.ContainsFunc([]string{"vpce-", "git-codecommit-fips."}, func(s string) bool { return strings.HasPrefix(repo.Host, s) })
			if !same || standard && short != repo {
				t.Errorf("%q is %+v, and by region and name %+v, %v", raw, repo, short, err)
			}
		}
	})
}
